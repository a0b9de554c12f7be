"""Stage 1 on a small pure-Python package, in real environments from the real index."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from package_server import PackageServer

from calipertf.records import strip_timings
from calipertf.versions import python_key

pytestmark = pytest.mark.network
REPOSITORY = Path(__file__).parent.parent.parent
HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}"
GRID = f"""\
dependency: six
environment: venv
versions: [1.10.0, 1.16.0]
python_versions: [{HERE}]
resolve: [today]
timeout: 20
tests: [suite]
baselines:
  suite: {{version: 1.16.0, python: {HERE}, resolve: today}}
"""
SCRIPTS = {
    "suite/same.py": "import six\nprint('text:', six.text_type.__name__)\n",
    "suite/version.py": "import six\nprint('version:', six.__version__)\n",
    "suite/missing.py": "import six\nprint('value:', six.ensure_str('x'))\n",
    "suite/broken.py": "raise RuntimeError('at home, too')\n",
    "suite/chance.py": "import os\nprint('bytes:', os.urandom(4).hex() + 'x')\n",
}
OLD = f"pypi-six-1.10.0-python-{HERE}"
NEW = f"pypi-six-1.16.0-python-{HERE}"

can_unshare = shutil.which("unshare") is not None and (
    subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
)


def test_verdicts_of_a_small_grid(make_project: Callable[..., object]) -> None:
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
    assert old.requirements == ("six==1.10.0\n",)
    assert f"FROM python:{python_key(HERE)[0]}.{python_key(HERE)[1]}" in old.inputs["dockerfile"]
    assert old.outcomes["suite/same.py"].start == "warm"
    assert "3 same" in done.stdout
    assert "/cell/" not in json.dumps(old.inputs)
    assert str(project.root) not in "".join(old.runs["suite/broken.py"].error)


def test_what_is_done_is_not_done_again(make_project: Callable[..., object]) -> None:
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


def test_a_part_of_the_scripts_keeps_the_results_of_the_rest(
    make_project: Callable[..., object],
) -> None:
    project = make_project(GRID, SCRIPTS)
    assert project.run("--versions", "1.16.0").returncode == 0
    assert project.run("--force", "--tests", "same.py", "--versions", "1.16.0").returncode == 0
    assert len(project.records()[NEW].runs) == len(SCRIPTS)


def test_file_that_is_no_record_is_set_aside(make_project: Callable[..., object]) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    project.data.mkdir(parents=True)
    (project.data / f"{NEW}.json").write_text('{"half": ')
    done = project.run("--versions", "1.16.0")
    assert "set aside" in done.stderr
    assert (project.data / f"{NEW}.json.aside-1").read_text() == '{"half": '
    assert project.records()[NEW].outcome == "same_result"


def test_killed_run_goes_on_where_it_was(make_project: Callable[..., object]) -> None:
    slow = {"suite/slow.py": "import six, time\ntime.sleep(2)\nprint(six.__version__[:2])\n"}
    grid = GRID.replace("[1.10.0, 1.16.0]", '["1.10.0", "1.12.0", "1.14.0", "1.15.0", "1.16.0"]')
    project = make_project(grid, slow)
    process = project.start("--jobs", "1")
    deadline = time.monotonic() + 120
    while len(list(project.data.glob("pypi-*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = {path.name: path.stat().st_mtime_ns for path in project.data.glob("pypi-*.json")}
    assert 2 <= len(kept) < 5
    done = project.run("--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert f"{len(kept)} of 5 cells have their record already" in done.stderr
    resumed = read_all(project.data)
    assert len(resumed) == 5
    assert not list((project.cache / "cells").iterdir())
    shutil.rmtree(project.data)
    assert project.run("--jobs", "2").returncode == 0
    assert read_all(project.data) == resumed


def read_all(folder: Path) -> dict[str, object]:
    return {
        path.name: strip_timings(json.loads(path.read_text())) for path in folder.glob("*.json")
    }


@pytest.mark.parametrize("times", [1, 3])
def test_interrupt_keeps_what_is_done_and_cleans_up(
    make_project: Callable[..., object], times: int
) -> None:
    endless = {"suite/endless.py": "import time\ntime.sleep(1000)\n"}
    project = make_project(GRID.replace("timeout: 20", "timeout: 500"), endless)
    process = project.start()
    deadline = time.monotonic() + 120
    cells = project.cache / "cells"
    while not list(cells.glob("*/*/scratch/script")) and time.monotonic() < deadline:
        time.sleep(0.1)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in error
    assert "interrupted" in error
    assert not list(cells.iterdir())
    assert not project.records()


@pytest.mark.skipif(not can_unshare, reason="needs the right to make a network namespace")
def test_lost_network_is_no_verdict(make_project: Callable[..., object], tmp_path: Path) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    project.cache = tmp_path / "cache"
    done = project.run(prefix=("unshare", "-n"))
    assert done.returncode == 3
    assert "cannot be reached" in done.stderr
    assert not project.root.joinpath(".caliper").exists()
    assert project.run("--dry-run").returncode == 0
    done = project.run("--versions", "1.16.0", prefix=("unshare", "-n"))
    assert done.returncode == 3
    assert "planning from its page in the cache" in done.stderr
    assert "not judged, tried again by the next run" in done.stdout
    assert not project.records()
    assert list(project.data.glob("*.failed.json"))
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0
    assert project.records()[NEW].outcome == "same_result"
    assert not list(project.data.glob("*.failed.json"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_full_disk_is_no_verdict(make_project: Callable[..., object]) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    folder = project.root / ".caliper"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)], check=False
    )
    if mounted.returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        (folder / "ballast").write_bytes(b"x" * 16384)
        done = project.run("--versions", "1.16.0")
        assert done.returncode == 3, done.stderr
        assert "cannot write" in done.stderr
        assert "free some space" in done.stderr
        (folder / "ballast").unlink()
        assert not list(folder.rglob("pypi-*.json"))
        assert not list(folder.rglob(".*.partial"))
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_disk_without_room_for_a_cell_is_no_verdict(
    make_project: Callable[..., object], tmp_path: Path
) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    cells = tmp_path / "cells"
    cells.mkdir()
    # Room for the folder of the run and its lock, and for no folder of a cell.
    options = ["-t", "tmpfs", "-o", "nr_inodes=3", "tmpfs"]
    if subprocess.run(["mount", *options, str(cells)], check=False).returncode:
        pytest.skip("tmpfs cannot be mounted here")
    project.environ["CALIPER_CELLS"] = str(cells)
    try:
        done = project.run()
    finally:
        subprocess.run(["umount", str(cells)], check=True)
    assert done.returncode == 3, done.stderr
    assert done.stdout.count("No space left on device") == 2
    assert "Traceback" not in done.stderr
    assert not project.records()


@pytest.mark.parametrize("stage", ["1.run_analysis.py", "2.assess_change.py", "3.parse_data.py"])
def test_interrupt_while_modules_are_loaded_is_told_by_the_exit_code(
    tmp_path: Path, stage: str
) -> None:
    # Ctrl-C while rich is imported.
    (tmp_path / "rich.py").write_text("raise KeyboardInterrupt\n")
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / stage)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


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
    make_project: Callable[..., object], change: tuple[str, str], words: str
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
def test_bad_value_of_a_flag_is_told(
    make_project: Callable[..., object], flags: tuple[str, str]
) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    done = project.run(*flags)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {flags[0]} {flags[1]}: ")
    assert not (project.root / ".caliper").exists()


def test_two_runs_do_not_write_to_one_folder(make_project: Callable[..., object]) -> None:
    endless = {"suite/endless.py": "import time\ntime.sleep(1000)\n"}
    project = make_project(GRID.replace("timeout: 20", "timeout: 500"), endless)
    process = project.start()
    deadline = time.monotonic() + 120
    while not (project.root / ".caliper" / ".lock").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    done = project.run()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert done.returncode == 2
    assert f"another run (process {process.pid}) is at work" in done.stderr


def test_folder_that_cannot_be_written_is_told_before_any_cell(
    make_project: Callable[..., object],
) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    (project.root / ".caliper").write_text("in the way")
    done = project.run()
    assert done.returncode == 3
    assert "cannot write" in done.stderr
    assert "[1/2]" not in done.stderr


def test_misspelt_flag_is_an_error(make_project: Callable[..., object]) -> None:
    done = make_project(GRID, SCRIPTS).run("--vesions", "1.16.0")
    assert done.returncode == 2
    assert "--vesions" in done.stderr
    assert "unrecognized" in done.stderr


def test_python_that_is_nowhere_is_told_with_the_way_to_get_it(
    make_project: Callable[..., object],
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
def test_home_that_cannot_be_run_is_told(
    make_project: Callable[..., object], home: str, why: str
) -> None:
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
    make_project: Callable[..., object],
) -> None:
    grid = GRID + "requirements: ['six<1']\n"
    project = make_project(grid, {"suite/same.py": SCRIPTS["suite/same.py"]})
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    record = project.records()[NEW]
    assert record.outcome == "build_failed"
    assert "unsatisfiable" in "".join(record.build.error)
    assert "No solution" in (record.message or "")


def test_dry_run_tells_the_plan_and_writes_nothing(make_project: Callable[..., object]) -> None:
    project = make_project(GRID, SCRIPTS)
    done = project.run("--dry-run")
    assert done.returncode == 0
    assert "six-1.16.0-py2.py3-none-any.whl" in done.stdout
    assert "2 cells, 2 wheels to download" in done.stdout
    assert not (project.root / ".caliper").exists()


WILD = {
    "suite/endless.py": "while True: pass\n",
    "suite/loud.py": "import sys\nfor _ in range(1 << 14): sys.stdout.write('x' * 65535 + '\\n')\n",
    "suite/greedy.py": "keep = []\nwhile True: keep.append(bytes(bytearray(1 << 24)) + b'x')\n",
    "suite/crash.py": "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n",
    "suite/binary.py": "import os\nos.write(1, b'\\xff\\xfe \\x1b[31mred\\x1b[0m\\n')\n",
    "suite/children.py": "import subprocess\nsubprocess.Popen(['sleep', '1000'])\nprint('left')\n",
    "suite/good.py": SCRIPTS["suite/same.py"],
}


def test_wild_scripts_get_their_outcome_and_the_others_theirs(
    make_project: Callable[..., object],
) -> None:
    grid = GRID + "memory: 300MB\n"
    project = make_project(grid, WILD)
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    record = project.records()[NEW]
    found = {
        script[6:-3]: (verdict.outcome, verdict.reason, verdict.detail)
        for script, verdict in record.outcomes.items()
    }
    killed = ("run_failed", "killed")
    assert found == {
        "endless": ("run_failed", "timeout", None),
        "loud": ("same_result", None, None),
        "greedy": (*killed, "out of memory"),
        "crash": (*killed, "SIGSEGV"),
        "binary": ("same_result", None, None),
        "children": ("same_result", None, None),
        "good": ("same_result", None, None),
    }
    assert sum(len(line) for line in record.runs["suite/loud.py"].output) < 300_000
    assert record.runs["suite/loud.py"].cut > 1_000_000_000


def test_reader_that_goes_away_is_no_regression(make_project: Callable[..., object]) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    process = project.start("--versions", "1.16.0")
    process.stdout.close()
    error = process.stderr.read()
    assert process.wait(timeout=60) == 130, error
    assert "Traceback" not in error
    assert project.records()[NEW].outcome == "same_result"


def make_package(name: str, version: str, *requires: str) -> bytes:
    stream = io.BytesIO()
    folder = f"{name}-{version}.dist-info"
    lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
    files = {
        f"{name}.py": "",
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}",
        f"{folder}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(stream, "w") as archive:
        for path, content in {**files, f"{folder}/RECORD": ""}.items():
            archive.writestr(path, content)
    return stream.getvalue()


def test_newest_of_what_requires_wins_as_with_pip(make_project: Callable[..., object]) -> None:
    packages = [
        ("outer", "1.0", "inner", "middle"),
        ("middle", "1.0", "inner", "spare"),
        ("middle", "2.0", "inner<2"),
        ("inner", "1.0"),
        ("inner", "2.0"),
        ("spare", "1.0"),
        ("setuptools", "65.0"),
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
    assert record.requirements == ("inner==1.0\n", "middle==2.0\n", "outer==1.0\n")
