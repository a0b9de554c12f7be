"""Outcomes as version x Python, and each script over the versions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import altair as alt
import pandas as pd

from calipertf.formats.records import Cell
from calipertf.outcomes import OUTCOMES, label_outcome, rank_best, select_outcomes
from calipertf.parse.figures.base import (
    INK,
    QUIET,
    WIDTH,
    Figure,
    make_figure,
    outcome_color,
    place_axis,
    shorten_suite,
    slant,
    slugify,
)
from calipertf.parse.results import Axes, Result
from calipertf.versions import python_key, python_version, version_key

#: Names of the outcomes that work, and of those that say nothing about the version.
_WORKING = select_outcomes(lambda outcome: outcome.works)
_SILENT = select_outcomes(lambda outcome: outcome.silent)


def draw_outcomes(package: str, results: Sequence[Result], axes: Axes) -> Iterator[Figure]:
    """Yield for each suite one figure: a panel a resolve date, a box a version and Python."""
    for suite in axes.suites:
        part = [result for result in results if result.suite == suite]
        if not part:
            continue
        panels = [
            _draw_panel(part, resolve)
            for resolve in axes.resolves
            if any(result.cell.resolve == resolve for result in part)
        ]
        name = shorten_suite(suite)
        scripts = len({result.script for result in part})
        works = Counter(result.cell for result in part if result.works)
        best = works.most_common(1)
        title = f"{name} works on no version of {package}"
        if best:
            cell, count = best[0]
            where = f"{package} {cell.version}, Python {python_version(cell.python)}"
            title = f"{name} works best on {where}: {count} of {scripts}"
        yield make_figure(
            f"outcomes-{slugify(name)}",
            alt.vconcat(*panels, spacing=26).resolve_scale(color="shared"),
            title=title,
            subtitle=f"{package} × Python: of {scripts} scripts, how many work; the bar shows what became of all",  # noqa: E501
            description=_describe(package, name, best),
        )


def _describe(package: str, suite: str, best: Sequence[tuple[Cell, int]]) -> str:
    if not best:
        return f"No script of {suite} works on any version of {package}."
    cell, count = best[0]
    return (
        f"Outcomes of {suite} for each version of {package} and Python. Most scripts work on "
        f"{cell.version} with Python {python_version(cell.python)}, {cell.resolve}: {count}."
    )


def _draw_panel(suite: Sequence[Result], resolve: str) -> alt.LayerChart:
    """Return one resolve date of a suite; axes and colours are those of all its dates."""
    part = [result for result in suite if result.cell.resolve == resolve]
    versions = sorted({result.cell.version for result in suite}, key=version_key)
    pythons = sorted({result.cell.python for result in suite}, key=python_key)
    bars, marks = _place_boxes(part, versions, pythons)
    step = max(30.0, min(104.0, WIDTH / len(versions)))
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[0, len(versions)], nice=False, zero=False),
        axis=place_axis(versions, title=None, labelAngle=slant(versions, step)),
    )
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=[len(pythons), 0], nice=False, zero=False),
        axis=place_axis([f"Python {python_version(tag)}" for tag in pythons], title=None),
    )
    boxes = (
        alt.Chart(bars)
        .mark_rect()
        .encode(
            x=x,
            x2="x2:Q",
            y=y,
            y2="y2:Q",
            color=outcome_color(result.outcome for result in suite),
            tooltip=[
                alt.Tooltip("version:N"),
                alt.Tooltip("python:N"),
                alt.Tooltip("label:N", title="outcome"),
                alt.Tooltip("count:Q", title="scripts"),
            ],
        )
    )
    text = (
        alt.Chart(marks)
        .mark_text(fontSize=11, baseline="middle")
        .encode(
            x=x,
            y=y,
            text="text:N",
            color=alt.Color("ink:N", scale=None, legend=None),
        )
    )
    words = {
        "release": "dependencies of the week it was released",
        "today": "dependencies of today",
    }
    heading = f"{resolve}: {words[resolve]}" if resolve in words else f"dependencies: {resolve}"
    return alt.layer(boxes, text).properties(
        width=step * len(versions),
        height=38 * len(pythons),
        title=alt.TitleParams(heading, fontSize=12, fontWeight="normal", color=QUIET, offset=6),
    )


def _place_boxes(
    part: Sequence[Result], versions: Sequence[str], pythons: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rectangles of each box's bar, best outcome to the left, and the words above it."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for result in part:
        counts[result.cell.version, result.cell.python][result.outcome] += 1
    bars, marks = [], []
    for (version, python), found in counts.items():
        column, row = versions.index(version), pythons.index(python)
        total, start = found.total(), 0
        uniform = len(found) == 1 and not _WORKING & {*found}
        for outcome in sorted(found, key=rank_best):
            end = start + found[outcome]
            bars.append(
                {
                    "x": column + 0.05 + 0.9 * start / total,
                    "x2": column + 0.05 + 0.9 * end / total,
                    "y": row + (0.12 if uniform else 0.55),
                    "y2": row + 0.88,
                    "outcome": outcome,
                    "label": label_outcome(outcome),
                    "count": found[outcome],
                    "version": version,
                    "python": python_version(python),
                }
            )
            start = end
        works = sum(found[outcome] for outcome in _WORKING)
        look = OUTCOMES[next(iter(found))]
        marks.append(
            {
                "x": column + 0.5,
                "y": row + (0.5 if uniform else 0.32),
                "text": look.sign if uniform else f"{works}/{total}",
                "ink": look.ink if uniform else INK,
            }
        )
    return pd.DataFrame(bars), pd.DataFrame(marks)


def draw_timelines(package: str, results: Sequence[Result], axes: Axes) -> Iterator[Figure]:
    """Yield for each suite and resolve date one figure: a row a script, a column a version."""
    for suite in axes.suites:
        for resolve in axes.resolves:
            part = [
                result
                for result in results
                if result.suite == suite and result.cell.resolve == resolve
            ]
            if part:
                yield _draw_timeline(package, suite, resolve, part)


def _title_timeline(suite: str, rows: pd.DataFrame, versions: Sequence[str]) -> str:
    """Return how many scripts work where most do, and on the latest version that was judged."""
    works = rows["outcome"].isin(_WORKING).groupby(rows["version"]).sum()
    judged = [name for name in versions if set(rows["outcome"][rows["version"] == name]) - _SILENT]
    if not works.max() or not judged:
        return f"No script of {suite} works"
    best = max(judged, key=lambda name: works[name])
    told = f"{suite}: {works[best]} of {rows['script'].nunique()} scripts work on {best}"
    return told if best == judged[-1] else f"{told}, {works[judged[-1]]} on {judged[-1]}"


def _draw_timeline(package: str, suite: str, resolve: str, part: Sequence[Result]) -> Figure:
    best: dict[tuple[str, str], str] = {}
    for result in part:
        key = result.script, result.cell.version
        best[key] = min(best.get(key, result.outcome), result.outcome, key=rank_best)
    versions = sorted({version for _, version in best}, key=version_key)
    prefix = f"{suite.rstrip('/')}/"
    rows = pd.DataFrame(
        [
            {
                "script": script.removeprefix(prefix).removesuffix(".py"),
                "version": version,
                "outcome": outcome,
                "label": label_outcome(outcome),
                "mark": OUTCOMES[outcome].sign,
                "ink": OUTCOMES[outcome].ink,
            }
            for (script, version), outcome in best.items()
        ]
    )
    step = max(24.0, min(72.0, (WIDTH - 260) / len(versions)))
    base = alt.Chart(rows).encode(
        x=alt.X(
            "version:N",
            sort=versions,
            axis=alt.Axis(title=None, orient="top", labelAngle=slant(versions, step)),
            scale=alt.Scale(paddingInner=0.08),
        ),
        y=alt.Y("script:N", axis=alt.Axis(title=None), scale=alt.Scale(paddingInner=0.12)),
    )
    boxes = base.mark_rect(cornerRadius=2).encode(
        color=outcome_color(set(rows["outcome"])),
        tooltip=["script:N", "version:N", alt.Tooltip("label:N", title="outcome")],
    )
    marks = base.mark_text(fontSize=10, baseline="middle").encode(
        text="mark:N", color=alt.Color("ink:N", scale=None, legend=None)
    )
    name = shorten_suite(suite)
    works = int(rows["outcome"].isin(_WORKING).sum())
    return make_figure(
        f"timeline-{slugify(name)}-{slugify(resolve)}",
        alt.layer(boxes, marks).properties(
            width=step * len(versions), height=17 * rows["script"].nunique()
        ),
        title=_title_timeline(name, rows, versions),
        subtitle=f"over the versions of {package}, on the Python where it goes best; dependencies: {resolve}",  # noqa: E501
        description=(
            f"Each script of {name} on each version of {package}: the best outcome on any Python, "
            f"dependencies as of {resolve}. {works} of {len(rows)} agree with the baseline."
        ),
    )
