"""Do the similarities predict breakage? Each score, all together, and what needs no score."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from calipertf.parse.prediction.statistics import Estimate, Floats, Integers, Ranking, estimate_all
from calipertf.parse.prediction.units import SCORES, number_labels

#: Parts of the units that are judged on their own.
SUBSETS = ("all", "upgrades", "one major")
#: Scores that need no run of the version in question; requirements are known after installing it.
TOGETHER = "all scores together"


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """How well one predictor predicts failure in one part of the units."""

    package: str
    #: One of SUBSETS.
    subset: str
    #: A score of SCORES, TOGETHER, or a baseline: always, major differs.
    predictor: str
    #: score (its distance, as it is), model (logistic regression that never saw the version) or
    #: baseline.
    method: str
    #: Units that have the score, their scripts and versions, and the share of them that fails.
    units: int
    scripts: int
    versions: int
    fails: float
    auc: Estimate
    spearman: Estimate
    #: Share of units that a model judges rightly at a probability of one half; None for a score.
    accuracy: float | None


def predict_all(units: pd.DataFrame) -> list[Prediction]:
    """Return every predictor on every subset of each package's units."""
    found: list[Prediction] = []
    # Thousands of tiny fits: threads of BLAS wait for one another longer than they compute. On two
    # cores a full grid takes 25 s of CPU with one and 43 s with two.
    with threadpool_limits(limits=1, user_api="blas"):
        for package, rows in units.groupby("package"):
            for subset in SUBSETS:
                part = _take(rows, subset)
                if len(part):
                    found += _predict(str(package), subset, part.reset_index(drop=True))
    return found


def _take(units: pd.DataFrame, subset: str) -> pd.DataFrame:
    column = {"upgrades": "upgrade", "one major": "same_major"}.get(subset)
    part: pd.DataFrame = units if column is None else units[units[column].astype(bool)]
    return part


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """Numbers that rank units by how likely they fail."""

    predictor: str
    method: str
    #: Which units it speaks of.
    held: NDArray[np.bool_]
    #: One number for each of those; higher means more likely to fail.
    risk: Floats
    accuracy: float | None = None


def _predict(package: str, subset: str, units: pd.DataFrame) -> list[Prediction]:
    fails = units["fails"].to_numpy(dtype=bool)
    found: list[Prediction] = []
    trials = list(_try_all(units, fails))
    # Trials on the same units share their resamples, so that their intervals can be compared.
    for held in {trial.held.tobytes(): trial.held for trial in trials}.values():
        same = [trial for trial in trials if np.array_equal(trial.held, held)]
        part, y = units[held], fails[held]
        (scripts,), script_names = number_labels(part["script"])
        (a, b), version_names = number_labels(part["a"], part["b"])
        rankings = [Ranking(trial.risk, y) for trial in same]
        clusters: list[Integers] = [scripts, np.stack([a, b])]
        estimates = estimate_all(rankings, clusters)
        for trial, (auc, spearman) in zip(same, estimates, strict=True):
            found.append(
                Prediction(
                    package=package,
                    subset=subset,
                    predictor=trial.predictor,
                    method=trial.method,
                    units=len(part),
                    scripts=len(script_names),
                    versions=len(version_names),
                    fails=float(y.mean()),
                    auc=auc,
                    spearman=spearman,
                    accuracy=trial.accuracy,
                )
            )
    return sorted(found, key=_order)


def _order(prediction: Prediction) -> tuple[int, int]:
    methods = ("baseline", "score", "model")
    names = ("always", "major differs", *SCORES, TOGETHER)
    return methods.index(prediction.method), names.index(prediction.predictor)


def _try_all(units: pd.DataFrame, fails: NDArray[np.bool_]) -> Iterator[_Trial]:
    everything = np.ones(len(units), dtype=bool)
    yield _Trial(
        predictor="always",
        method="baseline",
        held=everything,
        risk=np.ones(len(units)),
        accuracy=float(fails.mean()),
    )
    major = ~units["same_major"].to_numpy(dtype=bool)
    yield _Trial(
        predictor="major differs",
        method="baseline",
        held=everything,
        risk=major.astype(float),
        accuracy=float((major == fails).mean()),
    )
    known = [score for score in SCORES if units[score].notna().any()]
    for score in known:
        values = units[score].to_numpy(dtype=float)
        held = np.asarray(np.isfinite(values))
        yield _Trial(predictor=score, method="score", held=held, risk=1 - values[held])
        yield _fit(score, values[:, None], units, fails)
    if len(known) > 1:
        yield _fit(TOGETHER, units[known].to_numpy(dtype=float), units, fails)


def _fit(predictor: str, features: Floats, units: pd.DataFrame, fails: NDArray[np.bool_]) -> _Trial:
    held = np.asarray(np.isfinite(features).all(axis=1))
    rows = units[held]
    if not held.any():
        # No unit has all scores: the trial is kept, so that the table says so with 0 units.
        return _Trial(predictor=predictor, method="model", held=held, risk=np.zeros(0))
    (a, b), _ = number_labels(rows["a"], rows["b"])
    risk = leave_version_out(features[held], fails[held], a, b)
    judged = np.isfinite(risk)
    accuracy = float(((risk > 0.5) == fails[held])[judged].mean()) if judged.any() else None
    risk[~judged] = 0.5
    return _Trial(predictor=predictor, method="model", held=held, risk=risk, accuracy=accuracy)


def leave_version_out(
    features: Floats, fails: NDArray[np.bool_], a: Integers, b: Integers
) -> Floats:
    """Return probability that each unit fails, from a model that has seen nothing of its version b.

    Units to the version are judged by a logistic regression on the units that neither begin nor
    end there. Where those all fail or all work, the probability is their share of failures; where
    there are none, NaN.
    """
    risk = np.full(len(fails), np.nan)
    # Units of many scripts share their features: fitted once, weighted by their number. They are
    # sorted once for all folds; sorting in each took nine tenths of a full grid's time.
    rows, places = np.unique(
        np.column_stack([np.round(features, 9), fails]), axis=0, return_inverse=True
    )
    places = places.reshape(-1)
    for version in np.unique(b):
        test = b == version
        counts = np.bincount(places[~test & (a != version)], minlength=len(rows))
        seen = counts > 0
        if seen.any():
            risk[test] = _fit_one(
                rows[seen, :-1], rows[seen, -1].astype(bool), counts[seen], features[test]
            )
    return risk


def _fit_one(x: Floats, fails: NDArray[np.bool_], counts: Integers, unseen: Floats) -> Floats:
    """Return the probability that unseen units fail.

    `counts` says how often each row stands for a unit.
    """
    if fails.all() or not fails.any():
        return np.full(len(unseen), float(fails[0]))
    mean = np.average(x, axis=0, weights=counts)
    spread = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=counts))
    spread[spread == 0] = 1.0
    # With a handful of scores, Newton's steps take a tenth of the default solver's time.
    model = LogisticRegression(solver="newton-cholesky")
    with warnings.catch_warnings():
        # One score that tells failures and successes apart has no finite optimum but its penalty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((x - mean) / spread, fails, sample_weight=counts)
    found: Floats = model.predict_proba((unseen - mean) / spread)[:, 1]
    return found


def describe(predictions: Sequence[Prediction]) -> list[str]:
    """Return the sentences that answer the question, bad news included."""
    lines = []
    packages = list(dict.fromkeys(item.package for item in predictions))
    for package in packages:
        for subset in SUBSETS:
            part = [p for p in predictions if p.package == package and p.subset == subset]
            line = _describe_subset(subset, part)
            if line:
                lines.append(f"{package}: {line}" if len(packages) > 1 else line)
    return lines


def _tell_why(baseline: Prediction) -> str:
    """Return why no score of a subset can be judged."""
    if baseline.auc.value is not None:
        return "there are no similarities yet"
    end = "fail" if baseline.fails else "work"
    return f"all {baseline.units:,} units {end}; more versions on each Python would tell more"


def _describe_subset(subset: str, part: Sequence[Prediction]) -> str | None:
    baseline = next((p for p in part if p.predictor == "major differs"), None)
    tried = [p for p in part if p.method != "baseline" and p.auc.value is not None]
    where = {"all": "Over all pairs of versions", "upgrades": "Going up only"}.get(
        subset, "Within one major version"
    )
    if baseline is None or not part:
        return None
    if not tried:
        return f"{where}, nothing can be said about the scores: {_tell_why(baseline)}."
    best = max(tried, key=lambda p: p.auc.value or 0.0)
    low = best.auc.low
    if low is None:
        verdict = f"no interval, since {best.versions} versions are too few"
    elif low > 0.5:
        verdict = "significantly better than chance"
    else:
        verdict = "not significantly better than chance"
    name = best.predictor.replace("_", " ")
    compared = ""
    if subset != "one major" and baseline.auc.value is not None:
        compared = f'; "the major version differs" alone has {baseline.auc.value:.2f}'
    interval = f" ({low:.2f} to {best.auc.high:.2f})" if low is not None else ""
    return (
        f"{where}, the best of {len(tried)} predictors (picked afterwards) is {name} "
        f"({best.method}), AUC {best.auc.value:.2f}{interval}: {verdict}{compared}. "
        f"{best.fails:.0%} of {best.units:,} units fail."
    )
