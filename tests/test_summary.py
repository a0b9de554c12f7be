from __future__ import annotations

from calipertf.exceptions import Failure
from calipertf.records import Cell, Record, Verdict
from calipertf.run.summary import explain_failures

CELL = Cell(package="six", version="1.0", python="cp38")


def test_what_a_script_said_cannot_steer_the_terminal() -> None:
    failure = Failure(type="ValueError", message="\x1b[31mred\x07 \x9b2J caf\u00e9")
    verdict = Verdict(outcome="run_failed", exception=failure)
    record = Record(cell=CELL, outcome="run_failed", outcomes={"a.py": verdict})
    (line,) = explain_failures([record])
    assert line == "1 x run_failed: ValueError: \\x1b[31mred\\x07 \\x9b2J caf\u00e9"
