"""Stage 1 in a real container engine: verdicts, the sandbox, clean-up, equality with venv."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from calipertf.errors import EngineError
from calipertf.run.environments.docker_engine import LABEL, OWNER, connect, engine_errors
from calipertf.run.environments.docker_owner import is_dead

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def find_engine() -> str | None:
    """Why the tests of this file cannot be run; None where they can."""
    try:
        client = connect(60)
    except EngineError as error:
        return f"{error} (.ci/docker installs and starts one)"
    try:
        client.images.get(f"python:{VERSION}")
    except docker.errors.DockerException:
        return f"the engine has no image python:{VERSION} (.ci/docker makes one)"
    return None


MISSING = find_engine()
pytestmark = [
    pytest.mark.docker,
    pytest.mark.network,
    pytest.mark.skipif(MISSING is not None, reason=str(MISSING)),
]
HERE = VERSION.replace(".", "")
GRID = f"""\
dependency: six
environment: docker
versions: [1.10.0, 1.16.0]
python_versions: [{VERSION}]
resolve: [release]
timeout: 30
memory: 256MB
tests: [suite]
baselines:
  suite: {{version: 1.16.0, python: {VERSION}, resolve: release}}
"""
NEW = f"pypi-six-1.16.0-python-cp{HERE}"
OLD = f"pypi-six-1.10.0-python-cp{HERE}"
PLAIN = {
    "suite/same.py": "import six\nprint('text:', six.text_type.__name__)\n",
    "suite/version.py": "import six\nprint('version:', six.__version__)\n",
    "suite/missing.py": "import six\nprint('value:', six.ensure_str('x'))\n",
}
ATTEMPT = """
import os, socket
def attempt(name, action):
    try:
        action()
        print(name, "possible")
    except (OSError, IOError) as error:
        print(name, "denied")
here = os.path.dirname(os.path.abspath(__file__))
"""
ESCAPES = {
    "suite/escape.py": ATTEMPT
    + """
attempt("network", lambda: socket.create_connection(("192.0.2.1", 80), timeout=2))
attempt("examples", lambda: open(os.path.join(here, "new"), "w"))
attempt("root", lambda: open("/new", "w"))
attempt("runner", lambda: open("/caliper/script_runner.py", "a"))
attempt("shadow", lambda: open("/etc/shadow").read())
attempt("owner", lambda: os.chown("/caliper", 65534, 65534))
attempt("scratch", lambda: open("new", "w"))
print("host files", os.path.exists(%(host)r))
print("root user", os.getuid() == 0)
""",
    "suite/forks.py": """
import subprocess
running = []
try:
    while len(running) < 5000:
        running.append(subprocess.Popen(["sleep", "60"]))
except OSError:
    pass
print("bounded", len(running) < 1000)
""",
    "suite/endless.py": """
import os, time
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(1)
""",
    "suite/memory.py": "keep = []\nwhile True: keep.append(bytes(bytearray(1 << 24)) + b'x')\n",
    # Memory that no process has in its address space: the engine's limit alone meets it.
    "suite/hidden_memory.py": """
import os
block = b"x" * (1 << 26)
handle = os.memfd_create("hidden")
while True:
    os.write(handle, block)
""",
    "suite/disk.py": """
try:
    with open("big", "wb") as file:
        for _ in range(8 << 10):
            file.write(b"x" * (1 << 20))
    print("endless")
except OSError as error:
    print("full")
""",
}


@pytest.fixture
def client() -> docker.DockerClient:
    return connect(300)


def left_behind(client: docker.DockerClient) -> list[str]:
    """What runs that have ended left on the engine; other runs may be going on."""
    filters: dict[str, str | list[str] | bool] = {"label": LABEL}
    found = [
        *((item.id, item.labels) for item in client.containers.list(all=True, filters=filters)),
        *((item.id, item.labels) for item in client.images.list(all=True, filters=filters)),
        *((item.id, item.attrs["Labels"]) for item in client.volumes.list(filters=filters)),
    ]
    return [str(name) for name, labels in found if is_dead(labels[OWNER])]


def outcomes(project: object, name: str) -> dict[str, str]:
    record = project.records()[name]
    return {script[6:-3]: verdict.outcome for script, verdict in record.outcomes.items()}


def test_docker_and_venv_agree(
    make_project: Callable[..., object], client: docker.DockerClient
) -> None:
    project = make_project(GRID, PLAIN)
    before = {image.id for image in client.images.list(all=True)}
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "environment: docker" in done.stderr
    by_docker = project.records()
    assert outcomes(project, OLD) == {
        "missing": "run_failed",
        "same": "same_result",
        "version": "different_result",
    }
    record = by_docker[NEW]
    assert record.requirements == ("six==1.16.0\n",)
    assert record.environment["image"].startswith("sha256:")
    assert "network" in record.environment["isolation"]
    assert left_behind(client) == []
    assert before == {image.id for image in client.images.list(all=True)}
    done = project.run("--environment", "venv")
    assert "for a change of environment" in done.stderr
    by_venv = project.records()
    for name, record in by_venv.items():
        assert record.environment["kind"] == "venv"
        other = by_docker[name]
        assert record.requirements == other.requirements
        for script, run in record.runs.items():
            assert run.output == other.runs[script].output
            assert record.outcomes[script].outcome == other.outcomes[script].outcome


def test_scripts_that_try_to_get_out_stay_in(
    make_project: Callable[..., object], tmp_path: Path, client: docker.DockerClient
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("host")
    scripts = {name: text.replace("%(host)r", repr(str(secret))) for name, text in ESCAPES.items()}
    project = make_project(GRID.replace("256MB", "1GB"), scripts)
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    record = project.records()[NEW]
    lines = "".join(record.runs["suite/escape.py"].output).splitlines()
    assert lines == [
        "network denied",
        "examples denied",
        "root denied",
        "runner denied",
        "shadow denied",
        "owner denied",
        "scratch possible",
        "host files False",
        "root user False",
    ]
    assert record.runs["suite/forks.py"].output == ("bounded True\n",)
    assert record.runs["suite/disk.py"].output == ("full\n",)
    endless = record.outcomes["suite/endless.py"]
    assert (endless.outcome, endless.reason in {"killed", "timeout"}) == ("run_failed", True)
    for name in ("memory", "hidden_memory"):
        verdict = record.outcomes[f"suite/{name}.py"]
        assert (verdict.outcome, verdict.reason, verdict.detail) == (
            "run_failed",
            "killed",
            "out of memory",
        ), name
    assert not (project.root / "suite" / "new").exists()
    assert left_behind(client) == []


def test_failed_step_and_missing_image_are_told_apart(
    make_project: Callable[..., object],
) -> None:
    project = make_project(GRID + "requirements: ['six<1']\n", PLAIN)
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    record = project.records()[NEW]
    assert record.outcome == "build_failed"
    assert "six" in "".join(record.build.output)
    project = make_project(GRID + "base_image: 'registry.invalid/python:{version}'\n", PLAIN)
    done = project.run("--versions", "1.16.0", "--force")
    assert done.returncode == 3
    assert "cannot be pulled" in done.stdout
    assert project.records()[NEW].outcome == "build_failed"


def test_template_of_the_original_is_built(make_project: Callable[..., object]) -> None:
    project = make_project(GRID, PLAIN)
    (project.root / "Dockerfile").write_text(
        "FROM {{ base }}\nADD . /tmp/repo\nWORKDIR /tmp/repo\nRUN ls suite && test ! -e .caliper\n"
        "RUN pip install {{ basename.split('-')[0] }}=={{ version }} # {{ filename }}\n"
    )
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    assert outcomes(project, NEW)["same"] == "same_result"
    (project.root / "Dockerfile").write_text("FROM {{ base }}\nRUN {{ flavour }}\n")
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 2
    assert "flavour" in done.stderr


def test_killed_run_leaves_nothing_after_the_next_one(
    make_project: Callable[..., object], client: docker.DockerClient
) -> None:
    keeper = client.containers.create(f"python:{VERSION}", ["true"])
    try:
        project = make_project(GRID, {"suite/slow.py": "import time\ntime.sleep(20)\nprint(1)\n"})
        process = project.start("--versions", "1.16.0")
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline and not client.containers.list(filters={"label": LABEL}):
            time.sleep(0.2)
        process.kill()
        process.communicate()
        assert left_behind(client)
        (project.root / "suite/slow.py").write_text("print(1)\n")
        done = project.run("--versions", "1.16.0")
        assert done.returncode == 0, done.stderr
        assert left_behind(client) == []
        assert client.containers.get(keeper.id)
    finally:
        keeper.remove(force=True)


def test_engine_that_does_not_answer_is_no_verdict(make_project: Callable[..., object]) -> None:
    project = make_project(GRID, PLAIN)
    project.environ["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    done = project.run()
    assert done.returncode == 3
    assert "no container engine answers" in done.stderr
    assert not project.records()
    done = project.run("--environment", "auto", "--versions", "1.16.0")
    assert done.returncode == 0
    assert "environment: venv" in done.stderr


@dataclass(kw_only=True)
class Engine:
    """An engine of a test's own, which it may kill."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"unix://{self.folder / 'docker.sock'}"

    def start(self) -> None:
        """Start the daemon and wait for its answer.

        On a busy machine its containerd may need longer than the 15 s that it waits for it: then it
        ends, and is started again.
        """
        deadline = time.monotonic() + 180
        self._launch()
        while not self.answers():
            if time.monotonic() > deadline:
                pytest.fail((self.folder / "log").read_text()[-3000:], pytrace=False)
            if self.process is None or self.process.poll() is not None:
                self._launch()
            time.sleep(0.5)

    def _launch(self) -> None:
        (self.folder / "pid").unlink(missing_ok=True)
        flags = ("data-root", "data"), ("exec-root", "exec"), ("pidfile", "pid")
        # Not --bridge=none: with it a daemon removes docker0, which the host's own engine needs.
        command = ["dockerd", "--host", self.address, "--iptables=false"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *(f"--{flag}={self.folder / name}" for flag, name in flags)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def answers(self) -> bool:
        try:
            self.connect()
        except EngineError:
            return False
        return True

    def connect(self) -> docker.DockerClient:
        with engine_errors("no answer"):
            return docker.DockerClient(base_url=self.address, version="auto", timeout=300)

    def close(self) -> None:
        """End the daemon, whether it answers or not, and what it or one that was killed left."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(EngineError, docker.errors.DockerException):
                for container in self.connect().containers.list():
                    container.kill()
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if f"{self.folder}/".encode() in path.read_bytes():
                    os.kill(int(path.parent.name), signal.SIGKILL)

    def kill(self) -> None:
        """End the daemon as a power cut would, and what it started."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def unmount(folder: Path) -> None:
    """Let go of what an engine that was killed has left mounted below its folder."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for path in reversed(mounts):
        if path.startswith(f"{folder}/"):
            subprocess.run(["umount", "--lazy", path], check=True)


@pytest.fixture
def own_engine(client: docker.DockerClient) -> Iterator[Engine]:
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("starting an engine of one's own needs root and dockerd (.ci/docker)")
    # The path of a socket has to be short.
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    bridge = Path("/sys/class/net/docker0")
    had_bridge = bridge.exists()
    engine = Engine(folder=folder)
    try:
        engine.start()
        image = client.images.get(f"python:{VERSION}")
        engine.connect().images.load(b"".join(image.save(named=True)))
        yield engine
    finally:
        engine.close()
        unmount(folder)
        subprocess.run(["rm", "-rf", str(folder)], check=True)
    assert bridge.exists() or not had_bridge, "the host's engine lost its network"


def test_engine_that_dies_in_the_middle(
    make_project: Callable[..., object], own_engine: Engine
) -> None:
    slow = {"suite/slow.py": "import time\ntime.sleep(6)\nprint(1)\n"}
    project = make_project(GRID, slow)
    project.environ["DOCKER_HOST"] = own_engine.address
    process = project.start("--jobs", "1")
    client = own_engine.connect()
    deadline = time.monotonic() + 300
    # The first cell is finished, the second one runs its scripts.
    while time.monotonic() < deadline and not (
        project.records() and client.containers.list(filters={"label": LABEL})
    ):
        time.sleep(0.2)
    finished = {name: record.outcome for name, record in project.records().items()}
    own_engine.kill()
    output, error = process.communicate(timeout=400)
    assert process.returncode == 3, error
    assert "not judged" in output
    assert len(finished) == 1
    assert {name: record.outcome for name, record in project.records().items()} == finished
    own_engine.start()
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "1 of 2 cells have their record already" in done.stderr
    assert {record.outcome for record in project.records().values()} == {"same_result"}
    assert left_behind(own_engine.connect()) == []


@contextlib.contextmanager
def forward_tcp(path: str) -> Iterator[str]:
    """The address of a TCP port that leads to a Unix socket, as that of a remote engine."""

    def copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as engine:
                engine.connect(path)
                pump = threading.Thread(target=copy, args=(engine, self.request), daemon=True)
                pump.start()
                copy(self.request, engine)
                pump.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_remote_engine_is_given_copies(
    make_project: Callable[..., object], client: docker.DockerClient
) -> None:
    scripts = {**PLAIN, "suite/escape.py": ESCAPES["suite/escape.py"].replace("%(host)r", "'/x'")}
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


def test_kept_images_are_the_users(
    make_project: Callable[..., object], client: docker.DockerClient
) -> None:
    project = make_project(GRID, PLAIN)
    name = f"calipertf/six:1.16.0-cp{HERE}-release"
    try:
        assert project.run("--versions", "1.16.0", "--keep-images").returncode == 0
        assert client.images.get(name).id == project.records()[NEW].environment["image"]
        assert project.run("--versions", "1.10.0").returncode == 0
        assert client.images.get(name)
    finally:
        client.images.remove(name, force=True)
    assert project.run("--versions", "1.10.0").returncode == 0
    assert left_behind(client) == []
