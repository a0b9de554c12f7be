"""Results and records of small grids, for tests of stage 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from calipertf.formats.records import Cell, Record, Run, Verdict
from calipertf.parse.failures import sign_failure
from calipertf.parse.load import SIMS_COLUMNS, ApiChange
from calipertf.parse.results import Result
from calipertf.reasons.last_words import Failure


def make_cell(
    version: str = "1.0", python: str = "cp37", resolve: str = "today", package: str = "p"
) -> Cell:
    return Cell(package=package, version=version, python=python, resolve=resolve)


def make_result(
    outcome: str = "same_result",
    version: str = "1.0",
    *,
    python: str = "cp37",
    resolve: str = "today",
    package: str = "p",
    script: str = "s/a.py",
    error: Sequence[str] = (),
    **verdict: Any,
) -> Result:
    """A result; `exception` may be given as "Type: message"."""
    if isinstance(verdict.get("exception"), str):
        name, _, message = verdict["exception"].partition(": ")
        verdict["exception"] = Failure(type=name, message=message)
    made = Verdict(outcome=outcome, **verdict)
    return Result(
        cell=make_cell(version, python, resolve, package),
        resolve_date=None,
        suite=script.partition("/")[0],
        script=script,
        verdict=made,
        signature=sign_failure(made, error, package),
        run=Run(error=tuple(error), retval=1 if error else 0),
    )


def make_change(kind: str, path: str, a: str = "1.0", b: str = "2.0", **more: Any) -> ApiChange:
    known = {"package": "p", "object": "function", "to": None, "severity": 1.0}
    return ApiChange(
        **{**known, "old": None, "new": None, **more, "kind": kind, "path": path, "a": a, "b": b}
    )


def make_sims(**rows: Sequence[tuple[Any, ...]]) -> dict[str, pd.DataFrame]:
    """Stage 2's tables with these rows; those not given are empty, and so are last columns."""
    return {
        name: pd.DataFrame(
            [(*row, *[""] * (len(columns) - len(row))) for row in rows.get(name, ())],
            columns=list(columns),
        )
        for name, columns in SIMS_COLUMNS.items()
    }


def make_record(
    version: str,
    verdicts: Mapping[str, Verdict] | None,
    *,
    python: str = "cp37",
    resolve: str = "today",
    package: str = "p",
    requirements: Sequence[str] = (),
    errors: Mapping[str, Sequence[str]] | None = None,
    outcome: str = "same_result",
) -> Record:
    """A record with a run for each verdict; verdicts None: nothing was built."""
    cell = make_cell(version, python, resolve, package)
    if verdicts is None:
        return Record(cell=cell, outcome=outcome, inputs={"name": cell.name})
    runs = {
        name: Run(
            output=("1\n",),
            error=tuple((errors or {}).get(name, ())),
            retval=1 if verdict.outcome.endswith("failed") else 0,
            seconds=0.5,
        )
        for name, verdict in verdicts.items()
    }
    return Record(
        cell=cell,
        outcome=outcome,
        outcomes=verdicts,
        runs=runs,
        build=Run(retval=0),
        requirements=tuple(f"{line}\n" for line in requirements),
        inputs={"name": cell.name, "tests": sorted(verdicts)},
    )
