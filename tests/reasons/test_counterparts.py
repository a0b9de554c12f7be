from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from calipertf.formats.record_files import write_record
from calipertf.formats.records import Cell, Record, Run, Verdict
from calipertf.parse.load import read_inputs
from calipertf.paths import Layout
from calipertf.reasons.counterparts import settle_reasons
from calipertf.reasons.last_words import Failure

SCRIPT = "s/a.py"
ERROR = Failure(type="ImportError", message="cannot import name 'Celery' from 'celery'")
#: Requirements: the same, and one whose dependency differs.
SAME = ("p==1\n", "q==1\n")
DRIFTED = ("p==1\n", "q==2\n")


def make(
    cell: tuple[str, str, str],
    outcome: str = "run_failed",
    reason: str | None = None,
    *,
    requirements: tuple[str, ...] = SAME,
    error: str = "",
    baseline: tuple[str, str, str] | None = ("1.0", "cp38", "release"),
    **verdict: object,
) -> Record:
    version, python, resolve = cell
    failed = outcome in {"import_failed", "run_failed"}
    made = Verdict(
        outcome=outcome,
        reason=reason,
        baseline=dict(zip(("version", "python", "resolve"), baseline, strict=True))
        if baseline
        else None,
        **{"exception": ERROR if failed else None, **verdict},
    )
    built = outcome != "build_failed"
    return Record(
        cell=Cell(package="p", version=version, python=python, resolve=resolve),
        outcome=outcome,
        reason=reason,
        outcomes={SCRIPT: made} if built else {},
        runs={SCRIPT: Run(retval=int(failed), error=(error,))} if built else {},
        requirements=requirements,
        build=Run(retval=int(not built)),
    )


TODAY, RELEASE, OTHER_PYTHON = (
    ("1.0", "cp37", "today"),
    ("1.0", "cp37", "release"),
    ("1.0", "cp38", "today"),
)


def settle(failing: Record, *others: Record) -> tuple[str | None, str | None]:
    """The reasons of the record and of its script once the others are known."""
    settled = settle_reasons([failing], others)[failing.cell]
    assert settled == replace(failing, reason=settled.reason, outcomes=settled.outcomes)
    script = settled.outcomes.get(SCRIPT)
    return settled.reason, script.reason if script else settled.reason


@pytest.mark.parametrize(
    ("outcome", "there"),
    [
        ("run_failed", "same_result"),
        ("run_failed", "different_result"),
        ("run_failed", "not_compared"),
        ("import_failed", "same_result"),
        ("import_failed", "run_failed"),
        ("build_failed", "import_failed"),
        ("build_failed", "same_result"),
    ],
)
@pytest.mark.parametrize("reason", ["api_missing", "api_changed", "other", "data", "python"])
def test_what_works_on_another_date_fails_by_drift(outcome: str, there: str, reason: str) -> None:
    failing = make(TODAY, outcome, reason)
    assert settle(failing, make(RELEASE, there)) == ("dependency", "dependency")
    # The date says it even where another Python works as well.
    both = [make(RELEASE, there), make(OTHER_PYTHON, there)]
    assert settle(failing, *both) == ("dependency", "dependency")


@pytest.mark.parametrize("outcome", ["build_failed", "import_failed", "run_failed"])
@pytest.mark.parametrize("reason", ["api_missing", "other", "dependency", "script"])
def test_what_works_on_another_python_fails_by_python(outcome: str, reason: str) -> None:
    failing = make(TODAY, outcome, reason)
    assert settle(failing, make(OTHER_PYTHON, "same_result")) == ("python", "python")


@pytest.mark.parametrize(
    ("reason", "error", "requirements", "expected"),
    [
        # Another Python gets other versions of dependencies: what fails in one of them is drift.
        ("dependency", "", DRIFTED, "dependency"),
        ("other", "", DRIFTED, "python"),
        ("other", "site-packages/q/a.py", DRIFTED, "dependency"),
        ("other", "site-packages/q/a.py", SAME, "python"),
        ("other", "site-packages/r/a.py", DRIFTED, "python"),
        ("api_missing", "    x = q.find().get(1)", DRIFTED, "dependency"),
        ("python", "site-packages/q/a.py", DRIFTED, "python"),
        ("dependency", "", SAME, "python"),
    ],
)
def test_dependencies_that_differ_on_another_python(
    reason: str, error: str, requirements: tuple[str, ...], expected: str
) -> None:
    text = f"Traceback (most recent call last):\n{error}\nE: x\n"
    failing = make(TODAY, reason=reason, error=text)
    works = make(OTHER_PYTHON, "same_result", requirements=requirements)
    assert settle(failing, works) == (expected, expected)


@pytest.mark.parametrize(
    ("reason", "detail"), [("timeout", None), ("killed", "out of memory"), ("killed", "SIGKILL")]
)
def test_what_was_ended_from_outside_stays(reason: str, detail: str | None) -> None:
    failing = make(TODAY, reason=reason, exception=None, detail=detail)
    assert settle(failing, make(RELEASE, "same_result")) == (reason, reason)


def test_a_crash_that_another_date_does_not_have_is_drift() -> None:
    failing = make(TODAY, reason="killed", exception=None, detail="SIGSEGV")
    settled = settle_reasons([failing], [make(RELEASE, "same_result")])[failing.cell]
    verdict = settled.outcomes[SCRIPT]
    assert (verdict.reason, verdict.detail) == ("dependency", "SIGSEGV")


def test_a_missing_header_stays_the_machines() -> None:
    failing = make(TODAY, "build_failed", "system")
    assert settle(failing, make(OTHER_PYTHON, "same_result"))[0] == "system"


@pytest.mark.parametrize(
    "there",
    [
        make(("2.0", "cp37", "today"), "same_result"),
        make(("1.0", "cp38", "release"), "same_result"),
        make(RELEASE, "run_failed", "other"),
        make(RELEASE, "no_interpreter"),
        make(RELEASE, "infrastructure_error"),
        replace(make(RELEASE, "same_result"), cell=Cell(package="z", version="1.0", python="cp37")),
    ],
)
def test_other_cells_say_nothing(there: Record) -> None:
    failing = make(TODAY, reason="api_missing")
    assert settle(failing, there) == ("api_missing", "api_missing")


@pytest.mark.parametrize(
    "outcome", ["same_result", "different_result", "not_compared", "no_release", "no_interpreter"]
)
def test_what_did_not_fail_gets_no_reason(outcome: str) -> None:
    assert settle(make(TODAY, outcome), make(RELEASE, "same_result"))[0] is None


HOME = ("1.0", "cp38", "release")
FAR = ("2.0", "cp39", "today")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("api_missing", "script"),
        ("other", "script"),
        ("data", "data"),
        ("dependency", "dependency"),
        ("system", "system"),
    ],
)
def test_what_fails_at_home_as_well_is_the_scripts(reason: str, expected: str) -> None:
    failing, home = make(FAR, reason=reason), make(HOME, reason=reason)
    assert settle(failing, home) == (expected, expected)
    assert settle(home, failing) == (expected, expected)


def test_what_fails_at_home_otherwise_or_works_somewhere_is_not() -> None:
    failing = make(FAR, reason="other")
    other = make(HOME, reason="other", exception=Failure(type="KeyError", message="'a'"))
    assert settle(failing, other)[1] == "other"
    assert settle(failing, make(HOME), make(("3.0", "cp39", "today"), "same_result"))[1] == "other"


@pytest.mark.parametrize(("python", "expected"), [("cp39", "dependency"), ("cp311", "python")])
def test_a_script_that_works_somewhere_has_no_fault_of_its_own(python: str, expected: str) -> None:
    failing = make(FAR, reason="script", detail="nothing has the module numpy")
    works = make(("3.0", python, "today"), "same_result")
    settled = settle_reasons([failing], [works])[failing.cell].outcomes[SCRIPT]
    assert (settled.reason, settled.detail) == (expected, None)


def test_settled_reasons_stay() -> None:
    records = [make(TODAY, reason="other"), make(RELEASE, "same_result"), make(OTHER_PYTHON)]
    once = settle_reasons(records)
    assert settle_reasons(once.values()) == once
    assert list(once) == [record.cell for record in records]


def test_stage_3_finds_reasons_beside_all_that_it_reads(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    for record in (make(TODAY, reason="api_missing"), make(RELEASE, "same_result")):
        write_record(layout.record_path(record.cell, dated=True), record)
    records = {record.cell.resolve: record for record in read_inputs(layout).records}
    assert records["today"].outcomes[SCRIPT].reason == "dependency"
    assert records["release"].reason is None
