"""The files of causes that were proved: what broke a cell, since when, and what to install."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calipertf.files.inputs import load_json, read_file
from calipertf.formats.records import Cell
from calipertf.versions import python_version

SCHEMA = 1


def hash_lines(lines: Iterable[str]) -> str:
    """Return SHA-256 over lines of pip freeze, by which a file of causes knows its cell."""
    return hashlib.sha256("\n".join(line.strip() for line in lines).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ProvedCauses:
    """What experiments showed of one failing cell."""

    cell: Cell
    #: The cell of another date that it was compared with.
    reference: Cell
    #: hash_lines of the failing cell's requirements.
    requirements_sha256: str
    #: The whole file, see docs/formats.md.
    data: Mapping[str, Any]

    def list_findings(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield each script with the finding on it."""
        for finding in self.data["findings"]:
            for script in finding["scripts"]:
                yield script, finding

    @property
    def command(self) -> str | None:
        """Return the command that installs the way out; None where none was verified."""
        out = self.data["way_out"]
        if not out or not out["verified"]:
            return None
        return make_command(self.data["cell"], out["requirements"])


def read_causes(folder: Path) -> tuple[list[ProvedCauses], list[str]]:
    """Return the files of causes in a folder, and a sentence on each that cannot be read."""
    found, problems = [], []
    for path in sorted(folder.glob("pypi-*.json")):
        try:
            data = load_json(read_file(path))
            causes = ProvedCauses(
                cell=Cell(**data["cell"]),
                reference=Cell(**data["reference"]),
                requirements_sha256=data["requirements_sha256"],
                data=data,
            )
            # What is read later is read once here, so that a damaged file is found out now.
            list(describe_explanation(data))
            _ = causes.command, list(causes.list_findings())
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            problems.append(f"{path} holds no causes ({error})")
        else:
            if data["schema"] == SCHEMA:
                found.append(causes)
            else:
                problems.append(f"{path} has the schema {data['schema']!r}, not {SCHEMA}")
    return found, problems


def describe_explanation(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the closing lines on one cell: what broke it, since when, and what to install."""
    cell = data["cell"]
    where = f"{cell['package']} {cell['version']} on Python {python_version(cell['python'])}"
    where += f" ({cell['resolve']})"
    if data["unfinished"]:
        yield f"{where}: the search goes on with the next run: {data['unfinished']}"
    for finding in data["findings"]:
        yield f"{where}: {describe_finding(finding)}"
    out = data["way_out"]
    if out is None:
        return
    command = make_command(cell, out["requirements"])
    if out["verified"]:
        count = len(out["works"])
        scripts = "1 script" if count == 1 else f"{count} scripts"
        yield f"  {command}   # works, tried with {scripts}"
    else:
        yield f"  {command}   # does not do: {out['problem']}"


def make_command(cell: Mapping[str, str], requirements: Sequence[str]) -> str:
    """Return the pip command that installs a way out."""
    wanted = [f"{cell['package']}=={cell['version']}", *requirements]
    return f"pip install {' '.join(shlex.quote(text) for text in wanted)}"


def describe_finding(finding: Mapping[str, Any]) -> str:
    """Return what an experiment showed, in one sentence."""
    count = len(finding["scripts"])
    scripts = finding["scripts"][0] if count == 1 else f"{count} scripts"
    if finding["kind"] == "not_packages":
        return f"{scripts}: not the packages: with those of the working cell it fails as well"
    if finding["kind"] == "not_repeatable":
        return f"{scripts}: it fails now and then, so no package can be named"
    return f"{describe_culprits(finding)} broke {scripts}"


def describe_culprits(finding: Mapping[str, Any]) -> str:
    """Return the packages that a finding names, each with the release that broke something."""
    return " and ".join(describe_culprit(culprit) for culprit in finding["culprits"])


def describe_culprit(culprit: Mapping[str, Any]) -> str:
    """Return a package and its first bad release: protobuf 4.21.1 of 2022-05-27 (3.20.3 works)."""
    name = culprit["name"]
    if culprit["good"] is None:
        return f"{name} {culprit['bad']}, which was not installed before,"
    if culprit["bad"] is None:
        return f"the lack of {name} ({culprit['good']} works)"
    day = f" of {culprit['date']}" if culprit["date"] else ""
    return f"{name} {culprit['first_bad']}{day} ({culprit['last_good']} works)"
