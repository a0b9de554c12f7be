"""The two ways to make an environment and to install into it: uv, and virtualenv with pip."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from uv import find_uv_bin

from calipertf.errors import InfrastructureError
from calipertf.records import Run
from calipertf.run.environments.base import CellTask, Python
from calipertf.run.environments.folders import can_protect
from calipertf.run.environments.resolution import keep_needed, order_by_need, parse_resolution
from calipertf.run.processes import Processes, clean_environ
from calipertf.run.timemachine import BUILD_TOOLS, find_limit
from calipertf.versions import python_key

#: What pip freeze leaves out of its list, before Python 3.12.
_NOT_FROZEN = ("pip", "setuptools", "wheel", "distribute")
#: virtualenv's last line that still makes environments of Python 2.7.
_VIRTUALENV = "virtualenv<20.22"


class Installer:
    """One way to make an environment and to install into it."""

    name = ""
    #: Whether it can hide what is newer than a date by itself.
    knows_dates = False

    def __init__(
        self, processes: Processes, cache: Path, own: Path, folder: Path, task: CellTask
    ) -> None:
        self.processes = processes
        #: Cache of what cells share, and cache of the package's own wheel.
        self.cache = cache
        self.own = own
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


class Uv(Installer):
    """uv: resolves first, so that what cannot be resolved downloads nothing."""

    name = "uv"
    knows_dates = True

    def create(self, python: Python) -> Run:
        """Make the environment."""
        return self._uv("venv", "--no-project", "--python", python.source, self.folder)

    def install(self, index_url: str) -> Run:
        """Install the package and what it needs."""
        index = ["--index-url", index_url, *hide_newer(self.task.cutoff, self.task.cell.python)]
        target = ["--python", str(self.python)]
        resolved = self._resolve(*index, *target)
        if resolved.retval != 0:
            return resolved
        pins = [pin.requirement for pin in parse_resolution(resolved.output)]
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

    def _resolve(self, *flags: str) -> Run:
        """What to install, as pip resolves it: resolved once, and again in the order of need."""
        compile_ = ("pip", "compile", "-", "--no-header", "--annotation-style", "line", *flags)
        wanted = self.pins([])
        first = self._uv(*compile_, text="\n".join(wanted))
        pins = parse_resolution(first.output)
        if first.retval != 0 or len(pins) < 3:
            return first
        second = self._uv(*compile_, text="\n".join([*wanted, *order_by_need(pins)]))
        if second.retval != 0:
            return first
        kept = keep_needed(parse_resolution(second.output), wanted)
        return replace(second, output=tuple(f"{pin.requirement}\n" for pin in kept))

    def freeze(self) -> tuple[str, ...]:
        """Lines as pip freeze prints them."""
        run = self._uv("pip", "freeze", "--python", self.python)
        if run.retval != 0:
            raise InfrastructureError(f"uv pip freeze failed: {''.join(run.error)[-300:]}")
        hidden = _NOT_FROZEN if self.has_tools else ("pip",)
        return tuple(line for line in run.output if line.split("==")[0].strip() not in hidden)

    def _uv(self, *command: str | Path, text: str = "", own: bool = False) -> Run:
        cache = self.own if own else self.cache / "uv"
        return self.call(
            *(find_uv_bin(), *command, "--quiet", "--no-config", "--cache-dir", cache),
            text=text,
            # Scripts may scribble in a cell's files: those in a cache are not its own. Where they
            # cannot, links to the package's own wheel save gigabytes.
            UV_LINK_MODE="hardlink" if own and can_protect() else "copy",
            UV_NO_PROGRESS="1",
            UV_PYTHON_DOWNLOADS="never",
            NO_COLOR="1",
        )


class Pip(Installer):
    """virtualenv and pip, for Pythons that uv no longer makes environments of."""

    name = "pip"

    def create(self, python: Python) -> Run:
        """Make the environment."""
        cache = str(self.cache / "uv")
        tool = [str(find_uv_bin()), "tool", "run", "--quiet", "--no-config", "--cache-dir", cache]
        tool += ["--python", sys.executable, "--from", _VIRTUALENV, "virtualenv", "--quiet"]
        return self.call(*tool, "--no-periodic-update", "--python", python.source, str(self.folder))

    def install(self, index_url: str) -> Run:
        """Install the package and what it needs."""
        first = self._pip(index_url, "install", "--no-deps", self.task.requirement, own=True)
        if first.retval != 0:
            return first
        return self._pip(index_url, "install", *merge_extras(self.pins([])))

    def freeze(self) -> tuple[str, ...]:
        """Lines as pip freeze prints them."""
        run = self._pip("", "freeze")
        if run.retval != 0:
            raise InfrastructureError(f"pip freeze failed: {''.join(run.error)[-300:]}")
        return run.output

    def _pip(self, index_url: str, *command: str, own: bool = False) -> Run:
        cache = self.own if own else self.cache / "pip"
        return self.call(
            *(str(self.python), "-m", "pip", "--disable-pip-version-check", *command),
            PIP_CONFIG_FILE=os.devnull,
            PIP_INDEX_URL=index_url,
            PIP_CACHE_DIR=str(cache),
            PIP_NO_PYTHON_VERSION_WARNING="1",
            PIP_PROGRESS_BAR="off",
            PYTHONWARNINGS="ignore",
        )


def merge_extras(pins: list[str]) -> list[str]:
    """Pins with the extras of later mentions in the first one: pip on 2.7 takes a name once."""
    first = Requirement(pins[0])
    others = []
    for pin in pins[1:]:
        requirement = Requirement(pin)
        if canonicalize_name(requirement.name) == canonicalize_name(first.name):
            first.extras |= requirement.extras
            if not requirement.specifier:
                continue
        others.append(pin)
    return [str(first), *others]


def hide_newer(cutoff: datetime | None, python: str) -> list[str]:
    """Uv's flags for a cut-off; build tools are exempt as far as this Python needs them."""
    if cutoff is None:
        return []
    flags = ["--exclude-newer", cutoff.isoformat()]
    for name in BUILD_TOOLS:
        limit = find_limit(name, cutoff, python)
        flags += ["--exclude-newer-package", f"{name}={limit.isoformat()}"]
    return flags
