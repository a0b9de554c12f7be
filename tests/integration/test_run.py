"""Stage 1 on a small pure-Python package, in real environments from the real index."""

from __future__ import annotations

import json

import pytest
from helpers.package_server import PackageServer
from helpers.packages import make_package
from helpers.run_project import MakeProject
from helpers.small_grid import GRID, HERE, NEW, OLD, SCRIPTS, SETUPTOOLS

from calipertf.versions import python_key

pytestmark = pytest.mark.network


def test_verdicts_of_a_small_grid(make_project: MakeProject) -> None:
    project = make_project(GRID, SCRIPTS)
    done = project.run()
    assert done.returncode == 0, done.stderr
    records = project.records()
    assert sorted(records) == [OLD, NEW]
    outcomes = {
        name: {script[6:-3]: verdict.outcome for script, verdict in record.outcomes.items()}
        for name, record in records.items()
    }
    assert outcomes[NEW] == {
        "broken": "run_failed",
        "chance": "unstable_result",
        "missing": "same_result",
        "same": "same_result",
        "version": "same_result",
    }
    assert outcomes[OLD] == {
        "broken": "run_failed",
        "chance": "unstable_result",
        "missing": "run_failed",
        "same": "same_result",
        "version": "different_result",
    }
    old = records[OLD]
    missing = old.outcomes["suite/missing.py"]
    assert (missing.reason, missing.exception.type) == ("api_missing", "AttributeError")
    assert "1.10.0' here" in old.outcomes["suite/version.py"].differences[0]
    assert old.requirements == (*SETUPTOOLS, "six==1.10.0\n")
    assert f"FROM python:{python_key(HERE)[0]}.{python_key(HERE)[1]}" in old.inputs["dockerfile"]
    assert old.runs["suite/same.py"].start == "warm"
    assert "3 same" in done.stdout
    assert 0 < old.timings["scripts_cpu"] < 60
    assert "/cell/" not in json.dumps(old.inputs)
    assert str(project.root) not in "".join(old.runs["suite/broken.py"].error)


TESTS = """
import pytest, six

def test_text(kind):
    assert six.text_type is kind

def test_new():
    assert six.ensure_str("x")

@pytest.mark.skip
def test_skipped():
    assert 0
"""


def test_files_of_tests_are_run_by_pytest(make_project: MakeProject) -> None:
    scripts = {
        "suite/conftest.py": "import pytest\n@pytest.fixture\ndef kind(): return str\n",
        "suite/test_six.py": TESTS,
        "suite/words.py": "print(set('the quick brown fox jumps'.split()), hash('x'))\n",
        "suite/quiet.py": "import logging, six\nlogging.warning('done')\n",
    }
    project = make_project(GRID + "requirements: [pytest]\n", scripts)
    done = project.run()
    assert done.returncode == 0, done.stderr
    records = project.records()
    outcomes = {
        name: {script[6:-3]: verdict.outcome for script, verdict in record.outcomes.items()}
        for name, record in records.items()
    }
    assert outcomes[NEW] == {
        "test_six": "same_result",
        "words": "same_result",
        "quiet": "not_compared",
    }
    assert outcomes[OLD] == {**outcomes[NEW], "test_six": "run_failed"}
    run = records[NEW].runs["suite/test_six.py"]
    assert run.output == ("test_new PASSED\n", "test_skipped SKIPPED\n", "test_text PASSED\n")
    verdict = records[OLD].outcomes["suite/test_six.py"]
    assert verdict.exception.type == "AttributeError"
    assert records[OLD].runs["suite/test_six.py"].start == "cold"
    assert verdict.detail == "1 of 3 tests failed: test_new"


def test_pytest_that_is_not_there_is_told_before_and_after(
    make_project: MakeProject,
) -> None:
    project = make_project(GRID, {"suite/test_six.py": TESTS})
    assert "requirements: [pytest]" in project.run("--dry-run").stderr
    done = project.run("--versions", "1.16.0")
    assert "requirements: [pytest]" in done.stderr
    verdict = project.records()[NEW].outcomes["suite/test_six.py"]
    assert (verdict.outcome, verdict.reason) == ("run_failed", "script")
    assert "requirements: [pytest]" in str(verdict.detail)


def test_what_is_done_is_not_done_again(make_project: MakeProject) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    assert project.run().returncode == 0
    before = {path: path.stat().st_mtime_ns for path in project.data.iterdir()}
    done = project.run()
    assert "2 of 2 cells have their record already" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in project.data.iterdir()} == before
    (project.root / "suite/same.py").write_text("import six\nprint('other')\n")
    done = project.run("--versions", "1.10.0")
    assert "run again, for a change of suite/same.py" in done.stderr
    assert project.records()[OLD].runs["suite/same.py"].output == ("other\n",)
    done = project.run("--force", "--versions", "1.16.0")
    assert "[1/1]" in done.stderr


def test_an_edited_script_runs_alone(make_project: MakeProject) -> None:
    clock = "import six, time\nprint(time.time())\n"
    project = make_project(GRID, {"suite/clock.py": clock, "suite/word.py": "print('a')\n"})
    flags = ("--versions", "1.16.0")
    assert project.run(*flags).returncode == 0
    first = project.records()[NEW].runs
    (project.root / "suite/word.py").write_text("print('b')\n")
    (project.root / "suite/more.py").write_text("print('c')\n")
    done = project.run(*flags)
    assert "2 of 3 scripts of six 1.16.0" in done.stderr
    record = project.records()[NEW]
    assert record.runs["suite/clock.py"] == first["suite/clock.py"]
    assert record.runs["suite/word.py"].output == ("b\n",)
    assert record.runs["suite/more.py"].output == ("c\n",)
    assert "3 of" not in done.stderr
    assert project.run(*flags, "--force").returncode == 0
    assert project.records()[NEW].runs["suite/clock.py"].output != first["suite/clock.py"].output


def test_a_part_of_the_scripts_keeps_the_results_of_the_rest(
    make_project: MakeProject,
) -> None:
    project = make_project(GRID, SCRIPTS)
    assert project.run("--versions", "1.16.0").returncode == 0
    assert project.run("--force", "--tests", "same.py", "--versions", "1.16.0").returncode == 0
    assert len(project.records()[NEW].runs) == len(SCRIPTS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("versions:", "verions:"), "did you mean versions"),
        (("1.10.0, 1.16.0", "9.9.9"), "selects no version"),
        (("tests: [suite]", "tests: [sweet]"), "no script at 'sweet'"),
        (("timeout: 20", "timeout: soon"), "timeout is 'soon'"),
        (("dependency: six", "dependency: six\n\tname: x"), "tab"),
        (("dependency: six", "dependency: [six"), "not YAML"),
        (("dependency: six", "dependency: nosuchpackage-caliper-test"), "no package"),
    ],
)
def test_bad_configuration_writes_nothing(
    make_project: MakeProject, change: tuple[str, str], words: str
) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    config = project.root / "caliper.yaml"
    config.write_text(config.read_text().replace(*change))
    done = project.run()
    assert done.returncode == 2, done.stdout
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project.root / ".caliper").exists()


@pytest.mark.parametrize(
    "flags", [("--resolve", "todya"), ("--resolve", "2021-13-05"), ("--python", "py3")]
)
def test_bad_value_of_a_flag_is_told(make_project: MakeProject, flags: tuple[str, str]) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    done = project.run(*flags)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {flags[0]} {flags[1]}: ")
    assert not (project.root / ".caliper").exists()


def test_misspelt_flag_is_an_error(make_project: MakeProject) -> None:
    done = make_project(GRID, SCRIPTS).run("--vesions", "1.16.0")
    assert done.returncode == 2
    assert "--vesions" in done.stderr
    assert "unrecognized" in done.stderr


def test_python_that_is_nowhere_is_told_with_the_way_to_get_it(
    make_project: MakeProject,
) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    done = project.run("--python", "3.5", "--versions", "1.16.0")
    assert done.returncode == 0
    assert "`pyenv install 3.5` builds it" in done.stdout  # uv has none to download
    record = project.records()["pypi-six-1.16.0-python-cp35"]
    assert record.outcome == "no_interpreter"


@pytest.mark.parametrize(
    ("home", "why"),
    [
        (f"{{version: 1.16.0, python: {HERE}, resolve: 2019-01-01}}", "after the date"),
        ("{version: 1.16.0, python: 3.5}", "there is no Python 3.5 here"),
    ],
)
def test_home_that_cannot_be_run_is_told(make_project: MakeProject, home: str, why: str) -> None:
    grid = GRID.replace(f"{{version: 1.16.0, python: {HERE}, resolve: today}}", home)
    project = make_project(grid, {"suite/same.py": SCRIPTS["suite/same.py"]})
    words = "suite: nothing to compare results with"
    done = project.run("--dry-run")
    assert (words in done.stdout, why in done.stdout) == (True, True)
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0
    assert (words in done.stderr, words in done.stdout, why in done.stdout) == (True, True, True)
    # Cells of two resolve dates have folders of their own.
    record = json.loads((project.data / "today" / f"{NEW}.json").read_text())
    assert record["outcomes"]["suite/same.py"]["outcome"] == "not_compared"


def test_requirements_that_cannot_be_met_are_a_failed_build(
    make_project: MakeProject,
) -> None:
    grid = GRID + "requirements: ['six<1']\n"
    project = make_project(grid, {"suite/same.py": SCRIPTS["suite/same.py"]})
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    record = project.records()[NEW]
    assert record.outcome == "build_failed"
    assert "unsatisfiable" in "".join(record.build.error)
    assert "No solution" in (record.message or "")


def test_dry_run_tells_the_plan_and_writes_nothing(make_project: MakeProject) -> None:
    project = make_project(GRID, SCRIPTS)
    done = project.run("--dry-run")
    assert done.returncode == 0
    assert "six-1.16.0-py2.py3-none-any.whl" in done.stdout
    assert "2 cells, 2 wheels to download" in done.stdout
    assert not (project.root / ".caliper").exists()


def test_dry_run_says_what_would_run_and_why(make_project: MakeProject) -> None:
    project = make_project(GRID, SCRIPTS)
    one = ("--versions", "1.16.0")
    assert "to run: 5 scripts, no record yet" in project.run("--dry-run", *one).stdout
    assert project.run(*one).returncode == 0
    before = {path: path.read_bytes() for path in project.data.rglob("*") if path.is_file()}
    done = project.run("--dry-run")
    assert "baseline of suite; done already" in done.stdout
    assert "1 cell done already; to do: 1 cell, 5 scripts" in done.stdout
    assert "2 cells, 1 wheel to download" in done.stdout
    assert "to run: 5 scripts, --force" in project.run("--dry-run", "--force", *one).stdout
    script = project.root / "suite" / "same.py"
    script.write_text(script.read_text() + "print('more')\n")
    words = "to run: 1 of 5 scripts (all of them where its packages have moved), for a change of "
    assert f"{words}suite/same.py" in project.run("--dry-run", *one).stdout
    after = {path: path.read_bytes() for path in project.data.rglob("*") if path.is_file()}
    assert after == before


def test_newest_of_what_requires_wins_as_with_pip(make_project: MakeProject) -> None:
    packages = [
        ("outer", "1.0", "inner", "middle"),
        ("middle", "1.0", "inner", "spare"),
        ("middle", "2.0", "inner<2"),
        ("inner", "1.0"),
        ("inner", "2.0"),
        ("spare", "1.0"),
    ]
    with PackageServer() as server:
        for name, version, *requires in packages:
            wheel = make_package(name, version, *requires)
            server.add(f"{name}-{version}-py3-none-any.whl", wheel)
        grid = f"""\
dependency: outer
environment: venv
index_url: {server.index_url}
versions: [1.0]
python_versions: [{HERE}]
tests: [suite]
"""
        project = make_project(grid, {"suite/a.py": "import outer, middle, inner\n"})
        done = project.run()
    assert done.returncode == 0, done.stderr
    (record,) = project.records().values()
    assert record.requirements == (
        "inner==1.0\n",
        "middle==2.0\n",
        "outer==1.0\n",
        *SETUPTOOLS,
    )
