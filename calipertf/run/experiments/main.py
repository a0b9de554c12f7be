"""`--find-causes`: which cells are searched, the files of what was found, and its closing lines."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from calipertf import __version__
from calipertf.errors import CaliperError
from calipertf.files.atomic import make_folder, write_json
from calipertf.files.inputs import load_json, read_file
from calipertf.formats.causes import hash_lines
from calipertf.formats.records import Cell, Record
from calipertf.index.client import Index
from calipertf.index.tags import choose_file
from calipertf.outcomes import OUTCOMES
from calipertf.run.experiments.cells import to_json
from calipertf.run.experiments.drive import CellSearch

log = logging.getLogger("calipertf")


def find_pairs(records: Mapping[Cell, Record]) -> list[tuple[Record, Record]]:
    """Return each cell that fails with the one of another date where more of its scripts work.

    Both are of one version and Python, so that nothing but packages differs; `release` comes first.
    """
    pairs = []
    for record in records.values():
        others = [
            other
            for cell, other in records.items()
            if (cell.version, cell.python) == (record.cell.version, record.cell.python)
            and cell != record.cell
            and _count_better(other, record)
        ]
        if others and _is_built(record):
            pairs.append((record, max(others, key=lambda other: _rate(other, record))))
    return pairs


def _rate(other: Record, record: Record) -> tuple[int, bool]:
    return _count_better(other, record), other.cell.resolve == "release"


def _is_built(record: Record) -> bool:
    return record.is_built and bool(record.requirements)


def _count_better(other: Record, record: Record) -> int:
    """Return how many scripts work in one cell and not in the other."""
    if not _is_built(other):
        return 0
    return sum(
        OUTCOMES[verdict.outcome].clean
        and script in record.outcomes
        and not OUTCOMES[record.outcomes[script].outcome].clean
        and record.outcomes[script].outcome != "unstable_result"
        for script, verdict in other.outcomes.items()
    )


def list_releases(
    index: Index, platforms: Sequence[str], python: str
) -> Callable[[str, str, str], Mapping[str, str | None]]:
    """Return a function that lists the releases of a package from one version to another.

    Pre-releases and yanked ones are left out, and what has no file for this Python.
    """

    def list_between(name: str, good: str, bad: str) -> dict[str, str | None]:
        try:
            low, high = sorted((Version(good), Version(bad)))
            project = index.fetch_project(name)
        except (InvalidVersion, CaliperError):
            return {good: None, bad: None}
        found = [
            version
            for version in project.versions()
            if low < version < high
            and not version.is_prerelease
            and not all(file.yanked for file in project.release_files(version))
            and choose_file(project, version, python, platforms)
        ]
        ordered = sorted({low, high, *found}, reverse=Version(good) > Version(bad))
        days: dict[str, str | None] = {}
        for version in ordered:
            dates = [file.uploaded for file in project.release_files(version) if file.uploaded]
            days[str(version)] = f"{min(dates):%Y-%m-%d}" if dates else None
        return days

    return list_between


def name_file(folder: Path, cell: Cell) -> Path:
    """Return where what was found of a cell is written."""
    return folder / f"{cell.name}-{cell.resolve.replace(':', '')}.json"


def sign_pair(failing: Record, reference: Record, conditions: Mapping[str, Any]) -> str:
    """Return SHA-256 of all that an explanation rests on, hexadecimal."""
    about = [
        [
            list(record.requirements),
            {name: verdict.outcome for name, verdict in record.outcomes.items()},
        ]
        for record in (failing, reference)
    ]
    text = json.dumps([about, conditions], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def read_known(path: Path, signature: str) -> dict[str, Any] | None:
    """Return what an earlier run found out to its end of the same cells; None where it did not."""
    try:
        data: dict[str, Any] = load_json(read_file(path))
        same = data["of"] == signature and data["unfinished"] is None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return data if same else None


def write_explanation(path: Path, search: CellSearch, signature: str) -> dict[str, Any]:
    """Write what a search found, every trial included; return it."""
    cell, other = search.failing.cell, search.reference.cell
    data: dict[str, Any] = {
        "schema": 1,
        "caliper": {"version": __version__},
        "of": signature,
        "cell": asdict(cell),
        "reference": asdict(other),
        "requirements_sha256": hash_lines(search.failing.requirements),
        "unfinished": search.unfinished,
        **to_json(search.explanation),
        "trials": [
            {
                "scripts": list(request.scripts),
                "requirements": list(request.requirements),
                "pins": list(request.pins),
                "repeat": request.repeat,
                "built": trial.built,
                "message": trial.message,
                "outcomes": dict(trial.outcomes),
                "seconds": trial.seconds,
            }
            for request, trial in search.trials
        ],
        "run": {"trials": search.run, "seconds": round(search.seconds, 1)},
    }
    make_folder(path.parent)
    write_json(path, data)
    return data
