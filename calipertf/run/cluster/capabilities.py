"""What a Dask worker offers to cells: environments, Pythons, and how many cells at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from distributed import Worker

from calipertf.config.model import Analysis
from calipertf.errors import CaliperError
from calipertf.index.client import Index
from calipertf.run.backends.base import Backend
from calipertf.run.backends.registry import open_backend
from calipertf.run.backends.venv.folders import open_cache, prefer_cache
from calipertf.run.options import RunOptions, name_run
from calipertf.run.processes import Processes

#: Opens a backend: `open_backend` of the registry, or one of a test's own.
BackendOpener = Callable[[Analysis, RunOptions, Processes, Index], AbstractContextManager[Backend]]
#: Resource that each cell takes one of. A worker that was started with some of its own
#: (`--resources CELL=4`) keeps that number.
CELL = "CELL"
#: Address of a worker of this process -> cells that it was started to take; 0: nothing was said.
_DECLARED: dict[str, int] = {}


@dataclass(frozen=True, kw_only=True)
class BackendFactory:
    """How to open the backend of a run, wherever this has travelled to."""

    analysis: Analysis
    options: RunOptions
    opener: BackendOpener = open_backend

    @property
    def kind(self) -> str:
        """Return what is asked for: auto, or a kind of environment."""
        return self.options.environment

    def with_kind(self, kind: str) -> BackendFactory:
        """Return the same with one kind of environment."""
        return replace(self, options=replace(self.options, environment=kind))

    @contextlib.contextmanager
    def open(self, cells: int) -> Iterator[tuple[Backend, Processes, str]]:
        """Yield a backend for some cells at once, its processes, and the run's name here."""
        # What is made here belongs to this process: its clean-up asks whether that is alive.
        options = replace(self.options, jobs=cells, run_id=name_run())
        processes = Processes()
        with (
            Index(self.analysis.index_url, open_cache()) as index,
            self.opener(self.analysis, options, processes, index) as backend,
        ):
            yield backend, processes, options.run_id


@dataclass(frozen=True, kw_only=True)
class WorkerCapabilities:
    """What one worker has for cells."""

    #: Name of the worker and its host, for people.
    label: str
    #: venv or docker; None where neither could be opened.
    kind: str | None
    #: Platform tags of the wheels that its cells install, the best first.
    platforms: Sequence[str]
    #: Python tag -> source of the interpreter.
    pythons: Mapping[str, str]
    #: Python tag -> why it has none.
    reasons: Mapping[str, str]


def python_resource(kind: str, tag: str) -> str:
    """Return the name of the resource that says: this worker has this Python."""
    return f"{kind}-{tag}"


def count_cells(threads: int, memory_limit: int | None, cell_memory: int) -> int:
    """Return the cells that a worker takes at once.

    One a thread, as far as its memory goes, at least one.
    """
    if not memory_limit:
        return threads
    return max(1, min(threads, int(memory_limit // cell_memory)))


def count_cells_here(worker: Worker, analysis: Analysis) -> int:
    """Return the cells that a worker takes at once.

    What it declares, else as threads and memory allow.
    """
    given = int(worker.state.total_resources.get(CELL) or 0)
    # The first look is the user's number; later ones would see what an earlier run declared.
    declared = _DECLARED.setdefault(worker.address, given)
    limit = worker.memory_manager.memory_limit
    return declared or count_cells(worker.state.nthreads, limit, analysis.memory)


def label_worker(worker: Worker) -> str:
    """Return a worker's name as people know it: its own (or address) and its host."""
    host = worker.address.split("://")[-1]
    name = str(worker.name)
    return host if host in name else f"{name} ({host})"


def move_cache(worker: Worker) -> None:
    """Set this worker's wheel cache: CALIPER_CACHE, else the worker's own folder."""
    prefer_cache(Path(worker.local_directory) / "caliper-cache")


async def describe_capabilities(
    factory: BackendFactory, tags: Sequence[str], dask_worker: Worker
) -> WorkerCapabilities:
    """Return what this worker has; asked of each worker while the run is planned."""
    move_cache(dask_worker)
    cells = count_cells_here(dask_worker, factory.analysis)
    # Off the event loop: installing a Python takes minutes, and the worker has to answer meanwhile.
    return await asyncio.to_thread(_probe_worker, factory, tags, label_worker(dask_worker), cells)


def _probe_worker(
    factory: BackendFactory, tags: Sequence[str], label: str, cells: int
) -> WorkerCapabilities:
    try:
        with factory.open(cells) as (backend, _, _):
            found = {tag: backend.find_python(tag) for tag in tags}
            return WorkerCapabilities(
                label=label,
                kind=backend.kind,
                platforms=tuple(backend.platforms()),
                pythons={tag: python.source for tag, python in found.items() if python},
                reasons={
                    tag: backend.explain_missing(tag)
                    for tag, python in found.items()
                    if python is None
                },
            )
    except (CaliperError, OSError) as error:
        return make_failed(label, tags, error)


def make_failed(label: str, tags: Sequence[str], error: object) -> WorkerCapabilities:
    """Return the capabilities of a worker that has nothing, for a reason."""
    reasons = dict.fromkeys(tags, str(error))
    return WorkerCapabilities(label=label, kind=None, platforms=(), pythons={}, reasons=reasons)
