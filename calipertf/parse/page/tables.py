"""What the page shows beside its cells: failures, breaks, similarities, changes, predictions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from calipertf.formats.changes import KINDS
from calipertf.formats.scores import DIRECTED, SCORES
from calipertf.parse.compare import Comparison
from calipertf.parse.load import ApiChange
from calipertf.parse.matrices import fill_matrix
from calipertf.parse.prediction.statistics import Floats
from calipertf.versions import python_version, version_key

#: The most changes that the page lists, half a megabyte of it; the changelogs have all.
_CHANGES = 60_000


def pack_table(table: pd.DataFrame) -> dict[str, Any]:
    """Return columns and rows of a table; what is missing is null."""
    text = table.to_json(orient="split", index=False, double_precision=4)
    packed: dict[str, Any] = json.loads(text)
    return {"columns": packed["columns"], "rows": packed["data"]}


def pack_matrices(versions: pd.DataFrame) -> dict[str, Any]:
    """Return package -> its versions, and each score as rows of numbers, row to column.

    Null: unknown.
    """
    packed = {}
    for package, rows in versions.groupby("package", sort=True):
        names = sorted({*rows["a"], *rows["b"]}, key=version_key)
        scores = {
            str(score): _write_matrix(fill_matrix(part, names, directed=score in DIRECTED))
            for score, part in rows.groupby("score", sort=True)
        }
        packed[str(package)] = {
            "names": names,
            "scores": scores,
            "known": [
                {"name": score, "label": about.label, "directed": about.directed}
                for score, about in SCORES.items()
                if score in scores
            ],
        }
    return packed


def _write_matrix(matrix: Floats) -> list[list[float | None]]:
    return [
        [None if np.isnan(value) else round(float(value), 3) for value in line] for line in matrix
    ]


def pack_changes(changes: Iterable[ApiChange]) -> list[dict[str, Any]]:
    """The changes of each two neighbours, worst first, without what follows from others listed.

    Of a class or module that is gone, its members are not listed again. Where there are more than
    a page can hold, each kind has its share, and names near the package's root come first.
    """
    pairs: dict[tuple[str, str, str], list[ApiChange]] = defaultdict(list)
    for change in changes:
        pairs[change.package, change.a, change.b].append(change)
    packed = []
    for (package, a, b), found in pairs.items():
        kept = _drop_members(found)
        listed = _share_out(kept, _CHANGES // len(pairs))
        packed.append(
            {
                "package": package,
                "a": a,
                "b": b,
                "count": len(found),
                "counts": {kind: sum(c.kind == kind for c in found) for kind in KINDS},
                "left_out": len(kept) - len(listed),
                "rows": [_pack_change(change) for change in listed],
            }
        )
    return packed


def _drop_members(changes: Sequence[ApiChange]) -> list[ApiChange]:
    """Return the changes without those of members whose parent changed the same way."""
    paths = {kind: {c.path for c in changes if c.kind == kind} for kind in KINDS}
    return [
        change
        for change in changes
        if change.kind == "changed" or change.path.rpartition(".")[0] not in paths[change.kind]
    ]


def _share_out(changes: Sequence[ApiChange], room: int) -> list[ApiChange]:
    """Return as many changes as there is room for.

    What a small kind does not need, the others have.
    """
    kinds = {
        kind: sorted(
            (change for change in changes if change.kind == kind),
            key=lambda change: (-change.severity, change.path.count("."), change.path),
        )
        for kind in KINDS
    }
    kept: dict[str, list[ApiChange]] = {}
    for number, kind in enumerate(sorted(KINDS, key=lambda kind: len(kinds[kind]))):
        kept[kind] = kinds[kind][: room // (len(KINDS) - number)]
        room -= len(kept[kind])
    return [change for kind in KINDS for change in kept[kind]]


def _pack_change(change: ApiChange) -> list[Any]:
    more = change.to or "; ".join(change.details) or change.new or change.old or ""
    return [change.kind, change.path, change.object, round(change.severity, 2), more[:300]]


def pack_comparisons(
    comparisons: Sequence[Comparison], cells: Mapping[tuple[str, ...], int]
) -> list[list[Any]]:
    """Return the rows of two runs' comparison.

    Status, cell's number (-1: not in this run), words, script.
    """
    packed = []
    for item in comparisons:
        cell = item.cell
        key = (cell.package, cell.version, cell.python, cell.resolve)
        words = f"{cell.package} {cell.version}, Python {python_version(cell.python)}"
        where = f"{words}, {cell.resolve}"
        before, now = item.before or "–", item.now or "–"
        why = item.signature_now or item.signature_before or ""
        packed.append([item.status, cells.get(key, -1), where, item.script, before, now, why])
    return packed
