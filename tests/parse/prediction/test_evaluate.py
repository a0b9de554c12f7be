from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers.grids import make_result, make_sims
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from calipertf.parse.prediction.evaluate import describe, leave_version_out, predict_all
from calipertf.parse.prediction.statistics import Ranking, draw_weights, estimate_all
from calipertf.parse.prediction.units import COLUMNS, SCORES, make_units
from calipertf.parse.prediction.usage import count_confusions, predict_by_usage

NAN = float("nan")


@pytest.mark.parametrize(
    ("risk", "fails", "auc"),
    [
        # Concordant of all pairs of a failing and a working unit; ties count half.
        ([3, 2, 1, 0], "xx++", 1.0),
        ([0, 1, 2, 3], "xx++", 0.0),
        ([3, 1, 2, 0], "xx++", 0.75),
        ([1, 1, 1, 1], "xx++", 0.5),
        ([2, 1, 1, 0], "x+x+", 0.875),
        ([1, 2], "xx", NAN),
        ([1, 2], "++", NAN),
        ([], "", NAN),
    ],
)
def test_auc_by_hand(risk: list[float], fails: str, auc: float) -> None:
    failing = np.array([mark == "x" for mark in fails], dtype=bool)
    found, _ = Ranking(np.array(risk, dtype=float), failing).measure()
    assert found == pytest.approx(auc, nan_ok=True)


def test_score_that_is_always_alike_has_no_correlation() -> None:
    auc, correlation = Ranking(np.ones(3), np.array([True, False, True])).measure()
    assert auc == 0.5
    assert np.isnan(correlation)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=4, max_size=40
    )
)
def test_measures_agree_with_scipy_and_scikit_learn(rows: list[tuple[int, bool, int]]) -> None:
    risk, fails = np.array([row[0] for row in rows], float), np.array([row[1] for row in rows])
    weights = np.array([row[2] for row in rows], float)
    ranking = Ranking(risk, fails)
    for weight in (np.ones(len(rows)), weights):
        auc, correlation = ranking.measure(weight)
        # A weight is how often a unit stands in the sample.
        often = weight.astype(int)
        x, y = np.repeat(risk, often), np.repeat(fails, often)
        if len(set(y)) < 2:
            assert np.isnan(auc)
            continue
        assert auc == pytest.approx(roc_auc_score(y, x))
        if len(set(x)) > 1:
            assert correlation == pytest.approx(spearmanr(x, y).statistic)


def test_versions_a_and_b_are_drawn_together() -> None:
    scripts, versions = np.array([0, 0, 1]), np.array([[0, 1, 2], [1, 2, 0]])
    for seed in range(20):
        weights = draw_weights([scripts, versions], np.random.default_rng(seed))
        generator = np.random.default_rng(seed)
        s = np.bincount(generator.integers(2, size=2), minlength=2)
        v = np.bincount(generator.integers(3, size=3), minlength=3)
        expected = [s[0] * v[0] * v[1], s[0] * v[1] * v[2], s[1] * v[2] * v[0]]
        assert weights.tolist() == expected


def test_interval_holds_the_value_and_comes_again() -> None:
    generator = np.random.default_rng(1)
    fails = generator.random(300) < 0.4
    risk = fails + generator.normal(size=300)
    clusters = [np.arange(300) % 12, np.stack([np.arange(300) % 10, np.arange(300) // 30])]
    first, second = (estimate_all([Ranking(risk, fails)], clusters) for _ in range(2))
    assert first == second
    for estimate in first[0]:
        assert estimate.low is not None
        assert estimate.low < estimate.value < estimate.high
        assert estimate.high - estimate.low < 0.5


@pytest.mark.parametrize(
    ("fails", "scripts", "versions"),
    [
        # One script only, one version only: nothing to draw anew.
        ([True, False, True], [0, 0, 0], [0, 1, 2]),
        ([True, False, True], [0, 1, 2], [0, 0, 0]),
    ],
)
def test_one_cluster_has_no_interval(
    fails: list[bool], scripts: list[int], versions: list[int]
) -> None:
    ranking = Ranking(np.array([2.0, 1.0, 3.0]), np.array(fails))
    ((auc, _),) = estimate_all([ranking], [np.array(scripts), np.array(versions)])
    assert (auc.value, auc.low, auc.high) == (1.0, None, None)


def test_only_failures_have_no_estimate() -> None:
    ranking = Ranking(np.array([2.0, 1.0]), np.array([True, True]))
    ((auc, rank),) = estimate_all([ranking], [np.array([0, 1]), np.array([0, 1])])
    assert auc.value is rank.value is auc.low is None


def test_version_is_predicted_without_having_been_seen() -> None:
    generator = np.random.default_rng(3)
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(5), np.arange(5)))
    a, b = a[a != b], b[a != b]
    features = generator.random((len(a), 2))
    fails = features[:, 0] + generator.normal(scale=0.3, size=len(a)) > 0.5
    risk = leave_version_out(features, fails, a, b)
    for version in range(5):
        touched = (a == version) | (b == version)
        lied = np.where(touched, ~fails, fails)
        blurred = np.where(((a == version) & (b != version))[:, None], 99.0, features)
        assert np.array_equal(
            leave_version_out(features, lied, a, b)[b == version], risk[b == version]
        )
        assert np.array_equal(
            leave_version_out(blurred, fails, a, b)[b == version], risk[b == version]
        )


@pytest.mark.parametrize(
    ("a", "b", "fails", "risk"),
    [
        # All other units end at the version or begin there: no model.
        ([0, 1], [1, 0], [True, True], [NAN, NAN]),
        # The others all fail: their share.
        ([0, 2, 1], [1, 3, 2], [False, True, False], [1.0, 0.0, 0.0]),
        ([], [], [], []),
    ],
)
def test_little_to_learn_from(
    a: list[int], b: list[int], fails: list[bool], risk: list[float]
) -> None:
    features = np.arange(len(a), dtype=float)[:, None]
    places = np.array(a, dtype=np.int64), np.array(b, dtype=np.int64)
    found = leave_version_out(features, np.array(fails, bool), *places)
    np.testing.assert_array_equal(found, risk)


def test_model_learns_what_is_there() -> None:
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(8), np.arange(8)))
    a, b = a[a != b], b[a != b]
    distance = np.abs(a - b).astype(float)
    risk = leave_version_out(distance[:, None], distance > 3, a, b)
    assert Ranking(risk, distance > 3).measure()[0] == 1.0


RESULTS = [
    make_result("same_result", "1.9"),
    make_result("different_result", "1.10"),
    make_result("run_failed", "2.0rc1"),
    make_result("unstable_result", "2.0"),
    make_result("no_release", "2.1"),
    make_result("build_failed", "0.12.1rc0"),
    make_result("same_result", "nightly"),
    make_result("not_compared", "4.0"),
    make_result("run_failed", "3.0", python="cp38"),
]


def test_units_are_working_versions_with_every_other() -> None:
    units = make_units(RESULTS, make_sims())
    found = [(row.a, row.b, row.fails, row.upgrade, row.same_major) for row in units.itertuples()]
    assert found == [
        ("1.9", "1.10", False, True, True),
        ("1.9", "2.0rc1", True, True, False),
        ("1.9", "0.12.1rc0", True, False, False),
        ("1.9", "nightly", False, False, False),
        ("nightly", "1.9", False, True, False),
        ("nightly", "1.10", False, True, False),
        ("nightly", "2.0rc1", True, True, False),
        ("nightly", "0.12.1rc0", True, True, False),
    ]
    assert units[list(SCORES)].isna().all().all()
    assert tuple(make_units([], make_sims()).columns) == COLUMNS


def test_each_unit_has_its_scores() -> None:
    names = ["pypi-p-1.9-python-cp37", "pypi-p-1.10-python-cp37"]
    sims = make_sims(
        versions=[
            ("p", "1.9", "1.10", "api_jaccard", 0.5),
            ("p", "1.9", "1.10", "containment", 0.25),
            ("p", "1.10", "1.9", "containment", 0.75),
            ("p", "1.9", "1.10", "compatibility", 0.2),
            ("q", "1.9", "1.10", "compatibility", 0.9),
            ("p", "1.9", "1.10", "module_dice", 0.1),
        ],
        cells=[(names[1], names[0], "set_jaccard", 0.4), (*names, "semver", 0.3)],
        usage=[("p", "s/a.py", "1.9", "1.10", 4, 3, 0.75, "x")],
    )
    units = make_units([make_result(version="1.9"), make_result(version="1.10")], sims)
    nothing = pytest.approx(NAN, nan_ok=True)
    assert units[["a", "b", *SCORES]].values.tolist() == [  # noqa: PD011
        ["1.9", "1.10", 0.4, 0.3, 0.5, 0.25, 0.2, 0.75],
        ["1.10", "1.9", 0.4, 0.3, 0.5, 0.75, nothing, nothing],
    ]


@pytest.mark.parametrize("other", ["build_failed", "no_release", "infrastructure_error"])
def test_cells_of_two_dates_are_kept_apart(other: str) -> None:
    """Stage 2 writes the date only where two cells of one name were built."""
    a, b = "pypi-p-1-python-cp37", "pypi-p-2-python-cp37"
    release = [make_result(version=version, resolve="release") for version in ("1", "2")]
    plain = make_sims(cells=[(a, b, "semver", 0.5)])
    units = make_units([*release, make_result(other, "1"), make_result(other, "2")], plain)
    assert units["semver"].tolist() == [0.5, 0.5]
    dated = make_sims(
        cells=[
            (f"release/{a}", f"release/{b}", "semver", 0.25),
            (f"today/{a}", f"today/{b}", "semver", 0.75),
            (f"release/{a}", f"today/{b}", "semver", 0.1),
        ]
    )
    units = make_units([*release, make_result(version="1"), make_result(version="2")], dated)
    assert units["semver"].tolist() == [0.25, 0.25, 0.75, 0.75]


def test_nothing_is_said_of_no_units() -> None:
    assert predict_all(make_units([], make_sims())) == []
    assert describe([]) == []


def test_units_that_all_end_alike_are_said_to() -> None:
    units = make_units([make_result(version=version) for version in ("1", "2")], make_sims())
    found = predict_all(units)
    assert {item.auc.value for item in found} == {None}
    assert {item.predictor for item in found} == {"always", "major differs"}
    assert all("all 2 units work" in line or "all 1 units work" in line for line in describe(found))


def test_model_that_nothing_taught_has_no_accuracy() -> None:
    # From 1.0 to 2.0 and back: without the version in question there is nothing to learn from.
    results = [
        make_result("same_result", "1.0", script="s/a.py"),
        make_result("run_failed", "2.0", script="s/a.py"),
        make_result("run_failed", "1.0", script="s/b.py"),
        make_result("same_result", "2.0", script="s/b.py"),
    ]
    sims = make_sims(versions=[("p", "1.0", "2.0", "api_jaccard", 0.5)])
    found = predict_all(make_units(results, sims))
    models = [item for item in found if item.method == "model"]
    assert [item.accuracy for item in models] == [None] * len(models) != []
    assert "all 2 units fail" in describe(found)[0]


def test_missing_similarities_are_said_to_be() -> None:
    results = [
        make_result(version="1.0"),
        make_result("run_failed", "2.0"),
        make_result(version="1.1"),
    ]
    lines = describe(predict_all(make_units(results, make_sims())))
    assert "no similarities yet" in lines[0]


def test_several_packages_are_predicted_apart() -> None:
    frames = [
        make_units(
            [
                make_result(version="1.0", package=package),
                make_result("run_failed", "2.0", package=package),
                make_result(version="1.1", package=package),
            ],
            make_sims(),
        )
        for package in ("p", "q")
    ]
    found = predict_all(pd.concat(frames, ignore_index=True))
    assert {item.package for item in found} == {"p", "q"}
    lines = describe(found)
    assert sum(line.startswith("p: ") for line in lines) == len(lines) / 2


USAGE = make_sims(
    usage=[
        ("p", "s/a.py", "1.9", "1.9", 4, 4, 1.0, ""),
        ("p", "s/a.py", "1.9", "1.10", 4, 4, 1.0, NAN),
        ("p", "s/a.py", "1.9", "2.0rc1", 4, 1, 0.25, "p.x (line 1): function removed"),
        ("p", "s/a.py", "1.9", "0.12.1rc0", 4, 0, 0.0, "p.x (line 1): function removed"),
        ("p", "s/a.py", "1.9", "7.0", 4, 0, 0.0, "p.x (line 1): function removed"),
        ("p", "s/a.py", "1.9", "3.0", 4, 4, 1.0, ""),
    ]
)["usage"]


def test_usage_predicts_each_judged_cell_and_versions_without_one() -> None:
    rows = predict_by_usage(RESULTS, USAGE)
    found = [(row.version, row.predicted, row.actual, row.python, row.missing[:3]) for row in rows]
    assert found == [
        ("0.12.1rc0", "fails", "fails", "cp37", "p.x"),
        ("1.10", "works", "works", "cp37", ""),
        ("2.0rc1", "fails", "fails", "cp37", "p.x"),
        ("3.0", "works", "fails", "cp38", ""),
        ("7.0", "fails", None, None, "p.x"),
    ]
    every, importing = count_confusions(rows)
    assert (every.true_positives, every.false_negatives, every.true_negatives) == (2, 1, 1)
    assert (every.precision, every.recall, every.total) == (1.0, pytest.approx(2 / 3), 4)  # type: ignore[comparison-overlap]
    assert (importing.total, importing.recall) == (3, 0.5)


def test_confusion_of_nothing() -> None:
    assert count_confusions(predict_by_usage([], USAGE)) == []
    (every, _) = count_confusions(predict_by_usage([make_result(version="1.10")], USAGE))
    assert (every.precision, every.recall) == (None, None)
