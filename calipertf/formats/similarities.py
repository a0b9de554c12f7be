"""The tables that stage 2 writes and stage 3 reads: their columns, and reading what is sound."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from calipertf.files.inputs import read_file
from calipertf.formats.records import RECORD_NAME
from calipertf.versions import version_key

#: Columns of each table, by file name without its ending.
SIMS_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "versions": ("package", "a", "b", "score", "value"),
    "cells": ("cell_a", "cell_b", "score", "value"),
    "usage": (
        "package",
        "script",
        "baseline",
        "version",
        "used",
        "compatible",
        "share",
        "missing",
        "defaults",
    ),
    "api": ("package", "version", "modules", "classes", "functions", "methods", "symbols"),
}
#: Names that columns had before 0.2 -> their names.
_RENAMED = {"home": "baseline"}
#: Columns of numbers, and the largest value of each: shares end with 1, counts with nothing.
NUMBERS: Mapping[str, float] = {
    "value": 1.0,
    "share": 1.0,
    **dict.fromkeys(("used", "compatible", *SIMS_COLUMNS["api"][2:]), float(2**53)),
}

_LATER = frozenset({"defaults"})
#: Scores are rounded, and sums of them may end a hair above 1.
_HAIR = 1e-6


@dataclass(frozen=True, kw_only=True)
class SimsTable:
    """One table as far as it can be read."""

    #: The sound rows; None where no file holds the table.
    rows: pd.DataFrame | None
    #: What was left out, a sentence each.
    problems: tuple[str, ...] = ()
    #: Files that cannot be read at all.
    broken: tuple[Path, ...] = ()


def read_sims(path: Path) -> SimsTable:
    """Return a table from `path`.parquet, or `path`.csv where that is missing or broken."""
    problems: list[str] = []
    broken: list[Path] = []
    for file in (path.with_suffix(".parquet"), path.with_suffix(".csv")):
        try:
            found, left_out = _read_one(file, SIMS_COLUMNS[path.name])
        except FileNotFoundError:
            continue
        except Exception as error:  # noqa: BLE001 -- pandas raises what a damaged file makes it raise
            words = error.strerror if isinstance(error, OSError) and error.strerror else repr(error)
            problems.append(f"{file} cannot be read ({words[:200]})")
            broken.append(file)
            continue
        problems += [f"{file}: {words}" for words in left_out]
        return SimsTable(rows=found, problems=tuple(problems), broken=tuple(broken))
    return SimsTable(rows=None, problems=tuple(problems), broken=tuple(broken))


def _read_one(file: Path, columns: tuple[str, ...]) -> tuple[pd.DataFrame, list[str]]:
    content = read_file(file)
    left_out = []
    if file.suffix == ".parquet":
        table: pd.DataFrame = pd.read_parquet(io.BytesIO(content))
    else:
        whole, _, half = content.rpartition(b"\n")
        if half:
            left_out.append("its last row is cut off and left out")
        text = {column: str for column in (*columns, *_RENAMED) if column not in NUMBERS}
        table = pd.read_csv(io.BytesIO(whole + b"\n"), dtype=text, keep_default_na=False)
    table = table.rename(columns=_RENAMED)
    table = table.assign(**dict.fromkeys(_LATER & set(columns) - set(table.columns), ""))
    table = table[list(columns)]
    sound = np.ones(len(table), dtype=bool)
    for column in columns:
        sound &= _find_sound(table[column], column)
    if not sound.all():
        first = {str(key): str(value)[:40] for key, value in table[~sound].iloc[0].items()}
        if not sound.any():
            raise ValueError(f"no row has values that can be meant; the first is {first}")
        left_out.append(
            f"{int((~sound).sum())} of {len(table)} rows are left out, whose values cannot be "
            f"meant; the first is {first}"
        )
    numbers = {key: pd.to_numeric(table[key][sound]) for key in columns if key in NUMBERS}
    kept: pd.DataFrame = table[sound].assign(**numbers)
    kept.index = pd.RangeIndex(len(kept))
    return kept, left_out


def _find_sound(values: pd.Series[Any], column: str) -> Any:
    """Return whether each value of a column makes sense, as an array."""
    if column in NUMBERS:
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
        return (numbers >= 0) & (numbers <= NUMBERS[column] + _HAIR)
    fits = _FITS.get(column, _is_word)
    return values.isin([value for value in values.unique() if fits(value)]).to_numpy()


def _is_word(value: object) -> bool:
    return isinstance(value, str) and value != ""


def is_version(value: object) -> bool:
    """Return whether a value is a version as PEP 440 has them."""
    return isinstance(value, str) and version_key(value)[0] == 1


def _is_cell(value: object) -> bool:
    return isinstance(value, str) and bool(RECORD_NAME.fullmatch(value.rpartition("/")[2]))


_FITS: Mapping[str, Callable[[object], bool]] = {
    "a": is_version,
    "b": is_version,
    "baseline": is_version,
    "version": is_version,
    "cell_a": _is_cell,
    "cell_b": _is_cell,
    "missing": lambda value: isinstance(value, str),
    "defaults": lambda value: isinstance(value, str),
}
