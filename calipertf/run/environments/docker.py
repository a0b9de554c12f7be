"""Cells as images of a container engine; their scripts run in one locked-down container each."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import docker
import docker.errors
from docker.models.containers import Container

from calipertf.errors import EngineError, InfrastructureError
from calipertf.releases import linux_platforms
from calipertf.run.environments.base import Built, CellTask, Environment, Python
from calipertf.run.environments.docker_build import (
    ImageBuild,
    build_image,
    make_context,
    prepare_dockerfile,
)
from calipertf.run.environments.docker_engine import (
    ENGINE_FAILURES,
    LABEL,
    connect,
    engine_errors,
    explain,
    follow,
    is_dead,
    remove_made,
)
from calipertf.run.processes import Processes
from calipertf.run.timemachine import TimeMachine
from calipertf.versions import python_version

RUNNER = Path(__file__).parent.parent / "script_runner.py"
#: Size of the scratch file system of a container, and of its /tmp; both count as its memory.
SCRATCH = 512 * 1024**2
#: Memory of a container beyond what a script may take: its files, the runner, the warm process.
HEADROOM = 2 * SCRATCH + 1024**3
PIDS = 512
#: A user that owns nothing.
USER = "65534:65534"
#: What a container's scripts are kept from, as records name it.
DENIED = ("capabilities", "network", "processes", "read-only", "root")
OWNED = "uid=65534,gid=65534,mode=0700"


class DockerEnvironment(Environment):
    """Images of an engine, removed after their cells."""

    kind = "docker"

    def __init__(
        self,
        *,
        processes: Processes,
        machine: Callable[[], TimeMachine],
        run_id: str,
        base_image: str,
        build_timeout: float,
        keep_images: bool = False,
    ) -> None:
        self._client = connect(build_timeout)
        self._processes = processes
        self._machine = machine
        self._run_id = run_id
        self._base_image = base_image
        self._keep = keep_images
        self._pythons: dict[str, Python | None] = {}
        with engine_errors("the engine could not be asked what it is"):
            info = self._client.info()
            remove_made(self._client, is_dead)
        self._architecture = str(info.get("Architecture") or "x86_64")
        self._is_desktop = "Desktop" in str(info.get("OperatingSystem"))
        self.name = f"{info.get('OperatingSystem')}, engine {info.get('ServerVersion')}"

    def find_python(self, tag: str) -> Python | None:
        """The base image of a Python; None where the registry says that it has none."""
        if tag not in self._pythons:
            self._pythons[tag] = self._look_up(tag)
        return self._pythons[tag]

    def _look_up(self, tag: str) -> Python | None:
        name = self._image_name(tag)
        python = Python(tag=tag, version=None, source=name)
        try:
            self._client.images.get(name)
        except docker.errors.ImageNotFound:
            with contextlib.suppress(*ENGINE_FAILURES):
                try:
                    self._client.images.get_registry_data(name)
                except docker.errors.NotFound:
                    return None
        except ENGINE_FAILURES as error:
            raise EngineError(f"the engine could not look for {name}: {explain(error)}") from error
        # Where the registry cannot be asked, the build will tell why.
        return python

    def _image_name(self, tag: str) -> str:
        return self._base_image.format(version=python_version(tag))

    def explain_missing(self, tag: str) -> str:
        """What base_image could name instead."""
        return (
            f"there is no image {self._image_name(tag)}; name another repository by base_image in "
            "caliper.yaml, or make the image (docs/docker.md)"
        )

    def platforms(self) -> list[str]:
        """Platform tags of a Debian container on the engine's machine."""
        return linux_platforms(self._architecture)

    @contextlib.contextmanager
    def build(self, task: CellTask) -> Iterator[Built]:
        """The cell's image; removed on leaving, unless images are kept."""
        base = self._pull(task)
        started = time.monotonic()
        result = self._build_image(task)
        built = time.monotonic()
        facts = {
            "kind": self.kind,
            "python": None,
            "interpreter": self._image_name(task.cell.python),
            "platform": f"linux_{self._architecture}",
            "base_image": base,
            "image": None,
            "installer": "dockerfile",
        }
        timings = {"build": built - started}
        if result.image is None:
            yield Built(run=result.run, facts=facts, timings=timings)
            return
        try:
            image = self._inspect(result.image)
            requirements = self._freeze(result.image)
            yield Built(
                run=result.run,
                requirements=requirements,
                facts={**facts, "image": image},
                aliases={str(task.root): "/repository"},
                timings={**timings, "freeze": time.monotonic() - built},
                run_job=lambda job, report: self._run_job(str(result.image), task, job, report),
            )
        finally:
            if not self._keep:
                with contextlib.suppress(*ENGINE_FAILURES):
                    self._client.images.remove(result.image, force=True)

    def _inspect(self, name: str) -> str:
        with engine_errors(f"the engine could not look at the image {name}"):
            return str(self._client.images.get(name).id)

    def _pull(self, task: CellTask) -> str:
        """Digest (or id) of the base image, pulled where it is not there."""
        name = self._image_name(task.cell.python)
        try:
            image = self._client.images.get(name)
        except docker.errors.ImageNotFound:
            with engine_errors(f"the image {name} cannot be pulled"):
                image = self._client.images.pull(name)
        except ENGINE_FAILURES as error:
            raise EngineError(f"the engine could not look for {name}: {explain(error)}") from error
        digests = image.attrs.get("RepoDigests") or []
        return str(digests[0] if digests else image.id)

    def _build_image(self, task: CellTask) -> ImageBuild:
        arguments = {"CALIPER_RESOLVED": f"{task.cutoff or datetime.now(timezone.utc):%Y-%m-%d}"}
        host = "host.docker.internal" if self._is_desktop else "127.0.0.1"
        if task.cutoff is not None:
            arguments["PIP_INDEX_URL"] = self._machine().url(task.cutoff, host)
            arguments["PIP_TRUSTED_HOST"] = host
        dockerfile = prepare_dockerfile(task.dockerfile, task.run_id, arguments)
        cell = task.cell
        tag = f"calipertf/{cell.package}:{cell.version}-{cell.python}-{cell.resolve}".lower()
        return build_image(
            self._client,
            make_context(dockerfile, task.root, task.mount),
            arguments=arguments,
            # Kept images lose our label: they are the user's now.
            labels={} if self._keep else {LABEL: task.run_id},
            tag=tag.replace(":", "-").replace("calipertf-", "calipertf/") if self._keep else None,
            host_network=not self._is_desktop,
            timeout=task.analysis.build_timeout,
            check=self._processes.check,
        )

    def _limits(self) -> dict[str, Any]:
        """What every container of ours is denied."""
        return {
            "network_mode": "none",
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "user": USER,
            "read_only": True,
            "tmpfs": {
                "/scratch": f"size={SCRATCH},{OWNED},exec",
                "/tmp": f"size={SCRATCH},{OWNED},exec",  # noqa: S108 -- in the container
            },
            "pids_limit": PIDS,
            "init": True,
            "labels": {LABEL: self._run_id},
            "environment": {"HOME": "/scratch", "PYTHONDONTWRITEBYTECODE": "1"},
        }

    def _freeze(self, image: str) -> tuple[str, ...]:
        with engine_errors("the requirements of an image could not be listed"):
            output = self._client.containers.run(
                image,
                ["python", "-m", "pip", "--disable-pip-version-check", "freeze"],
                entrypoint="",
                remove=True,
                **self._limits(),
            )
        return tuple(bytes(output).decode("utf-8", "replace").splitlines(keepends=True))

    def _run_job(
        self,
        image: str,
        task: CellTask,
        job: dict[str, Any],
        report: Callable[[dict[str, Any]], None],
    ) -> None:
        job = prepare_job(job, task)
        container = self._create(image, task, job)
        killed: list[dict[str, Any]] = []

        def relay(event: dict[str, Any]) -> None:
            if event.get("event") == "script" and event.get("retval") == -9:
                killed.append(event)
            if event.get("event") == "start":
                event = {**event, "isolation": sorted({*event["isolation"], *DENIED})}
            report(event)

        try:
            self._follow_container(container, job, relay)
            if killed and self._ran_out_of_memory(container):
                for event in killed:
                    if event["ended"] == "signal":
                        report({**event, "ended": "memory"})
        finally:
            with contextlib.suppress(*ENGINE_FAILURES):
                container.remove(force=True, v=True)

    def _create(self, image: str, task: CellTask, job: dict[str, Any]) -> Container:
        options: dict[str, Any] = {"mem_limit": task.analysis.memory + HEADROOM}
        options["memswap_limit"] = options["mem_limit"]
        if task.cpus:
            options["cpuset_cpus"] = ",".join(str(cpu) for cpu in task.cpus)
        volumes = {str(task.mount): {"bind": container_path(task, task.mount), "mode": "ro"}}
        if task.analysis.data:
            data = (task.root / task.analysis.data).resolve()
            volumes[str(data)] = {"bind": job["environ"]["CALIPER_DATA"], "mode": "ro"}
        volumes[str(RUNNER)] = {"bind": "/caliper/script_runner.py", "mode": "ro"}
        with engine_errors("the engine could not make a container"):
            return self._client.containers.create(
                image,
                ["python", "-u", "/caliper/script_runner.py"],
                entrypoint="",
                stdin_open=True,
                volumes=volumes,
                working_dir="/scratch",
                **{**self._limits(), **options},
            )

    def _follow_container(
        self, container: Container, job: dict[str, Any], report: Callable[[dict[str, Any]], None]
    ) -> None:
        limit = (2 + 3 * len(job["scripts"])) * (job["timeout"] + 60)
        deadline = time.monotonic() + limit
        pending = b""
        with engine_errors("the engine failed while scripts ran"):
            self._start_with_input(container, json.dumps(job).encode("utf-8"))
            stream = container.logs(stream=True, follow=True, stdout=True, stderr=False)
            for chunk in follow(stream, self._processes.check, lambda: time.monotonic() > deadline):
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    report(json.loads(line))
            self._processes.check()
            status = container.wait(timeout=60)["StatusCode"]
        if status != 0:
            with engine_errors("the engine lost a container's last words"):
                words = container.logs(stdout=False, stderr=True, tail=5).decode(errors="replace")
            memory = " (out of memory)" if self._ran_out_of_memory(container) else ""
            raise InfrastructureError(f"the script runner ended with {status}{memory}: {words}")

    def _start_with_input(self, container: Container, data: bytes) -> None:
        """Start a container with bytes on its standard input, closed behind them."""
        attached = container.attach_socket(params={"stdin": 1, "stream": 1})
        raw: Any = getattr(attached, "_sock", attached)
        container.start()
        raw.sendall(data + b"\n")
        attached.close()

    def _ran_out_of_memory(self, container: Container) -> bool:
        with engine_errors("the engine could not tell how a container ended"):
            container.reload()
        return bool(container.attrs["State"].get("OOMKilled"))

    def stop(self) -> None:
        """End this run's containers: the threads that follow them come back."""
        with contextlib.suppress(*ENGINE_FAILURES):
            for container in self._client.containers.list(filters={"label": self._own_label()}):
                with contextlib.suppress(*ENGINE_FAILURES):
                    container.kill()

    def _own_label(self) -> str:
        return f"{LABEL}={self._run_id}"

    def close(self) -> None:
        """Remove what the run made and nothing else."""
        with contextlib.suppress(*ENGINE_FAILURES):
            remove_made(self._client, lambda run_id: run_id == self._run_id)
        self._client.close()


def container_path(task: CellTask, path: Path) -> str:
    """Where a path of the repository lies in a container."""
    inside = path.relative_to(task.root).as_posix()
    return "/repository" if inside == "." else f"/repository/{inside}"


def prepare_job(job: dict[str, Any], task: CellTask) -> dict[str, Any]:
    """The job with its paths as the container has them."""
    environ = dict(job["environ"])
    if task.analysis.data:
        environ["CALIPER_DATA"] = "/caliper/data"
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
