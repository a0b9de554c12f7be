"""What a new user reads, with the way out: requirements, files, network, baselines that fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from helpers.package_server import PackageServer, make_wheel

from calipertf.config.model import Config, load_config
from calipertf.errors import ConfigError
from calipertf.formats.records import Cell, Record, Run, Verdict
from calipertf.index.client import Index
from calipertf.reasons.last_words import Failure
from calipertf.run.advice import describe_conditions, list_advice
from calipertf.run.baselines import explain_baselines
from calipertf.run.plan import Selection, plan_grid
from calipertf.run.requirements import (
    check_requirements,
    describe_unlisted,
    find_unlisted,
    is_same,
)

Write = Callable[..., Path]
HOME = Cell(package="demo", version="1.0", python="cp38", resolve="release")
SCRIPT = "suite/a.py"


def load(write_config: Write, source: str, more: str = "", **files: str) -> Config:
    scripts = {SCRIPT: source, **{f"suite/{name}": text for name, text in files.items()}}
    text = f"analysis:\n  dependency: demo\n  tests: [suite]\n{more}"
    return load_config(write_config(text, scripts=scripts))


@pytest.mark.parametrize(
    ("requirement", "words"),
    [
        ("nunpy", "did you mean numpy?"),
        ("numpy==99", "no version of numpy is ==99; the newest is 1.20"),
        ("numpy<2", None),
        ("numpy==1.20", None),
        ("nowhere; python_version < '3'", None),
        ("nowhere @ https://x.example/nowhere-1.zip", None),
    ],
)
def test_requirement_that_the_index_does_not_have_is_a_mistake_of_the_file(
    write_config: Write,
    make_index: Callable[..., Path],
    serve_folder: Callable[[Path], str],
    requirement: str,
    words: str | None,
) -> None:
    config = load(write_config, "import numpy\n", f'  requirements: ["{requirement}"]\n')
    projects: Mapping[str, Any] = {"numpy": [{"filename": "numpy-1.20.tar.gz"}]}
    with Index(serve_folder(make_index(projects))) as index:
        if words is None:
            check_requirements(config, index)
            return
        with pytest.raises(ConfigError, match="line 4: requirements") as caught:
            check_requirements(config, index)
    assert words in str(caught.value)


def find(config: Config, *requires: str) -> dict[str, list[str]]:
    """What is unlisted where the newest wheel requires some packages."""
    with PackageServer() as server:
        wheel = make_wheel({"demo.py": ""}, requires=requires, name="demo-1.0")
        server.add("demo-1.0-py3-none-any.whl", wheel)
        with Index(server.index_url) as index:
            project = index.fetch_project("demo")
        planned = plan_grid(config, project, ["any"], Selection())
        return find_unlisted(config, config.scripts, planned)


@pytest.mark.parametrize(
    ("source", "more", "requires", "unlisted"),
    [
        ("import demo, numpy\n", "", [], ["numpy"]),
        ("import demo, numpy\n", "", ["numpy>=1"], []),
        ("import demo, numpy\n", "", ["numpy; extra == 'all'"], ["numpy"]),
        ("import demo, numpy\n", "  requirements: ['numpy<2']\n", [], []),
        ("import demo, six\n", "  requirements: ['demo[a]']\n", ["six; extra == 'a'"], []),
        ("import demo, yaml\n", "  requirements: [pyyaml]\n", [], []),
        ("import demo, bs4\n", "  requirements: [beautifulsoup4]\n", [], []),
        ("import demo, helper, _own, suite_pkg\n", "", [], []),
        ("import demo, os, urllib2, pkg_resources\n", "", [], []),
        ("import demo\ntry:\n    import numpy\nexcept ImportError:\n    pass\n", "", [], []),
        ("import other_name\n", "", [], []),
        ("import x\n", "  import_name: demo\n", [], ["x"]),
        ("def f():\n    from scipy.stats import norm\nimport demo\n", "", [], ["scipy"]),
    ],
)
def test_module_that_nothing_brings_is_told_before_the_run(
    write_config: Write, source: str, more: str, requires: list[str], unlisted: list[str]
) -> None:
    python = "  python_versions: [3.8]\n"
    files = {"helper.py": "", "_own.py": "", "suite_pkg/_x.py": ""}
    config = load(write_config, source, python + more, **files)
    found = find(config, *requires)
    assert list(found) == unlisted
    lines = describe_unlisted(config, found)
    assert [f"requirements: [{', '.join(unlisted)}]" in line for line in lines] == [True] * len(
        found and [1]
    )


def test_advice_names_the_package_that_brings_a_module(write_config: Write) -> None:
    config = load(write_config, "import demo, cv2, PIL, my_own_thing\n")
    assert describe_unlisted(config, find(config))[0].endswith(
        "requirements: [pillow, opencv-python, my_own_thing]"
    )
    listed = "  requirements: [opencv-python-headless, pillow]\n"
    assert list(find(load(write_config, "import demo, cv2, PIL, six\n", listed))) == ["six"]


@pytest.mark.parametrize(
    ("module", "name", "same"),
    [
        ("yaml", "PyYAML", True),
        ("dateutil", "python-dateutil", True),
        ("google.protobuf", "protobuf", False),
        ("flask_login", "Flask-Login", True),
        ("tensorflow", "tensorflow-cpu", True),
        ("cv2", "numpy", False),
        ("np", "numpy", False),
    ],
)
def test_distribution_by_the_name_that_it_is_imported_by(
    module: str, name: str, same: bool
) -> None:
    assert is_same(module, name) is same


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("open('table.csv')\n", 'Path(__file__).parent / "table.csv"'),
        ("print open('table.csv')\n", "table.csv"),
        ("open('suite/table.csv')\n", "suite/table.csv"),
        ("from pathlib import Path\nopen(Path(__file__).parent / 'table.csv')\n", None),
        ("open('other.csv', 'w')\n", None),
        ("import requests\nrequests.get('https://x.example/')\n", "network: true"),
        ("import pandas\npandas.read_csv('http://x.example/t.csv')\n", "network: true"),
        ("from urllib.parse import urlparse\nurlparse('https://x.example/')\n", None),
        ("import requests\nrequests.get('http://localhost:80/')\n", None),
        ("import helper\n", "not run as scripts: suite/helper.py"),
    ],
)
def test_trap_is_told_before_the_run(write_config: Write, source: str, words: str | None) -> None:
    config = load(write_config, source, **{"table.csv": "1", "helper.py": "def f(): ...\n"})
    scripts = [script for script in config.scripts if script == SCRIPT]
    text = "\n".join(list_advice(config, scripts))
    assert (words in text) if words else not text


def test_network_that_is_allowed_is_no_trap(write_config: Write) -> None:
    source = "import requests\nrequests.get('https://x.example/')\n"
    config = load(write_config, source, "  network: true\n")
    assert list_advice(config, config.scripts) == []
    assert "with the network" in describe_conditions(config)


def verdict(outcome: str, kind: str = "", message: str = "", **more: Any) -> Verdict:
    failure = Failure(type=kind, message=message) if kind else None
    return Verdict(outcome=outcome, exception=failure, suite="suite", **more)


MISSING = ("ModuleNotFoundError", "No module named 'numpy'")


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ({"a": verdict("run_failed", *MISSING)}, ["nothing can be", "requirements: [numpy]"]),
        (
            {"a": verdict("same_result"), "b": verdict("run_failed", "ValueError", "no")},
            ["1 of 2 scripts", "b: ValueError: no"],
        ),
        ({"a": verdict("unstable_result", differences=("line 1",))}, ["each time", "line 1"]),
        ({"a": verdict("run_failed", detail="killed")}, ["killed"]),
        ({"a": verdict("same_result")}, None),
    ],
)
def test_baseline_that_fails_is_told_aloud(
    outcomes: dict[str, Verdict], words: list[str] | None
) -> None:
    record = Record(cell=HOME, outcome="run_failed", outcomes=outcomes, build=Run(retval=0))
    lines = explain_baselines({"suite": HOME}, {HOME: record}, dict.fromkeys(outcomes, "suite"))
    if words is None:
        assert lines == []
        return
    assert lines[0].startswith(f"the baseline of suite fails in {HOME.label}: ")
    assert all(word in lines[0] for word in words)


def test_baseline_that_is_not_built_is_told_aloud() -> None:
    record = Record(cell=HOME, outcome="build_failed", message="no compiler", build=Run(retval=1))
    (line,) = explain_baselines({"suite": HOME}, {HOME: record}, {})
    assert "cannot be built" in line
    assert line.endswith("no compiler")


def test_notebooks_beside_scripts_are_named(write_config: Write) -> None:
    config = load(write_config, "print(1)\n")
    (config.root / "suite/plot.ipynb").write_text("{}")
    (line,) = list_advice(config, config.scripts)
    assert "suite/plot.ipynb" in line
    assert "nbconvert" in line
