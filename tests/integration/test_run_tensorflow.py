"""Stage 1 on real TensorFlow wheels: the two causes of failure are told apart."""

from __future__ import annotations

import pytest
from helpers.run_project import MakeProject

from calipertf.run.backends.venv.interpreters import find_interpreter

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(
        find_interpreter("cp37") is None,
        reason="needs Python 3.7: `pyenv install 3.7` builds it",
    ),
]
GRID = """\
dependency: tensorflow
environment: venv
versions: [1.13.2, 1.15.5]
python_versions: [3.7, 3.8]
resolve: [release, today]
tests: [suite]
baselines:
  suite: {version: 1.13.2, python: 3.7, resolve: release}
"""
SCRIPTS = {
    "suite/session.py": """\
import tensorflow as tf
tf.set_random_seed(1)
with tf.Session() as session:
    print("sum:", session.run(tf.constant(2.0) + tf.constant(3.5)))
    print("normal:", session.run(tf.random_normal([2], seed=3)))
""",
    "suite/contrib.py": """\
import tensorflow as tf
from tensorflow.contrib import boosted_trees
print("found:", boosted_trees.__name__.split(".")[-1])
""",
}


def test_drift_of_dependencies_is_told_from_the_version(
    make_project: MakeProject,
) -> None:
    project = make_project(GRID, SCRIPTS)
    done = project.run()
    assert done.returncode == 0, done.stderr
    records = project.records()
    for version in ("1.13.2", "1.15.5"):
        released = records[f"release/pypi-tensorflow-{version}-python-cp37"]
        assert released.outcomes["suite/session.py"].outcome == "same_result"
        assert released.resolve_date < "2021-02"
        today = records[f"today/pypi-tensorflow-{version}-python-cp37"]
        assert today.outcome == "import_failed"
        assert today.reason == "dependency"
        assert "Descriptors cannot" in today.message
        none = records[f"release/pypi-tensorflow-{version}-python-cp38"]
        assert none.outcome == "no_release"
    assert not list((project.cache / "cells").iterdir())


def test_warm_and_cold_starts_agree(make_project: MakeProject) -> None:
    results = []
    for start in ("warm", "cold"):
        project = make_project(GRID + f"start: {start}\n", SCRIPTS)
        done = project.run("--versions", "1.15.5", "--python", "3.7", "--resolve", "release")
        assert done.returncode == 0, done.stderr
        record = project.records()["release/pypi-tensorflow-1.15.5-python-cp37"]
        results.append(
            {
                script: (verdict.outcome, verdict.reason, record.runs[script].output)
                for script, verdict in record.outcomes.items()
            }
        )
    assert results[0] == results[1]
    assert results[0]["suite/session.py"][0] == "same_result"
