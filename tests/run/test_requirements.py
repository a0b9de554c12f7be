"""Requirements as pip freeze prints them, and how alike two lists of them are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calipertf.assess.requirements import (
    parse_freeze,
    score_all_requirements,
    score_requirements,
    semver_score,
    semver_similarity,
)
from calipertf.formats.scores import list_scores

WHEEL = "tensorboard-2.4.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("line", "pins"),
    [
        ("absl-py==0.11.0\n", {"absl-py": "0.11.0"}),
        ("Keras_Preprocessing==1.1.2", {"keras-preprocessing": "1.1.2"}),
        ("zope.interface===5.0", {"zope-interface": "5.0"}),
        (f"tensorboard @ file:///repo/{WHEEL}", {"tensorboard": "2.4.0"}),
        (f"tensorboard @ file:///repo/{WHEEL}#sha256=00", {"tensorboard": "2.4.0"}),
        ("six @ https://x.org/six-1.0%2Bcpu.tar.gz", {"six": "1.0+cpu"}),
        ("a @ git+https://x.org/a@v1", {"a": "git+https://x.org/a@v1"}),
        ("-e git+https://x.org/a@v1#egg=A_b", {"a-b": "git+https://x.org/a@v1"}),
        ("six==1.0  # via absl", {"six": "1.0"}),
        ("six==1.0 ; python_version < '3'", {"six": "1.0"}),
        ("pytz==2004d", {"pytz": "2004d"}),
        ("six", {"six": ""}),
        ("# six==1.0", {}),
        ("", {}),
        ("--find-links https://x.org", {}),
        ("TensorFlow @ file:///tmp/tensorflow-2.3.0-cp38-cp38-manylinux2010_x86_64.whl", {}),
    ],
)
def test_line_of_freeze_is_read(line: str, pins: dict[str, str]) -> None:
    found = parse_freeze([line], "tensorflow")
    assert dict(found.pins) == pins
    assert found.unread == ()


def test_line_without_a_name_is_kept_as_unread() -> None:
    found = parse_freeze(["-e /src/thing", "??", "six==1.0"], "tensorflow")
    assert found.unread == ("-e /src/thing", "??")
    assert dict(found.pins) == {"six": "1.0"}


def test_name_of_an_editable_folder_is_in_the_line_above() -> None:
    lines = [
        "# Editable install with no version control (Thing==1.2)",
        "-e /src/thing",
        "-e /src/other",
    ]
    found = parse_freeze(lines, "tensorflow")
    assert (found.pins, found.unread) == ({"thing": "1.2"}, ("-e /src/other",))


def test_versions_that_pep440_cannot_parse_are_flagged() -> None:
    found = parse_freeze(["pytz==2004d", "six", "numpy==1.18.5"], "tensorflow")
    assert found.odd_versions() == ["pytz 2004d", "six"]


@pytest.mark.parametrize(
    ("left", "right", "score"),
    [
        ("1.2.3", "1.2.3", 1.0),
        ("1.2", "1.2.0", 1.0),
        ("1.2.3+cpu", "1.2.3", 1.0),
        ("1.2.3", "1.2.3.post1", 0.9),
        ("1.2.3rc1", "1.2.3", 0.9),
        ("1.2.3", "1.2.4", 0.75),
        ("1.2.3", "1.2.3.1", 0.75),
        ("1.2.3", "1.3.3", 0.5),
        ("1.2.3", "2.2.3", 0.0),
        ("1!1.2.3", "1.2.3", 0.0),
        ("0.2.3", "0.2.3", 1.0),
        ("0.2.3", "0.2.3.dev1", 0.9),
        ("0.2.3", "0.2.4", 0.5),
        ("0.2.3.1", "0.2.3.2", 0.75),
        ("0.2.3", "0.3.3", 0.0),
        ("0.2.3", "1.2.3", 0.0),
        ("2004d", "2004d", 1.0),
        ("2004d", "2004e", 0.0),
        ("2004d", "2004", 0.0),
    ],
)
def test_semver_score(left: str, right: str, score: float) -> None:
    assert semver_score(left, right) == score
    assert semver_score(right, left) == score


def test_scores_by_hand() -> None:
    left = {"numpy": "1.18.5", "six": "1.15.0", "gast": "0.3.3"}
    right = {"numpy": "1.19.2", "six": "1.15.0", "wrapt": "1.12.1", "h5py": "2.10.0"}
    assert score_requirements(left, right) == {
        "set_jaccard": 2 / 5,
        "set_dice": 4 / 7,
        "pin_jaccard": 1 / 6,
        "pin_dice": 2 / 7,
        "semver": (0.5 + 1) / 5,
    }


@pytest.mark.parametrize(
    ("left", "right", "score"),
    [({}, {}, 1.0), ({"six": "1.0"}, {}, 0.0), ({"six": "1.0"}, {"six": "1.0"}, 1.0)],
)
def test_scores_of_empty_sets(left: dict[str, str], right: dict[str, str], score: float) -> None:
    assert score_requirements(left, right) == dict.fromkeys(list_scores("requirements"), score)


PINS = st.dictionaries(
    st.sampled_from(["numpy", "six", "gast", "wrapt", "h5py"]),
    st.sampled_from(["1.0", "1.0.1", "1.0.post1", "1.1", "2.0", "0.1", "0.1.1", "2004d", ""]),
)


@given(PINS, PINS)
def test_scores_are_symmetric_bounded_and_one_for_the_same(
    left: dict[str, str], right: dict[str, str]
) -> None:
    scores = score_requirements(left, right)
    assert scores == pytest.approx(score_requirements(right, left))
    assert all(0.0 <= value <= 1.0 for value in scores.values())
    assert set(score_requirements(left, left).values()) == {1.0}
    assert scores["set_jaccard"] <= scores["set_dice"]
    assert scores["pin_jaccard"] <= scores["semver"] + 1e-9 <= scores["set_jaccard"] + 2e-9


@given(st.lists(PINS, min_size=1, max_size=5))
def test_all_pairs_at_once_are_the_same_as_each_alone(environments: list[dict[str, str]]) -> None:
    tables = score_all_requirements(environments)
    for row, left in enumerate(environments):
        for column, right in enumerate(environments):
            alone = score_requirements(left, right)
            at_once = {name: float(tables[name][row, column]) for name in tables}
            assert at_once == pytest.approx(alone)


def test_no_environment_at_all() -> None:
    assert all(np.shape(table) == (0, 0) for table in score_all_requirements([]).values())


def test_semver_of_one_side_only_is_zero() -> None:
    assert semver_similarity({"six": "1.0"}, {"gast": "1.0"}) == 0.0
