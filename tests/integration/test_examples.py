"""The examples in a real baseline cell of each generation: they repeat, and they learn."""

from __future__ import annotations

import ast
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from helpers import REPOSITORY

from calipertf.config.model import load_config
from calipertf.formats.record_files import read_record
from calipertf.formats.records import Record
from calipertf.run.judge import compare_outputs

pytestmark = [pytest.mark.network, pytest.mark.slow]

GRID = REPOSITORY / "grids" / "examples.yaml"
CONFIG = load_config(GRID)
SUITES = sorted(CONFIG.analysis.baselines)
#: Seconds that a script may take: 5 s of computation, on a machine that may be shared by many.
PATIENCE = 60.0
#: Script (end of its path) -> value that it prints -> lowest and highest sensible number.
SENSIBLE: dict[str, dict[str, tuple[float, float]]] = {
    "tensorflow_v0.11/3_NeuralNetworks/autoencoder.py": {"share of that error left": (0.0, 0.5)},
    "tensorflow_v1/2_BasicModels/word2vec.py": {"similarity within a topic": (0.7, 1.0)},
    "tensorflow_v1/2_BasicModels/nearest_neighbor.py": {"accuracy of one neighbour": (0.95, 1.0)},
    "tensorflow_v1/3_NeuralNetworks/autoencoder.py": {"test loss": (0.0, 0.04)},
    "tensorflow_v1/3_NeuralNetworks/dcgan.py": {"similarity of the mean drawn image": (0.5, 1.0)},
    "tensorflow_v1/3_NeuralNetworks/gan.py": {"similarity of the mean last image": (0.5, 1.0)},
    "tensorflow_v1/4_Utils/save_restore_model.py": {
        "untrained test accuracy": (0.0, 0.2),
        "trained further test accuracy": (0.9, 1.0),
    },
    "tensorflow_v2/3_NeuralNetworks/autoencoder.py": {"share of that error left": (0.0, 0.5)},
    "tensorflow_v2/3_NeuralNetworks/dcgan.py": {"distance after training": (0.0, 0.6)},
    "tensorflow_v2/2_BasicModels/word2vec.py": {
        "nearest noun is of the same topic": (0.9, 1.0),
        "similarity within a topic": (0.6, 1.0),
    },
    "tensorflow_v0.11/2_BasicModels/nearest_neighbor.py": {"accuracy": (0.95, 1.0)},
    "tensorflow_v2/4_Utils/save_restore_model.py": {
        "untrained accuracy": (0.0, 0.2),
        "accuracy after training on": (0.9, 1.0),
    },
    "tensorflow_v0.11/4_Utils/save_restore_model.py": {
        "accuracy before restoring": (0.0, 0.2),
        "accuracy after training on": (0.9, 1.0),
    },
}


@pytest.fixture(scope="module", params=SUITES, ids=lambda suite: Path(suite).name)
def home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shared_cache: Path
) -> Record:
    """The record of a suite's baseline cell: every script warm, then cold."""
    return run_home(GRID, request.param, tmp_path_factory.mktemp("home"), shared_cache)


def run_home(
    grid: Path, suite: str, folder: Path, shared_cache: Path, scripts: Sequence[str] = ()
) -> Record:
    """The record of a suite's baseline cell, run by stage 1 with this grid; of some scripts."""
    wanted = CONFIG.analysis.baselines[suite]
    flags = ["--config", str(grid), "--dir", str(folder), "--tests", suite]
    flags += ["--environment", "venv"]
    flags += ["--versions", wanted.version, "--python", wanted.python]
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "1.run_analysis.py"), *flags],
        capture_output=True,
        text=True,
        env={**os.environ, "CALIPER_CACHE": str(shared_cache)},
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    name = f"pypi-tensorflow-{wanted.version}-python-{wanted.python}.json"
    (path,) = folder.rglob(name)
    record = read_record(path)
    every = {script for script in CONFIG.scripts if CONFIG.find_suite(script) == suite}
    assert set(record.outcomes) == (set(scripts) or every)
    return record


#: One rounding step: what another processor's order of additions makes of a sum.
NUDGE = """

_prepare = prepare_images


def prepare_images(images, flatten):
    return _prepare(images, flatten) * np.float32(1 + 2.0**-23)
"""


#: A suite whose scripts are those of another but for an import: rounding is tried with that one.
COPIES = "examples/tensorflow_v1_compat"


def list_images(suite: str) -> list[str]:
    """Return the scripts of a suite that read images."""
    scripts = [script for script in CONFIG.scripts if CONFIG.find_suite(script) == suite]
    return [s for s in scripts if "digits" in (REPOSITORY / s).read_text(encoding="utf-8")]


@pytest.fixture(scope="module")
def nudged(home: Record, tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Record:
    """The record of the same cell where every pixel is brighter by one rounding step."""
    root = tmp_path_factory.mktemp("nudged")
    shutil.copytree(REPOSITORY / "examples", root / "examples")
    shutil.copy(REPOSITORY / "Dockerfile", root)
    with (root / "examples" / "data" / "digits.py").open("a") as stream:
        stream.write(NUDGE)
    suite = CONFIG.find_suite(next(iter(home.outcomes)))
    assert suite
    if suite == COPIES:
        pytest.skip("the same scripts as of tensorflow_v1, but for an import")
    scripts = list_images(suite)
    assert len(scripts) >= 8
    wanted = CONFIG.analysis.baselines[suite]
    grid = root / "once.yaml"  # without a baseline each script runs once, which is enough here
    grid.write_text(
        f"analysis:\n  dependency: tensorflow\n  versions: [{wanted.version}]\n"
        f"  python_versions: [{wanted.python}]\n  resolve: {wanted.resolve}\n"
        f"  tests: [{', '.join(scripts)}]\n"
    )
    return run_home(grid, suite, root / "records", shared_cache, scripts)


def find_values(output: tuple[str, ...]) -> dict[str, str]:
    """Name -> value of the printed lines."""
    return dict(line.rstrip("\n").split(": ", 1) for line in output)


def read_promise(script: str) -> list[str]:
    """The last lines that a script's docstring says it prints at home."""
    source = (REPOSITORY / script).read_text(encoding="utf-8")
    words = (ast.get_docstring(ast.parse(source)) or "").splitlines()
    promised = itertools.takewhile(lambda line: line.startswith("    "), reversed(words))
    return [line.strip() + "\n" for line in promised][::-1]


def complain(record: Record, check: Callable[[str], str | None]) -> list[str]:
    """What a check finds wrong, a line a script."""
    found = ((script, check(script)) for script in record.outcomes)
    return [f"{script}: {complaint}" for script, complaint in found if complaint]


def test_every_script_gives_the_same_result_twice_warm_and_cold(home: Record) -> None:
    def check(script: str) -> str | None:
        run, verdict = home.runs[script], home.outcomes[script]
        if verdict.outcome != "same_result":
            return f"{verdict.outcome} {''.join(run.error)[-300:]}"
        if run.repeat is None:
            return "ran once only"
        return None if run.repeat.output == run.output else f"{run.output} then {run.repeat.output}"

    assert not complain(home, check)


def test_every_script_prints_names_and_values(home: Record) -> None:
    promised = re.compile(r"[a-z].*: \S.*\n")
    places = re.compile(r"0x[0-9a-f]{6,}|/tmp|/home|\b20\d\d-\d\d-\d\d\b|\bnan\b|\binf\b")

    def check(script: str) -> str | None:
        output = home.runs[script].output
        odd = [line for line in output if not promised.fullmatch(line) or places.search(line)]
        return f"odd lines {odd}" if odd or len(output) < 3 else None

    assert not complain(home, check)


def test_every_docstring_tells_the_last_lines(home: Record) -> None:
    def check(script: str) -> str | None:
        promised = read_promise(script)
        printed = home.runs[script].output[-len(promised) :]
        differences = compare_outputs(printed, promised, CONFIG.analysis.tolerance)
        return str(differences) if differences or not promised else None

    assert not complain(home, check)


def test_rounding_makes_no_difference(home: Record, nudged: Record) -> None:
    def check(script: str) -> str | None:
        here, there = nudged.runs[script], home.runs[script]
        differences = compare_outputs(here.output, there.output, CONFIG.analysis.tolerance)
        return str(differences) if differences or here.retval else None

    assert not complain(nudged, check)


def test_every_classifier_learns(home: Record) -> None:
    def check(script: str) -> str | None:
        values = find_values(home.runs[script].output)
        accuracy = float(values.get("test accuracy", "1"))
        # Chance is 0.1 for ten digits, 0.5 for two classes; the logging examples train briefly.
        return None if accuracy > 0.79 else f"test accuracy is {accuracy}"

    assert not complain(home, check)
    learning = [s for s in home.runs if "test accuracy" in find_values(home.runs[s].output)]
    assert len(learning) >= 8


def test_every_line_is_near_least_squares(home: Record) -> None:
    def check(script: str) -> str | None:
        values = find_values(home.runs[script].output)
        if "least squares weight" not in values:
            return None
        pairs = [
            (float(values[name]), float(values[f"least squares {name}"]))
            for name in ("weight", "bias")
        ]
        return None if all(abs(a - b) < 0.02 for a, b in pairs) else str(pairs)

    assert not complain(home, check)
    assert any("least squares weight" in find_values(run.output) for run in home.runs.values())


def test_every_other_finding_is_sensible(home: Record) -> None:
    def check(script: str) -> str | None:
        values = find_values(home.runs[script].output)
        denied = [name for name, value in values.items() if value in {"no", "False"}]
        limits = next((v for k, v in SENSIBLE.items() if script.endswith(k)), {})
        wrong = [n for n, (low, high) in limits.items() if not low <= float(values[n]) <= high]
        return f"{denied + wrong}" if denied or wrong else None

    assert not complain(home, check)


def test_every_script_is_quick(home: Record) -> None:
    def check(script: str) -> str | None:
        seconds = home.runs[script].seconds
        return None if seconds is not None and seconds < PATIENCE else f"took {seconds} s"

    assert not complain(home, check)
