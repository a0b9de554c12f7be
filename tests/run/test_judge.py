from __future__ import annotations

from dataclasses import replace

import pytest

from calipertf.formats.records import Cell, Observation, Record, Run, Verdict
from calipertf.run.judge import compare_outputs, judge_record


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
        outcomes={"s.py": Verdict(outcome="not_compared")},
        bare_import=bare_import,
    )


def with_again(run: Run, again: Run) -> Run:
    return Run(output=run.output, retval=run.retval, repeat=again)


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


@pytest.mark.parametrize(
    ("tried", "modules", "hint"),
    [
        ("frog", ["packaging"], "import_name is frog, and the package brings packaging"),
        ("packaging.frog", ["packaging"], None),
        ("frog", [], None),
    ],
)
def test_failed_import_says_that_the_name_is_not_of_the_package(
    tried: str, modules: list[str], hint: str | None
) -> None:
    facts = {"import_name": tried, "modules": modules}
    failed = replace(record(HERE, FAILED, BROKEN_IMPORT), environment=facts)
    message = judge_record(failed, {}, {}, 1e-3).message or ""
    assert message.startswith("import failed in 1 of 1 scripts: ImportError: x")
    assert message.endswith("ImportError: x") if hint is None else hint in message


def test_failed_build_is_explained_by_what_it_printed() -> None:
    build = Run(error=("error: command 'gcc' failed: No such file or directory\n",), retval=1)
    judged = judge_record(Observation(cell=HERE, build=build), {}, {}, 1e-3)
    assert (judged.outcome, judged.reason) == ("build_failed", "system")
    assert "gcc" in (judged.message or "")


def test_import_that_fails_where_a_script_works_is_no_evidence() -> None:
    # The name to import was guessed wrong, as for markdown-it-py on Python 3.7.
    both = replace(record(HERE, FAILED, BROKEN_IMPORT), runs={"a.py": OK, "s.py": FAILED})
    judged = judge_record(both, {}, {}, 1e-3)
    assert {name: verdict.outcome for name, verdict in judged.outcomes.items()} == {
        "a.py": "not_compared",
        "s.py": "run_failed",
    }
    assert judged.outcome == "run_failed"
    assert "KeyError" in (judged.message or "")


QUIET = Run(error=("INFO: 5\n",), retval=0)
SKIPPED = Run(output=("test_a SKIPPED\n",), retval=0, run_by="pytest")
PASSED = Run(output=("test_a PASSED\n",), retval=0, run_by="pytest")


@pytest.mark.parametrize(
    ("run", "home_run", "outcome", "words"),
    [
        (QUIET, QUIET, "not_compared", "prints nothing on stdout"),
        (Run(output=("\n", " \n"), retval=0), QUIET, "not_compared", "print the result"),
        (QUIET, OK, "different_result", ""),
        (OK, QUIET, "different_result", ""),
        (OK, FAILED, "not_compared", "fails in its baseline: KeyError: 'x'"),
        (OK, Run(termination="timeout", retval=-9), "not_compared", "(timeout)"),
        (PASSED, PASSED, "same_result", ""),
        (SKIPPED, SKIPPED, "not_compared", "every test was skipped"),
        (SKIPPED, PASSED, "different_result", ""),
        (PASSED, SKIPPED, "different_result", ""),
    ],
)
def test_what_there_is_to_compare(run: Run, home_run: Run, outcome: str, words: str) -> None:
    home = judge_record(record(HOME, home_run), {"s.py": "s"}, {"s": record(HOME, home_run)}, 0)
    verdict = judge_record(record(HERE, run), {"s.py": "s"}, {"s": home}, 0).outcomes["s.py"]
    assert verdict.outcome == outcome
    assert words in (verdict.detail or "")


@pytest.mark.parametrize("run", [QUIET, SKIPPED])
def test_home_that_prints_nothing_is_not_compared_either(run: Run) -> None:
    home = record(HOME, replace(run, repeat=run))
    assert judge_record(home, {"s.py": "s"}, {"s": home}, 0).outcome == "not_compared"


def test_second_run_that_fails_is_told() -> None:
    home = record(HOME, replace(OK, repeat=FAILED))
    judged = judge_record(home, {"s.py": "s"}, {"s": home}, 0)
    verdict = judged.outcomes["s.py"]
    assert (verdict.outcome, verdict.differences) == ("unstable_result", ())
    assert str(verdict.detail).endswith("in a fresh process, fails: KeyError: 'x'")
    assert "KeyError" in (judged.message or "")


def test_second_run_that_was_cut_otherwise_is_not_compared() -> None:
    text = ("a\n", "[... 9 bytes cut ...]\n", "b\n")
    run = Run(output=text, retval=0, truncated_bytes=9, sha256="1", repeat=None)
    for other, outcome in (("1", "same_result"), ("2", "not_compared")):
        home = record(HOME, replace(run, repeat=replace(run, sha256=other)))
        assert judge_record(home, {"s.py": "s"}, {"s": home}, 0).outcome == outcome


@pytest.mark.parametrize(
    ("outcome", "message", "words"),
    [
        ("build_failed", "no gcc", "has no result: no gcc"),
        ("no_release", None, "has no result: no release"),
    ],
)
def test_home_that_was_not_built_is_told(outcome: str, message: str | None, words: str) -> None:
    home = Record(cell=HOME, outcome=outcome, message=message)
    verdict = judge_record(record(HERE, OK), {"s.py": "s"}, {"s": home}, 0).outcomes["s.py"]
    assert verdict.outcome == "not_compared"
    assert f"six 1.0 cp38 (release), {words}" in str(verdict.detail)


@pytest.mark.parametrize(
    ("line", "isolation", "words"),
    [
        ("FileNotFoundError: [Errno 2] No such file or directory: 'table.csv'", (), "__file__"),
        ("IOError: [Errno 2] No such file or directory: u'data/table.csv'", (), "__file__"),
        ("FileNotFoundError: [Errno 2] File b'table.csv' does not exist: b'table.csv'", (), "scr"),
        ("OSError: table.csv not found.", (), "__file__"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/etc/nosuch'", (), None),
        ("FileNotFoundError: [Errno 2] No such file or directory: /etc/nosuch", (), None),
        ("OSError: [Errno 30] Read-only file system: '/repository/x'", (), "working folder only"),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", ("network",), "true"),
        ("urllib.error.URLError: <urlopen error [Errno -2] x>", ("network",), "network: true"),
        ("requests.exceptions.ConnectionError: Max retries exceeded", ("network",), "no network"),
        ("OSError: [Errno 101] Network is unreachable", ("network",), "network: true"),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", (), None),
        ("KeyError: 'x'", ("network",), None),
    ],
)
def test_failure_of_the_surroundings_has_a_way_out(
    line: str, isolation: tuple[str, ...], words: str | None
) -> None:
    lines = ("Traceback (most recent call last):\n", '  File "s.py", line 1, in <module>\n', line)
    failed = record(HERE, Run(error=lines, retval=1))
    failed = replace(failed, environment={"isolation": list(isolation)})
    verdict = judge_record(failed, {}, {}, 0).outcomes["s.py"]
    if words is None:
        assert verdict.detail is None
    else:
        assert words in str(verdict.detail)
        assert verdict.reason == "data"


def test_program_that_is_missing_is_no_file_beside_the_script() -> None:
    lines = (
        "Traceback (most recent call last):\n",
        '  File "/usr/lib/python3.9/subprocess.py", line 1, in _execute_child\n',
        "FileNotFoundError: [Errno 2] No such file or directory: 'git'\n",
    )
    verdict = judge_record(record(HERE, Run(error=lines, retval=1)), {}, {}, 0).outcomes["s.py"]
    assert "scratch folder" not in str(verdict.detail)


def test_pytest_that_is_missing_is_no_verdict_on_the_package() -> None:
    lines = ("Traceback (most recent call last):\n", "ImportError: No module named pytest\n")
    failed = record(HERE, Run(error=lines, retval=1, run_by="pytest"))
    verdict = judge_record(failed, {}, {}, 0).outcomes["s.py"]
    assert (verdict.outcome, verdict.reason) == ("run_failed", "script")
    assert "requirements: [pytest]" in str(verdict.detail)


def test_file_without_tests_is_no_pass() -> None:
    none = record(HERE, Run(retval=5, run_by="pytest"))
    verdict = judge_record(none, {}, {}, 0).outcomes["s.py"]
    assert (verdict.outcome, verdict.reason) == ("run_failed", "script")
    assert "no test" in str(verdict.detail)


def test_file_that_pytest_cannot_read_is_no_test_called_collection() -> None:
    lines = ("Traceback (most recent call last):\n", "ImportError: No module named q\n")
    failed = record(
        HERE, Run(output=("collection ERROR\n",), error=lines, retval=2, run_by="pytest")
    )
    verdict = judge_record(failed, {}, {}, 0).outcomes["s.py"]
    assert "collection" not in str(verdict.detail)


def test_exception_without_a_message_is_shown_by_its_line() -> None:
    lines = (
        "Traceback (most recent call last):\n",
        '  File "/repository/s.py", line 2, in <module>\n',
        "    assert q.__version__ == '1'\n",
        "AssertionError\n",
    )
    verdict = judge_record(record(HERE, Run(error=lines, retval=1)), {}, {}, 0).outcomes["s.py"]
    assert verdict.detail == "at the line: assert q.__version__ == '1'"


def test_script_without_a_home_says_so() -> None:
    judged = judge_record(record(HERE, OK), {"s.py": None}, {}, 1e-3)
    assert judged.outcomes["s.py"].detail == "baselines names no baseline cell for it"


def test_failed_build_stays_what_it_is() -> None:
    failed = Record(cell=HERE, outcome="build_failed", build=Run(retval=1))
    assert judge_record(failed, {}, {}, 1e-3) == failed
