"""The two ways to make an environment and to install into it: uv, and virtualenv with pip."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from uv import find_uv_bin

from calipertf.errors import InfrastructureError
from calipertf.index.http import Patience, read_patience
from calipertf.formats.records import Run
from calipertf.run.builds.messages import AGAIN, is_lack_of_machine
from calipertf.index.build_tools import BUILD_TOOLS, NO_LIMIT, find_limit, with_newest
from calipertf.run.builds.tools import is_failed_build, split_log
from calipertf.run.backends.base import Python
from calipertf.run.spec import CellTask
from calipertf.run.backends.venv.build_cache import open_build_cache
from calipertf.run.backends.venv.bundled import Bundled, find_bundled
from calipertf.run.backends.venv.folders import can_protect
from calipertf.run.backends.venv.resolution import keep_needed, order_by_need, parse_resolution
from calipertf.run.processes import Processes, clean_environ
from calipertf.index.snapshot import Watch
from calipertf.versions import python_key

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
        #: How installers ask the index.
        self.environ = be_patient(read_patience())
        #: What source archives were built with; see docs/formats.md.
        self.build_tools: dict[str, Any] = {}

    def create(self, python: Python) -> Run:
        """Make the environment."""
        raise NotImplementedError

    def install(self, index_url: str) -> Run:
        """Install the package and what it needs."""
        raise NotImplementedError

    def freeze(self) -> tuple[str, ...]:
        """Return lines as pip freeze prints them."""
        raise NotImplementedError

    def call(self, *command: str | Path, text: str = "", **environ: str) -> Run:
        """Run one command of the installer; what it leaves half done goes with the cell."""
        scratch = self.folder.parent / "tmp"
        scratch.mkdir(exist_ok=True)
        return self.processes.run(
            command,
            timeout=self.task.analysis.build_timeout,
            environ={**clean_environ(), "TMPDIR": str(scratch), **self.environ, **environ},
            text=text,
        )

    def pins(self, wanted: list[str]) -> list[str]:
        """Return the requirements of the cell: the package pinned, then those of caliper.yaml."""
        return [self.task.requirement, *self.task.analysis.requirements, *wanted]


class Uv(Installer):
    """uv: resolves first, so that what cannot be resolved downloads nothing."""

    name = "uv"
    knows_dates = True

    @cached_property
    def bundled(self) -> Bundled | None:
        """Return the setuptools that an environment of this Python has from the start."""
        return find_bundled(self.python, self.task.cell.python)

    def create(self, python: Python) -> Run:
        """Make the environment, with the setuptools that `python -m venv` would give it."""
        cache = self.cache / "uv"
        run = self._uv(cache, "venv", "--no-project", "--python", python.source, self.folder)
        if run.retval != 0 or self.bundled is None:
            return run
        source = self.bundled.source or ["--index-url", self.task.analysis.index_url]
        target = ["--python", str(self.python), *source, self.bundled.requirement]
        return self._uv(cache, "pip", "install", "--no-deps", *target)

    def install(self, index_url: str) -> Run:
        """Install the package and what it needs.

        Where a build fails with the build tools of the resolve date, once more with the newest.
        """
        run = self._install(index_url, self.task.cell.python)
        if self.task.cutoff is None or not needs_newest(run):
            return run
        used = self.build_tools
        again = self._install(index_url, with_newest(self.task.cell.python))
        if again.retval == 0:
            return again
        self.build_tools = used
        return join_tries(run, again)

    def _install(self, index_url: str, python: str) -> Run:
        with open_build_cache(self.cache / "uv") as cache:
            run = self._install_from(cache, index_url, python)
        error, tools = split_log(hide_folders(run.error, cache))
        self.build_tools = {"as_of": describe_tools(self.task.cutoff, python), "used": list(tools)}
        return replace(run, error=error)

    def _install_from(self, cache: Path, index_url: str, python: str) -> Run:
        index = ["--index-url", index_url, *hide_newer(self.task.cutoff, python)]
        target = ["--python", str(self.python)]
        resolved = Run(retval=0)
        pins = list(self.task.pins)
        if not pins:
            resolved = self._resolve(cache, *index, *target)
            if resolved.retval != 0:
                return resolved
            pins = [pin.requirement for pin in parse_resolution(resolved.output)]
        own = [pin for pin in pins if pin.startswith(f"{self.task.cell.package}==")]
        there = self.bundled.constraint if self.bundled else ""
        rest = [pin for pin in pins if pin not in {*own, there}]
        install = ["pip", "install", "--no-deps", *index, *target]
        others = self.folder.parent / "requirements.txt"
        others.write_text("\n".join(rest), encoding="utf-8")
        runs = [resolved]
        if rest:
            runs.append(self._uv(cache, *install, "-r", others))
        if runs[-1].retval == 0:
            own_cache = self.own if self.task.file.is_wheel else cache
            runs.append(self._uv(own_cache, *install, *own))
        return replace(
            runs[-1],
            output=tuple(f"{pin}\n" for pin in [*own, *rest]),
            error=tuple(line for run in runs for line in run.error),
        )

    def _resolve(self, cache: Path, *flags: str) -> Run:
        """Return what to install, as pip resolves it.

        Resolved once, and again in the order of need.

        The environment's setuptools stays where nothing asks for another.
        """
        compile_ = ("pip", "compile", "-", "--no-header", "--annotation-style", "line", *flags)
        wanted = self.pins([])
        first = self._uv(cache, *compile_, text="\n".join(wanted))
        pins = parse_resolution(first.output)
        asks = self.bundled is not None and any(pin.name == "setuptools" for pin in pins)
        if first.retval != 0 or not (asks or len(pins) > 2):
            return first
        ordered = "\n".join([*wanted, *order_by_need(pins)])
        runs = []
        if asks and self.bundled is not None and self.task.cell.package != "setuptools":
            file = self.folder.parent / "constraints.txt"
            file.write_text(self.bundled.constraint, encoding="utf-8")
            runs.append(self._uv(cache, *compile_, "--constraints", file, text=ordered))
        if not runs or runs[-1].retval != 0:
            runs.append(self._uv(cache, *compile_, text=ordered))
        second = runs[-1]
        if second.retval != 0:
            return first
        kept = keep_needed(parse_resolution(second.output), wanted)
        return replace(
            second,
            output=tuple(f"{pin.requirement}\n" for pin in kept),
            error=(*first.error, *second.error),
        )

    def freeze(self) -> tuple[str, ...]:
        """Return lines as pip freeze prints them, and setuptools."""
        run = self._uv(self.cache / "uv", "pip", "freeze", "--python", self.python)
        if run.retval != 0:
            raise InfrastructureError(f"uv pip freeze failed: {''.join(run.error)[-300:]}")
        return hide_installers(run.output, self.task.cell.python)

    def _uv(self, cache: Path, *command: str | Path, text: str = "") -> Run:
        own = cache == self.own
        return self.call(
            *(find_uv_bin(), *command, "--quiet", "--no-config", "--cache-dir", cache),
            text=text,
            # Scripts may scribble in a cell's files: those in a cache are not its own. Where they
            # cannot, links to the package's own wheel save gigabytes.
            UV_LINK_MODE="hardlink" if own and can_protect() else "copy",
            UV_NO_PROGRESS="1",
            UV_PYTHON_DOWNLOADS="never",
            NO_COLOR="1",
            # Tells what each build is made with.
            RUST_LOG="uv_dispatch=debug",
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
        if self.task.pins:
            return self._pip(index_url, "install", "--no-deps", *self.task.pins)
        return self._pip(index_url, "install", *merge_extras(self.pins([])))

    def freeze(self) -> tuple[str, ...]:
        """Return lines as pip freeze prints them, and setuptools."""
        run = self._pip("", "freeze", "--all")
        if run.retval != 0:
            raise InfrastructureError(f"pip freeze failed: {''.join(run.error)[-300:]}")
        return hide_installers(run.output, self.task.cell.python)

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


def needs_newest(run: Run) -> bool:
    """Return whether the newest build tools could do what those of a date could not."""
    return (
        run.retval != 0
        and is_failed_build((*run.output, *run.error))
        and not is_lack_of_machine(run)
    )


def join_tries(first: Run, second: Run) -> Run:
    """Return a build that failed with the build tools of its date, and with the newest as well."""
    return replace(first, error=(*first.error, f"{AGAIN}\n", *second.output, *second.error))


def hide_folders(lines: Iterable[str], cache: Path) -> list[str]:
    """Return the lines of uv without the names that its folders have in this build alone."""
    text = "".join(lines).replace(str(cache), "/builds")
    text = re.sub(r"(/builds/builds-v\d+/)\.tmp\w+", r"\1tmp", text)
    text = re.sub(
        r"(/builds/sdists-v\d+/\w+(?:/\w+)?/[^/\s]+/[^/\s]+/)[\w-]{16}/src", r"\1src", text
    )
    return text.splitlines(keepends=True)


def hide_installers(lines: Iterable[str], python: str) -> tuple[str, ...]:
    """Return the lines of `pip freeze --all` as pip freeze prints them, and setuptools.

    pip leaves out itself, and before Python 3.12 setuptools and wheel. But scripts import
    pkg_resources, and whether they find it depends on which setuptools there is.
    """
    hidden = {"pip"} if python_key(python) >= (3, 12) else {"pip", "wheel", "distribute"}
    return tuple(line for line in lines if line.split("==")[0].strip() not in hidden)


def describe_tools(cutoff: datetime | None, python: str) -> str:
    """Return of when build tools are: the newest, or a day; see build_tools.find_limit."""
    if cutoff is None or find_limit("setuptools", cutoff, python) == NO_LIMIT:
        return "newest"
    return f"{find_limit('setuptools', cutoff, python):%Y-%m-%d}"


def be_patient(patience: Patience) -> dict[str, str]:
    """Return what makes uv and pip wait for an index as long as we do, and ask us without proxy."""
    loopback = [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1", "localhost"]
    exempt = ",".join(filter(None, loopback))
    seconds = str(max(1, round(patience.timeout)))
    return {
        "UV_HTTP_TIMEOUT": seconds,
        "UV_HTTP_RETRIES": str(patience.retries),
        "PIP_DEFAULT_TIMEOUT": seconds,
        "PIP_RETRIES": str(patience.retries),
        # An index that wants credentials is not answered by anybody.
        "PIP_NO_INPUT": "1",
        "NO_PROXY": exempt,
        "no_proxy": exempt,
    }


def pass_through(watch: Watch, build_timeout: float) -> dict[str, str]:
    """Return the same for a build that gets all from a watch, which has a patience of its own."""
    environ = be_patient(Patience(timeout=build_timeout, retries=1))
    # For what a setup.py has setuptools install.
    return {**environ, "PIP_INDEX_URL": watch.url()}


def merge_extras(pins: list[str]) -> list[str]:
    """Return the pins with the extras of later mentions in the first one.

    Pip on 2.7 takes a name once.
    """
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
    """Return uv's flags for a cut-off; build tools are exempt as far as this Python needs them."""
    if cutoff is None:
        return []
    flags = ["--exclude-newer", cutoff.isoformat()]
    for name in BUILD_TOOLS:
        limit = find_limit(name, cutoff, python)
        if limit != cutoff:
            day = "false" if limit == NO_LIMIT else limit.isoformat()
            flags += ["--exclude-newer-package", f"{name}={day}"]
    return flags
