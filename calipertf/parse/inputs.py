"""Everything that stage 3 reads, and a sentence for everything that is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from calipertf.counterparts import settle_reasons
from calipertf.errors import RecordError
from calipertf.layout import Layout, read_records
from calipertf.parse.declared import Declared, read_declared
from calipertf.records import RECORD_NAME, Cell, Record, load_json
from calipertf.versions import version_key

STAGE_1 = "python 1.run_analysis.py --config caliper.yaml"
STAGE_2 = "python 2.assess_change.py"

#: Columns of the tables that stage 2 writes, by file name without its ending.
SIMS_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "versions": ("package", "a", "b", "score", "value"),
    "cells": ("cell_a", "cell_b", "score", "value"),
    "usage": (
        "package",
        "script",
        "home",
        "version",
        "used",
        "compatible",
        "share",
        "missing",
        "defaults",
    ),
    "api": ("package", "version", "modules", "classes", "functions", "methods", "symbols"),
}
_NUMBERS = frozenset(
    {"value", "share", "used", "compatible"} | set(SIMS_COLUMNS["api"]) - {"package", "version"}
)
#: Columns that tables written before have not: empty there.
_LATER = frozenset({"defaults"})
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
    "usage": "scripts with a home version, under baselines in caliper.yaml, that could be read",
    "api": "a version whose wheel or source archive could be read",
}


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something that is missing or could not be read."""

    #: A sentence for a person.
    text: str
    #: The command that makes it; None where there is none.
    command: str | None = None

    def __str__(self) -> str:
        return f"{self.text}; made by: {self.command}" if self.command else self.text


@dataclass(frozen=True, kw_only=True)
class ApiChange:
    """One public name that differs between two neighbouring versions; see docs/formats.md."""

    package: str
    a: str
    b: str
    #: added, removed, moved, renamed or changed.
    kind: str
    #: Public path in a; in b for "added".
    path: str
    #: module, class, function, method or attribute.
    object: str
    #: Public path in b of what was moved or renamed.
    to: str | None
    #: 0.0 harmless to 1.0 breaks every use.
    severity: float
    old: str | None
    new: str | None
    details: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """All that lies under .caliper/ for stage 3."""

    records: Sequence[Record]
    #: Stage 2's tables by name; empty ones where there are none.
    sims: Mapping[str, pd.DataFrame]
    changes: Sequence[ApiChange]
    notes: Sequence[Note]
    #: What packages require and scripts import.
    declared: Declared = field(default_factory=Declared)


def read_inputs(layout: Layout) -> Inputs:
    """Records, similarities and changes. Raises RecordError where there is nothing at all."""
    records, errors = read_records(layout)
    notes = [Note(text=f"left out: {error}") for error in errors]
    notes += _find_foreign(layout)
    # Records of other runs, and other folders' of one run, show together where reasons lie.
    records = list(settle_reasons(_drop_doubles(records, notes)).values())
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
    return Inputs(records=records, sims=sims, changes=changes, notes=notes, declared=declared)


def _list_empty(
    layout: Layout, sims: Mapping[str, pd.DataFrame], changes: Sequence[ApiChange]
) -> Iterator[Note]:
    """A note on each part of stage 2's results that is empty: what it needs, or who makes it."""
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
    if changes:
        return
    if has_run:
        text = "stage 2 saw no change of the API, for there is one version, or all are the same"
        yield Note(text=f"{text}: no failure has such a change as its cause")
    else:
        text = f"there are no changes under {layout.sims / 'changes'}, so failures have no cause"
        yield Note(text=f"{text} in the API", command=STAGE_2)


def _read_declared(layout: Layout, notes: list[Note]) -> Declared:
    """What packages require; nothing where the file is missing or damaged."""
    path = layout.sims / "requires.json"
    try:
        return read_declared(path)
    except (OSError, ValueError, RecursionError) as error:
        notes.append(Note(text=f"left out: {path} cannot be read ({error})", command=STAGE_2))
        return Declared()


def _drop_doubles(records: Sequence[Record], notes: list[Note]) -> list[Record]:
    """One record a cell: where one lies flat and one in its date's folder, the latter counts."""
    cells: dict[Cell, Record] = {}
    for record in records:
        if record.cell in cells:
            notes.append(Note(text=f"left out: an undated record of {record.cell.label}"))
        cells[record.cell] = record
    return list(cells.values())


def _find_foreign(layout: Layout) -> list[Note]:
    """A note on each file among the records that is none, and on cells without a verdict."""
    notes = []
    for path in (*sorted(layout.data.glob("*.json")), *sorted(layout.data.glob("*/*.json"))):
        if path.name.endswith(".failed.json"):
            text = f"{path.name.removesuffix('.failed.json')} has no verdict yet: infrastructure"
            notes.append(Note(text=f"{text} failed", command=STAGE_1))
        elif not RECORD_NAME.fullmatch(path.stem):
            notes.append(Note(text=f"left out: {path} is not named like a record"))
    return notes


def _read_sims(layout: Layout, name: str, notes: list[Note]) -> pd.DataFrame:
    """One of stage 2's tables, from Parquet or CSV; empty where it is missing or damaged."""
    columns = list(SIMS_COLUMNS[name])
    text = {column: str for column in columns if column not in _NUMBERS}
    for path in (layout.sims / f"{name}.parquet", layout.sims / f"{name}.csv"):
        if not path.exists():
            continue
        try:
            table: pd.DataFrame = (
                pd.read_parquet(path)
                if path.suffix == ".parquet"
                else pd.read_csv(path, dtype=text, keep_default_na=False)
            )
            table = table.assign(**dict.fromkeys(_LATER & set(columns) - set(table.columns), ""))
            numbers = {key: pd.to_numeric(table[key]) for key in columns if key in _NUMBERS}
            kept: pd.DataFrame = table[columns].assign(**numbers)
        except (OSError, ValueError, KeyError) as error:
            notes.append(Note(text=f"left out: {path} cannot be read ({error})", command=STAGE_2))
        else:
            kept.index = pd.RangeIndex(len(kept))
            return kept
    return pd.DataFrame(columns=columns)


def _read_original_sims(layout: Layout, notes: list[Note]) -> pd.DataFrame:
    """The pairs of the original tool's similarity files, where stage 2's table is not there."""
    rows = []
    for path in sorted(layout.sims.glob("pypi-*-sims.json")):
        package = path.name.removeprefix("pypi-").removesuffix("-sims.json")
        if package.endswith("-requirements"):
            continue
        try:
            pairs = load_json(path.read_bytes())
            for pair, scores in pairs.items():
                a, _, b = pair.partition("..")
                rows += [(package, a, b, score, float(value)) for score, value in scores.items()]
        except (OSError, ValueError, AttributeError, TypeError) as error:
            notes.append(Note(text=f"left out: {path} cannot be read ({error})", command=STAGE_2))
    return pd.DataFrame(rows, columns=list(SIMS_COLUMNS["versions"]))


def _read_changes(layout: Layout, notes: list[Note]) -> list[ApiChange]:
    """All changes between neighbouring versions, in the order of versions."""
    files: list[list[ApiChange]] = []
    for path in sorted((layout.sims / "changes").glob("*.json")):
        try:
            files.append(sorted(_read_change_file(path), key=lambda change: change.path))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            notes.append(Note(text=f"left out: {path} cannot be read ({error!r})", command=STAGE_2))
    # Versions are compared once a file: a full grid has hundreds of thousands of changes.
    kept = [changes for changes in files if changes]
    kept.sort(key=lambda changes: (changes[0].package, version_key(changes[0].a)))
    return [change for changes in kept for change in changes]


def _read_change_file(path: Path) -> list[ApiChange]:
    data: dict[str, Any] = load_json(path.read_bytes())
    if data["schema"] != 1:
        raise ValueError(f"schema {data['schema']} is not 1")
    both = {"package": data["package"], "a": data["a"], "b": data["b"]}
    return [
        ApiChange(**both, **{**item, "details": tuple(item.get("details") or ())})
        for item in data["changes"]
    ]
