"""Stage 1 when something goes wrong: killed, interrupted, no network, no room, wild scripts."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import REPOSITORY
from helpers.record_timings import strip_timings
from helpers.run_project import MakeProject
from helpers.small_grid import GRID, NEW, SCRIPTS

pytestmark = pytest.mark.network
#: Folder of a script at work. Not looked for everywhere: installers' files come and go meanwhile.
SCRATCH = "calipertf-*/run-*/pypi-*/scratch/script*"
can_unshare = shutil.which("unshare") is not None and (
    subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
)


def test_file_that_is_no_record_is_set_aside(make_project: MakeProject) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    project.data.mkdir(parents=True)
    (project.data / f"{NEW}.json").write_text('{"half": ')
    done = project.run("--versions", "1.16.0")
    assert "set aside" in done.stderr
    assert (project.data / f"{NEW}.json.aside-1").read_text() == '{"half": '
    assert project.records()[NEW].outcome == "same_result"


def test_killed_run_goes_on_where_it_was(make_project: MakeProject) -> None:
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
def test_interrupt_keeps_what_is_done_and_cleans_up(make_project: MakeProject, times: int) -> None:
    endless = {"suite/endless.py": "import time\ntime.sleep(1000)\n"}
    project = make_project(GRID.replace("timeout: 20", "timeout: 500"), endless)
    process = project.start()
    deadline = time.monotonic() + 120
    cells = project.cache / "cells"
    while not list(cells.glob(SCRATCH)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert list(cells.glob(SCRATCH))
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in error
    assert "interrupted" in error
    assert not list(cells.iterdir())
    assert not project.records()


@pytest.mark.parametrize("how", ["signal", "terminal closed"])
def test_run_that_loses_its_terminal_cleans_up(make_project: MakeProject, how: str) -> None:
    endless = {"suite/endless.py": "import time\ntime.sleep(1000)\n"}
    project = make_project(GRID.replace("timeout: 20", "timeout: 500"), endless)
    pid, terminal = pty.fork()
    if pid == 0:
        command = project.command("--versions", "1.16.0")
        os.execve(command[0], command, project.environment())
    cells = project.cache / "cells"
    said = b""
    deadline = time.monotonic() + 120
    while not list(cells.glob(SCRATCH)) and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            said += os.read(terminal, 1 << 16)
    assert list(cells.glob(SCRATCH)), said
    if how == "signal":
        os.kill(pid, signal.SIGHUP)
    os.close(terminal)  # with it, the kernel sends SIGHUP
    status = os.waitpid(pid, 0)[1]
    assert os.waitstatus_to_exitcode(status) == 130, said
    assert not list(cells.iterdir())
    assert not project.records()


def test_run_under_nohup_outlives_its_terminal(make_project: MakeProject) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    process = project.start("--versions", "1.16.0", prefix=("nohup",))
    deadline = time.monotonic() + 120
    while not (project.root / ".caliper" / ".lock").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGHUP)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    assert project.records()[NEW].outcome == "same_result"


@pytest.mark.skipif(not can_unshare, reason="needs the right to make a network namespace")
def test_lost_network_is_no_verdict(make_project: MakeProject, tmp_path: Path) -> None:
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
def test_full_disk_is_no_verdict(make_project: MakeProject) -> None:
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
    make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    cells = tmp_path / "cells"
    cells.mkdir()
    # Room for this user's folder and its lock, for the folder of the run and its marker, and for no
    # folder of a cell.
    options = ["-t", "tmpfs", "-o", "nr_inodes=5", "tmpfs"]
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


@pytest.mark.parametrize("stage", ["1.run_analysis.py", "2.assess_change.py", "3.parse_data.py"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signal_while_modules_are_loaded_is_told_by_the_exit_code(
    tmp_path: Path, stage: str, number: signal.Signals
) -> None:
    source = f"import os, time\nos.kill(os.getpid(), {number:d})\ntime.sleep(60)\n"
    (tmp_path / "rich.py").write_text(source)
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / stage)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_two_runs_do_not_write_to_one_folder(make_project: MakeProject) -> None:
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
    make_project: MakeProject,
) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    (project.root / ".caliper").mkdir()
    (project.root / ".caliper" / "data").write_text("in the way")
    done = project.run()
    assert done.returncode == 3
    assert "cannot write" in done.stderr
    assert "[1/2]" not in done.stderr


def test_file_where_the_folder_is_to_be_is_bad_usage(make_project: MakeProject) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    (project.root / ".caliper").write_text("in the way")
    done = project.run()
    assert done.returncode == 2
    assert "is no folder (it is a file): name another" in done.stderr


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
    make_project: MakeProject,
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
    assert record.runs["suite/loud.py"].truncated_bytes > 1_000_000_000


NO_NAMESPACES = (
    *("unshare", "--user", "--map-root-user", "sh", "-c"),
    (
        "cd /proc/sys/user && echo 0 >max_user_namespaces && echo 0 >max_mnt_namespaces && "
        'cd "$OLDPWD" && exec "$@"'
    ),
    "sh",
)


@pytest.mark.skipif(
    not sys.platform.startswith("linux")
    or subprocess.run([*NO_NAMESPACES, "true"], capture_output=True, check=False).returncode != 0,
    reason="needs user namespaces, to be in one that allows no others",
)
def test_script_cannot_change_the_next_cell_where_nothing_protects_files(
    make_project: MakeProject,
) -> None:
    scripts = {
        "suite/a_look.py": "import six\nprint(hasattr(six, 'vandal'))\n",
        "suite/b_change.py": "import six\nopen(six.__file__, 'a').write('vandal = 1\\n')\n",
    }
    grid = GRID.replace("resolve: [today]", "resolve: [today, release]")
    project = make_project(grid, scripts)
    done = project.run("--versions", "1.16.0", "--jobs", "1", prefix=NO_NAMESPACES)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("isolation is incomplete here") == 1
    assert "network: false" in done.stderr
    records = project.records()
    assert len(records) == 2
    for record in records.values():
        assert "read-only" not in record.environment["isolation"]
        assert {"network", "read-only"} <= set(record.environment["isolation_missing"])
        assert record.runs["suite/a_look.py"].output == ("False\n",)
        assert record.runs["suite/b_change.py"].retval == 0


def test_reader_that_goes_away_is_no_regression(make_project: MakeProject) -> None:
    project = make_project(GRID, {"suite/same.py": SCRIPTS["suite/same.py"]})
    process = project.start("--versions", "1.16.0")
    process.stdout.close()
    error = process.stderr.read()
    assert process.wait(timeout=60) == 130, error
    assert "Traceback" not in error
    assert project.records()[NEW].outcome == "same_result"
