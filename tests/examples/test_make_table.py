"""The table of examples/README.md, from records made here."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import REPOSITORY

from calipertf.config.model import Baseline, Config, load_config
from calipertf.formats.records import Cell, Record, Verdict
from calipertf.reasons.last_words import Failure

SCRIPT = REPOSITORY / "examples" / "make_table.py"
spec = importlib.util.spec_from_file_location("make_table", SCRIPT)
assert spec
assert spec.loader
make_table = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_table)

NAME = "suite/1_Introduction/hello.py"
GRID = """\
analysis:
  dependency: tensorflow
  versions: [1.8.0, 1.13.2, 2.0.4, 2.20.0]
  python_versions: [3.6, 3.10]
  resolve: release
  tests: [suite]
  baselines:
    suite: {version: 1.13.2, python: 3.7}
"""
GONE = Verdict(
    outcome="run_failed",
    exception=Failure(
        type="AttributeError", message="module 'tensorflow' has\n no `placeholder` | x"
    ),
)
SAME = Verdict(outcome="same_result")
OTHER = Verdict(outcome="different_result")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "suite" / "1_Introduction").mkdir(parents=True)
    (tmp_path / NAME).write_text("")
    (tmp_path / "Dockerfile").write_text("FROM python")
    (tmp_path / "caliper.yaml").write_text(GRID)
    return load_config(tmp_path / "caliper.yaml")


def make_record(version: str, python: str, verdict: Verdict | None, outcome: str = "") -> Record:
    cell = Cell(package="tensorflow", version=version, python=python, resolve="release")
    outcomes = {NAME: verdict} if verdict else {}
    return Record(
        cell=cell, outcome=outcome or (verdict.outcome if verdict else ""), outcomes=outcomes
    )


def make_row(config: Config, records: list[Record]) -> str:
    rows = make_table.make_table(config, records).splitlines()
    return str(next(row for row in rows if row.startswith("| 1_Introduction/hello")))


RECORDS = [
    make_record("2.20.0", "cp310", GONE),
    make_record("2.20.0", "cp36", None, "no_release"),
    make_record("1.13.2", "cp36", OTHER),
    make_record("1.13.2", "cp37", SAME),
    make_record("2.0.4", "cp36", OTHER),
    make_record("1.8.0", "cp36", GONE),
]


def test_a_row_goes_from_old_to_new_and_names_the_first_break_after_home(config: Config) -> None:
    assert make_row(config, RECORDS) == (
        "| 1_Introduction/hello | x | = | ~ | x | 2 | 2.20.0: "
        "`AttributeError: module 'tensorflow' has no 'placeholder' / x` |"
    )


def test_a_script_that_breaks_nowhere_says_so(config: Config) -> None:
    assert make_row(config, RECORDS[3:5]).endswith("| = | ~ | 1 | none |")


def test_a_cell_that_was_not_built_counts_as_a_break(config: Config) -> None:
    records = [*RECORDS[3:5], make_record("2.20.0", "cp310", None, "build_failed")]
    assert make_row(config, records).endswith("| B | 2 | 2.20.0: `the cell could not be built` |")


def test_the_legend_and_the_last_row_count_what_is_there(config: Config) -> None:
    table = make_table.make_table(config, RECORDS)
    assert table.startswith(
        "Marks: `x` failed, `~` different, `=` same. Cells: 1.8.0 on Python 3.6"
    )
    assert "| same result, of 1 | 0 | 1 | 0 | 0 | | |" in table


def test_only_what_lies_between_the_markers_is_replaced() -> None:
    text = f"before\n{make_table.BEGIN}\nold\n{make_table.END}\nafter\n"
    once = make_table.replace_table(text, "new")
    assert once == f"before\n{make_table.BEGIN}\n\nnew\n\n{make_table.END}\nafter\n"
    assert make_table.replace_table(once, "new") == once
    with pytest.raises(ValueError, match="needs the lines"):
        make_table.replace_table("nothing", "new")


def test_causes_are_counted_by_version_and_companions_named(config: Config) -> None:
    config = replace(
        config,
        analysis=config.analysis.model_copy(
            update={"baselines": {"suite": Baseline(version="2.4.4", python="cp38")}}
        ),
    )
    records = [
        make_record("2.4.4", "cp38", SAME),
        replace(
            make_record("2.20.0", "cp310", GONE), requirements=("keras==3.11.3\n", "six==1.17\n")
        ),
    ]
    table = make_table.make_table(config, records)
    assert "- 2.20.0: keras 3.11.3\n" in table
    assert "1 of 1 scripts of suite (100 %) change their outcome at least once" in table
    assert "| 2.20.0 | 1 | 1 | 1 |" in table
