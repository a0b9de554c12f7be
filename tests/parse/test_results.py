from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers import REPOSITORY
from helpers.grids import make_cell, make_record, make_result

from calipertf import outcomes
from calipertf.formats.record_files import read_record
from calipertf.formats.records import Cell, Record, Run, Verdict
from calipertf.formats.requirements import Difference, compare_requirements
from calipertf.parse.causes.nearest import Neighbours
from calipertf.parse.columns import TABLES, write_tables_page
from calipertf.parse.compare import STATUSES, compare_runs, count_statuses, find_regressions
from calipertf.parse.legacy import make_results_by_python
from calipertf.parse.requirements import parse_requirements
from calipertf.parse.results import Result, find_axes, find_suites, list_scripts, make_results
from calipertf.parse.timelines import make_timelines

GOOD = Verdict(outcome="same_result", suite="tests/v1")


def test_axes_are_in_the_order_of_versions_pythons_and_dates() -> None:
    results = [
        make_result("same_result", version, python=python, resolve=resolve, script=script)
        for version, python, resolve, script in [
            ("1.10.0", "cp310", "original", "tf_v10/a.py"),
            ("1.9.0", "cp39", "today", "tf_v2/a.py"),
            ("1.10.0rc1", "cp27", "2021-01-20", "tf_v0.11/a.py"),
            ("nightly", "cp39", "release", "tf_v2/a.py"),
        ]
    ]
    axes = find_axes(results)
    assert axes.versions["p"] == ("nightly", "1.9.0", "1.10.0rc1", "1.10.0")
    assert axes.pythons == ("cp27", "cp39", "cp310")
    assert axes.resolves == ("release", "2021-01-20", "today", "original")
    assert list(axes.suites) == ["tf_v0.11", "tf_v2", "tf_v10"]


def test_no_results_have_no_axes() -> None:
    assert find_axes([]).packages == ()


@pytest.mark.parametrize(
    ("tests", "scripts"),
    [
        ("a.py\nb.py\n", ["a.py", "b.py"]),
        (["b.py", "a.py", "a.py"], ["a.py", "b.py"]),
        (None, []),
        ("", []),
    ],
)
def test_scripts_that_a_cell_was_asked_for(tests: object, scripts: list[str]) -> None:
    record = Record(cell=make_cell(), outcome="no_release", inputs={"tests": tests})
    assert list_scripts(record) == scripts


def test_suite_is_the_baselines_or_the_first_folder() -> None:
    records = [
        make_record("1.0", {"x/a.py": Verdict(outcome="run_failed")}),
        make_record("2.0", {"x/a.py": GOOD, "y/b.py": Verdict(outcome="run_failed"), "c.py": GOOD}),
        make_record("2.1", {"d.py": Verdict(outcome="run_failed")}),
    ]
    suites = {"x/a.py": "tests/v1", "y/b.py": "y", "c.py": "tests/v1", "d.py": "scripts"}
    assert find_suites(records) == suites


def test_cell_that_was_not_built_says_so_of_every_script() -> None:
    records = [
        make_record("1.0", {"a.py": GOOD, "b.py": GOOD}),
        make_record("0.9", None, outcome="build_failed"),
        make_record("0.8", None, outcome="no_release"),
        make_record("0.8", None, outcome="no_release", package="q"),
    ]
    results = make_results(records)
    found = [(r.cell.package, r.cell.version, r.script, r.outcome, r.signature) for r in results]
    assert found == [
        ("p", "1.0", "a.py", "same_result", None),
        ("p", "1.0", "b.py", "same_result", None),
        ("p", "0.9", "a.py", "build_failed", "build of p"),
        ("p", "0.9", "b.py", "build_failed", "build of p"),
        ("p", "0.8", "a.py", "no_release", None),
        ("p", "0.8", "b.py", "no_release", None),
    ]
    assert [r.traits.group for r in results[::2]] == ["works", "cannot build", "cannot build"]


def test_each_script_of_the_original_has_a_result_in_each_cell() -> None:
    folder = REPOSITORY / "tests/data/original/data"
    results = make_results([read_record(path) for path in sorted(folder.glob("*.json"))])
    assert len(results) == 3 * 3
    assert find_axes(results).resolves == ("original",)
    outcomes = {(r.cell.python, r.script): r.outcome for r in results}
    assert outcomes["cp38", "first/grow.py"] == "no_release"
    assert outcomes["cp33", "first/grow.py"] == "build_failed"
    assert outcomes["cp36", "second/prune.py"] == "run_failed"
    assert all(r.signature for r in results if r.outcome.endswith("failed"))


def test_records_of_the_original_give_results(reference: Path) -> None:
    folder = reference / "caliper-analysis/.caliper/data"
    records = [read_record(path) for path in sorted(folder.glob("*.json"))]
    results = make_results(records)
    axes = find_axes(results)
    assert axes.resolves == ("original",)
    # Each cell has the same scripts, those that could not be built as well.
    assert len(results) == len(records) * 43
    outcomes = {(r.cell.version, r.cell.python): r.outcome for r in results if not r.works}
    assert outcomes["1.0.0", "cp38"] == "no_release"
    assert outcomes["1.0.0", "cp33"] == "build_failed"
    assert all(r.signature for r in results if r.outcome.endswith("failed"))


OUTCOMES = {"+": "same_result", "o": "not_compared", "x": "run_failed", "~": "different_result"}
OUTCOMES |= {"?": "unstable_result", "-": "no_release", "B": "build_failed"}


@pytest.mark.parametrize(
    # One mark a version 1.0, 2.0, ..., 10.0.
    ("marks", "first", "last", "breaking", "before", "too_old", "recovers"),
    [
        ("+++", "1.0", "3.0", None, None, None, False),
        ("x+x", "2.0", "2.0", "3.0", "2.0", "1.0", False),
        ("x++x+x", "2.0", "5.0", "4.0", "3.0", "1.0", True),
        ("xxx", None, None, None, None, None, False),
        ("+?-x", "1.0", "1.0", "4.0", "1.0", None, False),
        ("+~", "1.0", "1.0", "2.0", "1.0", None, False),
        ("+B", "1.0", "1.0", "2.0", "1.0", None, False),
        ("oB", None, None, None, None, None, False),
        ("o+o", "2.0", "2.0", None, None, None, False),
        ("x--------+", "10.0", "10.0", None, None, "1.0", False),
        ("+x-------+", "1.0", "10.0", "2.0", "1.0", None, True),
        ("+", "1.0", "1.0", None, None, None, False),
        ("??-", None, None, None, None, None, False),
    ],
)
def test_timeline(
    marks: str, first: str, last: str, breaking: str, before: str, too_old: str, recovers: bool
) -> None:
    # The order of the files does not count: 10.0 comes before 2.0 there.
    results = [make_result(OUTCOMES[mark], f"{number}.0") for number, mark in enumerate(marks, 1)]
    asked: list[tuple[str, str | None]] = []

    def explain(result: Result, cell: Cell | None) -> None:
        asked.append((result.cell.version, cell.version if cell else None))

    lines = make_timelines(sorted(results, key=lambda r: r.cell.version), explain)
    if first is None and set(marks) <= set("?-"):
        assert lines == []
        return
    (line,) = lines
    assert (line.first_working, line.last_working, line.before) == (first, last, before)
    assert (line.breaking.cell.version if line.breaking else None) == breaking
    assert (line.too_old.cell.version if line.too_old else None) == too_old
    assert line.recovers == recovers
    assert line.working == marks.count("+")
    assert line.judged == len(marks) - sum(marks.count(mark) for mark in "?-o")
    expected = [(breaking, before)] if breaking else []
    assert asked == expected + ([(too_old, first)] if too_old else [])


def test_where_no_python_has_all_versions_a_timeline_goes_over_any() -> None:
    results = [
        make_result("same_result", "1.0", python="cp37"),
        make_result("run_failed", "2.0", python="cp37"),
        make_result("different_result", "2.0", python="cp38"),
        make_result("no_release", "3.0", python="cp37"),
        make_result("run_failed", "3.0", python="cp311"),
        make_result("same_result", "1.0", python="cp37", resolve="release"),
    ]
    lines = make_timelines(results, lambda _result, _cell: None)
    assert [(line.python, line.resolve, line.judged, line.working) for line in lines] == [
        ("cp37", "today", 2, 1),
        ("any", "today", 3, 1),
        ("cp38", "today", 1, 0),
        ("cp311", "today", 1, 0),
        ("cp37", "release", 1, 1),
    ]
    breaking = lines[1].breaking
    assert breaking is not None
    # Of 2.0, the Python where it goes best.
    assert (breaking.cell.version, breaking.cell.python) == ("2.0", "cp38")


@pytest.mark.parametrize(
    ("version", "python", "resolve", "nearest"),
    [
        # One axis differs, then few steps of versions; of two as near, the lower.
        ("1.9.0", "cp37", "today", ("1.9.0", "cp37", "release")),
        ("1.11.0", "cp37", "release", ("1.10.0", "cp37", "release")),
        ("1.8.0", "cp38", "release", ("1.10.0", "cp38", "release")),
        ("1.10.0", "cp38", "today", ("1.10.0", "cp38", "release")),
        ("1.11.0", "cp38", "today", ("1.10.0", "cp38", "release")),
    ],
)
def test_nearest_working_cell(
    version: str, python: str, resolve: str, nearest: tuple[str, str, str]
) -> None:
    places = [("1.9.0", "cp37"), ("1.10.0", "cp37"), ("1.10.0", "cp38")]
    results = [make_result("same_result", v, python=p, resolve="release") for v, p in places]
    failed = make_result("run_failed", version, python=python, resolve=resolve)
    results += [failed, make_result("import_failed", "1.8.0"), make_result("run_failed", "1.11.0")]
    cell = Neighbours(results, find_axes(results)).find(failed)
    assert cell is not None
    assert (cell.version, cell.python, cell.resolve) == nearest


def test_cell_that_imports_need_not_run_the_script() -> None:
    broken = make_result("import_failed", "2.0")
    results = [
        make_result("same_result", "0.1"),
        make_result("run_failed", "2.0", resolve="release"),
        make_result("same_result", "2.0", resolve="release", package="q"),
        broken,
    ]
    neighbours = Neighbours(results, find_axes(results))
    assert neighbours.find(broken) == results[0].cell
    assert neighbours.find_importing(broken) == results[1].cell
    lonely = make_result("import_failed", "2.0", package="q", script="s/z.py")
    assert neighbours.find(lonely) is None


def test_what_ran_explains_a_failure_only_where_nothing_was_compared() -> None:
    failed = make_result("run_failed", "3.0")
    ran = [make_result("not_compared", "2.0"), failed]
    works = [make_result("same_result", "1.0"), *ran]
    found = [Neighbours(results, find_axes(results)).find(failed) for results in (ran, works)]
    assert [cell.version if cell else None for cell in found] == ["2.0", "1.0"]


@pytest.mark.parametrize(
    ("line", "name", "version"),
    [
        ("Absl_Py==1.4.0\n", "absl-py", "1.4.0"),
        ("a.b == 1.0", "a-b", "1.0"),
        ("a===odd-version", "a", "odd-version"),
        ("a==1.0  # via b", "a", "1.0"),
        ("a @ file:///x/a-1.0.whl#sha256=1", "a", "file:///x/a-1.0.whl#sha256=1"),
        ("a[b,c] @ https://x/y.zip", "a", "https://x/y.zip"),
        ("-e git+https://x/y@abc#egg=My_Name", "my-name", "git+https://x/y@abc"),
        ("a==1.0+cpu", "a", "1.0+cpu"),
    ],
)
def test_line_of_pip_freeze(line: str, name: str, version: str) -> None:
    (item,) = parse_requirements([line])
    assert (item.name, item.version) == (name, version)


def test_lines_that_are_no_requirements_are_left_out() -> None:
    assert parse_requirements(["\n", "# a comment", "## FIXME", "-e /here", "é"]) == []


def test_requirements_that_differ() -> None:
    here = parse_requirements(["six==1", "A==1", "x==1"])
    there = parse_requirements(["six==1", "a==2", "y==1"])
    assert compare_requirements(here, there) == [
        Difference(name="a", here="1", there="2"),
        Difference(name="x", here="1", there=None),
        Difference(name="y", here=None, there="1"),
    ]


FAILED = {"reason": "other", "exception": "E: x"}


@pytest.mark.parametrize(
    ("before", "now", "status"),
    [
        (make_result(), make_result("run_failed"), "broken"),
        (make_result(), make_result("different_result"), "broken"),
        (make_result(), make_result("no_release"), "broken"),
        (make_result("run_failed", **FAILED), make_result("run_failed"), "fails otherwise"),
        (make_result("build_failed"), make_result("run_failed"), "fails otherwise"),
        (
            make_result("run_failed", **FAILED),
            make_result("run_failed", **FAILED),
            "still failing",
        ),
        (make_result("different_result"), make_result("different_result"), "still failing"),
        (make_result(), make_result("unstable_result"), "no verdict"),
        (make_result("no_interpreter"), make_result(), "no verdict"),
        (make_result("infrastructure_error"), make_result("run_failed"), "no verdict"),
        (make_result("run_failed"), make_result(), "fixed"),
        (make_result("no_release"), make_result("not_compared"), "no verdict"),
        (make_result(), make_result("not_compared"), "no verdict"),
        (make_result(), None, "only before"),
        (None, make_result("run_failed"), "only now"),
        (make_result("no_release"), make_result("no_release"), "no release"),
    ],
)
def test_what_became_of_a_script(before: Result, now: Result, status: str) -> None:
    compared = compare_runs([before] if before else [], [now] if now else [])
    assert [item.status for item in compared] == [status]
    assert count_statuses(compared) == {status: 1}
    assert len(find_regressions(compared)) == (status == "broken")
    assert status in STATUSES


def test_comparison_is_in_the_order_of_versions() -> None:
    runs = [make_result(version=version) for version in ("1.10", "1.9", "1.9rc1")]
    compared = compare_runs(runs[:2], runs)
    found = [(item.cell.version, item.status) for item in compared]
    assert found == [("1.9rc1", "only now"), ("1.9", "still working"), ("1.10", "still working")]


def test_results_in_the_originals_shape() -> None:
    built = make_record(
        "1.9", {"a.py": GOOD, "b.py": Verdict(outcome="run_failed")}, python="cp310"
    )
    records = [
        built,
        replace(built, cell=make_cell("1.9", "cp310", "z"), runs={}),
        make_record("1.10", None, python="cp310", outcome="no_release"),
        make_record("1.10", {"b.py": GOOD}, python="cp27"),
        make_record("2.0rc1", {"c.py": GOOD}, python="cp27"),
        replace(
            built, cell=make_cell("1.8", "cp310"), runs={}, build=Run(retval=2, error=("e\n",))
        ),
    ]
    shaped = make_results_by_python(records)
    assert list(shaped) == ["27", "310"]
    keys = {
        python: [(row["x_name"], row["y_module"], row["retval"]) for row in rows]
        for python, rows in shaped.items()
    }
    assert keys["27"] == [("build", "1.10", 0), ("a.py", "1.10", -1), ("b.py", "1.10", 0)]
    assert keys["310"] == [
        ("build", "1.8", 2),
        ("a.py", "1.8", -1),
        ("b.py", "1.8", -1),
        ("build", "1.9", 0),
        ("a.py", "1.9", 0),
        ("b.py", "1.9", 1),
        ("build", "1.10", 1),
        ("a.py", "1.10", -1),
        ("b.py", "1.10", -1),
    ]
    ran = [row for row in shaped["27"] if row["x_name"] == "b.py"]
    assert ran == [
        {"x_name": "b.py", "y_module": "1.10", "retval": 0, "output": ["1\n"], "error": []}
    ]


def test_page_of_the_outcomes_is_up_to_date() -> None:
    page = REPOSITORY / "docs/outcomes.md"
    assert page.read_text(encoding="utf-8") == outcomes.make_page() + "\n"
    assert set(outcomes.BEST_FIRST) == set(outcomes.OUTCOMES)


def test_page_of_the_tables_is_up_to_date() -> None:
    page = REPOSITORY / "docs/tables.md"
    assert page.read_text(encoding="utf-8") == write_tables_page()
    assert all(
        kind in {"text", "whole", "number", "flag"}
        for table in TABLES.values()
        for kind, _ in table.columns.values()
    )
