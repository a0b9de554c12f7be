"""The container of a cell: what it is denied, what it is given, and what its process says."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container
from docker.types import LogConfig, Mount

from calipertf.errors import EngineError, InfrastructureError
from calipertf.run.environments.base import CellTask
from calipertf.run.environments.docker_engine import (
    ENGINE_FAILURES,
    engine_errors,
    follow,
    is_local,
)

RUNNER = Path(__file__).parent.parent / "script_runner.py"
#: Size of the scratch file system of a container, and of its /tmp; both count as its memory.
SCRATCH = 512 * 1024**2
#: Memory of a container beyond what a script may take: its files, the runner, the warm process.
HEADROOM = 2 * SCRATCH + 1024**3
#: Processes and threads of a container.
PIDS = 512
#: A user that owns nothing.
USER = "65534:65534"
OWNED = "uid=65534,gid=65534,mode=0700,exec"
#: What a container's scripts are kept from, as records name it.
DENIED = ("capabilities", "network", "processes", "read-only", "root")
#: Bytes of one event: two streams of a script, escaped, and room.
LONGEST_LINE = 16 * 1024**2
#: The runner reads its job from a file: not every engine can close a standard input.
COMMAND = "exec python -u /caliper/script_runner.py < /caliper/job.json"


def make_limits(labels: Mapping[str, str]) -> dict[str, Any]:
    """What every container of ours is denied, as arguments of the SDK."""
    return {
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "user": USER,
        "read_only": True,
        "tmpfs": {
            "/scratch": f"size={SCRATCH},{OWNED}",
            "/tmp": f"size={SCRATCH},{OWNED}",  # noqa: S108 -- in the container
        },
        "pids_limit": PIDS,
        "init": True,
        "labels": dict(labels),
        "environment": {"HOME": "/scratch", "PYTHONDONTWRITEBYTECODE": "1"},
        "working_dir": "/scratch",
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

    An engine of this machine sees the folders themselves, read-only; another one gets copies in
    volumes that belong to root, which goes for the runner and its job with either.
    """
    local = is_local(client)
    folders = list_folders(task)
    mounts = [_volume("/caliper", labels)]
    for folder, inside in folders.items():
        bind = Mount(target=inside, source=str(folder), type="bind", read_only=True)
        mounts.append(bind if local else _volume(inside, labels))
    memory = task.analysis.memory + HEADROOM
    options: dict[str, Any] = {"mem_limit": memory, "memswap_limit": memory}
    if task.cpus:
        options["cpuset_cpus"] = ",".join(str(cpu) for cpu in task.cpus)
    with engine_errors("the engine could not make a container"):
        container = client.containers.create(
            image,
            ["sh", "-c", COMMAND],
            mounts=mounts,
            # The stream that we are attached to is enough: a log would be on the host's disk.
            log_config=LogConfig(type="none"),
            **{**make_limits(labels), **options},
        )
    try:
        with engine_errors("the engine did not take the scripts"):
            data = json.dumps(job).encode("utf-8")
            files = {"script_runner.py": RUNNER.read_bytes(), "job.json": data}
            container.put_archive("/caliper", pack_files(files))
            if not local:
                for folder, inside in folders.items():
                    container.put_archive(inside, pack_folder(folder))
        yield container
    finally:
        with contextlib.suppress(*ENGINE_FAILURES):
            container.remove(force=True, v=True)


def _volume(target: str, labels: Mapping[str, str]) -> Mount:
    return Mount(target=target, source=None, type="volume", labels=dict(labels))


def pack_files(files: Mapping[str, bytes]) -> bytes:
    """A tar of files that everybody may read and root alone may write."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def pack_folder(folder: Path) -> bytes:
    """A tar of a folder's files, but for hidden ones and byte code, with the same rights."""
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not is_private(path.relative_to(folder).parts)
    ]
    return pack_files({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})


def is_private(parts: tuple[str, ...]) -> bool:
    """Whether a file is nothing that a script needs: hidden, byte code or an environment."""
    return any(part.startswith((".", "__pycache__", "venv")) for part in parts)


def run_container(
    container: Container,
    *,
    seconds: float,
    check: Callable[[], None],
    report: Callable[[dict[str, Any]], None],
) -> None:
    """Start a container and hand each event of its runner on, as it comes.

    A script that the engine killed because memory ran out has `ended` "memory". Raises EngineError
    where the engine failed, InfrastructureError where the runner did or took longer than `seconds`;
    `check` raises where the run is stopped.
    """
    events = _Events(report)
    deadline = time.monotonic() + seconds
    with engine_errors("the engine failed while scripts ran"):
        stream = container.attach(stream=True, stdout=True, stderr=True, demux=True)
        container.start()
        for output, error in follow(stream, check, lambda: time.monotonic() > deadline):
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

    def __init__(self, report: Callable[[dict[str, Any]], None]) -> None:
        self._report = report
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
            if event.get("ended") == "signal" and event.get("retval") == -9:
                self.killed.append(event)
            if event["event"] == "start":
                event["isolation"] = sorted({*event["isolation"], *DENIED})
            self._report(event)


def list_requirements(
    client: docker.DockerClient, image: str, labels: Mapping[str, str]
) -> tuple[str, ...]:
    """Lines of pip freeze in an image. Raises EngineError where it does not answer."""
    with engine_errors("the requirements of an image could not be listed"):
        output = client.containers.run(
            image,
            ["python", "-m", "pip", "--disable-pip-version-check", "freeze"],
            remove=True,
            **make_limits(labels),
        )
    if not isinstance(output, bytes):
        raise EngineError("the engine gave no list of an image's requirements")
    return tuple(output.decode("utf-8", "replace").splitlines(keepends=True))
