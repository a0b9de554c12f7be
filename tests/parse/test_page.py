"""What goes into the page: texts kept once, cut where long, packed whole."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace

import pytest
from helpers.grids import make_record, make_sims

from calipertf.formats.records import Run, Verdict
from calipertf.parse.analysis import analyse
from calipertf.parse.load import ApiChange, Inputs
from calipertf.parse.page import tables as page_tables
from calipertf.parse.page.cells import (
    Strings,
    diff_outputs,
    pack_cells,
    pack_results,
    shorten_output,
)
from calipertf.parse.page.render import pack_data
from calipertf.parse.page.tables import pack_changes


def test_strings_are_kept_once() -> None:
    strings = Strings()
    assert [strings.add(text) for text in ("a", "b", "a", None, "")] == [0, 1, 0, -1, -1]
    assert strings.list_all() == ["a", "b"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], ""),
        (["one\n", "two"], "one\ntwo"),
        ([f"{n}\n" for n in range(41)], "[1 earlier line left out]\n1\n"),
        ([f"{n}\n" for n in range(5000)], "[4,960 earlier lines left out]\n4960\n"),
        (["x" * 10**6], "[996,000 characters left out] xxx"),
        (["a\n", "x" * 4000], "[1 earlier line left out]\nx"),
    ],
)
def test_output_is_shortened(lines: list[str], expected: str) -> None:
    shown = shorten_output(lines)
    assert shown.startswith(expected)
    assert len(shown) < 4100


@pytest.mark.parametrize(
    ("here", "home", "expected"),
    [
        (["a\n", "2\n"], ["a\n", "1\n"], " a\n-1\n+2"),
        (list("abcdef"), list("abcdeg"), "@@ line 4 @@\n d\n e\n-g\n+f"),
        (list("abc"), list("xby"), "-x\n+a\n b\n-y\n+c"),
        (["a\n"], ["a\n", "b\n"], "@@ -1,2 +1 @@\n a\n-b"),
        ([], ["b\n"], "@@ -1 +0,0 @@\n-b"),
    ],
)
def test_outputs_are_compared_line_by_line(here: list[str], home: list[str], expected: str) -> None:
    assert diff_outputs(here, home) == expected


def test_late_differences_are_found_among_many_lines() -> None:
    home = [f"{n}\n" for n in range(3000)]
    here = [*home[:2900], "other\n", *home[2901:]]
    assert diff_outputs(here, home).splitlines()[3:5] == ["-2900", "+other"]
    assert diff_outputs(home[1:2501], home).splitlines()[1] == "-0"


def test_difference_far_out_in_a_line_is_shown() -> None:
    shown = diff_outputs(["x" * 9000 + "1" + "y" * 900], ["x" * 9000 + "2" + "y" * 900])
    home, here = shown.splitlines()
    assert (home[:3], here[:3]) == ("-…x", "+…x")
    assert ("x2y" in home, "x1y" in here) == (True, True)
    assert len(shown) < 1100


def test_colours_of_a_terminal_are_left_out() -> None:
    assert shorten_output(["\x1b[31mred\x1b[0m\n", "bell\x07"]) == "red\nbell"
    assert diff_outputs(["\x1b[31m1\n"], ["2\n"]) == "-2\n+1"


def test_long_differences_are_cut() -> None:
    shown = diff_outputs(["1\n"] * 500, ["2\n"] * 500)
    assert shown.splitlines()[-1] == "[940 more lines]"
    assert len(shown.splitlines()) == 61


def change(kind: str, path: str, severity: float = 1.0) -> ApiChange:
    values = {"package": "p", "a": "1", "b": "2", "object": "function", "to": None}
    return ApiChange(**values, kind=kind, path=path, severity=severity, old="()", new=None)


def test_members_of_what_is_gone_are_not_listed_again() -> None:
    changes = [
        change("added", "p.new"),
        change("changed", "p.f", 0.2),
        change("changed", "p.g", 0.9),
        change("removed", "p.contrib"),
        change("removed", "p.contrib.a"),
        change("removed", "p.contrib.a.b"),
        change("removed", "p.other.x"),
    ]
    (packed,) = pack_changes(changes)
    assert [(row[0], row[1]) for row in packed["rows"]] == [
        ("removed", "p.contrib"),
        ("removed", "p.other.x"),
        ("changed", "p.g"),
        ("changed", "p.f"),
        ("added", "p.new"),
    ]
    assert packed["counts"]["removed"] == 4


def test_each_kind_of_change_has_its_share_and_the_root_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(page_tables, "_CHANGES", 10)
    changes = [change("removed", f"p.a.b.c{n}") for n in range(50)]
    changes += [change("added", f"p.a.n{n}") for n in range(50)]
    changes += [change("removed", "p.z"), change("added", "p.z2"), change("changed", "p.f", 0.2)]
    (packed,) = pack_changes(changes)
    kinds = [row[0] for row in packed["rows"]]
    assert (kinds.count("removed"), kinds.count("added"), kinds.count("changed")) == (4, 5, 1)
    assert packed["rows"][0][1] == "p.z"
    assert packed["left_out"] == len(changes) - 10


def test_packed_data_hold_nothing_that_html_reads() -> None:
    data = {"text": "</script><!-- \u2028 \ud800 é"}
    packed = pack_data(data)
    assert set(packed) <= set(base64.b64encode(bytes(range(256))).decode()) | set("+/=")
    assert packed == pack_data(data), "the same data make the same page"
    unpacked = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert unpacked["text"] == "</script><!-- \u2028 ? é"


def test_unstable_result_shows_how_its_two_runs_differ() -> None:
    record = make_record("1.0", {"s/a.py": Verdict(outcome="unstable_result")})
    run = Run(output=("a\n", "1\n"), retval=0, repeat=Run(output=("a\n", "2\n"), retval=0))
    record = replace(record, runs={"s/a.py": run})
    inputs = Inputs(records=[record], sims=make_sims(), changes=[], notes=[])
    strings = Strings()
    packed = pack_results(analyse(inputs), {"s/a.py": 0}, strings)
    assert strings.list_all()[packed["diff"][0]] == " a\n-1\n+2"


def test_cell_names_what_decides_results_beside_the_package() -> None:
    pins = ("numpy==1.26.4\n", "keras==3.4.1\n")
    verdicts = {"s/a.py": Verdict(outcome="same_result")}
    record = make_record("2.16.2", verdicts, package="tensorflow", requirements=pins)
    inputs = Inputs(records=[record], sims=make_sims(), changes=[], notes=[])
    (cell,) = pack_cells(analyse(inputs), Strings())
    assert cell["companions"] == "keras 3.4.1, numpy 1.26.4"
    assert ["with", "keras 3.4.1, numpy 1.26.4"] in cell["facts"]
