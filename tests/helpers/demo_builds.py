"""What builds of reldemo from an index that fails share: on this machine and in images."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from calipertf.config.model import Analysis
from calipertf.formats.records import Cell, Run
from calipertf.index.client import ReleaseFile
from calipertf.index.snapshot import TimeMachine
from calipertf.run.backends.base import Backend
from calipertf.run.spec import CellTask
from helpers.fault_index import FaultIndex

LONG_AGO = datetime.fromisoformat("2021-01-01T00:00:00+00:00")


def find_planned(server: FaultIndex, machine: TimeMachine) -> ReleaseFile:
    """Return reldemo's file as a run plans it, before any fault strikes."""
    faults, server.faults = server.faults, []
    file = machine.index.fetch_project("reldemo").files[0]
    server.faults = faults
    return file


def make_demo_task(
    analysis: Analysis,
    file: ReleaseFile,
    python: str,
    folder: Path,
    *,
    cutoff: datetime | None = None,
    dockerfile: str = "",
) -> CellTask:
    """Return the task of reldemo 1.0 on a Python, a tag."""
    return CellTask(
        cell=Cell(package="reldemo", version="1.0", python=python),
        analysis=analysis,
        file=file,
        cutoff=cutoff,
        scripts=("a.py",),
        twice=frozenset(),
        root=folder,
        folder=Path(),
        dockerfile=dockerfile,
    )


def build_once(environment: Backend, task: CellTask) -> tuple[Run, dict[str, str]]:
    """Return the build and, where it failed, what its record will say of the index."""
    try:
        with environment.build(task) as built:
            return built.run, dict(built.index)
    finally:
        environment.close()
