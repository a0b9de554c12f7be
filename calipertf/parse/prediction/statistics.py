"""Area under the curve and rank correlation, with bootstrap intervals over clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Resamples of a bootstrap. A 95% interval's ends move by about 0.005 from 200 to 2000.
RESAMPLES = 200
_SEED = 20210120


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its 95% interval."""

    #: None where it is not defined: only failures, or none.
    value: float | None
    #: None where there are too few clusters to resample.
    low: float | None = None
    high: float | None = None


class Ranking:
    """One score of many units, sorted once: a resample then costs no more than counting."""

    def __init__(self, score: Floats, fails: NDArray[np.bool_]) -> None:
        values, places = np.unique(score, return_inverse=True)
        self._count = len(values)
        self._places = places.reshape(-1)
        self._fails = fails
        self._failing = self._places[fails]
        self._passing = self._places[~fails]

    def measure(self, weights: Floats | None = None) -> tuple[float, float]:
        """Return AUC (ties count half) and Spearman's rank correlation of the score with failure.

        NaN where all units fail, none does, or, for the correlation, all score alike.
        """
        if weights is None:
            weights = np.ones(len(self._fails))
        failing = np.bincount(self._failing, weights[self._fails], self._count)
        passing = np.bincount(self._passing, weights[~self._fails], self._count)
        total, bad, good = failing + passing, failing.sum(), passing.sum()
        if not bad or not good:
            return np.nan, np.nan
        auc = float(failing @ (np.cumsum(passing) - passing / 2) / (bad * good))
        ranks = np.cumsum(total) - total / 2
        whole = bad + good
        mean = (ranks @ total) / whole
        spread = total @ (ranks - mean) ** 2
        share = bad / whole
        if spread <= 0:
            return auc, np.nan
        covariance = failing @ (ranks - mean)
        return auc, float(covariance / np.sqrt(spread * whole * share * (1 - share)))


def draw_weights(clusters: Sequence[Integers], generator: np.random.Generator) -> Floats:
    """Return how often each unit is drawn when each kind of cluster is drawn anew with replacement.

    A unit counts as often as the product of its clusters (the pigeonhole bootstrap of Owen, 2007,
    https://doi.org/10.1214/07-AOAS122): it is wide enough where units share scripts and versions.
    `clusters` holds, for each column, the number of each unit's cluster; columns of one kind (the
    versions a and b) are drawn together.
    """
    weights: Floats = np.ones(clusters[0].shape[-1])
    for column in clusters:
        size = int(column.max()) + 1
        drawn = np.bincount(generator.integers(size, size=size), minlength=size).astype(float)
        for members in np.atleast_2d(column):
            weights *= drawn[members]
    return weights


def estimate_all(
    rankings: Sequence[Ranking], clusters: Sequence[Integers], resamples: int = RESAMPLES
) -> list[tuple[Estimate, Estimate]]:
    """Return AUC and rank correlation of each ranking, with intervals from the same resamples."""
    generator = np.random.default_rng(_SEED)
    enough = all(int(column.max()) >= 1 for column in clusters)
    draws = np.full((resamples, len(rankings), 2), np.nan)
    for number in range(resamples if enough else 0):
        weights = draw_weights(clusters, generator)
        for place, ranking in enumerate(rankings):
            draws[number, place] = ranking.measure(weights)
    found = []
    for place, ranking in enumerate(rankings):
        auc, correlation = ranking.measure()
        found.append(
            (_estimate(auc, draws[:, place, 0]), _estimate(correlation, draws[:, place, 1]))
        )
    return found


def _estimate(value: float, draws: Floats) -> Estimate:
    if np.isnan(value):
        return Estimate(value=None)
    usable = draws[~np.isnan(draws)]
    if len(usable) < len(draws) / 2:
        return Estimate(value=value)
    low, high = np.percentile(usable, [2.5, 97.5])
    return Estimate(value=value, low=float(low), high=float(high))
