"""Stage 2 run for real, as a user runs it: packages from the index, interruption, lost network."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from helpers import REPOSITORY

STAGE = REPOSITORY / "2.assess_change.py"
REFERENCE = REPOSITORY.parent / "shared" / "reference"


def run(folder: Path, *flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(STAGE), "--dir", str(folder), *flags],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        timeout=900,
        check=False,
    )


def read_sims(folder: Path, package: str) -> dict[str, dict[str, float]]:
    path = folder / "sims" / f"pypi-{package}-sims.json"
    data: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
    return data


def read_changes(folder: Path, package: str, pair: str) -> list[dict[str, Any]]:
    path = folder / "sims" / "changes" / f"{package}-{pair}.json"
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["changes"]
    return found


@pytest.mark.network
def test_any_package_is_compared(tmp_path: Path) -> None:
    folder = tmp_path / ".caliper"
    done = run(folder, "--package", "requests", "--versions", "2.0.0", "2.31.0", "2.32.3")
    assert done.returncode == 0, done.stderr
    assert "3 versions (3 new, 0 cached, 0 missing)" in done.stderr
    sims = read_sims(folder, "requests")
    near, far = sims["2.31.0..2.32.3"], sims["2.0.0..2.31.0"]
    for score in ("api_jaccard", "compatibility_a_to_b", "module_jaccard", "arguments_dice"):
        assert 0 <= far[score] < near[score] <= 1
    assert near["compatibility_a_to_b"] > 0.95
    gone = {c["path"] for c in read_changes(folder, "requests", "2.0.0..2.31.0") if not c["to"]}
    assert "requests.packages.charade" in gone
    again = run(folder, "--package", "requests", "--versions", "2.0.0", "2.31.0", "--offline")
    assert again.returncode == 0, again.stderr
    assert "2 versions (0 new, 2 cached, 0 missing)" in again.stderr


@pytest.mark.network
def test_package_that_does_not_exist_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / ".caliper"
    names = ["caliper-tf-no-such-package", "six"]
    done = run(folder, "--package", *names, "--versions", "1.15.0", "1.16.0")
    assert done.returncode == 2
    assert "has no package 'caliper-tf-no-such-package'" in done.stderr
    assert "Traceback" not in done.stderr
    assert read_sims(folder, "six")["1.15.0..1.16.0"]["compatibility_a_to_b"] == 1.0


def test_no_network_is_told_in_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / ".caliper"
    index = "http://127.0.0.1:9/simple/"
    done = run(folder, "--package", "six", "--versions", "1.16.0", "--index-url", index)
    assert done.returncode == 3
    assert "the package index http://127.0.0.1:9/simple/ cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.network
def test_interrupted_run_keeps_what_it_has_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / ".caliper"
    flags = ["--package", "six", "--versions", ">=1.9"]
    process = subprocess.Popen(
        [sys.executable, str(STAGE), "--dir", str(folder), *flags],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 300
    while not list(folder.glob("functiondb/six/*.json.gz")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert "the same command goes on from there" in told
    kept = len(list(folder.glob("functiondb/six/*.json.gz")))
    assert kept >= 1
    done = run(folder, *flags)
    assert done.returncode == 0, done.stderr
    assert f" {kept} cached, 0 missing" in done.stderr


@pytest.mark.skipif(not REFERENCE.exists(), reason="the original's data is not beside the checkout")
def test_records_and_databases_of_the_original_go_through(tmp_path: Path) -> None:
    folder = tmp_path / ".caliper"
    (folder / "data").mkdir(parents=True)
    for path in (REFERENCE / "caliper-analysis" / ".caliper" / "data").glob("*.json"):
        (folder / "data" / path.name).write_bytes(path.read_bytes())
    funcdb = str(REFERENCE / "caliper-metrics")
    done = run(folder, "--offline", "--funcdb", funcdb)
    assert done.returncode == 3, done.stderr  # 1.13.1 and others are in no source without a network
    assert "files that are not there: functiondb-1.0.0.json" in done.stderr
    pair = "pypi-tensorflow-2.0.0-python-cp37..pypi-tensorflow-2.3.0-python-cp38"
    cells = json.loads((folder / "sims" / "pypi-tensorflow-requirements-sims.json").read_text())
    assert cells[pair]["set_dice"] == pytest.approx(
        2 * cells[pair]["set_jaccard"] / (1 + cells[pair]["set_jaccard"]), abs=1e-5
    )
    sims = read_sims(folder, "tensorflow")
    assert sims["0.12.1..2.0.0"]["module_jaccard"] < 0.001  # its root is tensorflow_core there
    assert "compatibility_a_to_b" not in sims["0.12.1..2.0.0"]


@pytest.mark.network
@pytest.mark.slow
def test_tensorflow_as_its_users_know_it(tmp_path: Path) -> None:
    folder = tmp_path / ".caliper"
    versions = ["0.12.1", "1.0.0", "1.14.0", "1.15.0", "1.15.2", "2.0.0"]
    done = run(folder, "--package", "tensorflow", "--versions", *versions, "--jobs", "2")
    assert done.returncode == 0, done.stderr
    sims = read_sims(folder, "tensorflow")
    assert sims["1.14.0..1.15.0"]["containment_a_to_b"] >= 0.99
    assert sims["1.15.0..1.15.2"]["containment_a_to_b"] < 1
    assert sims["1.15.2..2.0.0"]["containment_a_to_b"] < 0.8
    kinds = {
        pair: {
            change["path"]: change["kind"] for change in read_changes(folder, "tensorflow", pair)
        }
        for pair in ("0.12.1..1.0.0", "1.15.0..1.15.2", "1.15.2..2.0.0")
    }
    first = kinds["0.12.1..1.0.0"]
    for name in ("mul", "neg", "sub"):
        assert first[f"tensorflow.{name}"] == "removed"
    for name in ("split", "nn.softmax_cross_entropy_with_logits"):
        assert first[f"tensorflow.{name}"] == "changed"
    for name in ("estimator_batch", "lib", "proto"):
        assert kinds["1.15.0..1.15.2"][f"tensorflow.contrib.boosted_trees.{name}"] == "removed"
    for name in ("placeholder", "Session", "contrib"):
        assert kinds["1.15.2..2.0.0"][f"tensorflow.{name}"] == "removed"
