"""Projects and engines of the Docker tests."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from calipertf.errors import EngineError
from calipertf.run.backends.docker.engine import LABEL, OWNER, connect, engine_errors
from calipertf.run.backends.docker.owner import is_dead
from helpers.run_project import Project

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
NEEDS_ENGINE = [
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


#: Tries to get out, each printed as possible or denied.
ESCAPE = """
import os, socket
def attempt(name, action):
    try:
        action()
        print(name, "possible")
    except (OSError, IOError) as error:
        print(name, "denied")
def connect_engine():
    socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock")
here = os.path.dirname(os.path.abspath(__file__))
os.symlink("/etc/passwd", "link")
attempt("network", lambda: socket.create_connection(("192.0.2.1", 80), timeout=2))
attempt("raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("engine", connect_engine)
attempt("examples", lambda: open(os.path.join(here, "new"), "w"))
attempt("own source", lambda: open(__file__, "a"))
attempt("root", lambda: open("/new", "w"))
attempt("link", lambda: open("link", "a"))
attempt("runner", lambda: open("/caliper/script_runner.zip", "a"))
attempt("shadow", lambda: open("/etc/shadow").read())
attempt("kernel", lambda: open("/proc/sys/kernel/core_pattern", "w"))
attempt("memory of the host", lambda: open("/proc/kcore", "rb").read(1))
attempt("device", lambda: os.mknod("device", 0o20666, os.makedev(1, 1)))
attempt("owner", lambda: os.chown("/caliper", 65534, 65534))
attempt("user", lambda: os.setuid(0))
attempt("chroot", lambda: os.chroot("/"))
attempt("host name", lambda: socket.sethostname("x"))
attempt("scratch", lambda: open("new", "w"))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print("capabilities", [status[name].strip("\\t\\n0") for name in ("CapEff", "CapPrm", "CapBnd")])
print("new privileges", status["NoNewPrivs"].strip() == "0")
print("host files", os.path.exists(%(host)r))
print("root user", os.getuid() == 0)
"""


def left_behind(client: docker.DockerClient) -> list[str]:
    """What runs that have ended left on the engine; other runs may be going on."""
    filters: dict[str, str | list[str] | bool] = {"label": LABEL}
    found = [
        *((item.id, item.labels) for item in client.containers.list(all=True, filters=filters)),
        *((item.id, item.labels) for item in client.images.list(all=True, filters=filters)),
        *((item.id, item.attrs["Labels"]) for item in client.volumes.list(filters=filters)),
    ]
    return [str(name) for name, labels in found if is_dead(labels[OWNER])]


def outcomes(project: Project, name: str) -> dict[str, str]:
    record = project.records()[name]
    return {script[6:-3]: verdict.outcome for script, verdict in record.outcomes.items()}


@dataclass(kw_only=True)
class Engine:
    """An engine of a test's own, which it may kill."""

    folder: Path
    #: A folder of this machine that the engine does not see.
    hidden: Path | None = None
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
        if self.hidden:
            script = 'mount -t tmpfs none "$0" && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", script, str(self.hidden), *command]
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


@contextlib.contextmanager
def forward_tcp(path: str, frozen: threading.Event | None = None) -> Iterator[str]:
    """The address of a TCP port that leads to a Unix socket, as that of a remote engine.

    Once `frozen` is set, connections are still taken, and nothing is ever answered.
    """

    def copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if frozen is not None and frozen.is_set():
                    threading.Event().wait()
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
