"""A Dask worker's side of a run: it takes the scripts, declares its Pythons, and runs cells."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dask.typing import Key
from distributed import Reschedule, Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from calipertf.dask.versions import (
    Package,
    Software,
    compare_package,
    compare_software,
    describe_package,
    describe_software,
    may_hang,
)
from calipertf.errors import CaliperError, EngineError, InfrastructureError
from calipertf.formats.records import Observation
from calipertf.run.cell import run_cell
from calipertf.run.cluster.bundle import Bundle, unpack_bundle
from calipertf.run.cluster.capabilities import (
    CELL,
    BackendFactory,
    count_cells_here,
    label_worker,
    move_cache,
    python_resource,
)
from calipertf.run.cpus import list_cpus, share_cpus
from calipertf.run.processes import Stopped
from calipertf.run.schedule import explain_failure
from calipertf.run.spec import CellSpec

#: Seconds that a cell waits for a worker to be ready for its run.
PLUGIN_TIMEOUT = 60.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A worker's answer for a cell: an observation, a failure of this tool, or a refusal."""

    address: str
    label: str
    seen: Observation | None = None
    failure: CaliperError | None = None
    #: Why the cell has to go to another worker; None where it ended here.
    elsewhere: str | None = None


class _Session:
    """A backend that cells of one run share on a worker."""

    def __init__(self, factory: BackendFactory, cells: int) -> None:
        self._stack = contextlib.ExitStack()
        opened = self._stack.enter_context(factory.open(cells))
        self.backend, self.processes, self.run_id = opened
        self.active = 0
        self.stopped = False

    def close(self) -> None:
        self._stack.close()


class CellWorker(WorkerPlugin):
    """Runs the cells of one run on one worker, and ends them when Dask takes them back."""

    idempotent = True

    def __init__(
        self,
        *,
        run_id: str,
        tags: Sequence[str],
        factory: BackendFactory,
        bundle: Bundle,
        software: Software,
        package: Package,
    ) -> None:
        self.name = plugin_name(run_id)
        self._tags = tags
        self._factory = factory
        self._bundle = bundle
        #: The driver's.
        self._software = software
        self._package = package

    async def setup(self, worker: Worker) -> None:
        """Unpack the scripts, look for the Pythons, and declare both to the scheduler."""
        self._worker = worker
        self._label = label_worker(worker)
        self._lock = threading.Lock()
        self._session: _Session | None = None
        self._running: set[str] = set()
        self._idle = threading.Event()
        self._idle.set()
        self.cells = count_cells_here(worker, self._factory.analysis)
        self._slots: queue.SimpleQueue[tuple[int, ...]] = queue.SimpleQueue()
        for share in share_cpus(list_cpus(), self.cells):
            self._slots.put(share)
        move_cache(worker)
        if may_hang():
            worker.periodic_callbacks["profile"].stop()
        self.pythons, self.trouble = await asyncio.to_thread(self._prepare)
        await worker.set_resources(
            **{CELL: self.cells},
            **{python_resource(self._factory.kind, tag): self.cells for tag in self.pythons},
        )
        worker.log_event(self.name, {"ready": self.describe()})

    def describe(self) -> dict[str, Any]:
        """Return what the driver has to know of this worker."""
        return {
            "address": self._worker.address,
            "label": self._label,
            "cells": self.cells,
            "pythons": list(self.pythons),
            "trouble": self.trouble,
        }

    def _prepare(self) -> tuple[list[str], str | None]:
        try:
            self._compare_software()
            self._root = unpack_bundle(
                self._bundle, Path(self._worker.local_directory) / "caliper-scripts"
            )
            with self._share() as session:
                found = [tag for tag in self._tags if session.backend.find_python(tag)]
                return found, None
        except (CaliperError, OSError) as error:
            return [], str(error)

    def _compare_software(self) -> None:
        """EngineError where a worker that came late is of another state than the driver."""
        wrong, _ = compare_software("this worker", self._software, describe_software())
        others, _ = compare_package("this worker", self._package, describe_package())
        if wrong or others:
            raise EngineError("; ".join((*wrong, *others)))

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002 -- Dask's signature
        """End what runs here and remove what the run made."""
        self._stop()
        await asyncio.to_thread(self._close)

    def transition(self, key: Key, start: str, finish: str, **_: Any) -> None:
        """End a running task that Dask takes back; Dask calls this when a task changes state."""
        if finish == "released" and start in {"executing", "long-running"} and key in self._running:
            self._stop()

    @contextlib.contextmanager
    def _share(self) -> Iterator[_Session]:
        """Yield the backend that cells share; a stopped one is closed with the last cell in it."""
        with self._lock:
            if self._session is None or self._session.stopped:
                self._session = _Session(self._factory, self.cells)
            session = self._session
            session.active += 1
        try:
            yield session
        finally:
            with self._lock:
                session.active -= 1
                over = session.stopped and not session.active
            if over:
                session.close()

    def _stop(self) -> None:
        """End the processes of all cells of the run here; their tasks go back to the scheduler."""
        session = self._session
        if session is not None:
            session.stopped = True
            session.processes.stop()

    def _close(self) -> None:
        """Wait for the cells that were stopped; the last one has closed what they shared."""
        self._idle.wait(timeout=20)
        session = self._session
        if session is not None:
            session.close()

    def run(self, spec: CellSpec, key: str) -> Reply:
        """Run one cell."""
        address = self._worker.address
        if spec.cell.python not in self.pythons:
            why = self.trouble or f"there is no {spec.cell.python}"
            return Reply(address=address, label=self._label, elsewhere=why)
        cpus = self._slots.get()
        self._running.add(key)
        self._idle.clear()
        try:
            self._worker.log_event(self.name, {"started": key, "label": self._label})
            with self._share() as session:
                task = spec.place(self._root, run_id=session.run_id, cpus=cpus)
                seen = run_cell(task, session.backend, sleep=session.processes.pause)
        except Stopped:
            raise Reschedule from None
        except CaliperError as error:
            return Reply(address=address, label=self._label, failure=_plain(error))
        except Exception as error:  # noqa: BLE001 -- told with the worker's name: a full disk, a fault
            failure = explain_failure(spec, error)
            return Reply(address=address, label=self._label, failure=failure)
        else:
            return Reply(address=address, label=self._label, seen=seen)
        finally:
            self._running.discard(key)
            self._slots.put(cpus)
            if not self._running:
                self._idle.set()

    def drop_package(self, spec: CellSpec) -> None:
        """Forget a wheel that no further cell needs."""
        with contextlib.suppress(CaliperError, OSError), self._share() as session:
            session.backend.drop_package(spec)


def _plain(error: CaliperError) -> CaliperError:
    """Return the error without its values, which may not be picklable."""
    try:
        return type(error)(str(error))
    except TypeError:
        return InfrastructureError(str(error))


def plugin_name(run_id: str) -> str:
    """Return the name of a run's plugin on the workers, and of its topic among Dask's events."""
    return f"caliper-{run_id}"


def find_plugin(worker: Worker, run_id: str) -> CellWorker | None:
    """Return the run's plugin on a worker; None where it has not come yet, or has gone."""
    plugin = worker.plugins.get(plugin_name(run_id))
    return plugin if isinstance(plugin, CellWorker) and hasattr(plugin, "pythons") else None


def run_task(spec: CellSpec, run_id: str) -> Reply:
    """Run one cell on this worker: the task that Dask gets. `run_id` is the driver's."""
    worker = get_worker()
    deadline = time.monotonic() + PLUGIN_TIMEOUT
    # Another run may have declared this worker's Pythons before this run's plugin is ready.
    while (plugin := find_plugin(worker, run_id)) is None and time.monotonic() < deadline:
        time.sleep(0.2)
    if plugin is None:
        label = label_worker(worker)
        return Reply(address=worker.address, label=label, elsewhere="it is not ready yet")
    return plugin.run(spec, str(worker.get_current_task()))


def describe_worker(run_id: str, dask_worker: Worker) -> dict[str, Any] | None:
    """Return what a worker's plugin has found; None where it has none."""
    plugin = find_plugin(dask_worker, run_id)
    return plugin.describe() if plugin else None


async def drop_package(spec: CellSpec, run_id: str, dask_worker: Worker) -> None:
    """Forget a wheel on one worker."""
    plugin = find_plugin(dask_worker, run_id)
    if plugin is not None:
        await asyncio.to_thread(plugin.drop_package, spec)
