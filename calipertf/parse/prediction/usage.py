"""What a script's usage alone foretells for cells, and how often that was right."""

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
class Foresight:
    """What usage says about one script in one cell, before it was run there."""

    package: str
    script: str
    home: str
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
    """How often usage was right about cells that it knows nothing of."""

    package: str
    resolve: str
    #: One of SCOPES.
    scope: str
    #: Foretold to fail, and did; foretold to fail, and works; and so on.
    fails_as_foretold: int
    works_against_it: int
    fails_against_it: int
    works_as_foretold: int

    @property
    def total(self) -> int:
        """Number of scripts in cells."""
        return sum(
            (
                self.fails_as_foretold,
                self.works_against_it,
                self.fails_against_it,
                self.works_as_foretold,
            )
        )

    @property
    def precision(self) -> float | None:
        """Share of foretold failures that failed; None where none was foretold."""
        foretold = self.fails_as_foretold + self.works_against_it
        return self.fails_as_foretold / foretold if foretold else None

    @property
    def recall(self) -> float | None:
        """Share of failures that were foretold; None where nothing failed."""
        failed = self.fails_as_foretold + self.fails_against_it
        return self.fails_as_foretold / failed if failed else None


def foresee(results: Sequence[Result], usage: pd.DataFrame) -> list[Foresight]:
    """A row for each script and judged cell, and one for each version that no cell was judged of.

    The baseline version is left out: usage is measured there, so it foretells nothing.
    """
    judged: dict[tuple[str, str, str], list[Result | None]] = {}
    for result in results:
        if not result.silent:
            key = (result.cell.package, result.script, result.cell.version)
            judged.setdefault(key, []).append(result)
    found: list[Foresight] = []
    rows: list[Any] = usage.to_dict(orient="records")
    for row in sorted(rows, key=_order):
        if row["version"] != row["home"]:
            cells = judged.get((row["package"], row["script"], row["version"])) or [None]
            found += [_foresee_one(row, result) for result in cells]
    return found


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["package"], row["script"], version_key(row["version"])


def _foresee_one(row: Mapping[str, Any], result: Result | None) -> Foresight:
    share, missing = float(row["share"]), row["missing"]
    fails = result is not None and result.fails
    return Foresight(
        package=row["package"],
        script=row["script"],
        home=row["home"],
        version=row["version"],
        python=result.cell.python if result else None,
        resolve=result.cell.resolve if result else None,
        share=share,
        predicted="works" if share >= 1.0 else "fails",
        actual=None if result is None else "fails" if fails else "works",
        outcome=result.outcome if result else None,
        missing=missing if isinstance(missing, str) else "",
    )


def count_confusions(rows: Iterable[Foresight]) -> list[Confusion]:
    """The confusion of each package, resolve date and scope."""
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
            fails_as_foretold=counts[package, resolve, scope, "fails", "fails"],
            works_against_it=counts[package, resolve, scope, "fails", "works"],
            fails_against_it=counts[package, resolve, scope, "works", "fails"],
            works_as_foretold=counts[package, resolve, scope, "works", "works"],
        )
        for package, resolve, scope in sorted(
            keys, key=lambda key: (*key[:2], SCOPES.index(key[2]))
        )
    ]
