"""Similarity of every two versions, and the size of the API over versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from calipertf.formats.scores import DIRECTED, SCORES
from calipertf.parse.figures.base import QUIET, WIDTH, Figure, make_figure, slant
from calipertf.parse.load import ApiChange
from calipertf.parse.matrices import fill_matrix
from calipertf.parse.prediction.statistics import Floats
from calipertf.versions import version_key

#: What stands over a panel -> the score of stage 2.
PANELS: Mapping[str, str] = {score.panel: column for column, score in SCORES.items() if score.panel}
#: Panels that are subtracted from one another.
DIFFERENCES = (
    ("requirements: names in common", "requirements: versions alike"),
    ("requirements: names in common", "API: signatures compatible"),
    ("requirements: versions alike", "API: signatures compatible"),
    ("API: names in common", "API: signatures compatible"),
)


#: Of no more versions than this, a matrix tells its numbers.
_NUMBERED = 10


def draw_similarities(package: str, table: pd.DataFrame) -> Iterator[Figure]:
    """One figure of the scores and one of their differences, for one package's table `versions`."""
    names = sorted({*table["a"], *table["b"]}, key=version_key)
    matrices = {
        panel: fill_matrix(table[table["score"] == score], names, directed=score in DIRECTED)
        for panel, score in PANELS.items()
        if (table["score"] == score).any()
    }
    if not matrices:
        return
    size = 300 if len(matrices) > 1 else 420
    panels = [
        _draw_matrix(matrix, names, panel, size, difference=False)
        for panel, matrix in matrices.items()
    ]
    yield make_figure(
        "similarity",
        alt.concat(*panels, columns=2, spacing=28).resolve_scale(color="shared"),
        title=f"How alike two versions of {package} are",
        subtitle="row: the version that code was written for; column: the version it meets",
        description=f"Similarity of every two of {len(names)} versions of {package}, by {len(matrices)} scores.",  # noqa: E501
    )
    pairs = [(a, b) for a, b in DIFFERENCES if a in matrices and b in matrices]
    if pairs:
        panels = [
            _draw_matrix(matrices[a] - matrices[b], names, f"{a} − {b}", size, difference=True)
            for a, b in pairs
        ]
        yield make_figure(
            "similarity-differences",
            alt.concat(*panels, columns=2, spacing=28).resolve_scale(color="shared"),
            title="Where the similarities disagree",
            subtitle="blue: the first score finds two versions more alike than the second does; brown: less alike",  # noqa: E501
            description=f"Differences between the similarities of every two versions of {package}.",
        )


def _draw_matrix(
    matrix: Floats, names: Sequence[str], title: str, size: int, *, difference: bool
) -> alt.LayerChart:
    rows, columns = np.nonzero(np.isfinite(matrix))
    labels = np.array(names, dtype=object)
    frame = pd.DataFrame(
        {"a": labels[rows], "b": labels[columns], "value": np.round(matrix[rows, columns], 3)}
    )
    # Of many versions, as many labels as fit: every n-th.
    every = max(1, len(names) * 13 // size)
    shown = [name for number, name in enumerate(names) if number % every == 0]
    if difference:
        scale = alt.Scale(domain=[-1, 0, 1], range=["#b35806", "#f7f7f7", "#2166ac"])
    else:
        scale = alt.Scale(domain=[0, 1], scheme="viridis")
    axis = {"values": shown, "title": None}
    heat = (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            x=alt.X("b:N", sort=list(names), axis=alt.Axis(**axis, labelAngle=-90)),
            y=alt.Y("a:N", sort=list(names), axis=alt.Axis(**axis)),
            color=alt.Color(
                "value:Q",
                scale=scale,
                title="difference" if difference else "similarity",
                legend=alt.Legend(gradientLength=180, format=".1f"),
            ),
            tooltip=["a:N", "b:N", alt.Tooltip("value:Q", format=".3f")],
        )
    )
    return _write_values(heat, len(names), difference=difference).properties(
        width=size,
        height=size,
        title=alt.TitleParams(title, fontSize=12, fontWeight="normal", color=QUIET, offset=6),
    )


def _write_values(heat: alt.Chart, count: int, *, difference: bool) -> alt.LayerChart:
    """Return the matrix with its numbers, where few versions leave room for them."""
    if count > _NUMBERED:
        return alt.layer(heat)
    # Where the colour is dark: at both ends of differences, at the lower one of similarities.
    dark = "abs(datum.value) > 0.75" if difference else "datum.value < 0.55"
    ink = alt.when(dark).then(alt.value("#ffffff")).otherwise(alt.value("#000000"))
    text = heat.mark_text(fontSize=10).encode(text=alt.Text("value:Q", format=".2f"), color=ink)
    return alt.layer(heat, text)


def draw_api(package: str, api: pd.DataFrame, changes: Sequence[ApiChange]) -> Iterator[Figure]:
    """Yield the size of the API over versions, and what each version removed and added."""
    sizes = pd.DataFrame(
        {"version": api["version"].astype(str), "symbols": api["symbols"].astype(float)}
    )
    counted = _count_changes(changes)
    names = sorted({*sizes["version"], *counted["version"]}, key=version_key)
    if len(names) < 2:
        return
    step = max(18.0, min(90.0, WIDTH / len(names)))
    shared = {"sort": names, "scale": alt.Scale(domain=names, paddingInner=0.3)}
    axis = alt.Axis(title=None, labelAngle=slant(names, step))
    panels: list[alt.Chart] = []
    if len(sizes):
        panels.append(
            alt.Chart(sizes)
            .mark_line(point={"filled": True, "size": 45}, color="#0072b2", strokeWidth=2)
            .encode(
                x=alt.X("version:N", axis=alt.Axis(labels=False, title=None), **shared),
                y=alt.Y(
                    "symbols:Q",
                    axis=alt.Axis(title="public names", grid=True, tickCount=4, format="~s"),
                ),
                tooltip=["version:N", alt.Tooltip("symbols:Q", format=",")],
            )
            .properties(width=step * len(names), height=170)
        )
    if len(counted):
        panels.append(_draw_changes(counted, shared, axis).properties(width=step * len(names)))
    gone = int(counted.loc[counted["kind"] == "removed", "count"].sum()) if len(counted) else 0
    yield make_figure(
        "api",
        alt.vconcat(*panels, spacing=10).resolve_scale(x="shared"),
        title=_title_api(package, sizes, names),
        subtitle="names that code can use; below, what is in each version's changelog (a class counts once)",  # noqa: E501
        description=(
            f"Public names of {package} over {len(names)} versions, with additions and removals: "
            f"{int(gone):,} entries removed in all."
        ),
    )


def _title_api(package: str, sizes: pd.DataFrame, names: Sequence[str]) -> str:
    known = dict(zip(sizes["version"], sizes["symbols"], strict=True))
    ends = [name for name in names if name in known]
    if len(ends) < 2:
        return f"The public API of {package}"
    first, last = ends[0], ends[-1]
    return (
        f"The public API of {package}: {known[first]:,.0f} names in {first}, "
        f"{known[last]:,.0f} in {last}"
    )


_KINDS = {"added": "#009e73", "changed": "#e69f00", "moved or renamed": "#56b4e9", "removed": "#d55e00"}  # fmt: skip  # noqa: E501


def _count_changes(changes: Sequence[ApiChange]) -> pd.DataFrame:
    rows = pd.DataFrame(
        [
            {
                "version": change.b,
                "kind": "moved or renamed" if change.kind in {"moved", "renamed"} else change.kind,
            }
            for change in changes
        ],
        columns=["version", "kind"],
    )
    counted = rows.value_counts(["version", "kind"], sort=False).reset_index(name="count")
    counted["signed"] = counted["count"].where(counted["kind"] == "added", -counted["count"])
    return counted


def _draw_changes(counted: pd.DataFrame, shared: dict[str, object], axis: alt.Axis) -> alt.Chart:
    return (
        alt.Chart(counted)
        .mark_bar()
        .encode(
            x=alt.X("version:N", axis=axis, **shared),
            y=alt.Y(
                "signed:Q",
                axis=alt.Axis(title="removed − | + added", grid=True, tickCount=5, format="~s"),
            ),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=list(_KINDS), range=list(_KINDS.values())),
            ),
            tooltip=["version:N", "kind:N", alt.Tooltip("count:Q", format=",")],
        )
        .properties(height=170)
    )
