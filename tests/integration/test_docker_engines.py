"""Stage 1 with other engines: unreachable, dying, remote, or with a file system of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from helpers.docker_engines import (
    ESCAPE,
    GRID,
    NEEDS_ENGINE,
    NEW,
    PLAIN,
    VERSION,
    Engine,
    forward_tcp,
    left_behind,
    outcomes,
    unmount,
)
from helpers.run_project import MakeProject

from calipertf.errors import EngineError
from calipertf.run.backends.docker.engine import LABEL, connect, remove_made

pytestmark = NEEDS_ENGINE


def test_engine_that_does_not_answer_is_no_verdict(make_project: MakeProject) -> None:
    project = make_project(GRID, PLAIN)
    project.environ["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    done = project.run()
    assert done.returncode == 3
    assert "no container engine answers" in done.stderr
    assert not project.records()
    done = project.run("--environment", "auto", "--versions", "1.16.0")
    assert done.returncode == 0
    assert "environment: venv" in done.stderr


@pytest.fixture
def client() -> docker.DockerClient:
    return connect(300)


@contextlib.contextmanager
def own_engine(client: docker.DockerClient, hidden: Path | None = None) -> Iterator[Engine]:
    """An engine with the host's base image."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("starting an engine of one's own needs root and dockerd (.ci/docker)")
    # The path of a socket has to be short.
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    bridge = Path("/sys/class/net/docker0")
    had_bridge = bridge.exists()
    engine = Engine(folder=folder, hidden=hidden)
    try:
        engine.start()
        image = client.images.get(f"python:{VERSION}")
        engine.connect().images.load(b"".join(image.save(named=f"python:{VERSION}")))
        yield engine
    finally:
        engine.close()
        unmount(folder)
        subprocess.run(["rm", "-rf", str(folder)], check=True)
    assert bridge.exists() or not had_bridge, "the host's engine lost its network"


def test_engine_that_dies_in_the_middle(
    make_project: MakeProject, client: docker.DockerClient
) -> None:
    with own_engine(client) as engine:
        slow = {"suite/slow.py": "import time\ntime.sleep(6)\nprint(1)\n"}
        project = make_project(GRID, slow)
        project.environ["DOCKER_HOST"] = engine.address
        process = project.start("--jobs", "1")
        own = engine.connect()
        deadline = time.monotonic() + 300
        # The first cell is finished, the second one runs its scripts.
        while time.monotonic() < deadline and not (
            project.records() and own.containers.list(filters={"label": LABEL})
        ):
            time.sleep(0.2)
        finished = {name: record.outcome for name, record in project.records().items()}
        engine.kill()
        output, error = process.communicate(timeout=400)
        assert process.returncode == 3, error
        assert "not judged" in output
        assert len(finished) == 1
        assert {name: record.outcome for name, record in project.records().items()} == finished
        engine.start()
        done = project.run()
        assert done.returncode == 0, done.stderr
        assert "1 of 2 cells have their record already" in done.stderr
        assert {record.outcome for record in project.records().values()} == {"same_result"}
        assert left_behind(engine.connect()) == []


def test_remote_engine_is_given_copies(
    make_project: MakeProject, client: docker.DockerClient
) -> None:
    scripts = {**PLAIN, "suite/escape.py": ESCAPE.replace("%(host)r", "'/x'")}
    project = make_project(GRID, {**scripts, "suite/data/text.txt": "x"})
    path = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    with forward_tcp(path) as address:
        project.environ["DOCKER_HOST"] = address
        done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    assert outcomes(project, NEW) == dict.fromkeys(
        ("escape", "missing", "same", "version"), "same_result"
    )
    assert "examples denied\n" in project.records()[NEW].runs["suite/escape.py"].output
    assert left_behind(client) == []


@pytest.mark.parametrize("phase", ["build", "scripts"])
def test_frozen_engine_does_not_keep_the_driver_from_its_end(
    make_project: MakeProject, client: docker.DockerClient, phase: str
) -> None:
    project = make_project(GRID, {"suite/slow.py": "import time\ntime.sleep(25)\n"})
    if phase == "build":
        (project.root / "Dockerfile").write_text("FROM {{ base }}\nRUN touch /x\nRUN sleep 25\n")
    path = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    frozen = threading.Event()
    with forward_tcp(path, frozen) as address:
        project.environ["DOCKER_HOST"] = address
        process = project.start("--versions", "1.16.0")
        mine = f"-{process.pid}-"
        while process.poll() is None and not any(
            mine in container.labels[LABEL] and (phase == "build" or container.image.labels)
            for container in client.containers.list(filters={"label": LABEL})
        ):
            time.sleep(0.2)
        frozen.set()
        process.send_signal(signal.SIGTERM)
        try:
            # build_timeout is half an hour: a request that was left to it would show.
            _, error = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 130, error
    assert "the engine does not answer" in error
    assert "removed by the next" in error
    assert not project.records()
    with contextlib.closing(connect(60)) as own:
        remove_made(own, lambda labels: mine in labels[LABEL])


def test_engine_that_does_not_see_our_folders_is_given_copies(
    make_project: MakeProject, client: docker.DockerClient
) -> None:
    project = make_project(GRID, {**PLAIN, "suite/venv_like.py": "print(1)\n"})
    with own_engine(client, hidden=project.root) as engine:
        project.environ["DOCKER_HOST"] = engine.address
        done = project.run("--versions", "1.16.0")
        assert done.returncode == 0, done.stderr
        assert left_behind(engine.connect()) == []
    assert set(outcomes(project, NEW).values()) == {"same_result"}


def test_auto_is_venv_where_base_images_cannot_be_had(make_project: MakeProject) -> None:
    project = make_project(GRID + "base_image: 'registry.invalid/python:{version}'\n", PLAIN)
    done = project.run("--environment", "auto", "--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    assert "no image registry.invalid/python:" in done.stderr
    assert "environment: venv" in done.stderr


def test_engine_that_is_silent_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tempfile.mktemp(prefix="silent-")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    monkeypatch.setattr("calipertf.run.backends.docker.engine.PATIENCE", 1)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(path)
        silent.listen()
        with pytest.raises(EngineError, match="timed out"):
            connect(1800)
    Path(path).unlink()
