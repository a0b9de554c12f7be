"""--find-causes on an index made for it: who broke what, since when, and what to install."""

from __future__ import annotations

import csv
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from helpers import REPOSITORY
from helpers.package_server import PackageServer
from helpers.packages import make_package
from helpers.run_project import MakeProject, Project

HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}"
#: Packages that drift and break nothing.
FILLERS = [f"filler{number}" for number in range(16)]
OLD, NEW = "2020-01-02T00:00:00Z", "2023-05-06T00:00:00Z"

SCRIPTS = {
    # What `deep` gives is two levels down: only `middle` calls it.
    "suite/deep_one.py": "import lead\nprint(lead.ask())\n",
    "suite/deep_two.py": "import lead\nprint(lead.ask() + 1)\n",
    # Two packages break it, each alone is enough to.
    "suite/both.py": "import left, right\nprint(left.give(), right.give())\n",
    # It runs and prints something else.
    "suite/shifted.py": "import shift\nprint(shift.VALUE)\n",
    "suite/sound.py": "import lead\nprint('sound')\n",
}


def fill(server: PackageServer) -> None:
    def add(name: str, version: str, *requires: str, day: str = OLD, code: str = "") -> None:
        content = make_package(name, version, *requires, code=code)
        server.add(f"{name}-{version}-py3-none-any.whl", content, uploaded=day)

    needs = ("middle", "left", "right", "shift", *FILLERS)
    add("lead", "1.0", *needs, code="import middle\ndef ask(): return middle.ask()\n")
    add("middle", "1.0", "deep", code="import deep\ndef ask(): return deep.value()\n")
    for name in FILLERS:
        add(name, "1.0")
        add(name, "2.0", day=NEW)
    for number in range(10):
        day = OLD if number == 0 else f"202{number % 3 + 1}-0{number}-01T00:00:00Z"
        gone = number >= 4
        add("deep", f"1.{number}", day=day, code="" if gone else "def value(): return 41\n")
        add("shift", f"1.{number}", day=day, code=f"VALUE = {1 if number < 7 else 2}\n")
    for name in ("left", "right"):
        add(name, "1.0", code="def give(): return 1\n")
        add(name, "2.0", day=NEW)


@pytest.fixture(scope="module")
def server() -> Iterator[PackageServer]:
    with PackageServer() as server:
        fill(server)
        yield server


@pytest.fixture
def project(make_project: MakeProject, server: PackageServer) -> Project:
    grid = f"""\
dependency: lead
environment: venv
index_url: {server.index_url}
versions: [1.0]
python_versions: [{HERE}]
resolve: [release, today]
tests: [suite]
baselines:
  suite: {{version: 1.0, python: {HERE}, resolve: release}}
"""
    return make_project(grid, SCRIPTS)


def read_causes(project: Project) -> dict[str, Any]:
    path = project.root / ".caliper" / "causes" / f"pypi-lead-1.0-python-{HERE}-today.json"
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def test_culprits_releases_and_way_out(project: Project) -> None:
    done = project.run("--find-causes")
    assert done.returncode == 0, done.stderr
    data = read_causes(project)
    found = {
        tuple(sorted(finding["scripts"])): {
            culprit["name"]: (culprit["last_good"], culprit["first_bad"], culprit["date"])
            for culprit in finding["culprits"]
        }
        for finding in data["findings"]
    }
    assert found == {
        ("suite/both.py",): {
            "left": ("1.0", "2.0", "2023-05-06"),
            "right": ("1.0", "2.0", "2023-05-06"),
        },
        ("suite/deep_one.py", "suite/deep_two.py"): {"deep": ("1.3", "1.4", "2022-04-01")},
        ("suite/shifted.py",): {"shift": ("1.6", "1.7", "2022-07-01")},
    }
    out = data["way_out"]
    assert out["verified"]
    assert sorted(out["requirements"]) == ["deep<1.4", "left<2.0", "right<2.0", "shift<1.7"]
    assert sorted(out["works"]) == sorted(SCRIPTS)
    # Everything else is as new as it was.
    assert "filler3==2.0" in out["installed"]
    assert "pip install lead==1.0" in done.stdout
    assert "deep 1.4 of 2022-04-01 (1.3 works) broke 2 scripts" in done.stdout
    print(f"{data['run']['trials']} trials")
    check_stage_3(project, data)

    # What is known is neither searched nor tried again.
    again = project.run("--find-causes")
    assert again.returncode == 0, again.stderr
    assert "trial" not in again.stderr
    assert "deep 1.4 of 2022-04-01 (1.3 works) broke 2 scripts" in again.stdout

    # Neither are trials of a search whose end was lost.
    path = next((project.root / ".caliper" / "causes").glob("*.json"))
    path.unlink()
    resumed = project.run("--find-causes")
    assert resumed.returncode == 0, resumed.stderr
    assert read_causes(project)["run"]["trials"] == 0
    assert read_causes(project)["findings"] == data["findings"]


def check_stage_3(project: Project, data: dict[str, Any]) -> None:
    """Stage 3 has the proved causes in tables and findings, and the command beside them."""
    folder = str(project.root / ".caliper")
    command = [sys.executable, str(REPOSITORY / "3.parse_data.py"), "--dir", folder]
    done = subprocess.run(
        [*command, "--formats", "csv"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    pip = f"pip install lead==1.0 {' '.join(map(shlex.quote, data['way_out']['requirements']))}"
    assert f"{pip}   # works, tried with 5 scripts" in done.stdout
    compiled = project.root / ".caliper" / "compiled"
    with (compiled / "results.csv").open(encoding="utf-8") as file:
        rows = {(row["resolve"], row["script"]): row for row in csv.DictReader(file)}
    failed = rows["today", "suite/deep_one.py"]
    assert failed["cause"] == ("deep 1.4 of 2022-04-01 (1.3 works) broke it: put back, it works")
    assert (failed["reason"], failed["cause_evidence"]) == ("dependency", "proved")
    assert failed["way_out"] == pip
    assert rows["today", "suite/sound.py"]["cause_evidence"] == ""
    with (compiled / "causes.csv").open(encoding="utf-8") as file:
        culprits = [(row["culprit"], row["first_bad"]) for row in csv.DictReader(file)]
    assert sorted(culprits) == [
        ("deep", "1.4"),
        ("left", "2.0"),
        ("right", "2.0"),
        ("shift", "1.7"),
    ]


def test_a_killed_search_goes_on_where_it_was(project: Project) -> None:
    process = project.start("--find-causes", "--tests", "suite/deep_one.py")
    assert process.stderr is not None
    for line in process.stderr:
        if "trial 3:" in line:
            process.kill()
            break
    else:
        pytest.fail("it never came to its third trial")
    process.communicate()
    trials = project.root / ".caliper" / "causes" / "trials"
    before = {path.name for path in trials.iterdir() if path.suffix == ".json"}
    assert len(before) >= 3
    done = project.run("--find-causes", "--tests", "suite/deep_one.py")
    assert done.returncode == 0, done.stderr
    assert "deep 1.4 of 2022-04-01 (1.3 works) broke suite/deep_one.py" in done.stdout
    data = read_causes(project)
    after = {path.name for path in trials.iterdir() if path.suffix == ".json"}
    assert before < after
    assert data["run"]["trials"] == len(after - before)


def test_without_a_cell_that_works_nothing_is_searched(project: Project) -> None:
    done = project.run("--find-causes", "--resolve", "release")
    assert done.returncode == 0, done.stderr
    assert "no cell fails whose version works with packages of another date" in done.stdout
    assert not (project.root / ".caliper" / "causes").exists()
