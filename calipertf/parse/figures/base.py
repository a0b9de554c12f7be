"""What all figures share: the figure itself, its looks, its files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from calipertf.files.atomic import write_bytes, write_text
from calipertf.outcomes import BEST_FIRST, OUTCOMES, label_outcome

#: Widest plot, in pixels: about what a README shows without shrinking it.
WIDTH = 760
_FONT = "Arial, Liberation Sans, Helvetica, sans-serif"
INK = "#1f2430"
QUIET = "#6b7080"

#: Vega-Lite's configuration for files; the page has its own for dark screens.
LIGHT: Mapping[str, Any] = {
    "background": "#ffffff",
    "font": _FONT,
    "padding": 16,
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": QUIET,
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "domain": False,
        "ticks": False,
        "grid": False,
        "labelPadding": 6,
        "labelLimit": 420,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": QUIET,
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "symbolType": "square",
        "symbolSize": 110,
        "orient": "bottom",
        "labelLimit": 300,
        "columnPadding": 16,
    },
    "title": {
        "anchor": "start",
        "frame": "bounds",
        "fontSize": 15,
        "fontWeight": 600,
        "color": INK,
        "subtitleColor": QUIET,
        "subtitleFontSize": 12,
        "subtitlePadding": 6,
        "offset": 12,
    },
    "header": {"labelColor": INK, "labelFontSize": 12, "title": None},
}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One picture."""

    #: File name without its ending.
    name: str
    title: str
    #: What it shows, for those who cannot see it.
    description: str
    #: Vega-Lite, without configuration.
    spec: Mapping[str, Any]


def make_figure(name: str, chart: Any, *, title: str, subtitle: str, description: str) -> Figure:
    """Return the chart with its heading, as Vega-Lite."""
    titled = chart.properties(title=alt.TitleParams(title, subtitle=subtitle))
    spec = titled.to_dict()
    spec.pop("config", None)
    return Figure(
        name=name, title=title, description=description, spec={**spec, "description": description}
    )


#: What XML, and so SVG, cannot hold. The drawing library ends the whole process at the first.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_svg(figure: Figure) -> str:
    """Return the figure's picture: what SVG, PNG and page show."""
    spec = json.dumps(_clean(figure.spec))
    svg: str = vl_convert.vegalite_to_svg(spec, config=dict(LIGHT))
    return svg


def _clean(value: Any) -> Any:
    """The specification with a question mark for each character that a picture cannot hold."""
    if isinstance(value, str):
        return _NO_XML.sub("?", value)
    if isinstance(value, Mapping):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, (list, tuple)) else value


def write_picture(folder: Path, name: str, svg: str, formats: Iterable[str]) -> None:
    """The picture as SVG, PNG (twice its size in pixels, for sharp screens) or both."""
    if "svg" in formats:
        write_text(folder / f"{name}.svg", svg)
    if "png" in formats:
        write_bytes(folder / f"{name}.png", vl_convert.svg_to_png(svg, scale=2))


def outcome_color(outcomes: Iterable[str]) -> alt.Color:
    """Return the colours of the outcomes that occur, with a legend of marks and words."""
    present = set(outcomes)
    shown = [outcome for outcome in BEST_FIRST if outcome in present]
    return alt.Color(
        "label:N",
        title=None,
        scale=alt.Scale(
            domain=[label_outcome(outcome) for outcome in shown],
            range=[OUTCOMES[outcome].color for outcome in shown],
        ),
        legend=alt.Legend(columns=4),
    )


def place_axis(labels: Sequence[str], *, title: str | None, **settings: Any) -> alt.Axis:
    """Return an axis that labels a continuous scale with names: label i is at i + 0.5."""
    listed = json.dumps(list(labels))
    return alt.Axis(
        values=[number + 0.5 for number in range(len(labels))],
        labelExpr=f"{listed}[floor(datum.value)]",
        title=title,
        labelOverlap=False,  # each version is told: slanted labels have room
        **settings,
    )


def slant(labels: Sequence[str], step: float) -> int:
    """Return the angle of labels under columns of that width: flat where they fit."""
    longest = max((len(label) for label in labels), default=0)
    return 0 if longest * 6.5 + 4 < step else -45


def shorten_suite(suite: str) -> str:
    """Return the last folder of a suite's path."""
    return suite.rstrip("/").rpartition("/")[2] or suite


def slugify(text: str) -> str:
    """Return the text as part of a file name."""
    return "".join(char if char.isalnum() or char in ".-" else "_" for char in text)
