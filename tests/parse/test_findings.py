"""The sentences that a page and a terminal begin with."""

from __future__ import annotations

import pytest
from helpers.grids import make_record, make_sims

from calipertf.formats.records import Verdict
from calipertf.parse.analysis import analyse
from calipertf.parse.findings import list_findings
from calipertf.parse.load import Inputs


@pytest.mark.parametrize(
    ("release", "today", "told"),
    [
        (
            "++",
            "+x",
            "Of 2 that work with the dependencies of their release, 1 do not with today's",
        ),
        (
            "++",
            "x~",
            "Of 2 that work with the dependencies of their release, 2 do not with today's",
        ),
        ("+x", "++", "All 1 that work with the dependencies of their release work with today's."),
        # Nothing to compare: it failed before, or nothing is known of one of the two.
        ("xx", "++", None),
        ("+x", "?+", None),
    ],
)
def test_what_drift_broke_is_told(release: str, today: str, told: str | None) -> None:
    outcomes = {"+": "same_result", "x": "run_failed", "~": "different_result"}
    outcomes["?"] = "unstable_result"
    records = [
        make_record(
            "1.0",
            {f"s/{n}.py": Verdict(outcome=outcomes[mark]) for n, mark in enumerate(marks)},
            resolve=resolve,
        )
        for resolve, marks in (("release", release), ("today", today))
    ]
    found = list_findings(analyse(Inputs(records=records, sims=make_sims(), changes=[], notes=[])))
    drift = [line for line in found if "dependencies of their release" in line]
    assert [line.startswith(told or "-") for line in drift] == ([True] if told else [])


def test_nothing_is_found_in_nothing() -> None:
    assert list_findings(analyse(Inputs(records=[], sims=make_sims(), changes=[], notes=[]))) == []
