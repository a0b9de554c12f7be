"""Cells as isolated environments on this machine: uv for Python >= 3.6, virtualenv for 2.7."""

from __future__ import annotations

from calipertf.run.runner import write_runner

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from calipertf.errors import InfrastructureError
from calipertf.formats.records import Run
from calipertf.run.builds.failures import find_broken_machine, settle_build
from calipertf.run.backends.base import Backend, Built, Python
from calipertf.run.spec import CellSpec, CellTask
from calipertf.run.backends.registry import BackendRequest
from calipertf.run.backends.venv.folders import cache_folder, cells_folder
from calipertf.run.cpus import count_jobs
from calipertf.run.backends.venv.installers import Installer, Pip, Uv, pass_through
from calipertf.run.backends.venv.workspace import Workspace, remove_tree
from calipertf.run.backends.venv.interpreters import (
    explain_how_to_get,
    find_interpreter,
    install_interpreter,
    is_offered,
    platform_name,
)
from calipertf.run.processes import Processes
from calipertf.index.snapshot import TimeMachine, Watch
from calipertf.versions import python_key, python_version
from calipertf.index.tags import local_platforms



def open_backend(request: BackendRequest) -> VenvBackend:
    """Make a folder of this machine ready for cells."""
    analysis = request.analysis
    cache = cache_folder()
    return VenvBackend(
        processes=request.processes,
        cache=cache,
        cells=cells_folder(cache, count_jobs(request.options.jobs), analysis.memory),
        install=analysis.interpreters == "install",
        machine=lambda: request.machine("127.0.0.1"),
    )


class VenvBackend(Backend):
    """Environments of this machine, each removed after its cell."""

    kind = "venv"
    description = "isolated environments on this machine"

    def __init__(
        self,
        *,
        processes: Processes,
        cache: Path,
        cells: Path | None = None,
        install: bool = False,
        machine: Callable[[], TimeMachine],
    ) -> None:
        self._processes = processes
        self._cache = cache
        self._install = install
        #: Gives the server of the index's past, started when the first cell needs it.
        self._machine = machine
        self._failed_installs: dict[str, str] = {}
        self._workspace = Workspace(cells or cache / "cells")
        self._work = self._workspace.folder

    def find_python(self, tag: str) -> Python | None:
        """Return the interpreter with the highest patch.

        Uv is asked for one where the config says so.
        """
        found = find_interpreter(tag)
        if found is None and self._install and tag not in self._failed_installs:
            failure = install_interpreter(tag)
            if failure is None:
                return find_interpreter(tag)
            self._failed_installs[tag] = failure
        return found

    def explain_missing(self, tag: str) -> str:
        """Return how to get a Python that this machine has not."""
        if tag in self._failed_installs and is_offered(tag):
            failure = self._failed_installs[tag]
            return f"uv could not install Python {python_version(tag)}: {failure}"
        return explain_how_to_get(tag)

    def platforms(self) -> list[str]:
        """Return platform tags of this machine."""
        return local_platforms()

    @contextlib.contextmanager
    def build(self, task: CellTask) -> Iterator[Built]:
        """Yield a fresh environment with the package in it."""
        python = self.find_python(task.cell.python)
        if python is None:
            raise InfrastructureError(self.explain_missing(task.cell.python))
        folder = Path(tempfile.mkdtemp(prefix=f"{task.cell.name}-", dir=self._work))
        try:
            yield self._build_in(folder, task, python)
        finally:
            remove_tree(folder)

    def _build_in(self, folder: Path, task: CellTask, python: Python) -> Built:
        installer = (Pip if python_key(task.cell.python) < (3, 6) else Uv)(
            self._processes, self._cache, self._own_cache(task), folder / "env", task
        )
        started = time.monotonic()
        run = installer.create(python)
        if run.retval != 0:
            # Nothing of the package is there yet.
            words = find_broken_machine(run) or "".join((*run.output, *run.error))[-300:].strip()
            raise InfrastructureError(f"no environment could be made: {words}")
        settled = settle_build(
            lambda watch: self._attempt(installer, watch),
            self._machine(),
            task,
            self._processes.check,
        )
        run = settled.run
        built = time.monotonic()
        facts = {
            "kind": self.kind,
            "python": python.version,
            "interpreter": python.version,
            "platform": platform_name(),
            "image": None,
            "base_image": None,
            "installer": installer.name,
            **({"build_tools": installer.build_tools} if installer.build_tools.get("used") else {}),
        }
        aliases = {str(folder): "/cell", str(task.root): "/repository"}
        if run.retval != 0:
            return Built(
                run=run,
                facts=facts,
                aliases=aliases,
                index=settled.index,
                timings={"build": built - started},
            )
        requirements = installer.freeze()
        return Built(
            run=run,
            requirements=requirements,
            facts=facts,
            aliases=aliases,
            timings={"build": built - started, "freeze": time.monotonic() - built},
            run_job=lambda job, report: self._run_job(folder, task, job, report),
        )

    def _attempt(self, installer: Installer, watch: Watch) -> Run:
        """Return one attempt at installing what the cell asks for."""
        task = installer.task
        if watch.through:
            # Nothing that an earlier attempt, or another run, was given and kept.
            cache = installer.folder.parent / "again"
            again = type(installer)(self._processes, cache, cache / "own", installer.folder, task)
            again.environ = pass_through(watch, task.analysis.build_timeout)
            run = again.install(watch.url())
            installer.build_tools = again.build_tools
            return run
        if task.cutoff is None or installer.knows_dates:
            return installer.install(task.analysis.index_url)
        return installer.install(watch.url())

    def _run_job(
        self,
        folder: Path,
        task: CellTask,
        job: dict[str, Any],
        report: Callable[[dict[str, Any]], None],
    ) -> None:
        scratch = folder / "scratch"
        scratch.mkdir()
        environment = folder / "env"
        job = {
            **job,
            "scratch": str(scratch),
            # Scripts, and what this run and others have beside this cell.
            "read_only": [str(task.mount), str(self._work.parent)],
            "writable": [str(environment)],
        }
        environ = {
            # From its start on: Python reads the hash seed once, and the warm process is a fork.
            **job["environ"],
            "PATH": f"{environment / 'bin'}{os.pathsep}{os.defpath}",
            "HOME": str(scratch),
            "VIRTUAL_ENV": str(environment),
        }
        command = [str(environment / "bin" / "python"), "-u", str(write_runner(folder))]
        limit = (2 + 3 * len(job["scripts"])) * (job["timeout"] + 60)
        with self._processes.start(command, timeout=limit, environ=environ) as (process, expired):
            relay_events(process, job, report)
            if process.wait() != 0 or expired.is_set():
                self._processes.check()
                words = (process.stderr.read() if process.stderr else b"").decode(errors="replace")
                raise InfrastructureError(
                    f"the script runner ended with {process.returncode}: {words[-500:]}"
                )

    def drop_package(self, spec: CellSpec) -> None:
        """Remove the cache that holds the package's own wheel for one Python."""
        if not spec.analysis.keep_wheels:
            remove_tree(self._own_cache(spec))

    def _own_cache(self, spec: CellSpec) -> Path:
        """Return the cache of the package's own wheel: one a version and Python, for any date."""
        parent = self._cache if spec.analysis.keep_wheels else self._work
        return parent / "own" / f"{spec.cell.package}-{spec.cell.version}-{spec.cell.python}"

    def close(self) -> None:
        """Remove the run's folder of environments."""
        self._workspace.close()


def relay_events(
    process: subprocess.Popen[bytes],
    job: dict[str, Any],
    report: Callable[[dict[str, Any]], None],
) -> None:
    """Hand a job to a script runner and its events on, each as it comes."""
    if process.stdin is None or process.stdout is None:
        raise InfrastructureError("the script runner has no streams")
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(job).encode("utf-8"))
        process.stdin.close()
    for line in process.stdout:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # a line cut short by the end of the process
        report(event)
