"""Everything stage 3 knows, as tidy tables; their columns are in calipertf/parse/columns.py."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from calipertf.files.atomic import write_bytes, write_text
from calipertf.formats.causes import ProvedCauses
from calipertf.formats.records import RECORD_NAME, Cell
from calipertf.formats.requirements import Installed
from calipertf.parse.causes.explain import Cause
from calipertf.parse.columns import TABLES
from calipertf.parse.compare import Comparison
from calipertf.parse.load import ApiChange
from calipertf.parse.prediction.evaluate import Prediction
from calipertf.parse.prediction.usage import Confusion, UsagePrediction
from calipertf.parse.results import Result
from calipertf.parse.timelines import Timeline
from calipertf.versions import version_key

_TYPES = {"text": "string", "whole": "Int64", "number": "float64", "flag": "boolean"}
Row = Mapping[str, Any]
#: The most causes that are listed of one failure.
_CAUSES = 3
#: What each result comes from: its nearest working cell and its cause, in the results' order.
Explained = Sequence[tuple[Cell | None, Cause | None]]


def make_table(name: str, rows: Iterable[Row] | pd.DataFrame) -> pd.DataFrame:
    """Return rows under exactly the columns that TABLES documents."""
    columns = TABLES[name].columns
    if isinstance(rows, pd.DataFrame):
        table = rows
    else:
        listed = list(rows)
        table = pd.DataFrame(listed, columns=None if listed else list(columns))
    if set(table.columns) != set(columns):
        raise ValueError(f"{name} has other columns than documented: {list(table.columns)}")
    types: Any = {column: _TYPES[kind] for column, (kind, _) in columns.items()}
    ordered: pd.DataFrame = table[list(columns)].astype(types)
    return ordered


def write_table(folder: Path, name: str, table: pd.DataFrame, formats: Iterable[str]) -> None:
    """The table as CSV, Parquet or both."""
    for ending in formats:
        if ending == "csv":
            write_text(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
        elif ending == "parquet":
            buffer = io.BytesIO()
            table.to_parquet(buffer, index=False)
            write_bytes(folder / f"{name}.parquet", buffer.getvalue())


def _write_cell(cell: Cell) -> dict[str, str]:
    return {
        "package": cell.package,
        "version": cell.version,
        "python": cell.python,
        "resolve": cell.resolve,
    }


def name_cell(cell: Cell | None) -> str | None:
    """<resolve>/<record name>; None for no cell."""
    return f"{cell.resolve}/{cell.name}" if cell else None


def list_results(results: Sequence[Result], explained: Explained) -> Iterable[Row]:
    """Yield the rows of the table `results`."""
    for result, (nearest, cause) in zip(results, explained, strict=True):
        verdict, run = result.verdict, result.run
        baseline = verdict.baseline or {}
        yield {
            **_write_cell(result.cell),
            "resolve_date": result.resolve_date,
            "suite": result.suite,
            "script": result.script,
            "outcome": verdict.outcome,
            "class": result.traits.group,
            "reason": verdict.reason,
            "detail": verdict.detail,
            "exception": verdict.exception.type if verdict.exception else None,
            "message": verdict.exception.message if verdict.exception else None,
            "signature": result.signature,
            "cause": cause.text if cause else None,
            "cause_kind": cause.kind if cause else None,
            "cause_evidence": ("proved" if cause.proved else "seen") if cause else None,
            "way_out": cause.way_out if cause else None,
            "nearest_working": name_cell(nearest),
            "differences": "\n".join(verdict.differences) or None,
            "baseline": " ".join(str(value) for value in baseline.values()) or None,
            "start": run.start if run else None,
            "retval": run.retval if run else None,
            "seconds": run.seconds if run else None,
        }


def list_proved(proved: Iterable[ProvedCauses]) -> list[Row]:
    """Return a row for each culprit of each finding."""
    return [
        {
            **_write_cell(causes.cell),
            "reference": causes.reference.resolve,
            "scripts": "\n".join(finding["scripts"]),
            "culprit": culprit["name"],
            "good": culprit["good"],
            "bad": culprit["bad"],
            "last_good": culprit["last_good"],
            "first_bad": culprit["first_bad"],
            "first_bad_date": culprit["date"],
            "way_out": causes.command,
        }
        for causes in proved
        for finding in causes.data["findings"]
        for culprit in finding["culprits"]
    ]


def list_requirements(requirements: Mapping[Cell, Sequence[Installed]]) -> Iterable[Row]:
    """Yield the rows of the table `requirements`."""
    for cell, items in requirements.items():
        for item in items:
            yield {
                **_write_cell(cell),
                "requirement": item.name,
                "requirement_version": item.version,
                "line": item.line,
            }


def make_similarities(sims: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the table `similarities`."""
    versions = sims["versions"].assign(of="versions", script=None)
    cells = sims["cells"].rename(columns={"cell_a": "a", "cell_b": "b"})
    cells = cells.assign(of="cells", script=None, package=cells["a"].map(_read_package))
    usage = sims["usage"].rename(columns={"baseline": "a", "version": "b", "share": "value"})
    usage = usage.assign(of="script", score="usage")
    columns = list(TABLES["similarities"].columns)
    frames = [frame[columns] for frame in (versions, cells, usage) if len(frame)]
    if not frames:
        return make_table("similarities", [])
    types: Any = {key: _TYPES[kind] for key, (kind, _) in TABLES["similarities"].columns.items()}
    table: pd.DataFrame = pd.concat([frame.astype(types) for frame in frames], ignore_index=True)
    return table


def _read_package(name: str) -> str | None:
    """Return the package of a cell of stage 2's table."""
    match = RECORD_NAME.fullmatch(name.rpartition("/")[2])
    return match["package"] if match else None


def list_changes(changes: Iterable[ApiChange]) -> Iterable[Row]:
    """Yield the rows of the table `api_changes`."""
    names = list(TABLES["api_changes"].columns)
    for change in changes:
        row = {name: getattr(change, name) for name in names}
        yield {**row, "details": "\n".join(change.details) or None}


def list_timelines(timelines: Iterable[Timeline]) -> Iterable[Row]:
    """Yield the rows of the table `timelines`."""
    for item in timelines:
        breaking, too_old = item.breaking, item.too_old
        cause, too_old_cause = item.cause, item.too_old_cause
        yield {
            "package": item.package,
            "suite": item.suite,
            "script": item.script,
            "python": item.python,
            "resolve": item.resolve,
            "judged": item.judged,
            "working": item.working,
            "first_working": item.first_working,
            "last_working": item.last_working,
            "breaking": breaking.cell.version if breaking else None,
            "breaking_python": breaking.cell.python if breaking else None,
            "before": item.before,
            "recovers": item.recovers,
            "outcome": breaking.outcome if breaking else None,
            "signature": breaking.signature if breaking else None,
            "cause": cause.text if cause else None,
            "cause_kind": cause.kind if cause else None,
            "cause_path": cause.path if cause else None,
            "too_old": too_old.cell.version if too_old else None,
            "too_old_python": too_old.cell.python if too_old else None,
            "too_old_signature": too_old.signature if too_old else None,
            "too_old_cause": too_old_cause.text if too_old_cause else None,
        }


def list_failures(results: Sequence[Result], explained: Explained) -> list[Row]:
    """Return the rows of the table `failures`, the commonest first."""
    groups: dict[tuple[str, str], list[tuple[Result, Cause | None]]] = defaultdict(list)
    for result, (_, cause) in zip(results, explained, strict=True):
        if result.signature:
            groups[result.cell.package, result.signature].append((result, cause))
    rows = [_count_failure(key, group) for key, group in groups.items()]
    return sorted(rows, key=lambda row: (row["package"], -row["results"], row["signature"]))


def _count_failure(
    key: tuple[str, str], group: Sequence[tuple[Result, Cause | None]]
) -> dict[str, Any]:
    results = [result for result, _ in group]
    versions = sorted({result.cell.version for result in results}, key=version_key)
    return {
        "package": key[0],
        "signature": key[1],
        "outcome": _find_commonest(result.outcome for result in results),
        "reason": _find_commonest(result.verdict.reason for result in results),
        "results": len(results),
        "scripts": len({result.script for result in results}),
        "cells": len({result.cell for result in results}),
        "first_version": versions[0],
        "last_version": versions[-1],
        "cause": _list_causes([cause for _, cause in group]),
    }


def _find_commonest(values: Iterable[str | None]) -> str | None:
    """Return the value that occurs most, of several the first; None where there is none."""
    counted = Counter(value for value in values if value is not None)
    return counted.most_common(1)[0][0] if counted else None


def _list_causes(causes: Sequence[Cause | None]) -> str | None:
    """Return the causes of one failure, the commonest first.

    How many each explains where that differs.

    One message can have several: a name is not there before it is added nor after it is removed.
    """
    counted = Counter(cause.text for cause in causes if cause)
    if len(counted) == 1 and counted.total() == len(causes):
        return next(iter(counted))
    told = [f"{text} ({count} of {len(causes)})" for text, count in counted.most_common(_CAUSES)]
    more = len(counted) - _CAUSES
    return "; ".join([*told, *([f"and {more} more"] if more > 0 else [])]) or None


def list_scores(predictions: Iterable[Prediction]) -> Iterable[Row]:
    """Yield the rows of the table `prediction_scores`."""
    for item in predictions:
        yield {
            "package": item.package,
            "subset": item.subset,
            "predictor": item.predictor,
            "method": item.method,
            "units": item.units,
            "scripts": item.scripts,
            "versions": item.versions,
            "fails": item.fails,
            "auc": item.auc.value,
            "auc_low": item.auc.low,
            "auc_high": item.auc.high,
            "spearman": item.spearman.value,
            "spearman_low": item.spearman.low,
            "spearman_high": item.spearman.high,
            "accuracy": item.accuracy,
        }


def list_usage_predictions(rows: Iterable[UsagePrediction]) -> Iterable[Row]:
    """Yield the rows of the table `usage_predictions`."""
    names = list(TABLES["usage_predictions"].columns)
    for row in rows:
        yield {**{name: getattr(row, name) for name in names}, "missing": row.missing or None}


def list_confusions(confusions: Iterable[Confusion]) -> Iterable[Row]:
    """Yield the rows of the table `usage_confusion`."""
    names = list(TABLES["usage_confusion"].columns)
    for row in confusions:
        yield {name: getattr(row, name) for name in names}


def list_comparisons(comparisons: Iterable[Comparison]) -> Iterable[Row]:
    """Yield the rows of the table `comparison`."""
    names = list(TABLES["comparison"].columns)
    for row in comparisons:
        cell = _write_cell(row.cell)
        yield {name: cell[name] if name in cell else getattr(row, name) for name in names}
