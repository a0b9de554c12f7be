"""What counts as a difference between two printed results."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calipertf.formats.records import Run
from calipertf.run.comparison import compare_lines, compare_runs


def agree(here: str, there: str) -> bool:
    found = [compare_lines([a], [b], 1e-3).differences for a, b in ((here, there), (there, here))]
    assert bool(found[0]) == bool(found[1])
    return not found[0]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("[np.float64(1.0), np.float64(2.5)]", "[1.0, 2.5]"),
        ("[np.float64(1.0), np.float64(2.5)]", "[1.0, 2.50001]"),
        ("[numpy.float32(1.5)]", "[1.5]"),
        ("{'max': np.float64(6.0), 'n': np.int64(3)}", "{'max': 6.0, 'n': 3}"),
        ("(np.True_, [np.False_])", "(True, [False])"),
        ("[np.str_('a b'), np.bytes_(b'c')]", "['a b', b'c']"),
        ('[np.str_("it\'s")]', '["it\'s"]'),
        ("[np.complex128(1+2j), np.complex128(1j)]", "[(1+2j), 1j]"),
        ("[np.complex128(1-2e-05j), np.complex64(1e-05j)]", "[(1-2e-05j), 1e-05j]"),
        ("[np.longdouble('1.5')]", "[1.5]"),
        ("[np.float64(nan), np.float64(-inf)]", "[nan, -inf]"),
        ("[np.datetime64('2020-01-01')]", "[numpy.datetime64('2020-01-01')]"),
        ("[np.void(b'\\x00')]", "[void(b'\\x00')]"),
        ("array([1.0, 2.0], dtype=float64)", "array([1., 2.])"),
        ("array([ 1.,  2.])", "array([1., 2.])"),
        ("array([0, 1, ..., 8, 9], shape=(2000,))", "array([0, 1, ..., 8, 9])"),
        ("array([True], dtype=bool)", "array([True])"),
        ("x: 1e-05", "x: 1e-5"),
        ("x: -0.0", "x: 0.0"),
        ("x: 1e3", "x: 1000"),
        ("x: 1.", "x: 1.0"),
        ("(1+0j) (0.5+1e-17j)", "(1+0j) (0.5-3e-17j)"),
        ("(nan+1.00001j)", "(nan+1j)"),
        ("12.5%", "12.5001%"),
        ("total 12 #", "total 12 #"),
        ("{'b', 'a', 3}", "{3, 'a', 'b'}"),
        ("set(['b', 'a'])", "{'a', 'b'}"),
        ("frozenset({2, 1})", "frozenset({1, 2})"),
        ("1 passed in 0.05s", "1 passed in 0.12s"),
        (
            "== 1 failed, 2 passed, 3 warnings in 63.10s (0:01:03) ==",
            "== 1 failed, 2 passed, 3 warnings in 9.00s ==",
        ),
        ("Ran 3 tests in 0.002s", "Ran 3 tests in 0.010s"),
    ],
)
def test_spelling_is_no_difference(here: str, there: str) -> None:
    assert agree(here, there)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("total 12 #", "total 12 5"),
        ("[np.float64(1.0)]", "[2.0]"),
        ("[np.float64(1.0)]", "[np.float32(1.0)]"),
        ("[np.int64(3)]", "[4]"),
        ("[np.str_('a')]", "['b']"),
        ("[np.str_('a')]", "[a]"),
        ("[np.True_]", "[False]"),
        ("[np.True_]", "[1]"),
        ("nq.float64(1.0)", "1.0"),
        ("<class 'numpy.float64'>", "<class 'float'>"),
        ("array([], dtype=float64)", "array([], dtype=int64)"),
        ("array([1.], dtype=float32)", "array([1.])"),
        ("array([0, ..., 9], shape=(20,))", "array([0, ..., 9], shape=(30,))"),
        ("(1+2j)", "(1-2j)"),
        ("(1+2j)", "(1+2.5j)"),
        ("x: 2j", "x: 2"),
        ("version 1.2.3", "version 1.2.4"),
        ("version 1.2000.3", "version 1.2001.3"),
        ("took 2.5s", "took 2.50001s"),
        ("100,200.5", "100,250.5"),
        ("1,000", "1,001"),
        ("nan", "0.0"),
        ("nan", "inf"),
        ("['b', 'a']", "['a', 'b']"),
        ("{'b': 1, 'a': 2}", "{'a': 2, 'b': 1}"),
        ("{'b', 'a'}", "{'b', 'c'}"),
        ("{b, a}", "{a, b}"),
        ("{'a'}", "['a']"),
        ("1 passed in 0.05s", "2 passed in 0.05s"),
        ("reached the goal in 12.5s", "reached the goal in 13.5s"),
    ],
)
def test_what_is_meant_stays_a_difference(here: str, there: str) -> None:
    assert not agree(here, there)


def test_spelling_is_told() -> None:
    found = compare_lines(["x\n", "[np.int64(1)]\n"], ["x\n", "[1]\n"], 1e-3)
    assert found.respelt == "line 2: '[np.int64(1)]' here, '[1]' in the baseline"
    assert compare_lines(["[1.0]\n"], ["[1.0001]\n"], 1e-3).respelt is None


PIECES = st.sampled_from(
    ["np.float64(", "np.str_('", "array([", "dtype=int64", ")", "'", "#", "1", "2.5", "e5", "j",
     ",", " ", "\n", "+", "-", ".", "nan", "{", "}", "\\", "[... 5 bytes cut ...]\n", "٣", "\x85"]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=4), max_size=12).map("".join)


@given(TEXTS, TEXTS)
def test_any_two_texts_can_be_compared(a: str, b: str) -> None:
    left, right = a.splitlines(keepends=True), b.splitlines(keepends=True)
    assert not compare_lines(left, left, 1e-3).differences
    here, there = compare_lines(left, right, 1e-3), compare_lines(right, left, 1e-3)
    assert len(here.differences) == len(there.differences)
    one, two = (Run(output=tuple(text), retval=0, truncated_bytes=5) for text in (left, right))
    found = compare_runs(one, two, 1e-3), compare_runs(two, one, 1e-3)
    assert len(found[0].differences) == len(found[1].differences)
    assert bool(found[0].unknown) == bool(found[1].unknown)


def cut_run(head: str, tail: str, sha256: str | None = None, cut: int = 9000) -> Run:
    text = f"{head}\nhalf a li\n[... {cut} bytes cut ...]\nf a line\n{tail}\n"
    return Run(
        output=tuple(text.splitlines(keepends=True)), retval=0, truncated_bytes=cut, sha256=sha256
    )


@pytest.mark.parametrize(
    ("here", "there", "verdict"),
    [
        (cut_run("a 1.0", "z", "x"), cut_run("a 1.0", "z", "x"), "same"),
        (cut_run("a 1.0", "z", "x"), cut_run("a 1.0", "z", "y"), "unknown"),
        (cut_run("a 1.0", "z", "x"), cut_run("a 1.00001", "z", "y", cut=9001), "unknown"),
        (cut_run("a 1.0", "z", "x"), cut_run("a 2.0", "z", "y"), "different"),
        (cut_run("a 1.0", "z", "x"), cut_run("a 1.0", "y", "y"), "different"),
        (cut_run("a 1.0", "z"), cut_run("a 1.0", "z"), "unknown"),
        (cut_run("a 1.0", "z"), cut_run("a 1.0", "z", "x"), "unknown"),
        (cut_run("a 1.0", "z", "x"), Run(output=("a 1.0\n", "z\n"), retval=0), "unknown"),
        (cut_run("a 1.0", "z", "x"), Run(output=("b 1.0\n", "z\n"), retval=0), "different"),
        (cut_run("a 1.0", "z", "x"), Run(output=("a 1.0\n", "y\n"), retval=0), "different"),
    ],
)
def test_output_that_was_cut_is_the_same_by_its_hash_alone(
    here: Run, there: Run, verdict: str
) -> None:
    for found in (compare_runs(here, there, 1e-3), compare_runs(there, here, 1e-3)):
        what = "different" if found.differences else "unknown" if found.unknown else "same"
        assert what == verdict


def test_errors_that_were_cut_leave_the_result_whole() -> None:
    run = Run(output=("a\n",), error=("[... 9 bytes cut ...]\n",), retval=0, truncated_bytes=9)
    assert not compare_runs(run, run, 1e-3).unknown
