"""Cells and results as the page reads them: columns of numbers, each text stored once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from calipertf.formats.ansi import strip_controls
from calipertf.formats.records import Cell, Record, Run
from calipertf.formats.requirements import Installed, compare_requirements
from calipertf.parse.analysis import Analysis
from calipertf.parse.requirements import name_companions
from calipertf.parse.results import Result
from calipertf.reasons.last_words import Failure
from calipertf.redact import redact
from calipertf.versions import python_version

#: The most that the page shows of what a run printed: lines, and characters of all of them.
_LINES = 40
_CHARACTERS = 4000
#: The most lines that it shows of a difference, and lines that are alike around one that is not.
_DIFFERENCE = 60
_AROUND = 2
#: The most characters that it shows of a line.
_WIDTH = 500


class Strings:
    """Texts by number, each stored once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def add(self, text: str | None) -> int:
        """Return the text's number; -1 for no text."""
        return self._numbers.setdefault(text, len(self._numbers)) if text else -1

    def list_all(self) -> list[str]:
        """Return all texts, by their numbers."""
        return list(self._numbers)


def shorten_output(lines: Sequence[str]) -> str:
    """Return the last lines of what was printed, saying how much was left out."""
    kept = [_shorten_line(line.rstrip("\n")) for line in lines[-_LINES:]]
    while len(kept) > 1 and sum(len(line) + 1 for line in kept) > _CHARACTERS:
        kept.pop(0)
    left_out = len(lines) - len(kept)
    cut = f"[{left_out:,} earlier {'line' if left_out == 1 else 'lines'} left out]\n"
    text = "\n".join(kept)
    return cut + text if left_out else text


def _shorten_line(line: str) -> str:
    """Return a line without end must neither be worked on nor shown whole."""
    left_out = len(line) - _CHARACTERS
    shown = strip_controls(line[-_CHARACTERS:])
    return f"[{left_out:,} characters left out] {shown}" if left_out > 0 else shown


def diff_outputs(here: Sequence[str], baseline: Sequence[str]) -> str:
    """Return what differs from the baseline's output.

    Lines that begin with -, + or, where alike, a space.

    Outputs of one length are compared line by line, as the verdict does, and others as `diff -u`
    does, up to their first 2,000 lines.
    """
    paired = len(here) == len(baseline)
    left, right = ([line.rstrip("\n") for line in lines] for lines in (baseline, here))
    if paired:
        found = list(_pair_lines(left, right))
    else:
        left, right = ([line[:_WIDTH] for line in lines[:2000]] for lines in (left, right))
        found = list(difflib.unified_diff(left, right, lineterm="", n=_AROUND))[2:]
    found = [strip_controls(line) for line in found]
    more = len(found) - _DIFFERENCE
    return "\n".join(found[:_DIFFERENCE]) + (f"\n[{more:,} more lines]" if more > 0 else "")


def _pair_lines(left: Sequence[str], right: Sequence[str]) -> Iterable[str]:
    """Yield the lines that differ, and those around them that do not."""
    differing = [number for number, (a, b) in enumerate(zip(left, right, strict=True)) if a != b]
    last = -1
    for first in differing:
        start = max(first - _AROUND, last + 1)
        if start > last + 1:
            yield f"@@ line {start + 1} @@"
        for number in range(start, min(first + _AROUND + 1, len(left))):
            if left[number] == right[number]:
                yield f" {left[number][:_WIDTH]}"
            else:
                expected, here = _show_difference(left[number], right[number])
                yield f"-{expected}"
                yield f"+{here}"
            last = number


def _show_difference(left: str, right: str) -> tuple[str, str]:
    """Return two lines, or of long ones the part where they begin to differ."""
    if max(len(left), len(right)) <= _WIDTH:
        return left, right
    pairs = enumerate(zip(left, right, strict=False))
    alike = next((number for number, (a, b) in pairs if a != b), min(len(left), len(right)))
    start = max(0, alike - _WIDTH // 4)
    cut = "…" if start else ""
    parts = [
        cut + line[start : start + _WIDTH] + ("…" if len(line) > start + _WIDTH else "")
        for line in (left, right)
    ]
    return parts[0], parts[1]


def pack_cells(analysis: Analysis, strings: Strings) -> list[dict[str, Any]]:
    """Return every cell: where it is, what was installed and how it was run."""
    return [
        _pack_cell(record, analysis.requirements.get(record.cell, ()), strings)
        for record in analysis.inputs.records
    ]


def _pack_cell(
    record: Record, requirements: Sequence[Installed], strings: Strings
) -> dict[str, Any]:
    cell, environment = record.cell, record.environment
    isolation = environment.get("isolation")
    missing = environment.get("isolation_missing")
    build = record.build
    companions = name_companions(cell.package, requirements)
    facts = {
        "Python": environment.get("interpreter") or environment.get("python"),
        "wheel": environment.get("wheel"),
        "lock": record.lock.get("file"),
        "dependencies as of": record.resolve_date,
        "with": companions,
        "environment": environment.get("kind"),
        "isolation": ", ".join(isolation) if isinstance(isolation, list) else isolation,
        "isolation that could not be had": ", ".join(map(str, missing or ())) or None,
        "image": environment.get("image"),
        "base image": environment.get("base_image"),
        "started": record.timings.get("started"),
        "seconds to build": record.timings.get("build"),
        "seconds of its scripts": record.timings.get("scripts"),
    }
    dockerfile = record.inputs.get("dockerfile")
    return {
        "package": cell.package,
        "version": cell.version,
        "python": cell.python,
        "number": python_version(cell.python),
        "resolve": cell.resolve,
        "companions": companions,
        "outcome": record.outcome,
        "message": record.message,
        "facts": [[name, str(value)] for name, value in facts.items() if value not in (None, "")],
        "requirements": strings.add("".join(record.requirements).rstrip("\n")),
        # An earlier version may have recorded credentials, and the page is sent to others.
        "dockerfile": strings.add(redact(dockerfile) if isinstance(dockerfile, str) else None),
        # Whether the Dockerfile names everything that was installed.
        "locked": bool(record.lock) and not record.lock.get("left_out"),
        "build": strings.add(_shorten_build(build)),
    }


def _shorten_build(build: Run | None) -> str | None:
    """Return the last words of a build that failed."""
    if build is None or not build.retval:
        return None
    return shorten_output([*build.output, *build.error])


def pack_results(
    analysis: Analysis, scripts: Mapping[str, int], strings: Strings
) -> dict[str, list[Any]]:
    """Return every result as columns; a cell or text that there is none of is -1."""
    records = {record.cell: record for record in analysis.inputs.records}
    numbers = {record.cell: n for n, record in enumerate(analysis.inputs.records)}
    differences = _Differences(analysis.requirements)
    rows = []
    for result, (nearest, cause) in zip(analysis.results, analysis.explained, strict=True):
        verdict, run = result.verdict, result.run
        where = result.baseline_cell
        baseline = records.get(where) if where else None
        rows.append(
            {
                "cell": numbers[result.cell],
                "script": scripts[result.script],
                "outcome": verdict.outcome,
                "reason": verdict.reason,
                "detail": verdict.detail,
                "exception": strings.add(_write_exception(verdict.exception)),
                "signature": strings.add(result.signature),
                "cause": strings.add(cause.text if cause else None),
                "nearest": numbers.get(nearest, -1) if nearest else -1,
                "unlike": strings.add(differences.describe(result.cell, nearest)),
                "baseline": numbers[baseline.cell] if baseline else -1,
                "differences": strings.add("\n".join(verdict.differences)),
                "diff": strings.add(_diff(result, baseline)),
                "output": strings.add(shorten_output(run.output) if run else None),
                "error": strings.add(shorten_output(run.error) if run else None),
                "start": run.start if run else None,
                "retval": run.retval if run else None,
                "seconds": round(run.seconds, 2) if run and run.seconds is not None else None,
            }
        )
    return _turn(rows)


def _write_exception(failure: Failure | None) -> str | None:
    if failure is None:
        return None
    message = strip_controls(failure.message[:_CHARACTERS])
    return f"{failure.type}: {message}" if message else failure.type


def _turn(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the columns of rows."""
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def _diff(result: Result, baseline: Record | None) -> str | None:
    """Return what a result differs from.

    Its baseline's, or where it is unstable its second run here.
    """
    run = result.run
    if result.outcome == "unstable_result" and run and run.repeat:
        return diff_outputs(run.repeat.output, run.output)
    if result.outcome != "different_result" or baseline is None or result.run is None:
        return None
    expected = baseline.runs.get(result.script)
    return diff_outputs(result.run.output, expected.output) if expected else None


class _Differences:
    """How the requirements of two cells differ, each pair described once."""

    def __init__(self, requirements: Mapping[Cell, Sequence[Installed]]) -> None:
        self._requirements = requirements
        self._known: dict[tuple[Cell, Cell], str] = {}

    def describe(self, cell: Cell, nearest: Cell | None) -> str | None:
        """Return the lines of `name here there`, tabs between.

        None without a working cell to compare with.
        """
        if nearest is None or not {cell, nearest} <= self._requirements.keys():
            return None
        if (cell, nearest) not in self._known:
            lines = _list_differences(self._requirements[cell], self._requirements[nearest])
            self._known[cell, nearest] = "\n".join(lines)
        return self._known[cell, nearest]


def _list_differences(here: Sequence[Installed], there: Sequence[Installed]) -> Iterable[str]:
    for item in compare_requirements(here, there):
        yield f"{item.name}\t{item.here or '–'}\t{item.there or '–'}"
