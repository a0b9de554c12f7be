from __future__ import annotations

import pytest

from calipertf.records import Cell, Record, Run, Verdict
from calipertf.run.outcomes import compare_outputs, judge_record


@pytest.mark.parametrize(
    ("here", "there", "same"),
    [
        ("loss: 0.5000\n", "loss: 0.50001\n", True),
        ("loss: 0.5000\n", "loss: 0.51\n", False),
        ("count: 1797\n", "count: 1798\n", False),
        ("count: 3\n", "count: 3.0\n", True),
        ("sum: 1e-9\n", "sum: -2e-9\n", True),
        ("[ 1. 2.5]\n", "[1.  2.5]\n", True),
        ("hello\n", "Hello\n", False),
        ("a\n\n", "a\n", True),
        ("a\nb\n", "a\n", False),
        ("loss: nan\n", "loss: 0.1\n", False),
        ("w: -3.2e+01\n", "w: -32.0\n", True),
        ("layer2: 5\n", "layer3: 5\n", False),
        ("", "", True),
        ("n: 007 -0\n", "n: +7 0\n", True),
        ("n: -7\n", "n: 7\n", False),
        (f"n: {'9' * 5000}\n", f"n: {'9' * 4999}8\n", False),
    ],
)
def test_comparison(here: str, there: str, same: bool) -> None:
    found = compare_outputs(here.splitlines(True), there.splitlines(True), 1e-3)
    assert (not found) is same


def test_difference_is_told_by_line() -> None:
    found = compare_outputs(["a: 1\n", "b: 2.5\n"], ["a: 1\n", "b: 3.5\n"], 1e-3)
    assert found == ["line 2: 'b: 2.5' here, 'b: 3.5' in the baseline"]


HOME = Cell(package="six", version="1.0", python="cp38", resolve="release")
HERE = Cell(package="six", version="2.0", python="cp39", resolve="today")
OK = Run(output=("x: 1\n",), retval=0)
OTHER = Run(output=("x: 2\n",), retval=0)
FAILED = Run(
    error=('Traceback (most recent call last):\n  File "s.py", line 1\n', "KeyError: 'x'\n"),
    retval=1,
)
BROKEN_IMPORT = Run(
    error=('Traceback (most recent call last):\n  File "<string>"\n', "ImportError: x\n"),
    retval=1,
)


def record(cell: Cell, run: Run, bare_import: Run | None = None) -> Record:
    return Record(
        cell=cell,
        outcome="not_compared",
        build=Run(retval=0),
        runs={"s.py": run},
        outcomes={"s.py": Verdict(outcome="not_compared", start="warm")},
        bare_import=bare_import,
    )


def with_again(run: Run, again: Run) -> Run:
    return Run(output=run.output, retval=run.retval, again=again)


@pytest.mark.parametrize(
    ("run", "home_run", "bare_import", "outcome"),
    [
        (OK, OK, None, "same_result"),
        (OTHER, OK, None, "different_result"),
        (FAILED, OK, None, "run_failed"),
        (FAILED, OK, BROKEN_IMPORT, "import_failed"),
        (OK, FAILED, None, "not_compared"),
        (OK, None, None, "not_compared"),
        (OTHER, with_again(OK, OTHER), None, "unstable_result"),
        (OK, with_again(OK, OTHER), None, "same_result"),
    ],
)
def test_judgement(run: Run, home_run: Run | None, bare_import: Run | None, outcome: str) -> None:
    home = None
    if home_run:
        home = judge_record(record(HOME, home_run), {"s.py": "s"}, {"s": record(HOME, home_run)}, 0)
    judged = judge_record(record(HERE, run, bare_import), {"s.py": "s"}, {"s": home}, 1e-3)
    assert judged.outcomes["s.py"].outcome == outcome
    assert judged.outcome == outcome
    assert judged.outcomes["s.py"].start == "warm"


@pytest.mark.parametrize(("again", "outcome"), [(OK, "same_result"), (OTHER, "unstable_result")])
def test_home_cell_is_judged_by_its_second_run(again: Run, outcome: str) -> None:
    home = record(HOME, with_again(OK, again))
    assert judge_record(home, {"s.py": "s"}, {"s": home}, 1e-3).outcome == outcome


def test_cell_whose_import_fails_is_explained_by_the_import() -> None:
    crash = Run(retval=-6)
    judged = judge_record(record(HERE, crash, BROKEN_IMPORT), {}, {}, 1e-3)
    assert judged.outcomes["s.py"].detail == "SIGABRT"
    # A bare import asks for no name of the API.
    assert (judged.outcome, judged.reason) == ("import_failed", "other")
    assert judged.message == "import failed in 1 of 1 scripts: ImportError: x"


def test_script_without_a_home_says_so() -> None:
    judged = judge_record(record(HERE, OK), {"s.py": None}, {}, 1e-3)
    assert judged.outcomes["s.py"].detail == "baselines names no home cell for it"


def test_failed_build_stays_what_it_is() -> None:
    failed = Record(cell=HERE, outcome="build_failed", build=Run(retval=1))
    assert judge_record(failed, {}, {}, 1e-3) == failed
