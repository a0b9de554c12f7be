from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from calipertf.config.model import load_config
from calipertf.errors import CaliperError, ConfigError
from calipertf.formats.records import Cell
from calipertf.index.client import Index, Project
from calipertf.index.tags import linux_platforms
from calipertf.run.plan import (
    PlannedCell,
    Selection,
    choose_scripts,
    find_cutoff,
    plan_cell,
    plan_grid,
)

FILES: list[dict[str, Any]] = [
    {
        "filename": f"demo-{version}-cp{python}-cp{python}{'m' if python < 38 else ''}"
        "-manylinux2014_x86_64.whl",
        "size": size,
        "upload-time": f"{date}T12:00:00Z",
    }
    for version, python, size, date in [
        ("1.0", 37, 10, "2020-01-01"),
        ("2.0", 37, 30, "2021-01-01"),
        ("2.0", 38, 20, "2021-01-01"),
    ]
]
BODY = """\
analysis:
  dependency: demo
  tests: [s, t]
  versions: [{versions}]
  python_versions: [3.7, 3.8]
  resolve: [{resolve}]
  baselines:
    s: {{version: {home}, python: 3.7, resolve: release}}
"""


@pytest.fixture
def plan(
    write_config: Callable[..., Path],
    make_index: Callable[..., Path],
    serve_folder: Callable[[Path], str],
) -> Callable[..., list[PlannedCell]]:
    with Index(serve_folder(make_index({"demo": FILES}))) as index:
        project: Project = index.fetch_project("demo")

    def make(
        versions: str = '"1.0", "2.0"',
        resolve: str = "release",
        home: str = '"1.0"',
        **selection: list[str],
    ) -> list[PlannedCell]:
        scripts = {"s/a.py": "", "t/b.py": ""}
        text = BODY.format(versions=versions, resolve=resolve, home=home)
        path = write_config(text, scripts=scripts)
        return plan_grid(load_config(path), project, linux_platforms(), Selection(**selection))

    return make


def names(planned: list[PlannedCell]) -> list[str]:
    return [f"{plan.cell.version} {plan.cell.python} {plan.cell.resolve}" for plan in planned]


def test_grid_is_complete_home_first_then_large_wheels(plan: Callable[..., Any]) -> None:
    planned = plan()
    assert names(planned) == [
        "1.0 cp37 release",
        "2.0 cp37 release",
        "2.0 cp38 release",
        "1.0 cp38 release",
    ]
    assert planned[0].suites == ("s",)
    assert planned[-1].missing == (
        "the index has no wheel of demo 1.0 for cp38, and no source archive"
    )


def test_home_outside_the_grid_is_added(plan: Callable[..., Any]) -> None:
    planned = plan(versions='"2.0"', resolve="today")
    added = [p for p in planned if p.added]
    assert names(added) == ["1.0 cp37 release"]
    assert len(planned) == 3


def test_home_of_a_suite_that_is_not_run_is_left_out(plan: Callable[..., Any]) -> None:
    planned = plan(versions='"2.0"', tests=["t"])
    assert not any(p.added for p in planned)


def test_file_of_after_the_date_is_no_release(plan: Callable[..., Any]) -> None:
    planned = {p.cell.version: p for p in plan(resolve="2020-06-01") if p.cell.python == "cp37"}
    assert planned["2.0"].file is None
    assert "uploaded on 2021-01-01" in (planned["2.0"].missing or "")
    assert planned["1.0"].file is not None


def test_flags_cut_the_grid_down(plan: Callable[..., Any]) -> None:
    planned = plan(versions='"1.0", "2.0"', pythons=["3.8"], tests=["t/*"], resolves=["today"])
    assert names(planned) == ["2.0 cp38 today", "1.0 cp38 today"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"versions": '"3.0"'}, "line 4: versions: '3.0' selects no version"),
        ({"versions": '"3.0", "4.0"'}, "2 problems"),
        ({"home": '"9.9"'}, "line 8: baselines.s: '9.9' selects no version"),
        ({"tests": ["u/x.py"]}, "fits no script"),
        ({"tests": [""]}, "fits no script"),
        ({"pythons": [">=3.12"]}, "selects no Python of the grid: 3.7, 3.8"),
    ],
)
def test_empty_grid_is_an_error(
    plan: Callable[..., Any], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(CaliperError, match=words):
        plan(**options)


SOURCES: list[dict[str, Any]] = [
    {"filename": "demo-1.0.tar.gz", "upload-time": "2020-01-01T12:00:00Z"},
    {"filename": "demo-1.0-cp37-cp37m-win_amd64.whl", "upload-time": "2020-01-01T13:00:00Z"},
    {
        "filename": "demo-1.0-cp38-cp38-manylinux2014_x86_64.whl",
        "upload-time": "2021-01-01T12:00:00Z",
    },
    {"filename": "demo-2.0.zip", "upload-time": "2021-01-01T12:00:00Z", "requires-python": ">=3.8"},
]


@pytest.mark.parametrize(
    ("version", "python", "resolve", "sources", "file", "words"),
    [
        # A wheel for Windows alone, and a Python newer than the last wheel.
        ("1.0", "cp37", "today", True, "demo-1.0.tar.gz", None),
        ("1.0", "cp311", "release", True, "demo-1.0.tar.gz", None),
        ("1.0", "cp38", "today", True, "demo-1.0-cp38-cp38-manylinux2014_x86_64.whl", None),
        # The wheel came a year later.
        ("1.0", "cp38", "2020-06-01", True, "demo-1.0.tar.gz", None),
        ("1.0", "cp38", "2019-06-01", True, None, "uploaded on 2021-01-01, after the date"),
        ("1.0", "cp37", "today", False, None, "left out by sources: never"),
        ("2.0", "cp38", "today", True, "demo-2.0.zip", None),
        ("2.0", "cp37", "today", True, None, "demo 2.0 requires Python >=3.8, which cp37 is not"),
        ("2.0", "cp37", "today", False, None, "demo 2.0 requires Python >=3.8, which cp37 is not"),
    ],
)
def test_file_of_a_cell_is_what_pip_would_take(
    make_index: Callable[..., Path],
    serve_folder: Callable[[Path], str],
    version: str,
    python: str,
    resolve: str,
    sources: bool,
    file: str | None,
    words: str | None,
) -> None:
    with Index(serve_folder(make_index({"demo": SOURCES}))) as index:
        project = index.fetch_project("demo")
    cell = Cell(package="demo", version=version, python=python, resolve=resolve)
    planned = plan_cell(cell, project, linux_platforms(), sources=sources)
    assert (planned.file.filename if planned.file else None) == file
    assert (words is None) == (planned.missing is None)
    assert (words or "") in (planned.missing or "")


def test_cutoffs(plan: Callable[..., Any]) -> None:
    file = plan()[0].file
    assert find_cutoff("today", file) is None
    assert find_cutoff("release", file) == datetime(2020, 1, 8, 12, tzinfo=timezone.utc)
    assert find_cutoff("2021-02-03", file) == datetime(2021, 2, 3, 23, 59, 59, tzinfo=timezone.utc)
    assert find_cutoff("2021-02-03T10:00:00Z", file) == datetime(
        2021, 2, 3, 10, tzinfo=timezone.utc
    )


def test_release_date_needs_upload_times(
    make_index: Callable[..., Path], serve_folder: Callable[[Path], str]
) -> None:
    bare = [{"filename": FILES[0]["filename"]}]
    with Index(serve_folder(make_index({"demo": bare}))) as index:
        file = index.fetch_project("demo").files[0]
    with pytest.raises(ConfigError, match="upload times"):
        find_cutoff("release", file)


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [
        ("s", ["s/a.py"]),
        ("s/", ["s/a.py"]),
        ("s_old", ["s_old/a.py"]),
        ("s*", ["s/a.py", "s_old/a.py"]),
        ("a.py", ["s/a.py", "s_old/a.py"]),
    ],
)
def test_folder_named_whole_is_that_folder_alone(
    write_config: Callable[..., Path], pattern: str, chosen: list[str]
) -> None:
    text = "analysis:\n  dependency: demo\n  tests: [s, s_old]\n"
    config = load_config(write_config(text, scripts={"s/a.py": "", "s_old/a.py": ""}))
    assert list(choose_scripts(config, Selection(tests=[pattern]))) == chosen
