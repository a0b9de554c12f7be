"""A broken, foreign or copied file costs itself alone, in every stage, and is named."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers import REPOSITORY
from helpers.full_records import CELL, GOOD, ORIGINAL, RECORD, nest
from helpers.stage2 import folder, read_json, run, save_version

from calipertf.errors import RecordError
from calipertf.formats.record_files import read_record, write_record
from calipertf.formats.records import Cell
from calipertf.index.cache import prepare_cache
from calipertf.paths import Layout, read_records
from calipertf.run.store import Store

__all__ = ["folder"]

NAME = f"{CELL.name}.json"
HUGE = 10**40


def change(*keys: Any, to: Any, data: Any = None) -> str:
    """A good record with one value changed."""
    data = json.loads(json.dumps(RECORD.to_json() if data is None else data))
    where = data
    for key in keys[:-1]:
        where = where[key]
    where[keys[-1]] = to
    return json.dumps(data)


#: What is wrong -> the whole file.
RECORDS: dict[str, str] = {
    "nothing": "",
    "half": json.dumps(RECORD.to_json())[:200],
    "deep": "[" * 50_000 + "]" * 50_000,
    "deep facts": change("environment", "kind2", to=nest(1, 300)),
    "deep inputs": change("inputs", "more", to=nest(1, 300)),
    "many digits": '{"schema": ' + "1" * 5000 + "}",
    "NaN": change("timings", "build", to=float("nan")),
    "number without end": change("timings", "build", to=0).replace('"build": 0', '"build": 1e999'),
    "schema true": change("schema", to=True),
    "schema text": change("schema", to="1"),
    "package a number": change("cell", "package", to=1),
    "package a path": change("cell", "package", to="../six"),
    "version 1": change("cell", "version", to=1),
    "version null": change("cell", "version", to=None),
    "Python of no kind": change("cell", "python", to="cp00"),
    "Python without end": change("cell", "python", to="cp3" + "1" * 5000),
    "resolve a number": change("cell", "resolve", to=1),
    "resolve a path": change("cell", "resolve", to="../.."),
    "outcome unknown": change("outcome", to="frog"),
    "outcome a list": change("outcome", to=["same_result"]),
    "outcome of a script": change("outcomes", "s/a.py", "outcome", to="frog"),
    "reason unknown": change("reason", to="frog"),
    "message a list": change("message", to=[]),
    "outcomes a list": change("outcomes", to=[1]),
    "verdict null": change("outcomes", "s/a.py", to=None),
    "exception of nulls": change(
        "outcomes", "s/a.py", "exception", to={"type": None, "message": None}
    ),
    "exception a text": change("outcomes", "s/a.py", "exception", to="E: x"),
    "baseline a text": change("outcomes", "s/a.py", "baseline", to="1.0"),
    "baseline of numbers": change("outcomes", "s/a.py", "baseline", to={"version": 1}),
    "differences a number": change("outcomes", "s/a.py", "differences", to=3),
    "tests a list": change("tests", to=[1]),
    "build a text": change("tests", "build", to="0"),
    "retval huge": change("tests", "s/a.py", "retval", to=HUGE),
    "retval a text": change("tests", "s/a.py", "retval", to="0"),
    "retval true": change("tests", "s/a.py", "retval", to=True),
    "retval of a build": change("tests", "build", "retval", to="0"),
    "output of numbers": change("tests", "s/a.py", "output", to=[1]),
    "output an object": change("tests", "s/a.py", "output", to={"a": 1}),
    "seconds a text": change("tests", "s/a.py", "seconds", to="1"),
    "termination a number": change("tests", "s/a.py", "termination", to=1),
    "truncated_bytes a text": change("tests", "s/a.py", "truncated_bytes", to="1"),
    "third run": change("tests", "s/a.py", "repeat", "repeat", to={"retval": 0}),
    "third run, older name": change(
        "tests", "s/a.py", "repeat", to={"retval": 0, "again": {"retval": 0}}
    ),
    "import a list": change("import", to=[1]),
    "requirements of numbers": change("requirements.txt", to=[1]),
    "requirements an object": change("requirements.txt", to={"a": 1}),
    "environment a list": change("environment", to=[1]),
    "isolation of nulls": change("environment", "isolation", to=[None]),
    "import name a number": change("environment", "import_name", to=3),
    "inputs a list": change("inputs", to=[1]),
    "inputs' tests a number": change("inputs", "tests", to=3),
    "fingerprint a text": change("inputs", "fingerprint", to="x"),
    "settings a text": change("inputs", "fingerprint", "settings", to="x"),
    "scripts a list": change("inputs", "fingerprint", "scripts", to=["x"]),
    "twice 3": change("inputs", "fingerprint", "twice", to=3),
    "timings a list": change("timings", to=[1]),
    "original: inputs a list": change("inputs", to=[], data=ORIGINAL),
    "original: another name": change("inputs", "name", to="six", data=ORIGINAL),
    "original: tests a list": change("tests", to=[1], data=ORIGINAL),
    "original: build a text": change("tests", "build", to="0", data=ORIGINAL),
    "original: test a text": change("tests", "s/a.py", to="0", data=ORIGINAL),
    "original: retval huge": change("tests", "s/a.py", "retval", to=-HUGE, data=ORIGINAL),
    "original: error of numbers": change("tests", "s/a.py", "error", to=[1], data=ORIGINAL),
    "original: requirements": change("requirements.txt", to=[1], data=ORIGINAL),
}
#: What lies in the place of a record -> how it is made.
PLACES: dict[str, Callable[[Path], object]] = {
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "loop of links": lambda path: path.symlink_to(path.name),
    "huge file": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 2**41),
}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A run whose other record is good."""
    layout = Layout(root=tmp_path / ".caliper")
    record = RECORD.__class__(**{**vars(RECORD), "cell": GOOD})
    write_record(layout.record_path(GOOD, dated=False), record)
    return layout


def make(path: Path, what: str) -> None:
    if what in PLACES:
        PLACES[what](path)
    else:
        path.write_text(RECORDS[what])


@pytest.mark.parametrize("what", [*RECORDS, *PLACES])
def test_record_that_is_none_is_left_out_or_set_aside(layout: Layout, what: str) -> None:
    path = layout.data / NAME
    make(path, what)
    with pytest.raises(RecordError, match=NAME):
        read_record(path)
    records, errors = read_records(layout)
    assert [record.cell for record in records] == [GOOD]
    assert len(errors) == 1
    store = Store(layout=layout, dated=False, tolerance=1e-3, suites={}, baselines={})
    store.load([CELL, GOOD])
    assert list(store.records) == [GOOD]
    left = sorted(item.name for item in layout.data.iterdir())
    aside = [] if what in {"dangling link", "loop of links"} else [f"{NAME}.aside-1"]
    kept = [NAME] if not aside else []
    assert left == sorted([f"{GOOD.name}.json", *aside, *kept]), "nothing is lost"


def test_good_records_are_read(tmp_path: Path) -> None:
    for data in (RECORD.to_json(), ORIGINAL):
        (tmp_path / NAME).write_text(json.dumps(data))
        assert read_record(tmp_path / NAME).cell.name == CELL.name


@pytest.mark.parametrize("where", [NAME, f"today/{NAME}", f"release/{GOOD.name}.json"])
def test_copy_under_another_name_is_left_out(layout: Layout, where: str) -> None:
    copy = layout.data / where
    copy.parent.mkdir(exist_ok=True)
    shutil.copy(layout.data / f"{GOOD.name}.json", copy)
    records, errors = read_records(layout)
    assert [record.cell for record in records] == [GOOD]
    assert [str(error).startswith(str(copy)) for error in errors] == [True]
    assert f"the record of another cell, {GOOD.label}" in str(errors[0])


def test_of_a_dated_and_an_undated_record_the_dated_one_counts(layout: Layout) -> None:
    dated = layout.data / "today" / f"{GOOD.name}.json"
    dated.parent.mkdir()
    shutil.copy(layout.data / f"{GOOD.name}.json", dated)
    records, errors = read_records(layout)
    assert len(records) == 1
    assert "is an undated record of six 1.16.0" in str(errors[0])


def parse(*flags: object) -> int:
    spec = importlib.util.spec_from_file_location("parse_data", REPOSITORY / "3.parse_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return int(module.main([str(flag) for flag in flags]))


def test_stages_2_and_3_name_and_count_what_they_leave_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "pypi-p-1.0-python-cp37.json"
    shutil.copy(folder / "data" / name, folder / "data" / "pypi-p-1.0-python-cp39.json")
    (folder / "data" / "pypi-p-1.0-python-cp310.json").write_text(RECORDS["deep"])
    assert run("--dir", folder, "--offline") == 0
    told = capsys.readouterr().err
    assert "cp39.json holds the record of another cell, p 1.0 cp37 (today)" in told
    assert "cp310.json is not a readable JSON record: it is nested too deep" in told
    assert "2 files of records left out" in told
    assert parse("--dir", folder, "--formats", "csv") == 0
    printed = capsys.readouterr()
    assert "cp39.json holds the record of another cell" in printed.err
    assert "2 files or tables were left out" in printed.out


@pytest.mark.parametrize("name", ["", "today", "release", "2021-01-05"])
@pytest.mark.parametrize("what", ["pipe", "device", "dangling link", "loop of links"])
def test_what_is_in_the_way_of_a_folder_of_records_is_told(
    tmp_path: Path, name: str, what: str
) -> None:
    layout = Layout(root=tmp_path)
    path = layout.data / name if name else layout.data
    path.parent.mkdir(exist_ok=True)
    PLACES[what](path)
    records, errors = read_records(layout)
    assert (records, [str(path) in str(error) for error in errors]) == ([], [True])


@pytest.mark.parametrize("what", ["pipe", "device", "dangling link", "loop of links"])
def test_what_is_in_the_way_of_the_changes_is_no_lack_of_changes(folder: Path, what: str) -> None:
    from calipertf.parse.load import read_inputs

    assert run("--dir", folder, "--offline") == 0
    changes = folder / "sims" / "changes"
    shutil.rmtree(changes)
    PLACES[what](changes)
    notes = [str(note) for note in read_inputs(Layout(root=folder)).notes]
    assert any("changes is in the way of a folder" in note for note in notes)
    assert not any("saw no change" in note for note in notes)


CHANGE: dict[str, Any] = {
    "kind": "removed", "path": "p.stop", "object": "function", "to": None, "severity": 1.0,
    "old": "()", "new": None, "details": []
}  # fmt: skip
CHANGES = {"schema": 1, "package": "p", "a": "1.0", "b": "1.10", "changes": [CHANGE]}
BAD_CHANGES = {
    "nothing": "",
    "half": json.dumps(CHANGES)[:80],
    "deep": "[" * 100_000,
    "a list": "[]",
    "severity x": json.dumps({**CHANGES, "changes": [{**CHANGE, "severity": "x"}]}),
    "severity 7": json.dumps({**CHANGES, "changes": [{**CHANGE, "severity": 7}]}),
    "path null": json.dumps({**CHANGES, "changes": [{**CHANGE, "path": None}]}),
    "kind odd": json.dumps({**CHANGES, "changes": [{**CHANGE, "kind": "odd"}]}),
    "details a number": json.dumps({**CHANGES, "changes": [{**CHANGE, "details": 3}]}),
    "details of numbers": json.dumps({**CHANGES, "changes": [{**CHANGE, "details": [3]}]}),
    "change a text": json.dumps({**CHANGES, "changes": ["x"]}),
    "version zzz": json.dumps({**CHANGES, "b": "zzz"}),
    "version 3": json.dumps({**CHANGES, "b": 3}),
    "schema 2": json.dumps({**CHANGES, "schema": 2}),
    "another pair": json.dumps({**CHANGES, "b": "1.11"}),
    "good, but of nobody knows what": json.dumps(CHANGES),
}


@pytest.mark.parametrize("what", [*BAD_CHANGES, "page", "folder", "pipe"])
def test_broken_changes_are_left_out_by_stage_3_and_made_anew_by_stage_2(
    folder: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--dir", folder, "--offline") == 0
    path = folder / "sims" / "changes" / "p-1.0..1.10.json"
    good = path.read_bytes()
    if what == "page":
        path.with_suffix(".md").write_text("half")
    elif what in PLACES:
        path.unlink()
        PLACES[what](path)
    else:
        path.write_text(BAD_CHANGES[what])
    from calipertf.parse.load import read_inputs

    notes = [str(note) for note in read_inputs(Layout(root=folder)).notes if note.left_out]
    sound = what == "page" or what.startswith("good")
    assert [str(path) in note for note in notes] == ([] if sound else [True])
    capsys.readouterr()
    assert run("--dir", folder, "--offline") == 0
    assert "changes: 1 written, 0 kept" in capsys.readouterr().err
    assert path.read_bytes() == good


def test_changes_are_kept_whatever_the_times_of_files_say(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--dir", folder, "--offline") == 0
    for age, path in enumerate(sorted(folder.rglob("*"))):
        os.utime(path, (age, age))
    capsys.readouterr()
    assert run("--dir", folder, "--offline") == 0
    assert "changes: 0 written, 1 kept" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["versions", "cells", "api"])
@pytest.mark.parametrize("what", ["random", "half", "folder", "pipe", "other columns", "both"])
def test_broken_table_is_set_aside_and_made_anew(
    folder: Path, name: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--dir", folder, "--offline") == 0
    path = folder / "sims" / f"{name}.parquet"
    good = path.read_bytes()
    path.unlink()
    if what in PLACES:
        PLACES[what](path)
    elif what == "other columns":
        pd.DataFrame({"x": [1]}).to_parquet(path)
    else:
        path.write_bytes(good[: len(good) // 2] if what == "half" else os.urandom(2000))
    if what == "both":
        path.with_suffix(".csv").write_bytes(b'"')
    capsys.readouterr()
    assert run("--dir", folder, "--offline") == 0
    told = capsys.readouterr().err
    assert f"{path} cannot be read" in told
    assert f"set aside as {path.name}.aside-1" in told
    assert path.read_bytes() == good
    assert (path.parent / f"{path.name}.aside-1").exists()


def test_rows_of_other_packages_survive_a_broken_table(folder: Path) -> None:
    save_version(folder, "1", {"go": ""}, package="q")
    save_version(folder, "2", {"go": "x"}, package="q")
    assert run("--dir", folder, "--offline", "--package", "p", "q", "--versions", "all") == 0
    path = folder / "sims" / "versions.parquet"
    good = pd.read_csv(path.with_suffix(".csv"))
    path.write_bytes(b"PAR1")
    assert run("--dir", folder, "--offline", "--package", "p", "--versions", "all") == 0
    counts = pd.read_parquet(path)["package"].value_counts().to_dict()
    assert counts == good["package"].value_counts().to_dict()


def test_rows_that_cannot_be_meant_are_left_out_with_a_word(folder: Path) -> None:
    from calipertf.formats.similarities import read_sims

    rows = ["p,1.0,1.10,api_jaccard,0.5", "p,zzz,1.10,api_jaccard,0.5", "p,1.0,1.10,api_jaccard,x"]
    rows += ["p,1.0,1.10,api_jaccard,7", "p,1.0,1.10,api_jaccard,", ",1.0,1.10,api_jaccard,0.5"]
    path = folder / "versions.csv"
    path.write_text("package,a,b,score,value\n" + "\n".join(rows) + "\np,1.0,1.10,semver,0.1")
    table = read_sims(folder / "versions")
    assert table.rows is not None
    assert table.rows["value"].tolist() == [0.5]
    assert len(table.problems) == 2
    assert "its last row is cut off" in table.problems[0]
    assert "5 of 6 rows are left out" in table.problems[1]
    assert "zzz" in table.problems[1]


def test_broken_pairs_of_the_original_are_left_out_with_a_word(folder: Path) -> None:
    from calipertf.parse.load import read_inputs

    (folder / "sims").mkdir()
    for name, text in {
        "deep": "[" * 100_000,
        "list": "[]",
        "number": '{"1.0..2.0": 3}',
        "score": '{"1.0..2.0": {"x": "y"}}',
        "version": '{"zzz..2.0": {"x": 1}}',
        "good": '{"1.0..2.0": {"x": 1}}',
    }.items():
        (folder / "sims" / f"pypi-{name}-sims.json").write_text(text)
    inputs = read_inputs(Layout(root=folder))
    assert inputs.sims["versions"]["package"].tolist() == ["good"]
    assert sum(note.left_out for note in inputs.notes) == 5


@pytest.mark.parametrize("what", ["random", "foreign", "folder", "pipe", "copied", "odd"])
def test_broken_api_in_the_cache_is_told(
    folder: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import gzip

    path = folder / "functiondb" / "p" / "1.0.json.gz"
    good = json.loads(gzip.decompress(path.read_bytes()))
    path.unlink()
    if what in PLACES:
        PLACES[what](path)
    elif what == "copied":
        shutil.copy(path.with_name("1.10.json.gz"), path)
    else:
        odd = {**good, "signatures": [[["", 3, None]]]}
        text = json.dumps(odd) if what == "odd" else "[" * 100_000
        path.write_bytes(os.urandom(500) if what == "random" else gzip.compress(text.encode()))
    assert run("--dir", folder, "--offline") == 3
    told = capsys.readouterr().err
    assert "p 1.0 is missing: it is " in told
    assert "Traceback" not in told


@pytest.mark.parametrize("what", ["random", "folder", "pipe", "dangling link", "good", "nothing"])
def test_broken_cache_of_the_index_is_set_aside(tmp_path: Path, what: str) -> None:
    path = tmp_path / "index.sqlite"
    if what in PLACES:
        PLACES[what](path)
    elif what == "good":
        database = sqlite3.connect(path)
        database.execute("CREATE TABLE responses (key)")
        database.commit()
        database.close()
    elif what == "random":
        path.write_bytes(os.urandom(5000))
    assert prepare_cache(path) == path
    assert os.path.lexists(path) == (what == "good")
    aside = [item.name for item in tmp_path.iterdir() if "aside" in item.name]
    assert len(aside) == (what not in {"good", "nothing"})


def test_between_compares_versions_of_one_package(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--dir", folder, "--offline", "--between", "1.0", "1.10")
    assert run(*flags, "--package", "p", "q") == 2
    assert "--between compares versions of one package, not of p, q" in capsys.readouterr().err
    write_record(
        folder / "data" / "pypi-q-1.0-python-cp37.json",
        RECORD.__class__(
            cell=Cell(package="q", version="1.0", python="cp37"), outcome="no_release"
        ),
    )
    assert run(*flags) == 2
    assert "not of p, q" in capsys.readouterr().err
    assert run(*flags, "--package", "p") == 0


@pytest.mark.parametrize("what", ["folder.zip", "pipe", "device", "dangling link", "deep.json"])
def test_function_database_that_is_no_file_is_told(
    folder: Path, tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "db.json"
    if what in PLACES:
        PLACES[what](path)
    elif what == "deep.json":
        path.write_text("[" * 100_000)
    else:
        path = tmp_path / "db.zip"
        os.mkfifo(path)
    run("--dir", folder, "--offline", "--funcdb", path)
    told = capsys.readouterr().err
    assert path.name in told
    assert "fault" not in told
    assert read_json(folder / "sims" / "pypi-p-requirements-sims.json")
