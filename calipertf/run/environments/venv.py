"""Cells as isolated environments on this machine: uv for Python >= 3.6, virtualenv for 2.7."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import platformdirs
from uv import find_uv_bin

from calipertf.errors import InfrastructureError
from calipertf.records import Run
from calipertf.releases import local_platforms
from calipertf.run.environments.base import Built, CellTask, Environment, Python, find_trouble
from calipertf.run.interpreters import find_interpreter, install_interpreter, platform_name
from calipertf.run.processes import Processes, clean_environ
from calipertf.run.timemachine import BUILD_TOOLS, TimeMachine
from calipertf.versions import python_key, python_version

RUNNER = Path(__file__).parent.parent / "script_runner.py"
#: What pip freeze leaves out of its list, before Python 3.12.
_NOT_FROZEN = ("pip", "setuptools", "wheel", "distribute")
#: virtualenv's last line that still makes environments of Python 2.7.
_VIRTUALENV = "virtualenv<20.22"


def cache_folder() -> Path:
    """Where wheels and index pages are kept between runs; CALIPER_CACHE moves it."""
    chosen = os.environ.get("CALIPER_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("caliper-tensorflow"))


class VenvEnvironment(Environment):
    """Environments of this machine, each removed after its cell."""

    kind = "venv"

    def __init__(
        self,
        *,
        processes: Processes,
        cache: Path,
        install: bool = False,
        machine: Callable[[], TimeMachine],
    ) -> None:
        self._processes = processes
        self._cache = cache
        self._install = install
        #: Gives the server of the index's past, started when the first cell needs it.
        self._machine = machine
        self._failed_installs: dict[str, str] = {}
        self._work, self._lock = _claim_folder(cache / "cells")

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
        version = python_version(tag)
        if tag in self._failed_installs:
            return f"uv could not install Python {version}: {self._failed_installs[tag]}"
        return (
            f"this machine has no Python {version}; `uv python install {version}` gets it, as "
            "does `interpreters: install` in caliper.yaml"
        )

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
        installer = (_Pip if python_key(task.cell.python) < (3, 6) else _Uv)(
            self._processes, self._cache, folder / "env", task
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

    def _index_url(self, task: CellTask, installer: _Installer) -> str:
        if task.cutoff is None or installer.knows_dates:
            return task.analysis.index_url
        return self._machine().url(task.cutoff)

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
            "read_only": [str(task.mount)],
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
            shutil.rmtree(own_cache(self._cache, task), ignore_errors=True)

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


def own_cache(cache: Path, task: CellTask) -> Path:
    """Cache of a package's own wheel: for cells of one version and Python, at any date."""
    return cache / "own" / f"{task.cell.package}-{task.cell.version}-{task.cell.python}"


def _claim_folder(parent: Path) -> tuple[Path, IO[str]]:
    """A folder of this run's own, locked while it lasts; those of runs that were killed go."""
    parent.mkdir(parents=True, exist_ok=True)
    for folder in parent.iterdir():
        lock = folder / "lock"
        try:
            with lock.open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # its run goes on
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=parent))
    file = (folder / "lock").open("a")
    fcntl.flock(file, fcntl.LOCK_EX)
    return folder, file


def _raise_trouble(run: Run) -> None:
    """InfrastructureError where a build failed for network, index or disk; else nothing."""
    if run.retval == 0:
        return
    trouble = find_trouble("".join((*run.output, *run.error)))
    if run.ended == "timeout":
        trouble = f"the build took longer than {run.seconds:.0f} s; raise build_timeout"
    if trouble:
        raise InfrastructureError(f"the build could not be done: {trouble}")


class _Installer:
    """One way to make an environment and to install into it."""

    name = ""
    #: Whether it can hide what is newer than a date by itself.
    knows_dates = False

    def __init__(self, processes: Processes, cache: Path, folder: Path, task: CellTask) -> None:
        self.processes = processes
        self.cache = cache
        self.folder = folder
        self.task = task
        self.python = folder / "bin" / "python"

    @property
    def has_tools(self) -> bool:
        """Whether environments of this Python come with setuptools, as they did until 3.11."""
        return python_key(self.task.cell.python) < (3, 12)

    def create(self, python: Python) -> Run:
        """Make the environment."""
        raise NotImplementedError

    def install(self, index_url: str) -> Run:
        """Install the package and what it needs."""
        raise NotImplementedError

    def freeze(self) -> tuple[str, ...]:
        """Lines as pip freeze prints them."""
        raise NotImplementedError

    def call(self, *command: str | Path, text: str = "", **environ: str) -> Run:
        """Run one command of the installer."""
        return self.processes.run(
            command,
            timeout=self.task.analysis.build_timeout,
            environ={**clean_environ(), **environ},
            text=text,
        )

    def pins(self, wanted: list[str]) -> list[str]:
        """Requirements of the cell: the package pinned, then those of caliper.yaml."""
        return [self.task.requirement, *self.task.analysis.requirements, *wanted]


class _Uv(_Installer):
    """uv: resolves first, so that what cannot be resolved downloads nothing."""

    name = "uv"
    knows_dates = True

    def create(self, python: Python) -> Run:
        return self._uv("venv", "--no-project", "--python", python.source, self.folder)

    def install(self, index_url: str) -> Run:
        index = ["--index-url", index_url, *_hide_newer(self.task.cutoff)]
        target = ["--python", str(self.python)]
        resolved = self._uv(
            *("pip", "compile", "-", "--no-header", "--no-annotate", *index, *target),
            text="\n".join(self.pins([])),
        )
        if resolved.retval != 0:
            return resolved
        pins = [line for line in "".join(resolved.output).splitlines() if line.strip()]
        own = [pin for pin in pins if pin.startswith(f"{self.task.cell.package}==")]
        rest = [pin for pin in pins if pin not in own]
        if self.has_tools and not any(pin.startswith("setuptools==") for pin in rest):
            rest.append("setuptools")
        install = ["pip", "install", "--no-deps", *index, *target]
        others = self.folder.parent / "requirements.txt"
        others.write_text("\n".join(rest), encoding="utf-8")
        runs = [self._uv(*install, "-r", others)] if rest else []
        if not runs or runs[-1].retval == 0:
            runs.append(self._uv(*install, *own, own=True))
        return replace(
            runs[-1],
            output=tuple(f"{pin}\n" for pin in pins),
            error=tuple(line for run in runs for line in run.error),
        )

    def freeze(self) -> tuple[str, ...]:
        run = self._uv("pip", "freeze", "--python", self.python)
        if run.retval != 0:
            raise InfrastructureError(f"uv pip freeze failed: {''.join(run.error)[-300:]}")
        hidden = _NOT_FROZEN if self.has_tools else ("pip",)
        return tuple(line for line in run.output if line.split("==")[0].strip() not in hidden)

    def _uv(self, *command: str | Path, text: str = "", own: bool = False) -> Run:
        cache = own_cache(self.cache, self.task) if own else self.cache / "uv"
        return self.call(
            *(find_uv_bin(), *command, "--quiet", "--no-config", "--cache-dir", cache),
            text=text,
            UV_NO_PROGRESS="1",
            UV_PYTHON_DOWNLOADS="never",
            NO_COLOR="1",
        )


class _Pip(_Installer):
    """virtualenv and pip, for Pythons that uv no longer makes environments of."""

    name = "pip"

    def create(self, python: Python) -> Run:
        cache = str(self.cache / "uv")
        tool = [str(find_uv_bin()), "tool", "run", "--quiet", "--no-config", "--cache-dir", cache]
        tool += ["--python", sys.executable, "--from", _VIRTUALENV, "virtualenv", "--quiet"]
        return self.call(*tool, "--no-periodic-update", "--python", python.source, str(self.folder))

    def install(self, index_url: str) -> Run:
        first = self._pip(index_url, "install", "--no-deps", self.task.requirement, own=True)
        if first.retval != 0:
            return first
        return self._pip(index_url, "install", *self.pins([]))

    def freeze(self) -> tuple[str, ...]:
        run = self._pip("", "freeze")
        if run.retval != 0:
            raise InfrastructureError(f"pip freeze failed: {''.join(run.error)[-300:]}")
        return run.output

    def _pip(self, index_url: str, *command: str, own: bool = False) -> Run:
        cache = own_cache(self.cache, self.task) if own else self.cache / "pip"
        return self.call(
            *(str(self.python), "-m", "pip", "--disable-pip-version-check", *command),
            PIP_CONFIG_FILE=os.devnull,
            PIP_INDEX_URL=index_url,
            PIP_CACHE_DIR=str(cache),
            PIP_NO_PYTHON_VERSION_WARNING="1",
            PIP_PROGRESS_BAR="off",
            PYTHONWARNINGS="ignore",
        )


def _hide_newer(cutoff: datetime | None) -> list[str]:
    """Uv's flags for a cut-off, build tools exempt."""
    if cutoff is None:
        return []
    flags = ["--exclude-newer", cutoff.isoformat()]
    for name, date in BUILD_TOOLS.items():
        flags += ["--exclude-newer-package", f"{name}={max(cutoff, date).isoformat()}"]
    return flags
