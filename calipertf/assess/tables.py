"""Similarities as files: the original tool's shape, and tidy tables as CSV and Parquet."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from calipertf.assess.similarity import Floats
from calipertf.files.atomic import set_aside, wait_for_lock, write_bytes, write_json, write_text
from calipertf.formats.similarities import read_sims

log = logging.getLogger("calipertf")

#: Digits after the point: enough to tell any two pairs apart, alike on every machine.
_DIGITS = 6


def pairs_to_json(
    names: Sequence[str], tables: Mapping[str, Floats], directed: Collection[str]
) -> dict[str, dict[str, float]]:
    """{"a..b": {score: value}}, each unordered pair once, in the order of the names.

    A directed score stands twice, as score_a_to_b and score_b_to_a; what is not known is left out.
    """
    rows, columns = np.triu_indices(len(names), k=1)
    result: dict[str, dict[str, float]] = {
        f"{names[row]}..{names[column]}": {}
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    }
    for score, table in tables.items():
        both = {f"{score}_a_to_b": table, f"{score}_b_to_a": table.T}
        for key, values in (both if score in directed else {score: table}).items():
            found = np.round(values[rows, columns], _DIGITS).tolist()
            for scores, value in zip(result.values(), found, strict=True):
                if value == value:  # NaN is not
                    scores[key] = value
    return {pair: scores for pair, scores in result.items() if scores}


def make_pairs(
    names: Sequence[str],
    tables: Mapping[str, Floats],
    directed: Collection[str],
    columns: tuple[str, str],
) -> pd.DataFrame:
    """Return tidy rows.

    Two names, score, value. A directed score has a row each way: from a to b.
    """
    labels = np.array(names, dtype=object)
    frames = []
    for score, table in tables.items():
        if score in directed:
            rows, others = np.nonzero(~np.eye(len(names), dtype=bool))
        else:
            rows, others = np.triu_indices(len(names), k=1)
        frames.append(
            pd.DataFrame(
                {
                    columns[0]: labels[rows],
                    columns[1]: labels[others],
                    "score": score,
                    "value": np.round(table[rows, others], _DIGITS),
                }
            )
        )
    if not frames:
        return pd.DataFrame(columns=[*columns, "score", "value"])
    whole: pd.DataFrame = pd.concat(frames, ignore_index=True)
    known: pd.DataFrame = whole.dropna(subset=["value"], ignore_index=True)
    return known


def write_pairs(
    path: Path, names: Sequence[str], tables: Mapping[str, Floats], directed: Collection[str] = ()
) -> None:
    """The pairs in the original's shape; the names of the scores say which they are."""
    make_way(path)
    write_json(path, pairs_to_json(names, tables, directed))


def write_table(path: Path, table: pd.DataFrame) -> None:
    """The table as path.csv and path.parquet."""
    write_text(path.with_suffix(".csv"), table.to_csv(index=False))
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    write_bytes(path.with_suffix(".parquet"), buffer.getvalue())


def update_table(
    path: Path, table: pd.DataFrame, replaces: Callable[[pd.DataFrame], Any]
) -> pd.DataFrame:
    """Write the table together with the rows of the file that it does not replace; gives both.

    `replaces` tells for the file's rows which are replaced, as a boolean series. A file that cannot
    be read is set aside, with a word: what it held of other packages is made again for them. Runs
    that do so at once wait for one another: none loses the other's rows.
    """
    with wait_for_lock(path.parent / ".lock"):
        return _update_table(path, table, replaces)


def _update_table(
    path: Path, table: pd.DataFrame, replaces: Callable[[pd.DataFrame], Any]
) -> pd.DataFrame:
    rows = read_earlier(path)
    if rows is not None and len(rows):
        kept = rows[~replaces(rows)]
        if len(kept):
            table = pd.concat([kept, table], ignore_index=True) if len(table) else kept
    for ending in (".csv", ".parquet"):
        make_way(path.with_suffix(ending))
    write_table(path, table)
    return table


def read_earlier(path: Path) -> pd.DataFrame | None:
    """Return the sound rows of the table that is there; None where there is none.

    Says what is left out; a file that cannot be read is set aside.
    """
    earlier = read_sims(path)
    for problem in earlier.problems:
        log.warning("%s; what is missing is made by a run for its package", problem)
    for broken in earlier.broken:
        log.warning("%s is set aside as %s", broken, set_aside(broken).name)
    return earlier.rows


def make_way(path: Path) -> None:
    """Set a folder aside that has the name of a file: nothing can be written over it."""
    if path.is_dir():
        log.warning("%s is a folder; it is set aside as %s", path, set_aside(path).name)
