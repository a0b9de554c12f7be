"""Everything that stage 3 reads, and a sentence for everything that is not there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from calipertf.errors import RecordError
from calipertf.files.inputs import is_folder, load_json, read_file
from calipertf.formats.causes import ProvedCauses, hash_lines, read_causes
from calipertf.formats.changes import ApiChange, read_changes
from calipertf.formats.records import RECORD_NAME, Record
from calipertf.formats.similarities import SIMS_COLUMNS, is_version, read_sims
from calipertf.parse.causes.declared import Declared, read_declared
from calipertf.paths import Layout, read_records
from calipertf.reasons.counterparts import settle_reasons
from calipertf.versions import version_key

#: What is known under this module's name as well: it hands out whatever stage 3 reads.
__all__ = ["SIMS_COLUMNS", "STAGE_1", "STAGE_2", "ApiChange", "Inputs", "Note", "read_inputs"]

STAGE_1 = "python 1.run_analysis.py --config caliper.yaml"
STAGE_2 = "python 2.assess_change.py"

#: What a table of stage 2 is good for, told where it is missing.
_MEANING = {
    "versions": "similarity matrices, no predictions from the API",
    "cells": "predictions from installed requirements",
    "usage": "predictions from what each script uses",
    "api": "figure of the API's size",
}
#: What a table of stage 2 needs: why it is empty although stage 2 has run.
_NEEDS = {
    "versions": "two versions that could be read",
    "cells": "two cells that were built",
    "usage": "scripts with a baseline version, under baselines in caliper.yaml, that could be read",
    "api": "a version whose wheel or source archive could be read",
}


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something that is missing or could not be read."""

    #: A sentence for a person.
    text: str
    #: The command that makes it; None where there is none.
    command: str | None = None
    #: Whether something in the folder is left out.
    left_out: bool = False

    def __str__(self) -> str:
        return f"{self.text}; made by: {self.command}" if self.command else self.text


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Everything under .caliper/ that stage 3 reads."""

    records: Sequence[Record]
    #: Stage 2's tables by name; empty ones where there are none.
    sims: Mapping[str, pd.DataFrame]
    changes: Sequence[ApiChange]
    notes: Sequence[Note]
    #: What packages require and scripts import.
    declared: Declared = field(default_factory=Declared)
    #: What experiments of stage 1 showed, of cells whose records are those that were searched.
    proved: Sequence[ProvedCauses] = ()


def read_inputs(layout: Layout) -> Inputs:
    """Return records, similarities and changes.

    Raises RecordError where there is nothing at all.
    """
    records, errors = read_records(layout)
    notes = [_leave_out(str(error)) for error in errors]
    notes += _find_foreign(layout)
    # Reasons follow from all records together, those of other runs included.
    records = list(settle_reasons(records).values())
    if not records:
        notes.append(Note(text=f"there are no records under {layout.data}", command=STAGE_1))
    sims = {name: _read_sims(layout, name, notes) for name in SIMS_COLUMNS}
    if sims["versions"].empty:
        sims["versions"] = _read_original_sims(layout, notes)
    changes = _read_changes(layout, notes)
    if not records and not changes and all(table.empty for table in sims.values()):
        raise RecordError(
            f"there is nothing to show under {layout.root}: "
            f"run `{STAGE_1}` first, or name another folder with --dir",
            path=layout.root,
        )
    notes += _list_empty(layout, sims, changes)
    declared = _read_declared(layout, notes)
    proved = _read_proved(layout, records, notes)
    return Inputs(
        records=records,
        sims=sims,
        changes=changes,
        notes=notes,
        declared=declared,
        proved=proved,
    )


def _read_proved(
    layout: Layout, records: Sequence[Record], notes: list[Note]
) -> list[ProvedCauses]:
    """Return the proved causes of cells that still hold the packages that were searched."""
    found, problems = read_causes(layout.causes)
    command = f"{STAGE_1} --find-causes"
    notes += [_leave_out(problem, command) for problem in problems]
    known = {record.cell: hash_lines(record.requirements) for record in records}
    sound = [item for item in found if known.get(item.cell) == item.requirements_sha256]
    if old := len(found) - len(sound):
        files = "1 file of causes is" if old == 1 else f"{old} files of causes are"
        notes.append(Note(text=f"{files} of cells that were run again since", command=command))
    return sound


def _list_empty(
    layout: Layout, sims: Mapping[str, pd.DataFrame], changes: Sequence[ApiChange]
) -> Iterator[Note]:
    """Yield a note on each part of stage 2's results that is empty.

    What it needs, or who makes it.
    """
    has_run = any(layout.sims.glob("pypi-*-sources.json"))
    for name, table in sims.items():
        if not table.empty:
            continue
        if has_run:
            text = f"stage 2 has no table of {name}, so no {_MEANING[name]}: it needs"
            yield Note(text=f"{text} {_NEEDS[name]}")
        else:
            text = f"there is no table of {name} under {layout.sims}, so no {_MEANING[name]}"
            yield Note(text=text, command=STAGE_2)
    folder = layout.sims / "changes"
    if os.path.lexists(folder) and not is_folder(folder):
        yield _leave_out(f"{folder} is in the way of a folder: remove it", STAGE_2)
        return
    if changes:
        return
    if has_run:
        text = "stage 2 saw no change of the API, for there is one version, or all are the same"
        yield Note(text=f"{text}: no failure has such a change as its cause")
    else:
        text = f"there are no changes under {folder}, so failures have no cause"
        yield Note(text=f"{text} in the API", command=STAGE_2)


def _read_declared(layout: Layout, notes: list[Note]) -> Declared:
    """Return what packages require; nothing where the file is missing or damaged."""
    path = layout.sims / "requires.json"
    try:
        return read_declared(path)
    except (OSError, ValueError, RecursionError) as error:
        words = (error.strerror if isinstance(error, OSError) else None) or error
        notes.append(_leave_out(f"{path} cannot be read ({words})", STAGE_2))
        return Declared()


def _find_foreign(layout: Layout) -> list[Note]:
    """Return a note on each file among the records that is none, and on cells without a verdict."""
    notes = []
    for path in (*sorted(layout.data.glob("*.json")), *sorted(layout.data.glob("*/*.json"))):
        if path.name.endswith(".failed.json"):
            text = f"{path.name.removesuffix('.failed.json')} has no verdict yet: infrastructure"
            notes.append(Note(text=f"{text} failed", command=STAGE_1))
        elif not RECORD_NAME.fullmatch(path.stem):
            notes.append(_leave_out(f"{path} is not named like a record"))
    return notes


def _leave_out(text: str, command: str | None = None) -> Note:
    return Note(text=f"left out: {text}", command=command, left_out=True)


def _read_sims(layout: Layout, name: str, notes: list[Note]) -> pd.DataFrame:
    """Return the sound rows of one of stage 2's tables; none where it is missing or damaged."""
    table = read_sims(layout.sims / name)
    notes += [_leave_out(problem, STAGE_2) for problem in table.problems]
    if table.rows is None:
        return pd.DataFrame(columns=list(SIMS_COLUMNS[name]))
    return table.rows


def _read_original_sims(layout: Layout, notes: list[Note]) -> pd.DataFrame:
    """The pairs of the original tool's similarity files, where stage 2's table is not there."""
    rows: list[tuple[str, str, str, str, float]] = []
    for path in sorted(layout.sims.glob("pypi-*-sims.json")):
        package = path.name.removeprefix("pypi-").removesuffix("-sims.json")
        if package.endswith("-requirements"):
            continue
        try:
            pairs = load_json(read_file(path))
            found = [row for pair, scores in pairs.items() for row in _list_pair(pair, scores)]
        except OSError as error:
            notes.append(_leave_out(f"{path} cannot be read ({error.strerror})", STAGE_2))
        except (ValueError, AttributeError, TypeError) as error:
            notes.append(_leave_out(f"{path} cannot be read ({error})", STAGE_2))
        else:
            rows += [(package, *row) for row in found]
    return pd.DataFrame(rows, columns=list(SIMS_COLUMNS["versions"]))


def _list_pair(pair: str, scores: Mapping[str, Any]) -> Iterator[tuple[str, str, str, float]]:
    """Yield the rows of one pair without their package.

    Raises ValueError where one cannot be meant.
    """
    a, _, b = pair.partition("..")
    if not is_version(a) or not is_version(b):
        raise ValueError(f"{pair[:80]!r} names no two versions")
    for score, value in scores.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ValueError(f"{score[:80]} of {pair[:80]} is {repr(value)[:80]}")
        yield a, b, score, float(value)


def _read_changes(layout: Layout, notes: list[Note]) -> list[ApiChange]:
    """Return all changes between neighbouring versions, in the order of versions."""
    files: list[list[ApiChange]] = []
    for path in sorted((layout.sims / "changes").glob("*.json")):
        try:
            files.append(sorted(read_changes(path).changes, key=lambda change: change.path))
        except RecordError as error:
            notes.append(_leave_out(str(error), STAGE_2))
    # Versions are compared once a file: a full grid has hundreds of thousands of changes.
    kept = [changes for changes in files if changes]
    kept.sort(key=lambda changes: (changes[0].package, version_key(changes[0].a)))
    return [change for changes in kept for change in changes]
