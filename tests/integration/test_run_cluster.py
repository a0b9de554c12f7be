"""A Dask scheduler and workers as processes of their own, each with other Pythons; and faults."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import pytest
from helpers import REPOSITORY
from helpers.record_timings import strip_timings
from helpers.run_project import MakeProject

from calipertf.run.backends.venv.interpreters import find_interpreter
from calipertf.versions import CPYTHONS, python_version

pytestmark = [pytest.mark.network, pytest.mark.slow]
HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}"
PLAIN_PATH = "/usr/bin:/bin"
SCRIPTS = {
    "suite/same.py": "import six, sys\nprint('text:', six.text_type.__name__)\n",
    "suite/missing.py": "import six\nprint('value:', six.ensure_str('x'))\n",
    "suite/where.py": "import os\nprint(open(os.path.dirname(__file__) + '/data/n.txt').read())\n"
    "raise SystemExit(__file__)\n",
    "suite/data/n.txt": "41 numbers\n",
}
#: Long enough to be killed in.
SLOW = {"suite/slow.py": "import six, time\ntime.sleep(4)\nprint(six.__name__)\n"}


def find_others() -> list[tuple[str, Path]]:
    """Two further Pythons of this machine: tag and folder with bin/pythonX.Y."""
    found = []
    for tag in CPYTHONS:
        dotted = python_version(tag)
        python = find_interpreter(tag) if tag != HERE and tag >= "cp36" else None
        if python and not shutil.which(f"python{dotted}", path=PLAIN_PATH):
            found.append((tag, Path(python.source).resolve().parent.parent))
    if len(found) < 2:
        pytest.skip("needs two Pythons beside the one that runs")
    return [found[0], found[-1]]


class Cluster:
    """A scheduler and its workers; what is left of them is killed on leaving."""

    def __init__(self, root: Path, **environ: str) -> None:
        self.root = root
        self.environ = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environ}
        self.environ.pop("CALIPER_CACHE", None)
        self.environ["DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED"] = "False"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.scheme = "tls" if "DASK_DISTRIBUTED__COMM__TLS__CA_FILE" in environ else "tcp"
        self.address = f"{self.scheme}://127.0.0.1:{self.port}"
        self.file = root / "scheduler.json"
        self._start(
            "scheduler",
            *("scheduler", "--host", f"{self.scheme}://127.0.0.1", "--port", str(self.port)),
            *("--no-dashboard", "--scheduler-file", str(self.file)),
        )

    def _start(
        self, name: str, *command: str, python: str = sys.executable, **environ: str
    ) -> None:
        folder = self.root / name
        folder.mkdir(parents=True)
        with (folder / "log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [python, "-m", "dask", *command],
                cwd=folder,
                env={**self.environ, **environ},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def add_worker(
        self,
        name: str,
        *pythons: tuple[str, Path],
        flags: tuple[str, ...] = ("--no-nanny",),
        python: str = sys.executable,
        **env: str,
    ) -> None:
        folder = self.root / name
        versions = self.root / f"{name}-pyenv" / "versions"
        versions.mkdir(parents=True)
        for tag, prefix in pythons:
            (versions / f"{python_version(tag)}.0").symlink_to(prefix)
        where = {
            "PATH": PLAIN_PATH,
            "PYENV_ROOT": str(versions.parent),
            "UV_PYTHON_INSTALL_DIR": str(versions / "uv"),
            "CALIPER_CELLS": str(folder / "cells"),
        }
        self._start(
            name,
            *("worker", "--scheduler-file", str(self.file), "--name", name, "--nthreads", "1"),
            *("--no-dashboard", "--local-directory", str(folder / "local"), *flags),
            python=python,
            **{**where, **env},
        )

    def kill(self, name: str) -> None:
        """SIGKILL to the process and to all of its group."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def read_log(self, name: str) -> str:
        return (self.root / name / "log").read_text(errors="replace")

    def list_environments(self) -> list[Path]:
        """Folders of cells that are on the workers."""
        return list(self.root.glob("*/cells/calipertf-*/run-*/pypi-*"))


@pytest.fixture
def start_cluster(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    clusters: list[Cluster] = []

    def start(**environ: str) -> Cluster:
        clusters.append(Cluster(tmp_path / f"cluster-{len(clusters)}", **environ))
        return clusters[-1]

    yield start
    for cluster in clusters:
        for name in list(cluster.processes):
            cluster.kill(name)


def grid(versions: list[str], pythons: list[str]) -> str:
    return (
        "dependency: six\nenvironment: venv\ntimeout: 60\ntests: [suite]\n"
        f"versions: [{', '.join(versions)}]\npython_versions: [{', '.join(pythons)}]\n"
        f"baselines:\n  suite: {{version: {versions[-1]}, python: {HERE}, resolve: today}}\n"
    )


def read_stripped(project: Any) -> dict[str, dict[str, Any]]:
    return {name: strip_timings(record.to_json()) for name, record in project.records().items()}


def wait_until(condition: Callable[[], object], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def find_running(cluster: Cluster) -> list[int]:
    """Numbers of the processes that run a cell's scripts on the workers."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(cluster.root) in path.read_text() and "script_runner" in path.read_text():
                found.append(int(path.parent.name))
    return found


def test_records_are_those_of_a_local_run(
    make_project: MakeProject, start_cluster: Callable[..., Cluster]
) -> None:
    (first, prefix), (second, other) = find_others()
    cluster = start_cluster()
    cluster.add_worker("w1", (first, prefix))
    cluster.add_worker("w2", (second, other))
    project = make_project(grid(["1.10.0", "1.16.0"], [first, second, HERE]), SCRIPTS)
    local = project.run()
    assert local.returncode == 0, local.stderr
    expected = read_stripped(project)
    assert len(expected) == 6
    shutil.rmtree(project.data)
    wait_until(lambda: "w2" in cluster.read_log("scheduler"))
    done = project.run("--scheduler", str(cluster.file))
    assert done.returncode == 0, done.stderr
    assert read_stripped(project) == expected
    outcomes = {
        verdict.outcome for r in project.records().values() for verdict in r.outcomes.values()
    }
    assert outcomes == {"same_result", "run_failed"}
    assert cluster.list_environments() == []
    # Nothing of the run stays on the cluster: a second one has nothing to do.
    again = project.run("--scheduler", cluster.address)
    assert "6 of 6 cells have their record already" in again.stderr


def test_a_python_that_no_worker_has_is_told_with_reasons(
    make_project: MakeProject, start_cluster: Callable[..., Cluster]
) -> None:
    (first, prefix), (second, _) = find_others()
    cluster = start_cluster()
    cluster.add_worker("w1", (first, prefix))
    cluster.add_worker("w2")
    wait_until(lambda: "w2" in cluster.read_log("scheduler"))
    project = make_project(grid(["1.16.0"], [first, second, HERE]), SCRIPTS)
    done = project.run("--scheduler", cluster.address)
    assert done.returncode == 0, done.stderr
    records = project.records()
    assert {
        name[-len(tag) :]: r.outcome for name, r in records.items() for tag in [r.cell.python]
    } == {
        first: "run_failed",
        HERE: "run_failed",
        second: "no_interpreter",
    }
    message = records[f"pypi-six-1.16.0-python-{second}"].message
    assert "w1" in message
    assert "w2" in message
    assert f"no Python {python_version(second)}" in message


def test_a_worker_that_is_killed_loses_nothing(
    make_project: MakeProject, start_cluster: Callable[..., Cluster]
) -> None:
    (first, prefix), _ = find_others()
    cluster = start_cluster()
    # The nanny starts the killed worker anew: cells that only it can run wait for it.
    cluster.add_worker("w1", (first, prefix), flags=("--nanny",))
    cluster.add_worker("w2")
    wait_until(lambda: "w2" in cluster.read_log("scheduler"))
    project = make_project(grid(["1.14.0", "1.15.0", "1.16.0"], [first, HERE]), SLOW)
    run = project.start("--scheduler", cluster.address)
    wait_until(lambda: len(project.records()) >= 1 and find_running(cluster))
    # The worker itself, and what multiprocessing started beside it.
    children = psutil.Process(cluster.processes["w1"].pid).children()
    assert children
    for child in children:
        child.kill()
    _, error = run.communicate(timeout=600)
    assert run.returncode == 0, error
    assert "is lost" in error
    records = project.records()
    assert len(records) == 6
    assert {record.outcome for record in records.values()} == {"same_result"}
    assert not list(project.data.rglob("*.failed.json"))


def test_a_cell_whose_workers_are_lost_is_tried_again_by_the_next_run(
    make_project: MakeProject, start_cluster: Callable[..., Cluster]
) -> None:
    cluster = start_cluster(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    cluster.add_worker("w1")
    project = make_project(grid(["1.16.0"], [HERE]), SLOW)
    run = project.start("--scheduler", cluster.address)
    wait_until(lambda: find_running(cluster))
    cluster.kill("w1")
    _, error = run.communicate(timeout=600)
    assert run.returncode == 3, error
    assert project.records() == {}
    (failed,) = project.data.rglob("*.failed.json")
    assert "w1" in failed.read_text()
    assert "1 worker was lost" in failed.read_text()
    cluster.add_worker("w2")
    done = project.run("--scheduler", cluster.address)
    assert done.returncode == 0, done.stderr
    assert [record.outcome for record in project.records().values()] == ["same_result"]
    assert not list(project.data.rglob("*.failed.json"))


def test_a_cell_that_loses_its_only_worker_again_and_again_is_given_up(
    make_project: MakeProject, start_cluster: Callable[..., Cluster]
) -> None:
    cluster = start_cluster()
    cluster.add_worker("w1", flags=("--nanny",))  # which starts the worker anew
    project = make_project(grid(["1.16.0"], [HERE]), SLOW)
    run = project.start("--scheduler", cluster.address)
    for _ in range(4):
        wait_until(lambda: find_running(cluster))
        for child in psutil.Process(cluster.processes["w1"].pid).children():
            child.kill()
        wait_until(lambda: not find_running(cluster))
    _, error = run.communicate(timeout=120)
    assert run.returncode == 3, error
    assert "4 workers were lost while they ran it: w1" in error
    assert project.records() == {}


def test_a_lost_scheduler_ends_the_run_and_keeps_what_is_finished(
    make_project: MakeProject, start_cluster: Callable[..., Cluster]
) -> None:
    versions = ["1.13.0", "1.14.0", "1.15.0", "1.16.0"]
    project = make_project(grid(versions, [HERE]), SLOW)
    cluster = start_cluster()
    cluster.add_worker("w1")
    run = project.start("--scheduler", cluster.address)
    wait_until(lambda: len(project.records()) >= 1 and find_running(cluster))
    cluster.kill("scheduler")
    _, error = run.communicate(timeout=120)
    assert run.returncode == 3, error
    assert "scheduler was lost" in error
    kept = read_stripped(project)
    assert 1 <= len(kept) < 4
    assert not list(project.data.rglob("*.failed.json"))
    # The worker ends its cells and itself.
    wait_until(lambda: not find_running(cluster))
    wait_until(lambda: not cluster.list_environments())
    other = start_cluster()
    other.add_worker("w1")
    done = project.run("--scheduler", other.address)
    assert done.returncode == 0, done.stderr
    assert f"{len(kept)} of 4 cells have their record already" in done.stderr
    records = read_stripped(project)
    assert len(records) == 4
    assert {name: records[name]["tests"] for name in kept} == {
        name: record["tests"] for name, record in kept.items()
    }


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_a_driver_that_ends_ends_its_cells_on_the_workers(
    number: signal.Signals,
    make_project: MakeProject,
    start_cluster: Callable[..., Cluster],
) -> None:
    project = make_project(grid(["1.14.0", "1.15.0", "1.16.0"], [HERE]), SLOW)
    cluster = start_cluster()
    cluster.add_worker("w1")
    run = project.start("--scheduler", cluster.address)
    wait_until(lambda: len(project.records()) >= 1 and find_running(cluster))
    run.send_signal(number)
    _, error = run.communicate(timeout=60)
    assert run.returncode == (130 if number == signal.SIGTERM else -number), error
    kept = len(project.records())
    assert kept < 3
    wait_until(lambda: not find_running(cluster), seconds=30)
    wait_until(lambda: not cluster.list_environments(), seconds=30)
    done = project.run("--scheduler", cluster.address)
    assert done.returncode == 0, done.stderr
    assert f"{kept} of 3 cells have their record already" in done.stderr
    assert ("whose driver is gone" in done.stderr) == (number == signal.SIGKILL)
    assert {record.outcome for record in project.records().values()} == {"same_result"}
    assert len(project.records()) == 3


def test_ctrl_c_ends_a_cluster_on_this_machine_quietly(make_project: MakeProject) -> None:
    project = make_project(grid(["1.14.0", "1.15.0", "1.16.0"], [HERE]), SLOW)
    run = subprocess.Popen(
        project.command("--scheduler", "local", "--jobs", "1"),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=project.environment(),
        start_new_session=True,
    )
    wait_until(project.records)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to all processes of the group
    _, error = run.communicate(timeout=60)
    assert run.returncode == 130, error
    assert "Traceback" not in error
    assert "the same command goes on from there" in error


def test_stage_2_extracts_on_the_workers(
    tmp_path: Path, start_cluster: Callable[..., Cluster]
) -> None:
    cluster = start_cluster()
    cluster.add_worker("w1", flags=("--nanny",))
    found = {}
    for name, flags in {"local": (), "cluster": ("--scheduler", str(cluster.file))}.items():
        folder = tmp_path / name
        command = [sys.executable, str(REPOSITORY / "2.assess_change.py"), "--dir", str(folder)]
        done = subprocess.run(
            [*command, "--package", "six", "--versions", "1.10.0", "1.16.0", *flags],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert "2 new" in done.stderr, done.stderr
        paths = [*(folder / "sims").rglob("*.json"), *(folder / "functiondb").rglob("*.json")]
        found[name] = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    assert "sims/pypi-six-sims.json" in found["local"]
    assert found["cluster"] == found["local"]


def copy_package(folder: Path) -> Path:
    """A folder to import this package from, in another state."""
    other = folder / "other"
    shutil.copytree(REPOSITORY / "calipertf", other / "calipertf")
    with (other / "calipertf" / "errors.py").open("a") as file:
        file.write("# another state\n")
    return other


def test_a_worker_without_this_package_is_named(
    make_project: MakeProject, start_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    other = copy_package(tmp_path)
    cluster = start_cluster()
    cluster.add_worker("with")
    cluster.add_worker("older", PYTHONPATH=str(other))
    # The package is installed beside Dask, so a worker only lacks it where something hides it.
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "calipertf.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'calipertf'\")\n"
    )
    cluster.add_worker("without", PYTHONPATH=str(hidden))
    wait_until(lambda: "without" in cluster.read_log("scheduler"))
    wait_until(lambda: "older" in cluster.read_log("scheduler"))
    project = make_project(grid(["1.16.0"], [HERE]), SCRIPTS)
    done = project.run("--scheduler", cluster.address)
    assert done.returncode == 3, done.stderr
    assert "cannot import calipertf" in done.stderr
    assert "another state" in done.stderr
    assert project.records() == {}


def test_another_python_is_named_and_nothing_is_broken(
    make_project: MakeProject, start_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    others = [tag for tag in CPYTHONS if tag != HERE and tag in {"cp310", "cp312", "cp313"}]
    found = [python for tag in others if (python := find_interpreter(tag))]
    if not found:
        pytest.skip("needs another Python that Dask runs on")
    environment, uv = tmp_path / "other", Path(sys.executable).with_name("uv")
    wanted = f"distributed=={version('distributed')}"
    subprocess.run([uv, "venv", "-q", "--python", found[0].source, environment], check=True)
    other = str(environment / "bin" / "python")
    subprocess.run([uv, "pip", "install", "-q", "--python", other, wanted], check=True)
    cluster = start_cluster()
    cluster.add_worker("w1", python=other)
    wait_until(lambda: "w1" in cluster.read_log("scheduler"))
    project = make_project(grid(["1.16.0"], [HERE]), SCRIPTS)
    done = project.run("--scheduler", cluster.address)
    assert done.returncode == 3, done.stderr
    assert f"python is {found[0].version} on worker tcp://" in done.stderr
    assert f"and {platform.python_version()} on the driver" in done.stderr
    assert "Traceback" not in done.stderr
    assert all(process.poll() is None for process in cluster.processes.values())


def test_a_cell_goes_on_where_a_worker_has_no_way_to_the_index(
    make_project: MakeProject, start_cluster: Callable[..., Cluster]
) -> None:
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "UV_HTTP_RETRIES": "0"}
    cluster = start_cluster()
    cluster.add_worker("w1", **nowhere)
    cluster.add_worker("w2")
    wait_until(lambda: "w2" in cluster.read_log("scheduler"))
    wait_until(lambda: "w1" in cluster.read_log("scheduler"))
    project = make_project(grid(["1.14.0", "1.15.0", "1.16.0"], [HERE]), SLOW)
    done = project.run("--scheduler", cluster.address)
    assert done.returncode == 0, done.stderr
    assert [r.outcome for r in project.records().values()] == ["same_result"] * 3
    cluster.kill("w2")
    done = project.run("--scheduler", cluster.address, "--force")
    assert done.returncode == 3, done.stderr
    assert "w1" in done.stderr
    assert len(project.records()) == 3


def test_a_worker_that_can_build_nothing_says_why(
    make_project: MakeProject, start_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    cluster = start_cluster()
    cluster.add_worker("w1", CALIPER_CELLS=str(tmp_path / "file" / "cells"))
    project = make_project(grid(["1.16.0"], [HERE]), SCRIPTS)
    done = project.run("--scheduler", cluster.address)
    assert done.returncode == 3, done.stderr
    assert "w1" in done.stderr
    assert "Not a directory" in done.stderr


def test_a_worker_of_another_state_that_comes_late_takes_no_cells(
    make_project: MakeProject, start_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    other = copy_package(tmp_path)
    cluster = start_cluster()
    cluster.add_worker("w1")
    project = make_project(grid(["1.13.0", "1.14.0", "1.15.0", "1.16.0"], [HERE]), SLOW)
    run = project.start("--scheduler", cluster.address)
    wait_until(lambda: find_running(cluster))
    cluster.add_worker("older", PYTHONPATH=str(other))
    _, error = run.communicate(timeout=600)
    assert run.returncode == 0, error
    assert "older" in error
    assert "takes no cells: calipertf is of another state" in error
    assert len(project.records()) == 4


def test_tls_is_that_of_dasks_configuration(
    make_project: MakeProject, start_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=caliper-test", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    tls = {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(certificate)}
    for side in ("CLIENT", "SCHEDULER", "WORKER"):
        tls[f"DASK_DISTRIBUTED__COMM__TLS__{side}__CERT"] = str(certificate)
        tls[f"DASK_DISTRIBUTED__COMM__TLS__{side}__KEY"] = str(key)
    cluster = start_cluster(**tls)
    cluster.add_worker("w1")
    project = make_project(grid(["1.16.0"], [HERE]), SCRIPTS)
    refused = project.run("--scheduler", cluster.address)
    assert refused.returncode == 2, refused.stderr
    assert "distributed.comm.tls" in refused.stderr
    refused = project.run("--scheduler", cluster.address.replace("tls:", "tcp:"))
    assert refused.returncode == 3, refused.stderr
    assert "no Dask scheduler answers" in refused.stderr
    project.environ.update(tls)
    done = project.run("--scheduler", cluster.address)
    assert done.returncode == 0, done.stderr
    assert len(project.records()) == 1
