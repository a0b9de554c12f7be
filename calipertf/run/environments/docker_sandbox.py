"""The container of a cell: what it is denied, what it is given, and what its process says."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import docker
import docker.errors
from docker.models.containers import Container
from docker.types import LogConfig, Mount

from calipertf.errors import EngineError, InfrastructureError
from calipertf.run.environments.base import CellTask
from calipertf.run.environments.docker_engine import (
    ENGINE_FAILURES,
    engine_errors,
    explain,
    follow,
    is_local,
)
from calipertf.run.environments.docker_files import is_open, pack_files, pack_folder

RUNNER = Path(__file__).parent.parent / "script_runner.py"
#: Size of the scratch file system of a container, and of its /tmp; both count as its memory.
SCRATCH = 512 * 1024**2
#: Memory of a container beyond what a script may take: its files, the runner, the warm process.
HEADROOM = 2 * SCRATCH + 1024**3
#: Processes and threads of a container.
PIDS = 512
#: Microseconds after which a container's share of the cores begins anew.
CPU_PERIOD = 100_000
#: A user that owns nothing.
USER = "65534:65534"
#: Options of a file system in memory: the user may write to it. Podman takes no uid here.
OWNED = "mode=1777,exec"
#: What a container's scripts are kept from, as records name it.
DENIED = ("capabilities", "processes", "read-only", "root")
EVENTS = {"start", "import", "script", "again", "end"}
#: Bytes of one event: two streams of a script, escaped, and room.
LONGEST_LINE = 16 * 1024**2
_UNSEEN = re.compile(r"bind source path|mounts denied|statfs|no such file", re.IGNORECASE)
#: The runner reads its job from a file: not every engine can close a standard input.
COMMAND = "exec python -u /caliper/script_runner.py < /caliper/job.json"


def make_limits(labels: Mapping[str, str], memory: int, *, network: bool = False) -> dict[str, Any]:
    """What every container of ours is denied, as arguments of the SDK; `memory` is in bytes."""
    return {
        "network_mode": "bridge" if network else "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "user": USER,
        "read_only": True,
        "tmpfs": {
            "/scratch": f"size={SCRATCH},{OWNED}",
            "/tmp": f"size={SCRATCH},{OWNED}",  # noqa: S108 -- in the container
        },
        "pids_limit": PIDS,
        "mem_limit": memory + HEADROOM,
        "memswap_limit": memory + HEADROOM,
        "init": True,
        "labels": dict(labels),
        "environment": {"HOME": "/scratch", "PYTHONDONTWRITEBYTECODE": "1"},
        # Not /scratch: an engine makes a working directory for root, and its mode would be kept.
        "working_dir": "/",
        "entrypoint": "",
    }


def container_path(task: CellTask, path: Path) -> str:
    """Where a path of the repository lies in a container."""
    if not path.is_relative_to(task.root):
        return "/data"
    inside = path.relative_to(task.root).as_posix()
    return "/repository" if inside == "." else f"/repository/{inside}"


def list_folders(task: CellTask) -> dict[Path, str]:
    """Folder on this machine -> where a container has it, read-only: scripts and their data."""
    folders = {task.mount: container_path(task, task.mount)}
    if task.analysis.data:
        data = (task.root / task.analysis.data).resolve()
        if not data.is_relative_to(task.mount):
            folders[data] = container_path(task, data)
    return folders


def prepare_job(job: Mapping[str, Any], task: CellTask) -> dict[str, Any]:
    """The job with its paths as the container has them."""
    environ = dict(job["environ"])
    if task.analysis.data:
        environ["CALIPER_DATA"] = container_path(task, (task.root / task.analysis.data).resolve())
    return {
        **job,
        "scripts": [
            {**script, "path": container_path(task, task.root / script["name"])}
            for script in job["scripts"]
        ],
        "scratch": "/scratch",
        "read_only": [],
        "writable": [],
        "contained": True,
        "environ": {**environ, "PYTHONDONTWRITEBYTECODE": "1"},
    }


@contextlib.contextmanager
def make_container(
    client: docker.DockerClient,
    image: str,
    task: CellTask,
    job: Mapping[str, Any],
    labels: Mapping[str, str],
) -> Iterator[Container]:
    """A container with the runner, its job, the scripts and their data; removed on leaving.

    An engine that sees the folders mounts them read-only, where everybody may read them. Otherwise
    copies go into volumes that belong to root, as the runner and its job always do.
    """
    folders = list_folders(task)
    limits = make_limits(labels, task.analysis.memory, network=task.analysis.network)
    local = is_local(client)

    def create(bound: bool) -> Container:
        mounts = [
            Mount(target=inside, source=str(folder), type="bind", read_only=True)
            if bound
            else _volume(inside, labels)
            for folder, inside in folders.items()
        ]
        return client.containers.create(
            image,
            ["sh", "-c", COMMAND],
            mounts=[_volume("/caliper", labels), *mounts],
            # The stream that we are attached to is enough: a log would be on the host's disk.
            log_config=LogConfig(type="none"),
            **{**limits, **share_cores(task.cpus, local=local)},
        )

    bound = local and all(is_open(folder) for folder in folders)
    with engine_errors("the engine could not make a container"):
        try:
            container = create(bound)
        except docker.errors.APIError as error:
            # An engine whose socket is here, and whose file system is not.
            if not bound or not _UNSEEN.search(explain(error)):
                raise
            container, bound = create(False), False
    try:
        with engine_errors("the engine did not take the scripts"):
            data = json.dumps(job).encode("utf-8")
            files = {"script_runner.py": RUNNER.read_bytes(), "job.json": data}
            container.put_archive("/caliper", pack_files(files))
            if not bound:
                for folder, inside in folders.items():
                    container.put_archive(inside, pack_folder(folder))
        yield container
    finally:
        with contextlib.suppress(*ENGINE_FAILURES):
            container.remove(force=True, v=True)


def share_cores(cpus: Sequence[int] | None, *, local: bool) -> dict[str, Any]:
    """The cores of a container: these ones on this machine, as many on another."""
    if not cpus:
        return {}
    if local:
        return {"cpuset_cpus": ",".join(str(cpu) for cpu in cpus)}
    return {"cpu_period": CPU_PERIOD, "cpu_quota": CPU_PERIOD * len(cpus)}


def _volume(target: str, labels: Mapping[str, str]) -> Mount:
    return Mount(target=target, source=None, type="volume", labels=dict(labels))


def run_container(
    container: Container,
    *,
    seconds: float,
    network: bool,
    check: Callable[[], None],
    report: Callable[[dict[str, Any]], None],
) -> None:
    """Start a container and hand each event of its runner on, as it comes.

    `network` says whether the container has one. A script that the engine killed because memory ran
    out has `ended` "memory". Raises EngineError where the engine failed, InfrastructureError where
    the runner did or took longer than `seconds`; `check` raises where the run is stopped.
    """
    events = _Events(report, DENIED if network else (*DENIED, "network"))
    deadline = time.monotonic() + seconds
    with engine_errors("the engine failed while scripts ran"):
        stream = container.attach(stream=True, stdout=True, stderr=True, demux=True)
        container.start()
        for output, error in follow(
            stream, check, lambda: time.monotonic() > deadline, stream.close
        ):
            events.read(output or b"", error or b"")
        check()
        if time.monotonic() > deadline:
            raise InfrastructureError(f"the scripts of a cell took longer than {seconds:.0f} s")
        status = container.wait(timeout=60)["StatusCode"]
        container.reload()
    starved = bool(container.attrs["State"].get("OOMKilled"))
    if status != 0:
        memory = ", out of memory" if starved else ""
        raise InfrastructureError(f"the script runner ended with {status}{memory}: {events.words}")
    if starved:
        for event in events.killed:
            report({**event, "ended": "memory"})


class _Events:
    """The two streams of a runner, taken apart into events."""

    def __init__(self, report: Callable[[dict[str, Any]], None], denied: Iterable[str]) -> None:
        self._report = report
        self._denied = denied
        self._pending = b""
        self._error = b""
        #: Events of scripts that were killed.
        self.killed: list[dict[str, Any]] = []

    @property
    def words(self) -> str:
        """The last words of the runner itself."""
        return self._error.decode("utf-8", "replace").strip()[-400:]

    def read(self, output: bytes, error: bytes) -> None:
        """Take up what came and report the events that are complete."""
        self._error = (self._error + error)[-2000:]
        *lines, self._pending = (self._pending + output).split(b"\n")
        if len(self._pending) > LONGEST_LINE:
            raise InfrastructureError("a container's output is no list of events")
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # cut short by the end of the process
            if not isinstance(event, dict) or event.get("event") not in EVENTS:
                continue  # a script can write here as well
            try:
                self._take(event)
            except (AttributeError, KeyError, TypeError) as error:
                raise InfrastructureError(
                    f"a container's output holds what is no event of the runner: {line[:80]!r}"
                ) from error

    def _take(self, event: dict[str, Any]) -> None:
        if event.get("ended") == "signal" and event.get("retval") == -9:
            self.killed.append(event)
        if event["event"] == "start":
            event["isolation"] = sorted({*event["isolation"], *self._denied})
        self._report(event)


def list_requirements(
    client: docker.DockerClient, image: str, limits: Mapping[str, Any]
) -> tuple[str, ...]:
    """Lines of pip freeze in an image. Raises InfrastructureError where it does not answer."""
    command = ["python", "-m", "pip", "--disable-pip-version-check", "freeze"]
    with engine_errors("the requirements of an image could not be listed"):
        try:
            output = client.containers.run(image, command, remove=True, **limits)
        except docker.errors.ContainerError as error:
            words = explain(error)[-300:]
            raise InfrastructureError(
                f"pip freeze fails in the image that the template makes, which has to have python "
                f"and pip: {words}"
            ) from error
    if not isinstance(output, bytes):
        raise EngineError("the engine gave no list of an image's requirements")
    return tuple(output.decode("utf-8", "replace").splitlines(keepends=True))
