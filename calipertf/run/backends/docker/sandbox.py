"""The container of a cell: what it is denied and what it is given."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import docker
import docker.errors
from docker.models.containers import Container
from docker.types import LogConfig, Mount
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from calipertf.errors import EngineError, InfrastructureError
from calipertf.run.backends.docker.archives import is_open, is_whole, pack_files, pack_folder
from calipertf.run.backends.docker.engine import (
    ENGINE_FAILURES,
    engine_errors,
    explain,
    is_local,
)
from calipertf.run.backends.venv.installers import hide_installers
from calipertf.run.runner import ARCHIVE, pack_runner
from calipertf.run.spec import CellTask
from calipertf.scripts import walk_files

#: Where a container has the root of caliper.yaml.
REPOSITORY = "/repository"
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
_UNSEEN = re.compile(r"bind source path|mounts denied|statfs|no such file", re.IGNORECASE)
#: The runner reads its job from a file: not every engine can close a standard input.
COMMAND = f"exec python -u /caliper/{ARCHIVE} < /caliper/job.json"


def make_limits(labels: Mapping[str, str], memory: int, *, network: bool = False) -> dict[str, Any]:
    """Return what every container of ours is denied, as arguments of the SDK.

    `memory` is in bytes.
    """
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
        # The runner is the container's process 1, which signals of its scripts do not reach.
        "init": False,
        "labels": dict(labels),
        "environment": {"HOME": "/scratch", "PYTHONDONTWRITEBYTECODE": "1"},
        # Not /scratch: an engine makes a working directory for root, and its mode would be kept.
        "working_dir": "/",
        "entrypoint": "",
    }


def container_path(task: CellTask, path: Path) -> str:
    """Return the path that a file of the repository has in a container."""
    if not path.is_relative_to(task.root):
        return "/data"
    inside = path.relative_to(task.root).as_posix()
    return REPOSITORY if inside == "." else f"{REPOSITORY}/{inside}"


def list_folders(task: CellTask) -> dict[Path, str]:
    """Return folder on this machine -> where a container has it, read-only.

    Scripts and their data.
    """
    folders = {path: container_path(task, path) for path in task.source_paths}
    if task.analysis.data:
        data = (task.root / task.analysis.data).resolve()
        if not any(data.is_relative_to(path) for path in folders):
            folders[data] = container_path(task, data)
    return folders


def prepare_job(job: Mapping[str, Any], task: CellTask) -> dict[str, Any]:
    """Return the job with its paths as the container has them."""
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
    """Yield a container with the runner, its job, the scripts and their data; removed on leaving.

    An engine that sees the folders mounts them read-only, where everybody may read them. Otherwise
    copies are mounted, as the runner and its job always are.
    """
    folders = list_folders(task)
    data = json.dumps(job).encode("utf-8")
    own = pack_files({ARCHIVE: pack_runner(), "job.json": data})
    binds = [
        Mount(target=inside, source=str(folder), type="bind", read_only=True)
        for folder, inside in folders.items()
    ]
    local = is_local(client)
    limits = make_limits(labels, task.analysis.memory, network=task.analysis.network)
    # From the start of its Python on, which reads the hash seed once.
    limits["environment"] = {**job["environ"], **limits["environment"]}
    options = {**limits, **share_cores(task.cpus, local=local)}
    with contextlib.ExitStack() as stack:
        container = None
        if local and all(is_open(folder) and is_whole(folder) for folder in folders):
            mounts = stack.enter_context(fill_volumes(client, image, {"/caliper": own}, labels))
            container = _create(client, image, [*mounts, *binds], options)
        if container is None:
            copies = pack_folders(folders)
            contents = {"/caliper": own, **copies}
            mounts = stack.enter_context(fill_volumes(client, image, contents, labels))
            container = _create(client, image, mounts, options)
        if container is None:
            raise EngineError("the engine mounts neither folders nor volumes")
        stack.callback(_remove, partial(container.remove, force=True, v=True))
        yield container


def pack_folders(folders: Mapping[Path, str]) -> dict[str, bytes]:
    """Return folder in a container -> a tar of its files, for what `list_folders` gives.

    A volume is a folder: where single files are asked for, one volume holds all of the repository.
    """
    if all(path.is_dir() for path in folders):
        return {inside: pack_folder(path) for path, inside in folders.items()}
    files: dict[str, bytes] = {}
    others: dict[str, bytes] = {}
    for path, inside in folders.items():
        if not inside.startswith(f"{REPOSITORY}/"):
            others[inside] = pack_folder(path)
            continue
        name = inside.removeprefix(f"{REPOSITORY}/")
        files.update(
            ((PurePosixPath(name) / file.relative_to(path)).as_posix(), file.read_bytes())
            for file in walk_files(path)
        )
    return {REPOSITORY: pack_files(files), **others}


def _create(
    client: docker.DockerClient, image: str, mounts: list[Mount], options: Mapping[str, Any]
) -> Container | None:
    """Return a container that runs the runner.

    None where its engine does not see what is mounted.
    """
    with engine_errors("the engine could not make a container"):
        try:
            return client.containers.create(
                image,
                ["sh", "-c", COMMAND],
                mounts=mounts,
                # The stream that we are attached to is enough: a log would be on the host's disk.
                log_config=LogConfig(type="none"),
                **options,
            )
        except docker.errors.APIError as error:
            # Its socket is on this machine, and its file system is not.
            if _UNSEEN.search(explain(error)):
                return None
            raise


@contextlib.contextmanager
def fill_volumes(
    client: docker.DockerClient,
    image: str,
    contents: Mapping[str, bytes],
    labels: Mapping[str, str],
) -> Iterator[list[Mount]]:
    """Yield the volumes with what is in some archives, to mount read-only at their keys.

    Removed on leaving.

    They are filled through a container that is never started: of the one that runs scripts they
    could not be read-only, and Podman gives what is not to the container's user.
    """
    with contextlib.ExitStack() as stack:
        with engine_errors("the engine did not take the scripts"):
            volumes = {}
            for inside in contents:
                volumes[inside] = volume = client.volumes.create(labels=dict(labels))
                stack.callback(_remove, partial(volume.remove, force=True))
            filler = client.containers.create(
                image,
                ["true"],
                entrypoint="",
                network_mode="none",
                labels=dict(labels),
                mounts=[Mount(inside, volume.name, "volume") for inside, volume in volumes.items()],
            )
            stack.callback(_remove, partial(filler.remove, force=True, v=True))
            for inside, archive in contents.items():
                filler.put_archive(inside, archive)
            filler.remove(force=True, v=True)
        yield [
            Mount(inside, volume.name, "volume", read_only=True)
            for inside, volume in volumes.items()
        ]


def _remove(action: Callable[[], None]) -> None:
    with contextlib.suppress(*ENGINE_FAILURES):
        action()


def share_cores(cpus: Sequence[int] | None, *, local: bool) -> dict[str, Any]:
    """Return the cores of a container: these ones on this machine, as many on another."""
    if not cpus:
        return {}
    if local:
        return {"cpuset_cpus": ",".join(str(cpu) for cpu in cpus)}
    return {"cpu_period": CPU_PERIOD, "cpu_quota": CPU_PERIOD * len(cpus)}


def list_requirements(
    client: docker.DockerClient, image: str, python: str, limits: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return the lines of pip freeze in an image of a Python (a tag), and setuptools.

    Raises InfrastructureError where pip does not answer.
    """
    command = ["python", "-m", "pip", "--disable-pip-version-check", "freeze", "--all"]
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
    lines = output.decode("utf-8", "replace").splitlines(keepends=True)
    return hide_installers((pin_local_wheel(line) for line in lines), python)


def find_image_python(
    client: docker.DockerClient, image: str, limits: Mapping[str, Any]
) -> str | None:
    """Return the version of `python` in an image, such as 3.8; None where it has none."""
    # Python 2.7 says its version on stderr.
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    with engine_errors("the Python of a base image could not be looked at"):
        try:
            output = client.containers.run(image, ["python", "-c", code], remove=True, **limits)
        except docker.errors.ContainerError:
            return None
        except docker.errors.APIError as error:
            # The engine cannot start a command that is not there.
            if "executable file not found" in explain(error) or "no such file" in explain(error):
                return None
            raise
    return output.decode("ascii", "replace").strip() if isinstance(output, bytes) else None


def pin_local_wheel(line: str) -> str:
    """Return a line of pip freeze.

    Name==version for a wheel that the template had fetched by itself.
    """
    match = re.match(r"(\S+) @ file:\S*/([^/\s#]+\.whl)", line)
    if not match:
        return line
    try:
        version = parse_wheel_filename(unquote(match[2]))[1]
    except InvalidWheelFilename:
        return line
    return f"{match[1]}=={version}\n"
