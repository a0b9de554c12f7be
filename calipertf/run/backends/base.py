"""The contract between a cell and the place where it is built and run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from calipertf.config.model import Analysis
from calipertf.formats.records import Cell, Run
from calipertf.index import DEFAULT_INDEX
from calipertf.index.client import ReleaseFile


@dataclass(frozen=True, kw_only=True)
class CellTask:
    """Everything that a worker needs to build and run one cell; it can be pickled."""

    cell: Cell
    analysis: Analysis
    #: The wheel, or the source archive of a package without wheels.
    file: ReleaseFile
    #: UTC; dependencies newer than this are hidden. None where nothing is.
    cutoff: datetime | None
    #: Script paths relative to `root`.
    scripts: tuple[str, ...]
    #: Scripts that are run twice: those whose baseline this cell is.
    twice: frozenset[str]
    #: Folder that the scripts are relative to.
    root: Path
    #: Folder of the scripts and their data, which a cell sees read-only.
    mount: Path
    #: Files and folders right below `root` that scripts need; empty where `mount` is all of it.
    sources: tuple[str, ...] = ()
    #: The Dockerfile as rendered for this cell.
    dockerfile: str
    #: Cores that the cell keeps to; None leaves it all of them.
    cpus: tuple[int, ...] | None = None
    #: Name of the run, on everything that the run makes and has to remove.
    run_id: str = "run"
    #: What the cell's result depends on, for its record.
    fingerprint: Mapping[str, Any] = field(default_factory=dict)

    @property
    def requirement(self) -> str:
        """The package pinned, as installers take it."""
        return f"{self.cell.package}=={self.cell.version}"

    @property
    def source_paths(self) -> tuple[Path, ...]:
        """Files and folders that scripts need."""
        return tuple(self.root / name for name in self.sources) or (self.mount,)


@dataclass(frozen=True, kw_only=True)
class Python:
    """An interpreter that an environment offers."""

    #: CPython tag such as cp37.
    tag: str
    #: Exact version such as 3.7.16; None where only the running cell can tell.
    version: str | None
    #: Path of the interpreter, or name of the image.
    source: str


@dataclass(frozen=True, kw_only=True)
class Built:
    """A cell after its build, ready to run scripts where `run.retval` is 0."""

    run: Run
    #: Lines of pip freeze.
    requirements: tuple[str, ...] = ()
    #: What goes into the record's `environment`.
    facts: Mapping[str, Any] = field(default_factory=dict)
    #: Folder of this one build -> the name it has in records, which are alike from run to run.
    aliases: Mapping[str, str] = field(default_factory=dict)
    #: Of a failed build: project -> hash of what the index had of it (see evidence.py).
    index: Mapping[str, str] = field(default_factory=dict)
    #: Seconds of each phase: build, freeze.
    timings: Mapping[str, float] = field(default_factory=dict)
    #: Runs a job of script_runner.py in the cell and hands over each event; None where the build
    #: failed. The environment fills in the job's folders.
    run_job: Callable[[dict[str, Any], Callable[[dict[str, Any]], None]], None] | None = None


class Environment(ABC):
    """A place where cells are built and run."""

    #: Name in caliper.yaml and in records.
    kind: str

    @abstractmethod
    def find_python(self, tag: str) -> Python | None:
        """The interpreter for a tag; None where there is none (no_interpreter)."""

    @abstractmethod
    def explain_missing(self, tag: str) -> str:
        """One sentence on how to get the interpreter that find_python did not find."""

    @abstractmethod
    def platforms(self) -> list[str]:
        """Platform tags of the wheels that cells install, the best first."""

    def index_url(self, cutoff: datetime | None, index_url: str) -> str:  # noqa: ARG002
        """The index that a rendered Dockerfile names; empty for the installer's default.

        An environment that builds from Dockerfiles gives the index as of the cut-off.
        """
        return "" if index_url == DEFAULT_INDEX else index_url

    @abstractmethod
    def build(self, task: CellTask) -> AbstractContextManager[Built]:
        """The built cell; whatever the build made is removed on leaving.

        Raises InfrastructureError where engine, index, network or disk failed.
        """

    def drop_package(self, task: CellTask) -> None:  # noqa: B027 -- nothing to drop by default
        """Forget the package's own wheel: no further cell of the run needs it."""

    def stop(self) -> None:  # noqa: B027 -- Processes.stop ends what runs on this machine
        """End what runs elsewhere, so that the threads that wait for it come back."""

    def close(self) -> None:  # noqa: B027 -- nothing to close by default
        """Remove what the run made; called once, after the last cell."""
