from __future__ import annotations

from dataclasses import replace

from calipertf.formats.records import Cell, Record, Verdict
from calipertf.reasons.last_words import Failure
from calipertf.run.summary import explain_failures

CELL = Cell(package="six", version="1.0", python="cp38")


def test_what_a_script_said_cannot_steer_the_terminal() -> None:
    failure = Failure(type="ValueError", message="\x1b[31mred\x07 \x9b2J caf\u00e9")
    verdict = Verdict(outcome="run_failed", exception=failure)
    record = Record(cell=CELL, outcome="run_failed", outcomes={"a.py": verdict})
    (line,) = explain_failures([record])
    assert line == "1 x run_failed: ValueError: \\x1b[31mred\\x07 \\x9b2J caf\u00e9"


def test_each_distinct_failure_of_a_cell_is_listed_once() -> None:
    def fail(kind: str, message: str) -> Verdict:
        return Verdict(outcome="run_failed", exception=Failure(type=kind, message=message))

    missing = "cannot import name 'x' from 'q' (/cell/env/lib/python3.{}/site-packages/q.py)"
    records = [
        Record(
            cell=replace(CELL, python=f"cp3{minor}"),
            outcome="run_failed",
            outcomes={
                "a.py": fail("ImportError", missing.format(minor)),
                "b.py": fail("ImportError", missing.format(minor)),
                "c.py": fail("TypeError", "two\nlines"),
                "d.py": Verdict(outcome="different_result", differences=(f"line {minor}",)),
                "e.py": Verdict(outcome="different_result", differences=(f"line 7{minor}",)),
                "f.py": Verdict(outcome="same_result"),
                "g.py": Verdict(outcome="not_compared", detail="no baseline"),
            },
        )
        for minor in (8, 11)
    ]
    assert explain_failures(records) == [
        f"2 x run_failed: ImportError: {missing.format(8)}",
        "2 x run_failed: TypeError: two lines",
        "2 x different_result",
    ]


def test_failed_builds_are_one_failure_whatever_the_path() -> None:
    records = [
        Record(cell=CELL, outcome="build_failed", message=f"error: no file /tmp/x-{n}/a.h")
        for n in (1, 2, 3)
    ]
    assert explain_failures(records) == ["3 x build_failed: error: no file /tmp/x-1/a.h"]


def test_what_a_script_without_an_exception_said_is_called_that() -> None:
    verdict = Verdict(outcome="run_failed", reason="script", detail="no config given")
    record = Record(cell=CELL, outcome="run_failed", outcomes={"a.py": verdict})
    assert explain_failures([record]) == [
        "1 x run_failed: it ended without an exception: no config given"
    ]


def test_failures_that_are_not_listed_are_counted() -> None:
    records = [
        Record(cell=CELL, outcome="build_failed", message=f"error: no header {letter}.h")
        for letter in "abcde"
    ]
    lines = explain_failures(records, limit=3)
    assert lines[3:] == ["and 2 more: stage 3 lists them all"]
