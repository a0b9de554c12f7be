from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import REPOSITORY
from helpers.record_timings import strip_timings

from calipertf.errors import InfrastructureError, RecordError
from calipertf.files.atomic import remove_partials, set_aside, write_json, write_text
from calipertf.formats.record_files import read_record, write_record
from calipertf.formats.records import Cell, Record, Run, Verdict
from calipertf.paths import Layout, read_records
from calipertf.reasons.last_words import Failure

CELL = Cell(package="scikit-learn", version="1.0.2", python="cp310", resolve="release")
RECORD = Record(
    cell=CELL,
    outcome="run_failed",
    reason="api_missing",
    message="why",
    resolve_date="2021-01-13T00:00:00Z",
    outcomes={
        "a.py": Verdict(
            outcome="run_failed",
            reason="api_missing",
            exception=Failure(type="AttributeError", message="x"),
            suite="s",
            baseline={"version": "1.0", "python": "cp38", "resolve": "release"},
            differences=("line 1",),
        )
    },
    runs={
        "a.py": Run(output=("é\n",), error=("e\n",), retval=1, repeat=Run(retval=0), start="cold")
    },
    build=Run(output=("b\n",), retval=0, seconds=1.5),
    bare_import=Run(retval=0),
    requirements=("six==1.16.0\n",),
    environment={"kind": "venv"},
    inputs={"name": CELL.name},
    timings={"build": 3.2},
)


def test_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = Layout(root=tmp_path).record_path(CELL, dated=True)
    write_record(path, RECORD)
    assert read_record(path) == RECORD
    assert path.name == "pypi-scikit-learn-1.0.2-python-cp310.json"
    assert path.parent.name == "release"


def test_names_of_older_records_are_read(tmp_path: Path) -> None:
    data = RECORD.to_json()
    run = data["tests"]["a.py"]
    run["again"] = run.pop("repeat")
    run.update(ended="timeout", cut=7)
    (tmp_path / "old.json").write_text(json.dumps(data))
    known = RECORD.runs["a.py"]
    assert read_record(tmp_path / "old.json").runs["a.py"] == replace(
        known, termination="timeout", truncated_bytes=7
    )


def test_no_release_is_written_as_the_original_does(tmp_path: Path) -> None:
    write_record(tmp_path / "r.json", Record(cell=CELL, outcome="no_release"))
    data = json.loads((tmp_path / "r.json").read_text())
    assert data["build_retval"] == 1
    assert "tests" not in data


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a readable JSON"),
        ("[1]", "list"),
        ('{"schema": 1}', "not a complete record"),
        ('{"schema": 7}', "schema 7"),
        ('{"inputs": {}}', "not a record"),
    ],
)
def test_file_that_is_no_record_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(RecordError, match=words):
        read_record(path)


ORIGINAL = REPOSITORY / "tests/data/original/data"


@pytest.mark.parametrize(
    ("name", "outcome", "outcomes"),
    [
        ("pypi-plantnet-1.0.0-python-cp38", "no_release", []),
        ("pypi-plantnet-1.0.0-python-cp33", "build_failed", []),
        (
            "pypi-plantnet-1.0.0-python-cp36",
            "run_failed",
            ["not_compared", "not_compared", "run_failed"],
        ),
    ],
)
def test_the_three_shapes_of_the_original(name: str, outcome: str, outcomes: list[str]) -> None:
    record = read_record(ORIGINAL / f"{name}.json")
    assert record.is_original
    assert (record.cell.name, record.outcome) == (name, outcome)
    assert [verdict.outcome for verdict in record.outcomes.values()] == outcomes
    if outcomes:
        assert record.runs["first/water.py"].output == ("litres: 3\n", "litres: 4\n")
        assert record.outcomes["second/prune.py"].reason == "api_missing"


@pytest.mark.parametrize(
    ("name", "outcome", "scripts"),
    [
        ("pypi-tensorflow-1.0.0-python-cp38", "no_release", 0),
        ("pypi-tensorflow-1.0.0-python-cp33", "build_failed", 0),
        ("pypi-tensorflow-0.12.1-python-cp36", "run_failed", 43),
        ("pypi-tensorflow-2.3.0-python-cp38", "run_failed", 43),
    ],
)
def test_records_of_the_original(reference: Path, name: str, outcome: str, scripts: int) -> None:
    record = read_record(reference / "caliper-analysis/.caliper/data" / f"{name}.json")
    assert record.outcome == outcome
    assert len(record.outcomes) == scripts
    assert record.cell.name == name
    assert record.is_original


def test_times_do_not_count_in_a_comparison() -> None:
    first = RECORD.to_json()
    second = replace(
        RECORD, timings={"build": 9}, build=Run(output=("b\n",), retval=0, seconds=7.0)
    ).to_json()
    assert first != second
    assert strip_timings(first) == strip_timings(second)
    changed = replace(RECORD, runs={"a.py": Run(output=("other\n",), retval=1)}).to_json()
    assert strip_timings(first) != strip_timings(changed)


def test_times_of_day_on_stderr_do_not_count() -> None:
    def data(line: str) -> dict[str, object]:
        return strip_timings(replace(RECORD, runs={"a.py": Run(error=(line,))}).to_json())

    line = "2026-11-23 14:{}:00.123456: I tensorflow/core/platform.cc:142] loaded\n"
    assert data(line.format("10")) == data(line.format("11"))
    assert data(line.format("10")) != data(line.format("10").replace("loaded", "lost"))


def test_records_are_found_flat_and_dated(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    write_record(layout.record_path(CELL, dated=False), RECORD)
    assert layout.find_record(CELL) == layout.record_path(CELL, dated=False)
    assert layout.find_record(replace(CELL, resolve="today")) is None
    write_record(
        layout.record_path(replace(CELL, resolve="today"), dated=True),
        replace(RECORD, cell=replace(CELL, resolve="today")),
    )
    (layout.data / "pypi-six-1.0-python-cp38.json").write_text("{")
    (layout.data / "notes.json").write_text("{}")
    records, errors = read_records(layout)
    assert [record.cell.resolve for record in records] == ["release", "today"]
    assert len(errors) == 1


def test_half_written_file_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_text(path, "old")
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert path.read_text() == "old"
    (tmp_path / ".x.json.abc.partial").write_text("half")
    assert remove_partials(tmp_path) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_disk_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InfrastructureError, match="cannot write"):
        write_text(tmp_path / "file" / "x.json", "{}")


def test_nothing_is_overwritten_by_setting_aside(tmp_path: Path) -> None:
    for text in ("one", "two"):
        (tmp_path / "x.json").write_text(text)
        set_aside(tmp_path / "x.json")
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == ["one", "two"]


def test_half_a_character_does_not_keep_a_file_from_being_written(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"text": "caf\u00e9 \ud800"})
    assert "caf\u00e9 \\ud800" in (tmp_path / "x.json").read_text(encoding="utf-8")
    json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
