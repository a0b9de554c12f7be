"""Cells as isolated environments on this machine: uv for Python >= 3.6, virtualenv for 2.7."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from calipertf.errors import InfrastructureError
from calipertf.records import Run
from calipertf.releases import local_platforms
from calipertf.run.environments.base import Built, CellTask, Environment, Python, find_trouble
from calipertf.run.environments.folders import claim_folder
from calipertf.run.environments.installers import Installer, Pip, Uv
from calipertf.run.interpreters import (
    explain_how_to_get,
    find_interpreter,
    install_interpreter,
    is_offered,
    platform_name,
)
from calipertf.run.processes import Processes
from calipertf.run.timemachine import TimeMachine
from calipertf.versions import python_key, python_version

RUNNER = Path(__file__).parent.parent / "script_runner.py"


class VenvEnvironment(Environment):
    """Environments of this machine, each removed after its cell."""

    kind = "venv"

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
        self._work, self._lock = claim_folder(cells or cache / "cells")

    def find_python(self, tag: str) -> Python | None:
        """The interpreter with the highest patch; uv is asked for one where the config says so."""
        found = find_interpreter(tag)
        if found is None and self._install and tag not in self._failed_installs:
            failure = install_interpreter(tag)
            if failure is None:
                return find_interpreter(tag)
            self._failed_installs[tag] = failure
        return found

    def explain_missing(self, tag: str) -> str:
        """How to get a Python that this machine has not."""
        if tag in self._failed_installs and is_offered(tag):
            failure = self._failed_installs[tag]
            return f"uv could not install Python {python_version(tag)}: {failure}"
        return explain_how_to_get(tag)

    def platforms(self) -> list[str]:
        """Platform tags of this machine."""
        return local_platforms()

    @contextlib.contextmanager
    def build(self, task: CellTask) -> Iterator[Built]:
        """A fresh environment with the package in it."""
        python = self.find_python(task.cell.python)
        if python is None:
            raise InfrastructureError(self.explain_missing(task.cell.python))
        folder = Path(tempfile.mkdtemp(prefix=f"{task.cell.name}-", dir=self._work))
        try:
            yield self._build_in(folder, task, python)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _build_in(self, folder: Path, task: CellTask, python: Python) -> Built:
        installer = (Pip if python_key(task.cell.python) < (3, 6) else Uv)(
            self._processes, self._cache, self._own_cache(task), folder / "env", task
        )
        started = time.monotonic()
        run = installer.create(python)
        if run.retval == 0:
            run = installer.install(self._index_url(task, installer))
        _raise_trouble(run)
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
            timings = {"build": built - started}
            return Built(run=run, facts=facts, aliases=aliases, timings=timings)
        requirements = installer.freeze()
        return Built(
            run=run,
            requirements=requirements,
            facts=facts,
            aliases=aliases,
            timings={"build": built - started, "freeze": time.monotonic() - built},
            run_job=lambda job, report: self._run_job(folder, task, job, report),
        )

    def _index_url(self, task: CellTask, installer: Installer) -> str:
        if task.cutoff is None or installer.knows_dates:
            return task.analysis.index_url
        return self._machine().url(task.cutoff, task.cell.python)

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
            "PATH": f"{environment / 'bin'}{os.pathsep}{os.defpath}",
            "HOME": str(scratch),
            "VIRTUAL_ENV": str(environment),
        }
        command = [str(environment / "bin" / "python"), "-u", str(RUNNER)]
        limit = (2 + 3 * len(job["scripts"])) * (job["timeout"] + 60)
        with self._processes.start(command, timeout=limit, environ=environ) as (process, expired):
            relay_events(process, job, report)
            if process.wait() != 0 or expired.is_set():
                self._processes.check()
                words = (process.stderr.read() if process.stderr else b"").decode(errors="replace")
                raise InfrastructureError(
                    f"the script runner ended with {process.returncode}: {words[-500:]}"
                )

    def drop_package(self, task: CellTask) -> None:
        """Remove the cache that holds the package's own wheel for one Python."""
        if not task.analysis.keep_wheels:
            shutil.rmtree(self._own_cache(task), ignore_errors=True)

    def _own_cache(self, task: CellTask) -> Path:
        """Cache of the package's own wheel: for cells of one version and Python, at any date."""
        parent = self._cache if task.analysis.keep_wheels else self._work
        return parent / "own" / f"{task.cell.package}-{task.cell.version}-{task.cell.python}"

    def close(self) -> None:
        """Remove the run's folder of environments."""
        shutil.rmtree(self._work, ignore_errors=True)
        self._lock.close()


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


def _raise_trouble(run: Run) -> None:
    """InfrastructureError where a build failed for network, index or disk; else nothing."""
    if run.retval == 0:
        return
    trouble = find_trouble("".join((*run.output, *run.error)))
    if run.ended == "timeout":
        trouble = f"the build took longer than {run.seconds:.0f} s; raise build_timeout"
    if trouble:
        raise InfrastructureError(f"the build could not be done: {trouble}")
