"""Cells as images of a container engine; their scripts run in one locked-down container each."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import docker
import docker.errors

from calipertf import signals
from calipertf.config.model import Analysis
from calipertf.errors import (
    EngineError,
    ImageError,
    IndexUnavailableError,
    InfrastructureError,
)
from calipertf.formats.records import Run
from calipertf.index import DEFAULT_INDEX
from calipertf.index.build_tools import with_newest
from calipertf.index.snapshot import TimeMachine, Watch
from calipertf.index.tags import linux_platforms
from calipertf.run.backends.base import Backend, Built, Python
from calipertf.run.backends.docker.archives import make_context
from calipertf.run.backends.docker.build import (
    ImageBuild,
    build_image,
    find_kept,
    make_key,
    pass_through,
    prepare_dockerfile,
)
from calipertf.run.backends.docker.engine import (
    ENGINE_FAILURES,
    LABEL,
    OWNER,
    PATIENCE,
    connect,
    engine_errors,
    explain,
    find_own_address,
    hurry,
    is_unknown_image,
    list_proxies,
    pull_image,
    remove_made,
)
from calipertf.run.backends.docker.events import run_container
from calipertf.run.backends.docker.owner import describe_owner, is_dead
from calipertf.run.backends.docker.sandbox import (
    HEADROOM,
    find_image_python,
    list_requirements,
    make_container,
    make_limits,
    prepare_job,
)
from calipertf.run.backends.registry import BackendRequest
from calipertf.run.backends.venv.bundled import render_step
from calipertf.run.backends.venv.installers import describe_tools, join_tries, needs_newest
from calipertf.run.builds.failures import settle_build
from calipertf.run.processes import Processes
from calipertf.run.spec import CellTask
from calipertf.versions import python_version

log = logging.getLogger("calipertf")
#: Further looks for what a run made, where it broke off a build, and seconds before each. The
#: engine ends such a build by itself: until then its container holds the layers, and another
#: layer may come. Of 80 builds that were broken off, 18 left something at the first look, none
#: at the end.
_SWEEPS = 4
_BETWEEN_SWEEPS = 0.5


def open_backend(request: BackendRequest) -> DockerBackend:
    """Connect to the container engine.

    Raises EngineError where none answers, and under `auto` where it cannot have the base images.
    """
    analysis, options = request.analysis, request.options
    return DockerBackend(
        processes=request.processes,
        machine=request.machine,
        run_id=options.run_id,
        base_image=analysis.base_image,
        build_timeout=analysis.build_timeout,
        keep_images=options.keep_images,
        needed=list_pythons(analysis) if options.environment == "auto" else (),
    )


def list_pythons(analysis: Analysis) -> list[str]:
    """Return the tags of the Pythons that caliper.yaml names one by one."""
    named = [text for text in analysis.python_versions or () if text.startswith("cp")]
    return list(
        dict.fromkeys([*named, *(baseline.python for baseline in analysis.baselines.values())])
    )


class DockerBackend(Backend):
    """Images of an engine, removed after their cells."""

    kind = "docker"

    def __init__(
        self,
        *,
        processes: Processes,
        machine: Callable[[str], TimeMachine],
        run_id: str,
        base_image: str,
        build_timeout: float,
        keep_images: bool = False,
        needed: Iterable[str] = (),
    ) -> None:
        """Connect. Raises EngineError where none answers, or cannot have images of those needed."""
        self._client = connect(build_timeout)
        self._processes = processes
        self._machine = machine
        self._labels = {LABEL: run_id, OWNER: describe_owner()}
        self._base_image = base_image
        self._keep = keep_images
        self._told_to_end = False
        #: Whether a build was left before its end.
        self._broke_off = False
        self._pythons: dict[str, Python | None] = {}
        self._unreachable: dict[str, str] = {}
        #: Base image -> version of its Python, such as 3.8; None where it has none.
        self._found: dict[str, str | None] = {}
        #: Base image -> why no cell is built on it.
        self._refused: dict[str, str] = {}
        with engine_errors("the engine could not be asked what it is"):
            info = self._client.info()
            remove_made(self._client, lambda labels: is_dead(labels.get(OWNER, "")))
        self._architecture = str(info.get("Architecture") or "x86_64")
        self._is_desktop = "Desktop" in str(info.get("OperatingSystem"))
        system, version = info.get("OperatingSystem"), info.get("ServerVersion")
        self._name = f"{system}, engine {version}"
        self.description = f"images of {self._name}"
        self._check_images(needed)

    def find_python(self, tag: str) -> Python | None:
        """Return the base image of a Python; None where the registry says that it has none."""
        if tag not in self._pythons:
            self._pythons[tag] = self._look_up(tag)
        return self._pythons[tag]

    def _look_up(self, tag: str) -> Python | None:
        name = self._image_name(tag)
        python = Python(tag=tag, version=None, source=name)
        try:
            self._client.images.get(name)
        except docker.errors.ImageNotFound:
            try:
                self._client.images.get_registry_data(name)
            except ENGINE_FAILURES as error:
                if is_unknown_image(error):
                    return None
                self._unreachable[tag] = f"no image {name} is here, and {explain(error)}"
        except ENGINE_FAILURES as error:
            raise EngineError(f"the engine could not look for {name}: {explain(error)}") from error
        # Where the registry cannot be asked, the build will tell why.
        return python

    def _check_images(self, tags: Iterable[str]) -> None:
        for tag in tags:
            self.find_python(tag)
            if tag in self._unreachable:
                self._client.close()
                raise EngineError(
                    f"{self._name} answers, but {self._unreachable[tag]}; name other images by "
                    "base_image or make them (docs/docker.md)"
                )

    def _image_name(self, tag: str) -> str:
        return self._base_image.format(version=python_version(tag))

    def explain_missing(self, tag: str) -> str:
        """Return what base_image could name instead."""
        return (
            f"there is no image {self._image_name(tag)}; name another repository by base_image in "
            "caliper.yaml, or make the image (docs/docker.md)"
        )

    def platforms(self) -> list[str]:
        """Return platform tags of a Debian container on the engine's machine."""
        return linux_platforms(self._architecture)

    def index_url(self, cutoff: datetime | None, index_url: str) -> str:
        """Return what a rendered Dockerfile names.

        With a cut-off nothing, the build is given an index.

        An address on pip's command line would win over it.
        """
        return "" if cutoff is not None or index_url == DEFAULT_INDEX else index_url

    @contextlib.contextmanager
    def build(self, task: CellTask) -> Iterator[Built]:
        """Yield the cell's image; removed on leaving, unless images are kept."""
        base = self._pull(task)
        started = time.monotonic()
        if refused := self._refused.get(self._image_name(task.cell.python)):
            raise ImageError(refused)
        try:
            result, tools, index = self._build_with_tools(task, base)
        except (EngineError, IndexUnavailableError):
            raise
        except InfrastructureError:
            # Without a Python nothing can be asked of the index.
            self._check_python(task, base, None)
            raise
        built = time.monotonic()
        facts = {
            "kind": self.kind,
            "python": None,
            "interpreter": self._image_name(task.cell.python),
            "platform": f"linux_{self._architecture}",
            "base_image": base,
            "image": None,
            "installer": "dockerfile",
            # Which of them a build used, an image does not tell.
            **({} if task.file.is_wheel else {"build_tools": {"as_of": tools, "used": None}}),
        }
        timings = {"build": built - started}
        # Our labels name this machine, its boot and its processes, and engines print each step.
        masked = {str(value): name for name, value in self._labels.items()}
        aliases = {**masked, str(task.root): "/repository"}
        if result.image is None:
            self._check_python(task, base, None)
            yield Built(run=result.run, facts=facts, aliases=aliases, timings=timings, index=index)
            return
        try:
            self._check_python(task, base, result.image)
            image = self._inspect(result.image)
            limits = make_limits(self._labels, task.analysis.memory)
            python = task.cell.python
            requirements = list_requirements(self._client, result.image, python, limits)
            yield Built(
                run=result.run,
                requirements=requirements,
                facts={**facts, "image": image},
                aliases=aliases,
                timings={**timings, "freeze": time.monotonic() - built},
                run_job=lambda job, report: self._run_job(str(result.image), task, job, report),
            )
        finally:
            if not (self._keep or result.kept):
                with contextlib.suppress(*ENGINE_FAILURES):
                    self._client.images.remove(result.image, force=True)

    def _inspect(self, name: str) -> str:
        with engine_errors(f"the engine could not look at the image {name}"):
            return str(self._client.images.get(name).id)

    def _pull(self, task: CellTask) -> str:
        """Return digest (or id) of the base image, pulled where it is not there."""
        name = self._image_name(task.cell.python)
        try:
            image = self._client.images.get(name)
        except docker.errors.ImageNotFound:
            check = self._processes.check
            image = pull_image(self._client, name, task.analysis.build_timeout, check)
        except ENGINE_FAILURES as error:
            raise EngineError(f"the engine could not look for {name}: {explain(error)}") from error
        digests = image.attrs.get("RepoDigests") or []
        return str(digests[0] if digests else image.id)

    def _check_python(self, task: CellTask, base: str, image: str | None) -> None:
        """Raise ImageError where neither base image nor what was built on it has the cell's Python.

        A build on it says nothing. A template may install a Python of its own, so that the base
        image alone does not decide.
        """
        name = self._image_name(task.cell.python)
        limits = make_limits(self._labels, task.analysis.memory)
        wanted = python_version(task.cell.python)
        if name not in self._found:
            self._found[name] = find_image_python(self._client, base, limits)
        found = self._found[name]
        if found == wanted or (image and find_image_python(self._client, image, limits) == wanted):
            return
        has = f"has Python {found}" if found else "has no command named python"
        self._refused[name] = (
            f"base_image: {name} {has}, and {task.cell.python} needs Python {wanted}; let "
            "base_image name images of each Python, with {version} in the name or tag"
        )
        raise ImageError(self._refused[name])

    def _build_with_tools(
        self, task: CellTask, base: str
    ) -> tuple[ImageBuild, str, Mapping[str, str]]:
        """Return a cell's image, the date of its build tools, and what the index had.

        Where a build fails with the tools of its date, it is done once more with the newest.
        """
        python = task.cell.python
        first, index = self._build_image(task, base, python)
        tools = describe_tools(task.cutoff, python)
        if first.image or task.cutoff is None or not needs_newest(first.run):
            return first, tools, index
        again, _ = self._build_image(task, base, with_newest(python))
        if again.image:
            return again, describe_tools(task.cutoff, with_newest(python)), {}
        return replace(first, run=join_tries(first.run, again.run)), tools, index

    def _build_image(
        self, task: CellTask, base: str, tag: str
    ) -> tuple[ImageBuild, Mapping[str, str]]:
        """Return a cell's image; one that --keep-images left and that would be made again, that.

        With it, of a failed build, what the index had (see evidence.py). `tag` is the Python's tag
        by which the index hides what is newer than the cut-off.
        """
        resolved = str(task.cutoff or datetime.now(timezone.utc).date())
        context = make_context(task.dockerfile, task.root, *task.source_paths)
        key = make_key(base, resolved, tag, render_step(), context.getvalue())
        if kept := find_kept(self._client, key):
            return kept, {}
        last: list[ImageBuild] = []

        def attempt(watch: Watch) -> Run:
            last.append(self._build_once(task, watch, resolved[:10], key if self._keep else None))
            return last[-1].run

        # The index that builds may be given listens where the engine's machine reaches it.
        machine = self._machine(find_own_address())
        settled = settle_build(attempt, machine, task, self._processes.check, tag)
        return last[-1], settled.index

    def _build_once(
        self, task: CellTask, watch: Watch, resolved: str, keep: str | None
    ) -> ImageBuild:
        """Build the image once, with the watch where the date or the watch asks for it."""
        host = "host.docker.internal" if self._is_desktop else find_own_address()
        # As uv and the pips of today do: a build has an environment with build tools of its own.
        arguments = {"CALIPER_RESOLVED": resolved, "PIP_USE_PEP517": "1"}
        dockerfile = task.dockerfile
        if task.cutoff is not None or watch.through:
            arguments["PIP_INDEX_URL"] = watch.url(host)
            arguments["PIP_TRUSTED_HOST"] = host
        if watch.through:
            dockerfile = pass_through(dockerfile, watch, task, host)
            # The watch asks the index with a patience of its own.
            arguments["PIP_DEFAULT_TIMEOUT"] = str(round(task.analysis.build_timeout))
        dockerfile = prepare_dockerfile(
            dockerfile,
            self._labels,
            arguments,
            base=self._image_name(task.cell.python),
            keep=keep,
        )
        cell = task.cell
        tag = f"calipertf/{cell.package}:{cell.version}-{cell.python}-{cell.resolve}".lower()
        try:
            return build_image(
                self._client,
                make_context(dockerfile, task.root, *task.source_paths),
                arguments={**arguments, **list_proxies(arguments.get("PIP_TRUSTED_HOST"))},
                tag=re.sub(r"[^a-z0-9_.:/-]", "-", tag) if keep else None,
                host_network=not self._is_desktop,
                memory=task.analysis.memory + HEADROOM,
                timeout=task.analysis.build_timeout,
                check=self._processes.check,
            )
        except BaseException:
            self._broke_off = True
            raise

    def _run_job(
        self,
        image: str,
        task: CellTask,
        job: dict[str, Any],
        report: Callable[[dict[str, Any]], None],
    ) -> None:
        seconds = (2 + 3 * len(job["scripts"])) * (job["timeout"] + 60)
        job = prepare_job(job, task)
        with make_container(self._client, image, task, job, self._labels) as container:
            run_container(
                container,
                seconds=seconds,
                network=task.analysis.network,
                check=self._processes.check,
                report=report,
            )

    def stop(self) -> None:
        """End this run's containers: the threads that follow them come back."""
        self._told_to_end = True
        hurry(self._client)
        with contextlib.suppress(*ENGINE_FAILURES):
            for container in self._client.containers.list(
                filters={"label": f"{LABEL}={self._labels[LABEL]}"}
            ):
                with contextlib.suppress(*ENGINE_FAILURES):
                    container.kill()

    def close(self) -> None:
        """Remove what the run made and nothing else."""
        self._client.api.timeout = PATIENCE
        if self._told_to_end or signals.stopped.is_set():
            hurry(self._client)
        try:
            self._client.ping()
            self._client.api.timeout = PATIENCE
            for look in range(1 + _SWEEPS if self._broke_off else 1):
                if look:
                    time.sleep(_BETWEEN_SWEEPS)
                remove_made(self._client, lambda labels: labels.get(LABEL) == self._labels[LABEL])
        except ENGINE_FAILURES as error:
            log.warning(
                "the engine does not answer (%s): what this run made there is removed by the next",
                explain(error)[:200],
            )
        self._client.close()
