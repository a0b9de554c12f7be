"""The few sentences that a page and a terminal begin with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from calipertf.formats.causes import describe_explanation
from calipertf.outcomes import BEST_FIRST, OUTCOMES
from calipertf.parse.analysis import Analysis
from calipertf.versions import python_version

#: The most cells whose proved causes are listed.
_LISTED = 4


def list_findings(analysis: Analysis) -> list[str]:
    """Return what was judged, where most works, what drift broke, what breaks most scripts."""
    if not analysis.results:
        return []
    found = [_count_outcomes(analysis), *_name_best(analysis)]
    found += _tell_drift(analysis)
    found += _tell_proved(analysis)
    found += _tell_breaks(analysis)
    return found


def _count_outcomes(analysis: Analysis) -> str:
    results = analysis.results
    counts = Counter(result.outcome for result in results)
    cells = len({result.cell for result in results})
    told = ", ".join(
        f"{counts[name]:,} {OUTCOMES[name].label}" for name in BEST_FIRST if counts[name]
    )
    return f"{cells:,} cells, {len(results):,} scripts in cells: {told}."


def _name_best(analysis: Analysis) -> Iterator[str]:
    """Yield the cell where most scripts of each suite work."""
    for suite, scripts in analysis.axes.suites.items():
        part = [result for result in analysis.results if result.suite == suite]
        works = Counter(result.cell for result in part if result.works)
        name = suite.rstrip("/").rpartition("/")[2]
        if not works:
            ran = {result.script for result in part if result.outcome == "not_compared"}
            more = f"; {len(ran)} ran with nothing to compare their result with" if ran else ""
            yield f"{name}: none of {len(scripts)} scripts is known to work anywhere{more}."
            continue
        cell, most = works.most_common(1)[0]
        alike = sum(count == most for count in works.values())
        others = f" and {alike - 1} more" if alike > 1 else ""
        where = f"{cell.package} {cell.version}, Python {python_version(cell.python)}"
        yield (
            f"{name}: most work on {where} (dependencies: {cell.resolve}){others}: "
            f"{most} of {len(scripts)}."
        )


def _tell_drift(analysis: Analysis) -> Iterator[str]:
    """Yield how much of what works with a version's own dependencies fails with today's."""
    works: dict[tuple[str, ...], dict[str, bool]] = {}
    for result in analysis.results:
        if not result.silent:
            cell = result.cell
            key = (cell.package, cell.version, cell.python, result.script)
            works.setdefault(key, {})[cell.resolve] = result.works
    both = [found for found in works.values() if {"release", "today"} <= found.keys()]
    before = sum(found["release"] for found in both)
    broken = sum(found["release"] and not found["today"] for found in both)
    if before and not broken:
        yield f"All {before:,} that work with the dependencies of their release work with today's."
    elif before:
        yield (
            f"Of {before:,} that work with the dependencies of their release, {broken:,} do not "
            "with today's: that is drift of the dependencies, not the version."
        )


def _tell_proved(analysis: Analysis) -> Iterator[str]:
    """Yield what experiments showed, each with the command that installs what works."""
    proved = analysis.inputs.proved
    for causes in proved[:_LISTED]:
        yield from (line.strip() for line in describe_explanation(causes.data))
    if len(proved) > _LISTED:
        yield f"{len(proved) - _LISTED} more cells have proved causes: see the table causes."


def _tell_breaks(analysis: Analysis) -> Iterator[str]:
    """Yield the causes that break most scripts."""
    timelines = analysis.tables["timelines"]
    broken = timelines[timelines["cause"].notna()]
    counts = broken.groupby("cause")["script"].nunique().sort_values(ascending=False, kind="stable")
    for cause, count in counts.head(3).items():
        yield f"Breaks {count} {'script' if count == 1 else 'scripts'}: {cause}."
