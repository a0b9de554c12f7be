"""What the packages of failing cells require, and what scripts import: sims/requires.json.

Stage 3 works offline. Where two cells differ in their requirements alone, it ranks them by what
the package whose code failed declares, and by what the script itself imports.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from calipertf.assess.requirements import parse_freeze
from calipertf.errors import CaliperError, InfrastructureError
from calipertf.files.atomic import set_aside, write_json
from calipertf.files.inputs import load_json, read_file
from calipertf.formats.records import Record
from calipertf.index.client import Index
from calipertf.index.metadata import fetch_metadata, list_required
from calipertf.outcomes import OUTCOMES
from calipertf.reasons.distributions import find_distribution, list_installed_modules
from calipertf.versions import parse_version

log = logging.getLogger("calipertf")

SCHEMA = 1
FILE_NAME = "requires.json"

#: The most packages that the index is asked about in one run.
_MOST = 100


def list_wanted(records: Sequence[Record]) -> list[tuple[str, str]]:
    """Name and version of each package whose code appears in a failure that drift may explain.

    That is a failure in a cell whose version was tried on the same Python with another resolve
    date. The judged package itself comes first.
    """
    dates: dict[tuple[str, str, str], set[str]] = {}
    for record in records:
        cell = record.cell
        dates.setdefault((cell.package, cell.version, cell.python), set()).add(cell.resolve)
    found: dict[tuple[str, str], None] = {}
    for record in records:
        cell = record.cell
        if len(dates[cell.package, cell.version, cell.python]) < 2:
            continue
        pins = parse_freeze(record.requirements, cell.package).pins
        for script, verdict in record.outcomes.items():
            outcome = OUTCOMES[verdict.outcome]
            if outcome.works or outcome.silent:
                continue
            found.setdefault((canonicalize_name(cell.package), cell.version))
            run = record.runs.get(script)
            for name in _list_owners([*run.output, *run.error] if run else (), pins):
                found.setdefault((name, pins[name]))
    return list(found)


def _list_owners(lines: Iterable[str], pins: Mapping[str, str]) -> Iterator[str]:
    """Yield the installed packages whose code a traceback goes through."""
    for module in list_installed_modules(lines):
        name = find_distribution(module, pins)
        if name is not None:
            yield name


def update_requires(
    folder: Path,
    wanted: Sequence[tuple[str, str]],
    scripts: Mapping[str, Sequence[str]],
    *,
    index_url: str,
    cache: Path,
    offline: bool,
) -> list[str]:
    """Add to the file what it lacks; a version's requirements never change.

    Returns what could not be had, a sentence each: it makes candidates less well ranked, no more.
    """
    path = folder / FILE_NAME
    data = _read(path)
    packages: dict[str, dict[str, list[str]]] = data["packages"]
    missing = [(name, version) for name, version in wanted if version not in packages.get(name, {})]
    notes: list[str] = []
    if missing and not offline:
        notes += _fetch_all(missing[:_MOST], packages, index_url, cache)
    data["scripts"].update(scripts)
    if wanted or scripts:
        write_json(path, data)
    return notes


def clear_requires(folder: Path) -> None:
    """Quarantine an unreadable file and warn: otherwise stage 3 would never have its contents."""
    path = folder / FILE_NAME
    if os.path.lexists(path) and _load(path) is None:
        log.warning("%s cannot be read; it is set aside as %s", path, set_aside(path).name)


def _read(path: Path) -> dict[str, Any]:
    """Return the file's contents; an empty one where it is missing or damaged: it is made anew."""
    return _load(path) or {"schema": SCHEMA, "packages": {}, "scripts": {}}


def _load(path: Path) -> dict[str, Any] | None:
    """Return the file's contents; None where it is missing or damaged."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        data = load_json(read_file(path))
        if isinstance(data, dict) and data.get("schema") == SCHEMA:
            packages, scripts = data.get("packages"), data.get("scripts")
            if isinstance(packages, dict) and isinstance(scripts, dict):
                kept = {name: item for name, item in packages.items() if isinstance(item, dict)}
                return {"schema": SCHEMA, "packages": kept, "scripts": scripts}
    return None


def _fetch_all(
    wanted: Iterable[tuple[str, str]],
    packages: dict[str, dict[str, list[str]]],
    index_url: str,
    cache: Path,
) -> Iterator[str]:
    with Index(index_url, cache) as index:
        for name, version in wanted:
            try:
                lines = _fetch(index, name, version)
            except CaliperError as error:
                yield f"what {name} {version} requires is not known: {error}"
                if isinstance(error, InfrastructureError):
                    return  # the others would fail as well
            else:
                packages.setdefault(name, {})[version] = lines


def _fetch(index: Index, name: str, version: str) -> list[str]:
    """Return what a version's wheel requires; nothing where the index does not say it."""
    project = index.fetch_project(name)
    wheels = [file for file in project.release_files(parse_version(version)) if file.is_wheel]
    content = fetch_metadata(index.files, wheels[0]) if wheels else None
    return list_required(content) if content else []
