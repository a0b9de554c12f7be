"""The contract between a cell and the place where it is built and run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from calipertf.formats.records import Run
from calipertf.index import DEFAULT_INDEX
from calipertf.run.spec import CellSpec, CellTask


@dataclass(frozen=True, kw_only=True)
class Python:
    """An interpreter that a backend offers."""

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
    #: Runs a job of the script runner in the cell and hands over each event; None where the build
    #: failed. The backend fills in the job's folders.
    run_job: Callable[[dict[str, Any], Callable[[dict[str, Any]], None]], None] | None = None


class Capabilities(ABC):
    """What a place offers to cells: all that a plan needs to know of it."""

    #: Kind of environment, as in caliper.yaml and records.
    kind: str

    @abstractmethod
    def find_python(self, tag: str) -> Python | None:
        """Return the interpreter for a tag; None where there is none (no_interpreter)."""

    @abstractmethod
    def explain_missing(self, tag: str) -> str:
        """Return one sentence on how to get the interpreter that find_python did not find."""

    @abstractmethod
    def platforms(self) -> list[str]:
        """Return platform tags of the wheels that cells install, the best first."""

    def index_url(self, cutoff: datetime | None, index_url: str) -> str:  # noqa: ARG002
        """Return the index that a rendered Dockerfile names; empty for the installer's default.

        A backend that builds from Dockerfiles gives the index as of the cut-off.
        """
        return "" if index_url == DEFAULT_INDEX else index_url


class Backend(Capabilities):
    """A place that builds cells and runs scripts in them."""

    #: What cells are there, to end "cells are ..." in the log.
    description: str

    @abstractmethod
    def build(self, task: CellTask) -> AbstractContextManager[Built]:
        """Return the built cell; whatever the build made is removed on leaving.

        Raises InfrastructureError where engine, index, network or disk failed.
        """

    def drop_package(self, spec: CellSpec) -> None:
        """Forget the package's own wheel: no further cell of the run needs it."""

    def stop(self) -> None:
        """End what runs elsewhere, so that the threads that wait for it come back."""

    def close(self) -> None:
        """Remove what the run made; called once, after the last cell."""
