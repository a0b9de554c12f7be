"""What a script's usage alone predicts for cells, and how often that was right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from calipertf.outcomes import OUTCOMES
from calipertf.parse.results import Result
from calipertf.versions import version_key

#: Cells that a confusion counts.
SCOPES = ("every judged cell", "cells that can import the package")


@dataclass(frozen=True, kw_only=True)
class UsagePrediction:
    """What usage says about one script in one cell, before it was run there."""

    package: str
    script: str
    baseline: str
    version: str
    #: None where no cell of this version was judged.
    python: str | None
    resolve: str | None
    share: float
    #: fails where anything that the script uses is missing or changed, else works.
    predicted: str
    #: fails or works; None where no cell of this version was judged.
    actual: str | None
    outcome: str | None
    missing: str


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Confusion matrix of the usage-based prediction."""

    package: str
    resolve: str
    #: One of SCOPES.
    scope: str
    #: A positive is a failure: predicted and real, predicted alone, real alone, neither.
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def total(self) -> int:
        """Number of scripts in cells."""
        return sum(
            (
                self.true_positives,
                self.false_positives,
                self.false_negatives,
                self.true_negatives,
            )
        )

    @property
    def precision(self) -> float | None:
        """Return the share of predicted failures that failed; None where none was predicted."""
        predicted = self.true_positives + self.false_positives
        return self.true_positives / predicted if predicted else None

    @property
    def recall(self) -> float | None:
        """Return the share of failures that were predicted; None where nothing failed."""
        failed = self.true_positives + self.false_negatives
        return self.true_positives / failed if failed else None


def predict_by_usage(results: Sequence[Result], usage: pd.DataFrame) -> list[UsagePrediction]:
    """A row for each script and judged cell, and one for each version that no cell was judged of.

    The baseline version is left out: usage is measured there, so it predicts nothing.
    """
    judged: dict[tuple[str, str, str], list[Result | None]] = {}
    for result in results:
        if not result.silent:
            key = (result.cell.package, result.script, result.cell.version)
            judged.setdefault(key, []).append(result)
    found: list[UsagePrediction] = []
    rows: list[Any] = usage.to_dict(orient="records")
    for row in sorted(rows, key=_order):
        if row["version"] != row["baseline"]:
            cells = judged.get((row["package"], row["script"], row["version"])) or [None]
            found += [_predict_one(row, result) for result in cells]
    return found


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["package"], row["script"], version_key(row["version"])


def _predict_one(row: Mapping[str, Any], result: Result | None) -> UsagePrediction:
    share, missing = float(row["share"]), row["missing"]
    fails = result is not None and result.fails
    return UsagePrediction(
        package=row["package"],
        script=row["script"],
        baseline=row["baseline"],
        version=row["version"],
        python=result.cell.python if result else None,
        resolve=result.cell.resolve if result else None,
        share=share,
        predicted="works" if share >= 1.0 else "fails",
        actual=None if result is None else "fails" if fails else "works",
        outcome=result.outcome if result else None,
        missing=missing if isinstance(missing, str) else "",
    )


def count_confusions(rows: Iterable[UsagePrediction]) -> list[Confusion]:
    """Return the confusion of each package, resolve date and scope."""
    counts: Counter[tuple[str, str, str, str, str]] = Counter()
    for row in rows:
        if row.resolve is None or row.actual is None:
            continue
        imported = row.outcome is None or OUTCOMES[row.outcome].imported
        scopes = SCOPES if imported else SCOPES[:1]
        for scope in scopes:
            counts[row.package, row.resolve, scope, row.predicted, row.actual] += 1
    keys = dict.fromkeys(key[:3] for key in counts)
    return [
        Confusion(
            package=package,
            resolve=resolve,
            scope=scope,
            true_positives=counts[package, resolve, scope, "fails", "fails"],
            false_positives=counts[package, resolve, scope, "fails", "works"],
            false_negatives=counts[package, resolve, scope, "works", "fails"],
            true_negatives=counts[package, resolve, scope, "works", "works"],
        )
        for package, resolve, scope in sorted(
            keys, key=lambda key: (*key[:2], SCOPES.index(key[2]))
        )
    ]
