"""Two runs of one grid: what was fixed, what broke, what still fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from calipertf.formats.records import Cell
from calipertf.parse.results import Result

#: What can become of a script between two runs, worst first.
STATUSES = (
    "broken",
    "fails otherwise",
    "still failing",
    "no verdict",
    "fixed",
    "still working",
    "only before",
    "only now",
    "no release",
)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One script in one cell, before and now."""

    cell: Cell
    suite: str
    script: str
    #: One of STATUSES.
    status: str
    #: Outcomes; None where a run has no such cell or script.
    before: str | None
    now: str | None
    signature_before: str | None
    signature_now: str | None


def compare_runs(before: Iterable[Result], now: Iterable[Result]) -> list[Comparison]:
    """Return each script in each cell of either run, in the order of cells and scripts."""
    earlier = {(result.cell, result.script): result for result in before}
    later = {(result.cell, result.script): result for result in now}
    keys = sorted({*earlier, *later}, key=lambda key: (key[0].sort_key(), key[1]))
    return [_compare(earlier.get(key), later.get(key)) for key in keys]


def _compare(before: Result | None, now: Result | None) -> Comparison:
    known = now or before
    if known is None:
        raise ValueError("neither run has the script")
    return Comparison(
        cell=known.cell,
        suite=known.suite,
        script=known.script,
        status=judge_change(before, now),
        before=before.outcome if before else None,
        now=now.outcome if now else None,
        signature_before=before.signature if before else None,
        signature_now=now.signature if now else None,
    )


def judge_change(before: Result | None, now: Result | None) -> str:
    """Return one of STATUSES for a script in two runs."""
    if before is None or now is None:
        return "only now" if before is None else "only before"
    if any(result.silent and result.outcome != "no_release" for result in (before, now)):
        return "no verdict"
    if before.outcome == now.outcome == "no_release":
        return "no release"
    works = now.works
    if before.works != works:
        return "fixed" if works else "broken"
    if works:
        return "still working"
    alike = (before.outcome, before.signature) == (now.outcome, now.signature)
    return "still failing" if alike else "fails otherwise"


def count_statuses(comparisons: Sequence[Comparison]) -> dict[str, int]:
    """Return how many scripts in cells have each status that occurs, worst first."""
    counts = Counter(item.status for item in comparisons)
    return {status: counts[status] for status in STATUSES if counts[status]}


def find_regressions(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Return those that worked before and do not now."""
    return [item for item in comparisons if item.status == "broken"]
