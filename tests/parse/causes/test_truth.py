"""A grid whose every answer is known comes back exactly, and what is missing is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers import REPOSITORY
from helpers.grids import make_record

from calipertf.errors import RecordError
from calipertf.formats.record_files import write_record
from calipertf.formats.records import Verdict
from calipertf.parse.analysis import Analysis, analyse
from calipertf.parse.columns import TABLES
from calipertf.parse.compare import compare_runs
from calipertf.parse.load import STAGE_1, STAGE_2, read_inputs
from calipertf.parse.results import make_results
from calipertf.parse.tables import write_table
from calipertf.paths import Layout
from calipertf.reasons.last_words import Failure

OLD, NEW = "examples/v1/old.py", "examples/v2/new.py"
GOOD = Verdict(outcome="same_result")
GONE = Failure(type="AttributeError", message="module 'p' has no attribute 'gone'")
NOT_YET = Failure(type="AttributeError", message="module 'p' has no attribute 'fresh'")
BROKEN = Failure(type="TypeError", message="Descriptors cannot not be created directly.")
FRAME = '  File "/e/lib/python3.7/site-packages/google/protobuf/descriptor.py", line 5, in f\n'
TRACEBACK = ("Traceback (most recent call last):\n", FRAME, "TypeError: Descriptors ...\n")

#: api_jaccard of each pair of versions.
JACCARD = {
    ("1.9", "1.10"): 0.9,
    ("1.9", "2.0rc1"): 0.5,
    ("1.9", "2.0"): 0.4,
    ("1.10", "2.0rc1"): 0.95,
    ("1.10", "2.0"): 0.9,
    ("2.0rc1", "2.0"): 0.8,
}


def write_truth(root: Path) -> Layout:
    """Script OLD works on 1.9 and 1.10, NEW on 2.0rc1 and 2.0; today protobuf breaks 1.10."""
    layout = Layout(root=root)
    for version in ("1.9", "1.10", "2.0rc1", "2.0"):
        early = version.startswith("1.")
        failed = {"outcome": "run_failed", "reason": "api_missing"}
        verdicts = {
            OLD: GOOD if early else Verdict(**failed, exception=GONE),
            NEW: Verdict(**failed, exception=NOT_YET) if early else GOOD,
        }
        pins = ["protobuf==3.0", f"p=={version}", "six==1.16.0"]
        record = make_record(version, verdicts, resolve="release", requirements=pins)
        write_record(layout.record_path(record.cell, dated=True), record)
    dead = Verdict(outcome="import_failed", reason="dependency", exception=BROKEN)
    record = make_record(
        "1.10",
        {OLD: dead, NEW: dead},
        requirements=["protobuf==4.24.4", "p==1.10", "six==1.16.0"],
        errors={OLD: TRACEBACK, NEW: TRACEBACK},
        outcome="import_failed",
    )
    write_record(layout.record_path(record.cell, dated=True), record)
    write_sims(layout)
    return layout


def write_sims(layout: Layout) -> None:
    folder = layout.sims / "changes"
    folder.mkdir(parents=True)
    versions = pd.DataFrame(
        [("p", a, b, "api_jaccard", value) for (a, b), value in JACCARD.items()],
        columns=["package", "a", "b", "score", "value"],
    )
    versions.to_csv(layout.sims / "versions.csv", index=False)
    missing = "p.gone (line 1): function removed"
    usage = pd.DataFrame(
        [
            ("p", OLD, "1.9", "1.9", 2, 2, 1.0, ""),
            ("p", OLD, "1.9", "1.10", 2, 2, 1.0, ""),
            ("p", OLD, "1.9", "2.0rc1", 2, 1, 0.5, missing),
            # Wrong on purpose: it works against it.
            ("p", NEW, "2.0", "2.0rc1", 2, 1, 0.5, missing),
        ],
        columns=[
            "package",
            "script",
            "baseline",
            "version",
            "used",
            "compatible",
            "share",
            "missing",
        ],
    )
    usage.to_parquet(layout.sims / "usage.parquet", index=False)
    change: dict[str, Any] = {"object": "function", "to": None, "severity": 1.0}
    change |= {"old": "()", "new": None, "details": []}
    removed = {**change, "kind": "removed", "path": "p.gone"}
    added = {**change, "kind": "added", "path": "p.fresh", "severity": 0.0}
    for a, b, changes in [("1.9", "1.10", []), ("1.10", "2.0rc1", [removed, added])]:
        data = {"schema": 1, "package": "p", "a": a, "b": b, "changes": changes}
        (folder / f"p-{a}..{b}.json").write_text(json.dumps(data))


@pytest.fixture
def truth(tmp_path: Path) -> Analysis:
    return analyse(read_inputs(write_truth(tmp_path)))


def list_rows(table: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    kept = table[list(columns)].astype(object)
    return list(kept.where(kept.notna(), None).itertuples(index=False, name=None))


REMOVED = "p.gone was removed between 1.10 and 2.0rc1"
ADDED = "p.fresh was added between 1.10 and 2.0rc1"
PROTOBUF = "protobuf is 4.24.4 here and 3.0 where the import works (1.10 on Python 3.7, release)"
TIMELINES = [
    (OLD, "release", 4, 2, "1.9", "1.10", "2.0rc1", "1.10", False, REMOVED, "api", None, None),
    (OLD, "today", 1, 0, None, None, None, None, False, None, None, None, None),
    (NEW, "release", 4, 2, "2.0rc1", "2.0", None, None, False, None, None, "1.10", ADDED),
    (NEW, "today", 1, 0, None, None, None, None, False, None, None, None, None),
]


def test_first_breaks_and_their_causes_come_back(truth: Analysis) -> None:
    found = list_rows(
        truth.tables["timelines"],
        *("script", "resolve", "judged", "working", "first_working", "last_working"),
        *("breaking", "before", "recovers", "cause", "cause_kind", "too_old", "too_old_cause"),
    )
    assert sorted(found, key=str) == sorted(TIMELINES, key=str)


def test_every_failure_has_its_cause_and_nearest_cell(truth: Analysis) -> None:
    name = "{}/pypi-p-{}-python-cp37".format
    found = list_rows(
        truth.tables["results"], "version", "resolve", "script", "cause", "nearest_working"
    )
    assert found == [
        ("1.9", "release", OLD, None, None),
        ("1.9", "release", NEW, ADDED, name("release", "2.0rc1")),
        ("1.10", "release", OLD, None, None),
        ("1.10", "release", NEW, ADDED, name("release", "2.0rc1")),
        ("1.10", "today", OLD, PROTOBUF, name("release", "1.10")),
        ("1.10", "today", NEW, PROTOBUF, name("release", "2.0rc1")),
        ("2.0rc1", "release", OLD, REMOVED, name("release", "1.10")),
        ("2.0rc1", "release", NEW, None, None),
        ("2.0", "release", OLD, REMOVED, name("release", "1.10")),
        ("2.0", "release", NEW, None, None),
    ]


def test_failures_are_counted_by_signature(truth: Analysis) -> None:
    found = list_rows(
        truth.tables["failures"], "signature", "results", "scripts", "cells", "first_version"
    )
    assert found == [
        ("AttributeError: module 'p' has no attribute 'fresh'", 2, 1, 2, "1.9"),
        ("AttributeError: module 'p' has no attribute 'gone'", 2, 1, 2, "2.0rc1"),
        ("TypeError: Descriptors cannot be created directly.", 2, 2, 1, "1.10"),
    ]


def test_area_under_the_curve_comes_back(truth: Analysis) -> None:
    # Over all pairs each script gives six units: from its two working versions to the other three.
    # Of the similarities, each unit's stands here once a script:
    #   works: 0.9 (1.9 and 1.10; OLD both ways), 0.8 (2.0rc1 and 2.0; NEW both ways): 4 units
    #   fails: 0.5, 0.4, 0.95, 0.9 (across 1.10 | 2.0rc1), each for both scripts: 8 units
    # Less similar should fail. Of the 8 x 4 pairs of a failing and a working unit are concordant
    #   0.5 < {0.9, 0.9, 0.8, 0.8}: 4; 0.4: 4; 0.95: 0; 0.9: 2 ties at one half: 1; twice: 18.
    scores = truth.tables["prediction_scores"].set_index(["subset", "predictor", "method"])
    row = scores.loc[("all", "signature_jaccard", "score")]
    assert (row["units"], row["scripts"], row["versions"]) == (12, 2, 4)
    assert row["fails"] == pytest.approx(8 / 12)
    assert row["auc"] == 18 / 32
    # Of upgrades, OLD 1.9 to 1.10 and NEW 2.0rc1 to 2.0 work (0.9, 0.8), OLD to 2.x fails:
    #   0.5: 2; 0.4: 2; 0.95: 0; 0.9: half of a tie: 4.5 of 4 x 2.
    assert scores.loc[("upgrades", "signature_jaccard", "score"), "auc"] == 4.5 / 8
    # The major version tells the two apart; always says nothing.
    assert scores.loc[("all", "major differs", "baseline"), "auc"] == 1.0
    assert scores.loc[("all", "major differs", "baseline"), "accuracy"] == 1.0
    assert scores.loc[("all", "always", "baseline"), "auc"] == 0.5
    # Within one major nothing fails.
    assert scores.xs("one major")["auc"].isna().all()
    # Usage is known of 1.9, 1.10, 2.0rc1 alone: OLD's two units to 2.0rc1 fail (0.5), its two
    # between 1.9 and 1.10 work (1.0), NEW's from 2.0 to 2.0rc1 works (0.5): (2 + 2 + 2/2) / 6.
    usage = scores.loc[("all", "usage", "score")]
    assert (usage["units"], usage["auc"]) == (5, pytest.approx(5 / 6))


def test_intervals_hold_the_value_and_come_again(truth: Analysis) -> None:
    scores = truth.tables["prediction_scores"]
    given = scores[scores["auc_low"].notna()]
    assert (given["auc_low"] <= given["auc"] + 1e-12).all()
    assert (given["auc"] <= given["auc_high"] + 1e-12).all()
    again = analyse(truth.inputs)
    for name, table in truth.tables.items():
        pd.testing.assert_frame_equal(table, again.tables[name])
    assert again.sentences == truth.sentences


def test_usage_is_counted_right_and_wrong(truth: Analysis) -> None:
    found = list_rows(
        truth.tables["usage_confusion"],
        *("resolve", "scope", "true_positives", "false_positives", "false_negatives"),
        *("true_negatives", "precision", "recall"),
    )
    assert found == [
        ("release", "every judged cell", 1, 1, 0, 1, 0.5, 1.0),
        ("release", "cells that can import the package", 1, 1, 0, 1, 0.5, 1.0),
        ("today", "every judged cell", 0, 0, 1, 0, None, 0.0),
    ]


def test_tables_come_back_from_their_files(truth: Analysis, tmp_path: Path) -> None:
    comparisons = compare_runs(truth.results, truth.results)
    tables = analyse(truth.inputs, comparisons).tables
    assert set(tables) == set(TABLES)
    for name, table in tables.items():
        write_table(tmp_path / "t", name, table, ["csv", "parquet", "png"])
        assert list(table.columns) == list(TABLES[name].columns)
        parquet = pd.read_parquet(tmp_path / "t" / f"{name}.parquet")
        pd.testing.assert_frame_equal(parquet, table)
        # Versions such as 1.10 are text; a CSV does not say so, docs/tables.md does.
        kinds: Any = {
            key: {"text": "string", "whole": "Int64", "number": "float64", "flag": "boolean"}[kind]
            for key, (kind, _) in TABLES[name].columns.items()
        }
        csv = pd.read_csv(tmp_path / "t" / f"{name}.csv", dtype=kinds)
        pd.testing.assert_frame_equal(csv, table, check_exact=False)
    assert len(list((tmp_path / "t").iterdir())) == 2 * len(tables)


def test_odd_text_is_kept(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    odd = 'é "x", <script>\r\n;\t\U0001f600 \x00'
    verdicts = {
        "a.py": Verdict(outcome="run_failed", exception=Failure(type="É", message=odd)),
        "b.py": Verdict(outcome="run_failed", exception=Failure(type="E", message="\udcff")),
        "c.py": Verdict(outcome="different_result", differences=(odd, "2")),
    }
    record = make_record("1.0", verdicts)
    write_record(layout.record_path(record.cell, dated=False), record)
    table = analyse(read_inputs(layout)).tables["results"]
    assert table["message"][0] == odd
    write_table(tmp_path, "results", table, ["csv", "parquet"])
    assert pd.read_parquet(tmp_path / "results.parquet")["message"][0] == odd
    assert "É" in (tmp_path / "results.csv").read_text(encoding="utf-8", errors="surrogateescape")


def test_one_message_may_have_two_causes(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    for version, verdict in [
        ("1.0", Verdict(outcome="run_failed", reason="api_missing", exception=GONE)),
        ("2.0", GOOD),
        ("3.0", Verdict(outcome="run_failed", reason="api_missing", exception=GONE)),
    ]:
        record = make_record(version, {"s/a.py": verdict})
        write_record(layout.record_path(record.cell, dated=False), record)
    change = {"object": "function", "to": None, "severity": 1.0, "old": "()", "new": None}
    folder = layout.sims / "changes"
    folder.mkdir(parents=True)
    for a, b, kind in [("1.0", "2.0", "added"), ("2.0", "3.0", "removed")]:
        # Half of a surrogate pair, which JSON can spell and no table can hold.
        item = {**change, "kind": kind, "path": "p.gone", "details": ["default '\ud800'"]}
        data = {"schema": 1, "package": "p", "a": a, "b": b, "changes": [item]}
        (folder / f"p-{a}..{b}.json").write_text(json.dumps(data))
    analysis, _ = notes_of(tmp_path)
    (cause,) = analysis.tables["failures"]["cause"]
    assert cause.split("; ") == [
        "p.gone was added between 1.0 and 2.0 (1 of 2)",
        "p.gone was removed between 2.0 and 3.0 (1 of 2)",
    ]
    assert analysis.tables["api_changes"]["details"].tolist() == ["default '?'"] * 2


def notes_of(root: Path) -> tuple[Analysis, list[str]]:
    inputs = read_inputs(Layout(root=root))
    return analyse(inputs), [str(note) for note in inputs.notes]


def test_whole_input_has_one_note_a_missing_table(tmp_path: Path) -> None:
    write_truth(tmp_path)
    _, notes = notes_of(tmp_path)
    assert len(notes) == 2
    assert "no table of cells" in notes[0]
    assert "no table of api" in notes[1]


def test_records_alone_show_results_and_name_stage_2(tmp_path: Path) -> None:
    layout = write_truth(tmp_path)
    for path in sorted(layout.sims.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    analysis, notes = notes_of(tmp_path)
    assert len(analysis.tables["results"]) == 10
    assert analysis.tables["timelines"]["breaking"].dropna().tolist() == ["2.0rc1"]
    assert len(notes) == 5
    assert all(note.endswith(f"made by: {STAGE_2}") for note in notes)


def test_similarities_alone_name_stage_1(tmp_path: Path) -> None:
    write_sims(Layout(root=tmp_path))
    analysis, notes = notes_of(tmp_path)
    assert len(analysis.tables["similarities"]) == len(JACCARD) + 4
    assert len(analysis.tables["results"]) == 0
    assert f"made by: {STAGE_1}" in notes[0]


def test_nothing_at_all_is_an_error_that_names_stage_1(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"1\.run_analysis\.py"):
        read_inputs(Layout(root=tmp_path / "none"))


def test_one_cell_is_enough(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    record = make_record("0.12.1rc0", {"a.py": GOOD}, package="scikit-learn", python="cp27")
    write_record(layout.record_path(record.cell, dated=False), record)
    analysis, _ = notes_of(tmp_path)
    assert list_rows(analysis.tables["timelines"], "first_working") == [("0.12.1rc0",)]
    assert analysis.sentences == []


CELL = '{"schema": 1, "cell": {"package": "p", "version": "1.0", "python": "%s"}, '
DAMAGED = [
    ("data/notes.json", "{}", "not named like a record"),
    ("data/pypi-p-1.0-python-cp37.json", "{", "not a readable JSON"),
    ("data/pypi-p-1.0-python-cp37.json", "", "not a readable JSON"),
    ("data/pypi-p-1.0-python-cp37.json", '{"schema": 99}', "schema 99"),
    ("data/pypi-p-1.0-python-cp37.json", '{"schema": 1, "cell": 3}', "not a complete record"),
    (
        "data/pypi-p-1.0-python-cp37.json",
        CELL % "37" + '"outcome": "no_release", "outcomes": {}}',
        "not a complete record",
    ),
    (
        "data/pypi-p-1.0-python-cp37.json",
        CELL % "cp37" + '"outcome": "run_failed", "outcomes": {"a.py": {"outcome": "odd"}}}',
        "not a complete record",
    ),
    (
        "data/pypi-p-1.0-python-cp37.json",
        CELL % "cp37" + '"outcome": "run_failed", "tests": {"a.py": []}, "outcomes": {}}',
        "not a complete record",
    ),
    ("data/pypi-p-1.0-python-cp37.failed.json", "{}", "no verdict yet"),
    ("sims/versions.parquet", "PAR1 no", "versions.parquet cannot be read"),
    ("sims/cells.parquet", "", "cells.parquet cannot be read"),
    ("sims/cells.csv", "", "cells.csv cannot be read"),
    ("sims/cells.csv", "a,b\n1,2\n", "cells.csv cannot be read"),
    (
        "sims/cells.csv",
        'cell_a,cell_b,score,value\nx,y,semver,"many"\n',
        "cells.csv cannot be read",
    ),
    ("sims/api.csv", "\x00\x00", "api.csv cannot be read"),
    ("sims/usage.parquet", "x", "usage.parquet cannot be read"),
    ("sims/changes/p-1..2.json", "{", "p-1..2.json cannot be read"),
    ("sims/changes/p-1..2.json", "[]", "p-1..2.json cannot be read"),
    ("sims/changes/p-1..2.json", '{"schema": 2}', "schema 2"),
    (
        "sims/changes/p-1..2.json",
        '{"schema": 1, "package": "p", "a": "1", "b": "2", "changes": [{"kind": "odd"}]}',
        "p-1..2.json cannot be read",
    ),
]


@pytest.mark.parametrize(("name", "text", "words"), DAMAGED)
def test_damaged_file_is_named_and_the_rest_shown(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    write_truth(tmp_path)
    (tmp_path / name).write_text(text)
    analysis, notes = notes_of(tmp_path)
    assert any(words in note for note in notes), notes
    assert len(analysis.tables["results"]) == 10


def test_csv_stands_in_for_a_damaged_parquet(tmp_path: Path) -> None:
    layout = write_truth(tmp_path)
    (layout.sims / "versions.parquet").write_bytes(b"PAR1")
    analysis, _ = notes_of(tmp_path)
    assert (analysis.tables["similarities"]["score"] == "api_jaccard").sum() == len(JACCARD)


def test_cell_that_lies_flat_and_dated_counts_once(tmp_path: Path) -> None:
    layout = write_truth(tmp_path)
    record = make_record("1.9", {OLD: Verdict(outcome="run_failed")}, resolve="release")
    write_record(layout.record_path(record.cell, dated=False), record)
    analysis, notes = notes_of(tmp_path)
    assert len(analysis.tables["results"]) == 10
    assert analysis.tables["results"]["outcome"][0] == "same_result"
    assert any("p 1.9 cp37 (release)" in note for note in notes)


def test_similarities_of_the_original_are_read(tmp_path: Path) -> None:
    layout = write_truth(tmp_path)
    (layout.sims / "versions.csv").unlink()
    data = {"1.9..1.10": {"module_sim": 0.5}, "1.10..2.0": {"module_sim": 0}}
    (layout.sims / "pypi-p-sims.json").write_text(json.dumps(data))
    (layout.sims / "pypi-p-requirements-sims.json").write_text("{")
    (layout.sims / "pypi-q-sims.json").write_text('{"1..2": 5}')
    analysis, notes = notes_of(tmp_path)
    assert list_rows(analysis.inputs.sims["versions"], "package", "a", "b", "value") == [
        ("p", "1.9", "1.10", 0.5),
        ("p", "1.10", "2.0", 0.0),
    ]
    assert any("pypi-q-sims.json cannot be read" in note for note in notes)


def test_records_in_the_originals_shapes_are_analysed() -> None:
    analysis, notes = notes_of(REPOSITORY / "tests/data/original")
    assert len(analysis.tables["results"]) == 3 * 3
    assert set(analysis.tables["results"]["resolve"]) == {"original"}
    assert len(notes) == 5


def test_records_of_the_original_are_analysed(reference: Path) -> None:
    analysis, notes = notes_of(reference / "caliper-analysis/.caliper")
    assert len(analysis.tables["results"]) == 6 * 43
    assert len(make_results(analysis.inputs.records)) == 6 * 43
    assert set(analysis.tables["results"]["resolve"]) == {"original"}
    assert len(notes) == 5
