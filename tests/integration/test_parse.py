"""3.parse_data.py as a process: from files alone to tables, figures, page and exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from helpers import REPOSITORY

NAME = "pypi-fixture-{version}-python-cp311"
MISSING = "module 'fixture' has no attribute 'old'"


def write_record(root: Path, version: str, *, works: bool, text: str = "1") -> None:
    script = "suite/one.py"
    error = ["Traceback (most recent call last):\n", f"AttributeError: {MISSING}\n"]
    verdict: dict[str, object] = {"outcome": "same_result", "suite": "suite", "start": "cold"}
    if not works:
        exception = {"type": "AttributeError", "message": MISSING}
        verdict |= {"outcome": "run_failed", "reason": "api_missing", "exception": exception}
    name = NAME.format(version=version)
    record = {
        "schema": 1,
        "cell": {
            "package": "fixture",
            "version": version,
            "python": "cp311",
            "resolve": "today",
            "resolve_date": None,
        },
        "outcome": verdict["outcome"],
        "reason": verdict.get("reason"),
        "message": None,
        "outcomes": {script: verdict},
        "environment": {"kind": "venv", "python": "3.11.7", "platform": "linux_x86_64"},
        "inputs": {"name": name, "dependency": "fixture", "dockerfile": "FROM x\n"},
        "tests": {
            "build": {"retval": 0, "output": [], "error": []},
            script: {
                "retval": 0 if works else 1,
                "output": [f"{text}\n"],
                "error": [] if works else error,
                "seconds": 0.1,
            },
        },
        "requirements.txt": [f"fixture=={version}\n"],
        "timings": {"started": "2026-11-23T12:00:00Z", "build": 1.0, "scripts": 0.1},
    }
    record["inputs"]["tests"] = [script]  # type: ignore[index]
    path = root / "data" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record), encoding="utf-8")


def write_changes(root: Path) -> None:
    change = {"kind": "removed", "path": "fixture.old", "object": "function", "to": None}
    change |= {"severity": 1.0, "old": "()", "new": None, "details": []}
    data = {"schema": 1, "package": "fixture", "a": "1.0", "b": "2.0", "changes": [change]}
    folder = root / "sims" / "changes"
    folder.mkdir(parents=True)
    (folder / "fixture-1.0..2.0.json").write_text(json.dumps(data), encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / ".caliper"
    write_record(folder, "1.0", works=True)
    write_record(folder, "2.0", works=False)
    write_changes(folder)
    return folder


def parse(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPOSITORY / "3.parse_data.py"), "--dir", str(root), *arguments]
    # Stage 3 works from files alone: whatever it asked a proxy for would fail.
    nowhere = {f"{name}_proxy": "http://127.0.0.1:9" for name in ("http", "https", "all")}
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=root.parent,
        env={**os.environ, **nowhere},
    )


def test_everything_is_written_and_said(root: Path) -> None:
    done = parse(root)
    assert done.returncode == 0, done.stderr
    cause = "fixture.old was removed between 1.0 and 2.0"
    assert "2 cells, 2 scripts in cells: 1 same result, 1 run failed" in done.stdout
    assert f"Breaks 1 script: {cause}" in done.stdout
    assert f"page:    file://{root}/report.html" in done.stdout
    results = pd.read_csv(root / "compiled" / "results.csv").set_index("version", drop=False)
    assert list(results["outcome"]) == ["same_result", "run_failed"]
    assert results["cause"].iloc[1] == cause
    stored = pd.read_parquet(root / "compiled" / "results.parquet")
    assert list(stored["outcome"]) == list(results["outcome"])
    by_python = json.loads((root / "compiled" / "test-results-by-python.json").read_text())
    assert [entry["retval"] for entry in by_python["311"]] == [0, 0, 0, 1]
    png = (root / "plots" / "outcomes-suite.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    assert "run failed" in (root / "plots" / "outcomes-suite.svg").read_text()
    assert cause not in (root / "report.html").read_text(), "the page's data is packed"


@pytest.mark.parametrize(
    ("formats", "there", "not_there"),
    [
        ("csv", "compiled/results.csv", ("compiled/results.parquet", "plots", "report.html")),
        ("svg", "plots/outcomes-suite.svg", ("compiled", "report.html")),
        ("html", "report.html", ("compiled", "plots/outcomes-suite.svg")),
    ],
)
def test_only_the_formats_asked_for(
    root: Path, formats: str, there: str, not_there: tuple[str, ...]
) -> None:
    done = parse(root, "--formats", formats)
    assert done.returncode == 0, done.stderr
    assert (root / there).exists()
    for name in not_there:
        assert not (root / name).exists(), name


@pytest.fixture
def before(root: Path) -> Path:
    """The run of a day when version 2.0 still worked."""
    folder = root.parent / "before"
    shutil.copytree(root, folder)
    write_record(folder, "2.0", works=True)
    return folder


def test_regression_has_an_exit_code_of_its_own(root: Path, before: Path) -> None:
    done = parse(root, "--compare", str(before), "--formats", "csv")
    assert done.returncode == 0, done.stderr
    assert "1 broken, 1 still working" in done.stdout
    assert "broken: suite/one.py on fixture 2.0, Python 3.11 (today), now run_failed: Attrib" in (
        done.stdout
    )
    table = pd.read_csv(root / "compiled" / "comparison.csv")
    assert list(table["status"]) == ["still working", "broken"]
    failing = ("--formats", "csv", "--fail-on", "regression")
    assert parse(root, "--compare", str(before), *failing).returncode == 1
    fixed = parse(before, "--compare", str(root), *failing)
    assert fixed.returncode == 0, fixed.stderr
    assert "1 fixed" in fixed.stdout


def test_last_is_what_a_run_replaced_last(root: Path) -> None:
    done = parse(root, "--compare", "last", "--formats", "csv")
    assert done.returncode == 2
    assert "no run has replaced a record yet" in done.stderr
    for day in ("01", "02"):
        folder = root / "history" / f"2026-01-{day}T00-00-00Z"
        write_record(folder, "2.0", works=day == "02")
    done = parse(root, "--compare", "last", "--formats", "csv", "--fail-on", "regression")
    assert done.returncode == 1, done.stderr
    assert "compared with the other run: 1 broken\n" in done.stdout


def test_runs_that_share_nothing_are_no_success(root: Path) -> None:
    other = root.parent / "other"
    write_record(other, "9.0", works=True)
    done = parse(root, "--compare", str(other), "--formats", "csv")
    assert done.returncode == 0
    assert "no script in a cell in common" in done.stderr
    failing = ("--compare", str(other), "--formats", "csv", "--fail-on", "regression")
    done = parse(root, *failing)
    assert done.returncode == 2
    assert "nothing could be compared" in done.stderr


def test_comparison_of_an_earlier_run_does_not_stay(root: Path, before: Path) -> None:
    parse(root, "--compare", str(before), "--formats", "csv,parquet")
    assert (root / "compiled/comparison.parquet").exists()
    parse(root, "--formats", "csv")
    assert not list((root / "compiled").glob("comparison.*"))


def test_colours_in_a_message_do_no_harm(root: Path) -> None:
    path = root / "data" / f"{NAME.format(version='2.0')}.json"
    text = path.read_text().replace(
        "has no attribute", "\\u001b[31mhas\\u001b[0m no attribute \\u0000"
    )
    path.write_text(text)
    done = parse(root)
    assert done.returncode == 0, done.stderr
    assert (root / "plots/errors.png").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--formats", "gif"), "'gif' is not one of html, png, svg, csv, parquet"),
        (("--fail-on", "regression"), "--fail-on needs --compare FOLDER"),
        (("--compare", "nowhere"), "--compare nowhere: there are no records under nowhere/data"),
        (("--fromats", "csv"), "unrecognized arguments"),
    ],
)
def test_bad_usage_is_told(root: Path, arguments: tuple[str, ...], told: str) -> None:
    done = parse(root, *arguments)
    assert done.returncode == 2
    assert told in done.stderr.replace("\n", " ")
    assert not (root / "compiled").exists()


def test_nothing_at_all_is_an_error_that_names_the_command(tmp_path: Path) -> None:
    done = parse(tmp_path / ".caliper")
    assert done.returncode == 2
    assert "python 1.run_analysis.py --config caliper.yaml" in done.stderr


def test_full_disk_leaves_the_last_page_whole(root: Path) -> None:
    assert parse(root, "--formats", "html").returncode == 0
    page = (root / "report.html").read_bytes()
    limit = f"ulimit -f 20; exec {sys.executable} {REPOSITORY / '3.parse_data.py'} --dir {root}"
    done = subprocess.run(
        ["bash", "-c", limit], capture_output=True, text=True, check=False, cwd=root.parent
    )
    assert done.returncode != 0
    assert (root / "report.html").read_bytes() == page
