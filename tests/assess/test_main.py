"""Stage 2 from records and a cache, without a network."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from helpers import REPOSITORY
from helpers.fault_index import Fault, serve_faults
from helpers.stage2 import folder, read_json, run, save_record, save_version  # noqa: F401


def test_versions_are_compared_in_the_shape_of_the_original(folder: Path) -> None:
    assert run("--dir", folder, "--offline") == 0
    assert read_json(folder / "sims" / "pypi-p-sims.json") == {
        "1.0..1.10": {
            "module_jaccard": 1.0,
            "module_dice": 1.0,
            "function_jaccard": 0.5,
            "function_dice": 0.666667,
            "arguments_jaccard": 0.0,
            "arguments_dice": 0.0,
            "api_jaccard": 0.5,
            "containment_a_to_b": 0.5,
            "containment_b_to_a": 1.0,
            "compatibility_a_to_b": 0.0,  # y was removed, stop is gone
            "compatibility_b_to_a": 0.0,  # y is required
            # only the cells on Python 3.7 are alike in all but the version
            "requirements_set_jaccard": 1.0,
            "requirements_set_dice": 1.0,
            "requirements_pin_jaccard": 0.0,
            "requirements_pin_dice": 0.0,
            "requirements_semver": 0.5,
        }
    }


def test_cells_are_compared_under_their_record_names(folder: Path) -> None:
    assert run("--dir", folder, "--offline") == 0
    pairs = read_json(folder / "sims" / "pypi-p-requirements-sims.json")
    assert list(pairs) == sorted(
        [
            "pypi-p-1.0-python-cp37..pypi-p-1.10-python-cp37",
            "pypi-p-1.0-python-cp37..pypi-p-1.10-python-cp38",
            "pypi-p-1.10-python-cp37..pypi-p-1.10-python-cp38",
        ]
    )
    assert pairs["pypi-p-1.0-python-cp37..pypi-p-1.10-python-cp38"] == {
        "set_jaccard": 0.5,
        "set_dice": 0.666667,
        "pin_jaccard": 0.5,
        "pin_dice": 0.666667,
        "semver": 0.5,
    }


def test_cells_of_two_resolve_dates_have_two_names(folder: Path) -> None:
    save_record(folder, "1.0", "cp37", ["p==1.0\n", "six==0.9\n"], resolve="release")
    assert run("--dir", folder, "--offline") == 0
    pairs = read_json(folder / "sims" / "pypi-p-requirements-sims.json")
    assert "release/pypi-p-1.0-python-cp37..today/pypi-p-1.0-python-cp37" in pairs


def test_tables_are_tidy_and_alike_as_csv_and_parquet(folder: Path) -> None:
    assert run("--dir", folder, "--offline") == 0
    versions = pd.read_csv(folder / "sims" / "versions.csv", dtype={"a": str, "b": str})
    assert list(versions.columns) == ["package", "a", "b", "score", "value"]
    pd.testing.assert_frame_equal(
        versions, pd.read_parquet(folder / "sims" / "versions.parquet"), check_dtype=False
    )
    directed = versions[versions["score"] == "containment"]
    assert directed[["a", "b", "value"]].to_numpy().tolist() == [
        ["1.0", "1.10", 0.5],
        ["1.10", "1.0", 1.0],
    ]
    api = pd.read_csv(folder / "sims" / "api.csv", dtype={"version": str})
    assert api.to_numpy().tolist() == [["p", "1.0", 0, 0, 2, 0, 2], ["p", "1.10", 0, 0, 1, 0, 1]]
    cells = pd.read_csv(folder / "sims" / "cells.csv")
    assert list(cells.columns) == ["cell_a", "cell_b", "score", "value"]
    assert len(cells) == 3 * 5


def test_tables_keep_the_rows_of_other_packages(folder: Path) -> None:
    save_version(folder, "3", {"go": ""}, package="q")
    save_version(folder, "4", {"go": ""}, package="q")
    assert run("--dir", folder, "--offline") == 0
    assert run("--dir", folder, "--offline", "--package", "q", "--versions", "all") == 0
    assert run("--dir", folder, "--offline") == 0
    versions = pd.read_csv(folder / "sims" / "versions.csv")
    assert versions["package"].value_counts().to_dict() == {"p": 16, "q": 11}
    assert len(pd.read_csv(folder / "sims" / "cells.csv")) == 15


def test_changes_are_written_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dir", folder, "--offline") == 0
    assert "changes: 1 written, 0 kept" in capsys.readouterr().err
    data = read_json(folder / "sims" / "changes" / "p-1.0..1.10.json")
    assert [(item["kind"], item["path"]) for item in data["changes"]] == [  # type: ignore[attr-defined]
        ("removed", "p.stop"),
        ("changed", "p.run"),
    ]
    page = folder / "sims" / "changes" / "p-1.0..1.10.md"
    assert "parameter y removed" in page.read_text(encoding="utf-8")
    assert run("--dir", folder, "--offline") == 0
    assert "changes: 0 written, 1 kept" in capsys.readouterr().err
    save_version(folder, "1.10", {"run": "x y", "stop": ""})
    assert run("--dir", folder, "--offline") == 0
    assert "changes: 1 written, 0 kept" in capsys.readouterr().err
    assert "nothing changed" in page.read_text(encoding="utf-8")


def test_between_prints_one_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dir", folder, "--offline", "--between", "1.10", "1.0") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# p 1.10 to 1.0\n")
    assert "required parameter y added" in printed
    assert not (folder / "sims").exists()


def test_two_runs_write_the_same_bytes(folder: Path) -> None:
    assert run("--dir", folder, "--offline") == 0
    files = {path: path.read_bytes() for path in (folder / "sims").rglob("*.*")}
    assert run("--dir", folder, "--offline") == 0
    assert files == {path: path.read_bytes() for path in (folder / "sims").rglob("*.*")}


def test_published_database_is_taken_first_and_its_dirt_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = folder / "functiondb-1.0.json"
    database.write_text(json.dumps({"1.0": {"p": {"run": ["x"]}, "p.ghost": {}}}), encoding="utf-8")
    assert run("--dir", folder, "--offline", "--funcdb", database) == 0
    assert "1 of 2 modules are not in the wheel: p.ghost" in capsys.readouterr().err
    sims = read_json(folder / "sims" / "pypi-p-sims.json")["1.0..1.10"]
    assert sims["module_jaccard"] == 0.5  # type: ignore[index]
    assert sims["arguments_jaccard"] == 1.0  # type: ignore[index]
    assert sims["compatibility_a_to_b"] == 0.0  # type: ignore[index]
    sources = read_json(folder / "sims" / "pypi-p-sources.json")["versions"]
    assert sources["1.0"]["functions"]["url"] == str(database)  # type: ignore[index]
    assert sources["1.0"]["modules_not_in_wheel"] == ["p.ghost"]  # type: ignore[index]
    assert sources["1.10"]["functions"]["filename"] == "p-1.10.whl"  # type: ignore[index]


def test_exported_databases_can_be_published(folder: Path) -> None:
    clone = folder / "caliper-metrics"
    assert run("--dir", folder, "--offline", "--export", clone) == 0
    place = clone / "pypi" / "p" / "functiondb"
    assert read_json(place / "index.json") == {
        "data": {"json": {"urls": ["functiondb-1.0.json", "functiondb-1.10.json"]}}
    }
    assert read_json(place / "functiondb-1.10.json") == {"1.10": {"p": {"run": ["x"]}}}
    other = folder / "other"
    flags = ["--package", "p", "--offline", "--funcdb", clone]
    assert run("--dir", other, *flags) == 0
    sims = [read_json(path / "sims" / "pypi-p-sims.json")["1.0..1.10"] for path in (folder, other)]
    assert sims[1].items() <= sims[0].items()  # type: ignore[attr-defined]
    metrics = pytest.importorskip("caliper.metrics")
    extractor = metrics.MetricsExtractor("pypi:p")
    theirs = extractor.read_metric_local(str(place / "index.json"), "functiondb")
    assert theirs["1.10"] == {"p": {"run": ["x"]}}


def test_published_database_alone_is_enough(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "functiondb-results.json"
    content = {"1.0": {"q": {"run": ["x"]}}, "2.0": {"q": {"run": ["x"], "go": []}}}
    database.write_text(json.dumps(content), encoding="utf-8")
    folder = tmp_path / ".caliper"
    flags = ["--dir", folder, "--offline", "--package", "q", "--funcdb", database]
    assert run(*flags) == 0
    assert "2 as function databases alone, 0 missing" in capsys.readouterr().err
    sims = read_json(folder / "sims" / "pypi-q-sims.json")
    assert sims["1.0..2.0"]["function_jaccard"] == 0.5  # type: ignore[index]
    assert run(*flags, "--between", "1.0", "2.0") == 3
    assert "error: q 1.0 is not in the cache" in capsys.readouterr().err


def test_long_comparison_gives_signs_of_life(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calipertf.assess.collect._TELL_EVERY", 0.0)
    assert run("--dir", folder, "--offline") == 0
    assert "[1/2] compared up to p 1.0" in capsys.readouterr().err


def test_versions_missing_for_one_reason_are_told_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2, 7):
        save_record(folder, f"{number}.0", "cp37", ["six==1.0\n"])
    assert run("--dir", folder, "--offline") == 3
    told = [line for line in capsys.readouterr().err.splitlines() if "missing (" in line]
    assert len(told) == 1
    assert (
        "p: 5 versions are missing (2.0, 3.0, 4.0 and 2 more): each is not in the cache" in told[0]
    )


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--package", "q"], 3, "the cache holds no page of q, and the index may not be asked"),
        (["--versions", "9.9"], 2, "'9.9' selects no version: known are 1.0 to 1.10"),
        (["--versions", "1.0", "wrong"], 2, "'wrong' is not a version selector"),
        (["--funcdb", "nowhere.json"], 2, "--funcdb nowhere.json does not exist"),
        (["--between", "1.0", "9.9"], 3, "p 9.9 is not in the cache"),
        (["--between", "1.0", "x"], 2, "'x' is not a PEP 440 version"),
    ],
)
def test_bad_input_is_one_sentence(
    folder: Path,
    flags: list[str],
    code: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--dir", folder, "--offline", *flags) == code
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told


def test_no_records_and_no_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dir", tmp_path, "--offline") == 2
    assert "name one with --package" in capsys.readouterr().err


def test_damaged_files_are_told_and_the_rest_goes_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "data" / "pypi-p-1.11-python-cp37.json").write_text('{"inputs":', encoding="utf-8")
    save_version(folder, "1.5", {"run": "x"})
    damaged = folder / "functiondb" / "p" / "1.5.json.gz"
    damaged.write_bytes(damaged.read_bytes()[:50])
    assert run("--dir", folder, "--offline", "--versions", "all") == 3
    told = capsys.readouterr().err
    assert "pypi-p-1.11-python-cp37.json is not a readable JSON record" in told
    assert "p 1.5 is missing: it is damaged in the cache" in told
    assert "3 versions (0 new, 2 cached, 1 missing)" in told
    assert "1.0..1.10" in read_json(folder / "sims" / "pypi-p-sims.json")


def test_records_of_the_original_go_through(tmp_path: Path) -> None:
    for version, lines in (("1.0", ["six==1.0\n"]), ("2.0", ["six==1.1\n"])):
        name = f"pypi-p-{version}-python-cp37"
        record = {
            "inputs": {"name": name},
            "tests": {"build": {"retval": 0}},
            "requirements.txt": [f"p @ file:///tmp/p-{version}-py3-none-any.whl\n", *lines],
        }
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
    assert run("--dir", tmp_path, "--offline") == 3  # no API of these can be had
    sims = read_json(tmp_path / "sims" / "pypi-p-sims.json")
    assert sims["1.0..2.0"] == {
        "requirements_set_jaccard": 1.0,
        "requirements_set_dice": 1.0,
        "requirements_pin_jaccard": 0.0,
        "requirements_pin_dice": 0.0,
        "requirements_semver": 0.5,
    }


def write_config(folder: Path, script: str) -> Path:
    """A caliper.yaml with one suite of one script, at home in p 1.0."""
    (folder / "old").mkdir()
    (folder / "old" / "go.py").write_text(script, encoding="utf-8")
    (folder / "Dockerfile").write_text("FROM {{ base }}\n", encoding="utf-8")
    path = folder / "caliper.yaml"
    path.write_text(
        "analysis:\n  dependency: p\n  tests: [old]\n"
        "  baselines:\n    old: {version: 1.0, python: 3.7}\n",
        encoding="utf-8",
    )
    return path


def test_usage_of_each_script_in_each_version(folder: Path) -> None:
    config = write_config(folder, "import p\n\np.run(1, 2)\np.stop()\n")
    assert run("--dir", folder, "--offline", "--config", config) == 0
    usage = pd.read_csv(folder / "sims" / "usage.csv", dtype={"version": str, "baseline": str})
    home, later = usage.to_numpy().tolist()
    assert home[:7] == ["p", "old/go.py", "1.0", "1.0", 2, 2, 1.0]
    assert later[:7] == ["p", "old/go.py", "1.0", "1.10", 2, 0, 0.0]
    assert later[7].split("; ") == [
        "p.run (line 3): takes 1 positional arguments, 2 given",
        "p.stop (line 4): function removed",
    ]


def test_script_in_old_syntax_is_told_and_the_rest_goes_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(folder, "import p\nprint 'x'\n")
    (folder / "old" / "other.py").write_text("import p\np.stop()\n", encoding="utf-8")
    assert run("--dir", folder, "--offline", "--config", config) == 0
    assert "old/go.py: the script is not in today's Python syntax" in capsys.readouterr().err
    assert set(pd.read_csv(folder / "sims" / "usage.csv")["script"]) == {"old/other.py"}


def test_configuration_of_another_package_measures_no_usage(folder: Path) -> None:
    config = write_config(folder, "import p\n")
    save_version(folder, "3", {"go": ""}, package="q")
    flags = ["--package", "q", "--versions", "3", "--config", config]
    assert run("--dir", folder, "--offline", *flags) == 0
    assert not (folder / "sims" / "usage.csv").exists()


def test_configuration_with_problems_is_told_and_the_rest_goes_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "caliper.yaml").write_text("analysis: {}\n", encoding="utf-8")
    assert run("--dir", folder, "--offline", "--config", folder / "caliper.yaml") == 2
    assert "caliper.yaml has" in capsys.readouterr().err
    assert (folder / "sims" / "pypi-p-sims.json").exists()


def test_half_written_files_of_a_killed_run_go_with_the_next(tmp_path: Path) -> None:
    folder = tmp_path / ".caliper"
    save_version(folder, "1.0", {"f": "a"})
    save_version(folder, "2.0", {"f": "a b"})
    save_record(folder, "1.0", "cp38", ["six==1.0\n"])
    places = ("sims", "sims/changes", "functiondb/p", "compiled", "plots", "")
    for place in places:
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / ".x.json.abcd1234.partial").write_text("half")
        (folder / place / "mine.partial").write_text("mine")
    flags = ("--dir", folder, "--package", "p", "--versions", "all", "--offline")
    assert run(*flags) == 0
    script = [sys.executable, REPOSITORY / "3.parse_data.py", "--dir", folder, "--formats", "csv"]
    subprocess.run(script, check=True, capture_output=True)
    assert not list(folder.rglob(".*.partial"))
    assert len(list(folder.rglob("mine.partial"))) == len(places)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A caliper.yaml; the test adds the index."""
    (tmp_path / "Dockerfile").write_text("FROM {{ base }}\n")
    (tmp_path / "a.py").write_text("print(1)\n")
    path = tmp_path / "caliper.yaml"
    path.write_text("analysis:\n  dependency: reldemo\n  tests: [a.py]\n")
    return path


def test_versions_come_from_the_index_of_the_configuration(private: Path) -> None:
    flags = ("--dir", private.parent / "out", "--config", private, "--package", "reldemo")
    with serve_faults() as server:
        private.write_text(f"{private.read_text()}  index_url: {server.url}\n")
        assert run(*flags, "--versions", "all") == 0
        assert ("planner", "page", "reldemo") in server.asked
        assert ("planner", "file", "reldemo") in server.asked
        before = len(server.asked)
        with serve_faults() as other:
            assert run(*flags, "--versions", "all", "--index-url", other.url) == 0
            assert other.asked
        assert len(server.asked) == before


@pytest.mark.parametrize("kind", ["version-2", "portal", "no-files", "garbled", "loop"])
def test_index_that_gives_no_page_ends_stage_2_in_one_sentence(
    private: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve_faults() as server:
        server.faults.append(Fault(who="all", target="page", kind=kind, project="reldemo"))
        private.write_text(f"{private.read_text()}  index_url: {server.url}\n")
        flags = ("--dir", private.parent / "out", "--config", private, "--package", "reldemo")
        assert run(*flags, "--versions", "all") == 3
        error = capsys.readouterr().err
        assert server.url in error
        assert "Traceback" not in error
