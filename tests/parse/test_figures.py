"""Figures: what may stand in them, what they say, and which files are theirs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from helpers.grids import make_result

from calipertf.outcomes import OUTCOMES
from calipertf.parse.figures.all import write_figures
from calipertf.parse.figures.base import render_svg, write_picture
from calipertf.parse.figures.findings import draw_errors
from calipertf.parse.figures.outcomes import draw_outcomes, draw_timelines
from calipertf.parse.results import find_axes
from calipertf.paths import Layout

ODD = "\x1b[31mred\x1b[0m \x00\x0b\ufffe </text> & \u202e é \U0001f600"


def test_what_no_picture_can_hold_stands_as_question_marks(tmp_path: Path) -> None:
    rows = {"package": ["p"], "signature": [f"E: {ODD}"], "results": [3], "reason": ["other"]}
    (figure,) = draw_errors("p", pd.DataFrame({**rows, "cause": [ODD]}))
    svg = render_svg(figure)
    assert "?[31mred?[0m ???" in svg
    write_picture(tmp_path, "odd", svg, ["png", "svg"])
    assert (tmp_path / "odd.png").read_bytes().startswith(b"\x89PNG")


def test_odd_names_of_scripts_are_drawn() -> None:
    results = [make_result("run_failed", script=f"s/{ODD}.py"), make_result(script="s/b.py")]
    axes = find_axes(results)
    figures = [*draw_outcomes("p", results, axes), *draw_timelines("p", results, axes)]
    assert all(render_svg(figure).startswith("<svg") for figure in figures)


@pytest.mark.parametrize(
    ("marks", "titles"),
    [
        # Versions 1.0, 2.0, 3.0 of scripts a and b.
        (
            ("++x", "+x~"),
            (
                "s works best on p 1.0, Python 3.7: 2 of 2",
                "s: 2 of 2 scripts work on 1.0, 0 on 3.0",
            ),
        ),
        (
            ("x++", "xx+"),
            ("s works best on p 3.0, Python 3.7: 2 of 2", "s: 2 of 2 scripts work on 3.0"),
        ),
        (("xxx", "x~-"), ("s works on no version of p", "No script of s works")),
        (
            ("++-", "x+-"),
            ("s works best on p 2.0, Python 3.7: 2 of 2", "s: 2 of 2 scripts work on 2.0"),
        ),
        (
            # What was not compared is not judged, and does not count as working.
            ("+o-", "x+-"),
            (
                "s works best on p 1.0, Python 3.7: 1 of 2",
                "s: 1 of 2 scripts work on 1.0, 1 on 2.0",
            ),
        ),
    ],
)
def test_titles_say_what_is_seen(marks: tuple[str, str], titles: tuple[str, str]) -> None:
    outcomes = {"+": "same_result", "x": "run_failed", "~": "different_result"}
    outcomes |= {"o": "not_compared", "-": "no_release"}
    results = [
        make_result(outcomes[mark], f"{number}.0", script=f"s/{name}.py")
        for name, line in zip("ab", marks, strict=True)
        for number, mark in enumerate(line, 1)
    ]
    axes = find_axes(results)
    (box,), (line,) = draw_outcomes("p", results, axes), draw_timelines("p", results, axes)
    assert (box.title, line.title) == titles


def test_only_old_figures_are_removed(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    layout.plots.mkdir()
    for name in ("mine.png", "paper-errors.png", "api.svg", "outcomes-x.png", "notes.txt"):
        (layout.plots / name).write_bytes(b"mine")
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    write_figures(layout, dict.fromkeys(("drift", "p-timeline-x-today", "api"), svg), ["png"])
    write_figures(layout, {"drift": svg}, ["svg"])
    (layout.plots / "api.png").write_bytes(b"changed by the user")
    write_figures(layout, {"errors": svg}, ["png"])
    assert sorted(path.name for path in layout.plots.glob("[!.]*")) == [
        "api.png",
        "api.svg",
        "drift.svg",
        "errors.png",
        "mine.png",
        "notes.txt",
        "outcomes-x.png",
        "paper-errors.png",
    ]
    for name in ("mine.png", "paper-errors.png", "api.svg", "outcomes-x.png", "notes.txt"):
        assert (layout.plots / name).read_bytes() == b"mine"


def measure_light(color: str) -> float:
    """Relative luminance, https://www.w3.org/TR/WCAG21/#dfn-relative-luminance."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_marks_are_read_on_their_colour(outcome: str) -> None:
    light = sorted(
        measure_light(color) for color in (OUTCOMES[outcome].color, OUTCOMES[outcome].ink)
    )
    assert (light[1] + 0.05) / (light[0] + 0.05) >= 4.5


@pytest.mark.parametrize("count", [4, 20, 40])
def test_every_version_is_told(count: int) -> None:
    results = [make_result(version=f"1.{number}.0") for number in range(count)]
    axes = find_axes(results)
    for figure in (*draw_outcomes("p", results, axes), *draw_timelines("p", results, axes)):
        svg = render_svg(figure)
        assert [f">1.{number}.0<" for number in range(count) if f">1.{number}.0<" not in svg] == []


@pytest.mark.parametrize(
    ("outcome", "sign"), [("run_failed", "×"), ("no_release", "–"), ("build_failed", "B")]
)
def test_box_of_one_outcome_shows_its_sign(outcome: str, sign: str) -> None:
    results = [make_result(outcome, "1.0")]
    (figure, *_) = draw_outcomes("p", results, find_axes(results))
    assert f">{sign}</text>" in render_svg(figure)
