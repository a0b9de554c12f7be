"""What the drift of dependencies broke, the commonest errors, and what predicts failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import altair as alt
import pandas as pd

from calipertf.outcomes import REASONS
from calipertf.parse.figures.base import INK, QUIET, WIDTH, Figure, make_figure
from calipertf.parse.results import Axes, Result
from calipertf.versions import version_key

#: What became of a script with the earlier and with the later dependencies -> colour.
_DRIFT: Mapping[str, str] = {
    "works either way": "#009e73",
    "broken by drift: works only with its own day's": "#d55e00",
    "works only with today's": "#56b4e9",
    "works neither way": "#c3c8d4",
}


def draw_drift(package: str, results: Sequence[Result], axes: Axes) -> Iterator[Figure]:
    """Yield the scripts of each version, by whether old or new dependencies decide.

    Two dates needed.
    """
    if "today" not in axes.resolves or len(axes.resolves) < 2:
        return
    earlier = axes.resolves[0]
    rows = _count_drift(results, earlier)
    if rows.empty:
        return
    versions = sorted(set(rows["version"]), key=version_key)
    broken = int(rows.loc[rows["what"] == list(_DRIFT)[1], "count"].sum())
    before = broken + int(rows.loc[rows["what"] == next(iter(_DRIFT)), "count"].sum())
    bars = (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            y=alt.Y(
                "version:N", sort=versions, axis=alt.Axis(title=None), scale=alt.Scale(padding=0.2)
            ),
            x=alt.X("count:Q", stack=True, axis=alt.Axis(title="scripts × Pythons", tickMinStep=1)),
            color=alt.Color(
                "what:N",
                title=None,
                scale=alt.Scale(domain=list(_DRIFT), range=list(_DRIFT.values())),
                legend=alt.Legend(columns=2),
            ),
            order="order:Q",
            tooltip=["version:N", "what:N", "count:Q"],
        )
        .properties(width=WIDTH - 100, height=max(120, 26 * len(versions)))
    )
    yield make_figure(
        "drift",
        bars,
        title=_title_drift(broken, before),
        subtitle=f"{package} with the dependencies of its own day ({earlier}) and with today's",
        description=(
            f"Of {before} scripts in cells that work with dependencies of {earlier}, {broken} do "
            "not with today's."
        ),
    )


def _title_drift(broken: int, before: int) -> str:
    if not broken:
        return f"The drift of dependencies broke none of {before:,} working runs"
    return f"It is not the version: {broken:,} of {before:,} working runs were broken by drift"


def _count_drift(results: Sequence[Result], earlier: str) -> pd.DataFrame:
    works: dict[tuple[str, str, str], dict[str, bool]] = {}
    for result in results:
        if not result.silent:
            key = result.cell.version, result.cell.python, result.script
            works.setdefault(key, {})[result.cell.resolve] = result.works
    counts: Counter[tuple[str, str]] = Counter()
    names = list(_DRIFT)
    words = {(True, True): names[0], (True, False): names[1], (False, True): names[2]}
    for (version, _, _), found in works.items():
        if earlier in found and "today" in found:
            counts[version, words.get((found[earlier], found["today"]), names[3])] += 1
    return pd.DataFrame(
        [
            {"version": version, "what": what, "count": count, "order": names.index(what)}
            for (version, what), count in counts.items()
        ]
    )


def draw_errors(package: str, failures: pd.DataFrame) -> Iterator[Figure]:
    """Yield the commonest failure signatures, from the table `failures`."""
    kept = failures[failures["package"] == package]
    if kept.empty:
        return
    top, total = kept.head(14), int(kept["results"].sum())
    rows = pd.DataFrame(
        {
            "signature": [_shorten(text) for text in top["signature"].astype(str)],
            "full": top["signature"].astype(str),
            "results": top["results"].astype(int),
            "reason": [reason if isinstance(reason, str) else "other" for reason in top["reason"]],
            "cause": top["cause"].fillna("").astype(str),
        }
    )
    present = [reason for reason in REASONS if reason in set(rows["reason"])]
    base = alt.Chart(rows).encode(
        y=alt.Y(
            "signature:N",
            sort=list(rows["signature"]),
            axis=alt.Axis(title=None, labelLimit=460, labelFontSize=11),
            scale=alt.Scale(paddingInner=0.35),
        ),
        x=alt.X("results:Q", axis=None),
    )
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        color=alt.Color(
            "reason:N",
            title=None,
            scale=alt.Scale(domain=present, range=[REASONS[reason].color for reason in present]),
        ),
        tooltip=["full:N", "results:Q", "cause:N"],
    )
    counts = base.mark_text(align="left", dx=5, fontSize=11, color=INK).encode(text="results:Q")
    yield make_figure(
        "errors",
        alt.layer(bars, counts).properties(width=WIDTH - 430, height=24 * len(rows)),
        title=f"{rows['results'].iloc[0]:,} of {total:,} failures are one and the same",
        subtitle=f"the commonest of {package}, scripts × cells; equal messages count as one",
        description=f"The commonest failure is {top['signature'].iloc[0]}, {top['results'].iloc[0]} times.",  # noqa: E501
    )


def _shorten(text: str, longest: int = 74) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


_METHODS: Mapping[str, tuple[str, str]] = {
    "baseline": ("square", "#6b7080"),
    "score": ("circle", "#0072b2"),
    "model": ("diamond", "#d55e00"),
}


def draw_predictions(package: str, scores: pd.DataFrame) -> Iterator[Figure]:
    """Yield AUC of each predictor with its interval, a column a subset.

    Table `prediction_scores`.
    """
    kept = scores[(scores["package"] == package) & scores["auc"].notna()]
    if kept.empty or set(kept["method"]) == {"baseline"}:
        return
    rows = pd.DataFrame(
        {
            "predictor": [name.replace("_", " ") for name in kept["predictor"].astype(str)],
            "method": kept["method"].astype(str),
            "subset": kept["subset"].astype(str),
            "auc": kept["auc"].astype(float),
            "low": kept["auc_low"].astype(float),
            "high": kept["auc_high"].astype(float),
            "units": kept["units"].astype(int),
        }
    )
    order = list(dict.fromkeys(rows["predictor"]))
    panels = [
        _draw_subset(rows[rows["subset"] == subset], subset, order, labels=number == 0)
        for number, subset in enumerate(dict.fromkeys(rows["subset"]))
    ]
    yield make_figure(
        "prediction",
        alt.hconcat(*panels, spacing=22).resolve_scale(color="shared", shape="shared"),
        title=_title_predictions(rows),
        subtitle="area under the curve, 95% interval over scripts and versions; 0.5 is chance, 1 always right",  # noqa: E501
        description="How well each similarity predicts that a script fails on another version.",
    )


def _title_predictions(rows: pd.DataFrame) -> str:
    """Return the best predictor over all pairs, beside the baseline that needs no score."""
    part = rows[rows["subset"] == "all"]
    tried = part[part["method"] != "baseline"]
    if tried.empty:
        return "Do similarities predict breakage?"
    best = tried.loc[tried["auc"].idxmax()]
    major = part.loc[part["predictor"] == "major differs", "auc"]
    beside = f'; "major differs" {major.iloc[0]:.2f}' if len(major) else ""
    return f"Best at predicting failure: {best['predictor']}, AUC {best['auc']:.2f}{beside}"


def _draw_subset(
    rows: pd.DataFrame, subset: str, order: Sequence[str], *, labels: bool
) -> alt.LayerChart:
    words = {
        "all": "all pairs of versions",
        "upgrades": "upgrades",
        "one major": "within one major",
    }
    methods = list(_METHODS)
    y = alt.Y(
        "predictor:N",
        sort=list(order),
        scale=alt.Scale(domain=list(order)),
        axis=alt.Axis(title=None, labels=labels, grid=True, gridColor="#eceef3"),
    )
    offset = alt.YOffset("method:N", scale=alt.Scale(domain=methods))
    color = alt.Color(
        "method:N",
        title=None,
        legend=alt.Legend(symbolOpacity=1),
        scale=alt.Scale(domain=methods, range=[_METHODS[name][1] for name in methods]),
    )
    shape = alt.Shape(
        "method:N",
        title=None,
        scale=alt.Scale(domain=methods, range=[_METHODS[name][0] for name in methods]),
    )
    scale = alt.Scale(domain=[0, 1])
    x = alt.X("auc:Q", scale=scale, axis=alt.Axis(title=words.get(subset, subset), tickCount=5))
    base = alt.Chart(rows).encode(y=y, yOffset=offset, color=color)
    lines = base.mark_rule(strokeWidth=2, opacity=0.55).encode(
        x=alt.X("low:Q", scale=scale), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=x, shape=shape, tooltip=["predictor:N", "method:N", "auc:Q", "low:Q", "high:Q", "units:Q"]
    )
    coin = (
        alt.Chart(pd.DataFrame({"x": [0.5]}))
        .mark_rule(strokeDash=[3, 3], color=QUIET)
        .encode(x=alt.X("x:Q", scale=scale))
    )
    return alt.layer(coin, lines, points).properties(width=185, height=30 * len(order))
