"""Requirement similarities of a package's cells and versions, from its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calipertf.assess.requirements import Requirements, parse_freeze, score_all_requirements
from calipertf.assess.similarity import Floats
from calipertf.formats.records import Record
from calipertf.reasons.messages import name_some
from calipertf.versions import version_key


@dataclass(frozen=True, kw_only=True)
class CellScores:
    """Every score of every two cells of one package, and of every two versions."""

    #: Record names; where one name has several resolve dates: <resolve>/<name>.
    cells: tuple[str, ...]
    by_cell: dict[str, Floats]
    versions: tuple[str, ...]
    by_version: dict[str, Floats]
    #: What could not be read of the requirements, a sentence each.
    notes: tuple[str, ...] = ()


def score_cells(package: str, records: Sequence[Record]) -> CellScores:
    """Return the scores of those cells that were built."""
    built = [record for record in records if _is_built(record)]
    parsed = [parse_freeze(record.requirements, package) for record in built]
    by_cell = score_all_requirements([requirements.pins for requirements in parsed])
    versions = sorted({record.cell.version for record in built}, key=version_key)
    return CellScores(
        cells=tuple(name_cells(built)),
        by_cell=by_cell,
        versions=tuple(versions),
        by_version={
            score: average_by_version(table, built, versions) for score, table in by_cell.items()
        },
        notes=tuple(_describe(parsed)),
    )


def _is_built(record: Record) -> bool:
    return record.build is not None and not record.build.retval and bool(record.requirements)


def name_cells(records: Sequence[Record]) -> list[str]:
    """Return the key of each record in the similarity files."""
    uses = Counter(record.cell.name for record in records)
    return [
        record.cell.name
        if uses[record.cell.name] == 1
        else f"{record.cell.resolve}/{record.cell.name}"
        for record in records
    ]


def average_by_version(table: Floats, records: Sequence[Record], versions: Sequence[str]) -> Floats:
    """Return the mean over the pairs of two versions' cells that have one Python and resolve date.

    Two versions that share neither, such as 1.4 on Python 3.6 and 2.8 on Python 3.10, get the mean
    over all pairs of their cells.
    """
    if not records:
        return np.zeros((0, 0))
    owner = np.array([versions.index(record.cell.version) for record in records])
    setting = [(record.cell.python, record.cell.resolve) for record in records]
    _, number = np.unique(np.array(setting, dtype=str), axis=0, return_inverse=True)
    number = number.reshape(-1)
    alike = (number[:, None] == number[None, :]).astype(float)
    belongs = (np.arange(len(versions))[:, None] == owner[None, :]).astype(float)
    total, count = belongs @ (table * alike) @ belongs.T, belongs @ alike @ belongs.T
    everything = belongs.sum(axis=1)
    whole: Floats = (belongs @ table @ belongs.T) / np.outer(everything, everything)
    result: Floats = np.divide(total, count, out=whole, where=count > 0)
    return result


def _describe(parsed: Sequence[Requirements]) -> list[str]:
    notes = []
    unread = sorted({line for requirements in parsed for line in requirements.unread})
    if unread:
        notes.append(f"requirements without a name were left out: {_list_some(unread)}")
    odd = sorted({words for requirements in parsed for words in requirements.odd_versions()})
    if odd:
        notes.append(
            f"versions that are not PEP 440 count as equal or not at all: {_list_some(odd)}"
        )
    return notes


def _list_some(words: Sequence[str]) -> str:
    return name_some([word[:80] for word in words], 5)
