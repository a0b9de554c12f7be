from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from calipertf.config.model import load_config
from calipertf.formats.record_files import read_record
from calipertf.formats.records import Cell, Record, Run
from calipertf.paths import Layout
from calipertf.run.cpus import share_cpus
from calipertf.run.sources import find_mount
from calipertf.run.store import Store, list_changes, make_fingerprint

HOME = Cell(package="six", version="1.0", python="cp38", resolve="release")
HERE = Cell(package="six", version="2.0", python="cp38", resolve="release")


@pytest.mark.parametrize(
    ("scripts", "mount"),
    [
        (["examples/a/x.py", "examples/b/y.py"], "examples"),
        (["a/x.py", "b/y.py"], "."),
        (["x.py"], "."),
        (["a/x.py", "x.py"], "."),
    ],
)
def test_mount_is_the_folder_of_all_scripts(tmp_path: Path, scripts: list[str], mount: str) -> None:
    assert find_mount(tmp_path, scripts) == tmp_path / mount


@pytest.mark.parametrize(
    ("cpus", "jobs", "shares"),
    [
        ([0, 1], 2, [(0,), (1,)]),
        ([0, 1, 2, 3], 2, [(0, 2), (1, 3)]),
        ([3], 2, [(3,), (3,)]),
        ([0, 1], 1, [(0, 1)]),
    ],
)
def test_cells_share_the_cores(cpus: list[int], jobs: int, shares: list[tuple[int, ...]]) -> None:
    assert share_cpus(cpus, jobs) == shares


def test_changes_are_told_by_name(write_config: Callable[..., Path]) -> None:
    body = "analysis:\n  dependency: six\n  tests: [s]\n  timeout: {}\n  tolerance: {}\n"
    scripts = {"s/a.py": "1\n", "s/b.py": "2\n", "s/data/x.txt": "data"}

    def fingerprint(timeout: int = 9, tolerance: float = 0.1, **changed: str) -> dict[str, object]:
        text = body.format(timeout, tolerance)
        files = {**scripts, **{name.replace("_", "/", 1): s for name, s in changed.items()}}
        config = load_config(write_config(text, scripts=files))
        return make_fingerprint(config, config.scripts, "venv", [])

    old = fingerprint()
    assert list_changes(old, fingerprint()) == []
    assert list_changes(old, fingerprint(tolerance=0.5)) == []
    assert list_changes(old, fingerprint(timeout=10)) == ["timeout"]
    assert list_changes(old, fingerprint(**{"s_a.py": "3\n"})) == ["s/a.py"]
    assert "support" in list_changes(old, fingerprint(**{"s_data/x.txt": "new"}))
    assert list_changes({**old, "environment": "docker"}, old) == ["environment"]
    assert list_changes(old, {**old, "twice": ["s/a.py"]}) == ["baselines"]
    assert list_changes({}, old)[:3] == ["environment", "template", "support"]


def ran(cell: Cell, text: str) -> Record:
    return Record(
        cell=cell,
        outcome="not_compared",
        build=Run(retval=0),
        runs={"s.py": Run(output=(text,), retval=0)},
    )


def test_baseline_that_comes_later_judges_what_waited(tmp_path: Path) -> None:
    store = Store(
        layout=Layout(root=tmp_path),
        dated=True,
        tolerance=0.01,
        suites={"s.py": "s"},
        baselines={"s": HOME},
    )
    assert store.save(ran(HERE, "x: 1.0\n")).outcome == "not_compared"
    store.save(ran(HOME, "x: 1.001\n"))
    assert store.records[HERE].outcome == "same_result"
    again = Store(
        layout=Layout(root=tmp_path),
        dated=True,
        tolerance=0.00001,
        suites={"s.py": "s"},
        baselines={"s": HOME},
    )
    again.load([HERE, HOME])
    assert again.records[HERE].outcome == "same_result"
    again.judge_all()
    assert again.records[HERE].outcome == "different_result"


def test_failure_of_ours_is_gone_once_there_is_a_record(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    store = Store(layout=layout, dated=False, tolerance=0, suites={}, baselines={})
    store.save_failure(HERE, "the index is down")
    assert [path.name for path in layout.data.iterdir()] == [f"{HERE.name}.failed.json"]
    assert list(layout.iter_record_paths()) == []
    store.save(ran(HERE, "x\n"))
    assert [path.name for path in layout.data.iterdir()] == [f"{HERE.name}.json"]


def test_records_that_runs_replace_are_kept_within_a_bound(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    store = Store(layout=layout, dated=True, tolerance=0, suites={}, baselines={})
    store.save(Record(cell=HERE, outcome="no_interpreter"))
    store.save(ran(HERE, "0\n"))
    assert layout.list_history() == []  # there was nothing that ran
    for day in range(1, 13):
        store.started = datetime(2026, 1, day, tzinfo=timezone.utc)
        store.save(ran(HERE, f"{day}\n"))
        store.save(ran(HERE, f"{day}\n"))  # the same run keeps what was there first
    folders = layout.list_history()
    assert [folder.name[8:10] for folder in folders] == [f"{day:02}" for day in range(3, 13)]
    for day, folder in enumerate(folders, start=3):
        old = read_record(folder / "data" / "release" / f"{HERE.name}.json")
        assert old.runs["s.py"].output == (f"{day - 1}\n",)


def test_records_of_two_dates_never_share_a_file(tmp_path: Path) -> None:
    today = Cell(package="six", version="1.0", python="cp38", resolve="today")
    store = Store(
        layout=Layout(root=tmp_path), dated=False, tolerance=0, suites={}, baselines={"s": HOME}
    )
    store.save(ran(HOME, "home\n"))
    store.save(ran(today, "today\n"))
    again = Store(layout=Layout(root=tmp_path), dated=False, tolerance=0, suites={}, baselines={})
    again.load([today, HOME])
    assert again.records[HOME].runs["s.py"].output == ("home\n",)
    assert again.records[today].runs["s.py"].output == ("today\n",)
    assert not list(tmp_path.rglob("*aside*"))


def test_record_of_another_date_is_left_where_it_is(tmp_path: Path) -> None:
    store = Store(layout=Layout(root=tmp_path), dated=False, tolerance=0, suites={}, baselines={})
    store.save(ran(HOME, "home\n"))
    today = Cell(package="six", version="1.0", python="cp38", resolve="today")
    again = Store(layout=Layout(root=tmp_path), dated=False, tolerance=0, suites={}, baselines={})
    again.load([today])
    again.save_failure(today, "the index is down")
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.json")) == [
        f"data/{HOME.name}.json",
        f"data/today/{HOME.name}.failed.json",
    ]


def test_reason_is_found_beside_the_records_of_other_runs(tmp_path: Path) -> None:
    def open_store() -> Store:
        return Store(
            layout=Layout(root=tmp_path),
            dated=True,
            tolerance=0.01,
            suites={"s.py": "s"},
            baselines={"s": HOME},
        )

    today = replace(HOME, resolve="today")
    text = "Traceback (most recent call last):\n  File \"s.py\", line 1\nKeyError: 'x'\n"
    failed = replace(ran(today, ""), runs={"s.py": Run(error=(text,), retval=1)})
    first = open_store()
    first.load([HOME])
    first.save(ran(HOME, "x: 1\n"))
    later = open_store()
    later.load([today])
    assert later.save(failed).reason == "dependency"
    # And what a later run finds out stands in the earlier one's record.
    again = open_store()
    again.load([today, HOME])
    again.save(replace(ran(HOME, ""), runs={"s.py": Run(error=(text,), retval=1)}))
    path = Layout(root=tmp_path).place_record(today, dated=True)
    assert read_record(path).outcomes["s.py"].reason == "script"
