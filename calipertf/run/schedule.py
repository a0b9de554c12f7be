"""Cells to this machine's cores: each cell in a thread that drives processes of its own."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from calipertf.errors import CaliperError, FaultError, InfrastructureError, describe_fault
from calipertf.formats.records import Observation
from calipertf.run.backends.base import Backend
from calipertf.run.cell import run_cell
from calipertf.run.cpus import list_cpus, share_cpus
from calipertf.run.processes import Processes
from calipertf.run.spec import CellSpec

log = logging.getLogger("calipertf")
#: Seconds that cells have to end in once the run was stopped.
PATIENCE = 10.0


@dataclass(frozen=True, kw_only=True)
class Done:
    """A cell that was tried: its observation, or this tool's failure."""

    spec: CellSpec
    seen: Observation | None = None
    failure: CaliperError | None = None


class Scheduler(Protocol):
    """Where cells are run."""

    def run(self, specs: Sequence[CellSpec]) -> Generator[Done, None, None]:
        """Return each cell as it ends, in any order; started in the order given."""
        ...

    def drop_package(self, spec: CellSpec) -> None:
        """Forget the package's own wheel, which cells were to keep."""
        ...


class LocalScheduler:
    """Cells on this machine, as many at once as it has cores."""

    def __init__(
        self, backend: Backend, processes: Processes, *, root: Path, run_id: str, jobs: int
    ) -> None:
        """Scripts are relative to `root`; `run_id` names the run; `jobs` are cells at once."""
        self._backend = backend
        self._processes = processes
        self._root = root
        self._run_id = run_id
        cpus = list_cpus()
        self._slots: queue.SimpleQueue[tuple[int, ...]] = queue.SimpleQueue()
        self._jobs = jobs
        for share in share_cpus(cpus, self._jobs):
            self._slots.put(share)

    def run(self, specs: Sequence[CellSpec]) -> Generator[Done, None, None]:
        """Yield each cell as it ends. Closing the iterator ends those that are running."""
        left = Counter(spec.wheel for spec in specs)
        waiting: queue.SimpleQueue[CellSpec | None] = queue.SimpleQueue()
        ended: queue.SimpleQueue[Done | BaseException] = queue.SimpleQueue()
        for spec in specs:
            waiting.put(spec)
        threads = [
            threading.Thread(target=self._work, args=(waiting, ended), name="cell", daemon=True)
            for _ in range(min(self._jobs, len(specs)))
        ]
        pending = len(specs)
        try:
            for thread in threads:
                waiting.put(None)
                thread.start()
            while pending:
                done = ended.get()
                if isinstance(done, BaseException):
                    raise done
                pending -= 1
                left[done.spec.wheel] -= 1
                if not (left[done.spec.wheel] or done.spec.keep_wheel):
                    self._backend.drop_package(done.spec)
                yield done
        finally:
            if pending:
                self._processes.stop()
                self._backend.stop()
            _join(threads, PATIENCE if pending else None)

    def drop_package(self, spec: CellSpec) -> None:
        """Forget the package's own wheel, which cells were to keep."""
        self._backend.drop_package(spec)

    def _work(
        self,
        waiting: queue.SimpleQueue[CellSpec | None],
        ended: queue.SimpleQueue[Done | BaseException],
    ) -> None:
        """Run tasks until there are no more, or the run is stopped."""
        try:
            while (spec := waiting.get()) is not None:
                self._processes.check()
                ended.put(self._run_one(spec))
        except BaseException as error:  # noqa: BLE001 -- raised where the results are waited for
            ended.put(error)

    def _run_one(self, spec: CellSpec) -> Done:
        cpus = self._slots.get()
        task = spec.place(self._root, run_id=self._run_id, cpus=cpus)
        try:
            seen = run_cell(task, self._backend, sleep=self._processes.pause)
        except CaliperError as error:
            return Done(spec=spec, failure=error)
        except Exception as error:  # noqa: BLE001 -- a full disk, a fault of ours: of one cell
            return Done(spec=spec, failure=explain_failure(spec, error))
        else:
            return Done(spec=spec, seen=seen)
        finally:
            self._slots.put(cpus)


def explain_failure(spec: CellSpec, error: Exception) -> InfrastructureError:
    """Return the error for an unexpected exception in a cell: the machine's or this tool's."""
    if isinstance(error, OSError | MemoryError):
        return InfrastructureError(f"{type(error).__name__}: {error}")
    log.warning("%s: an internal error", spec.cell.label, exc_info=error)
    return FaultError(describe_fault(error))


def _join(threads: Sequence[threading.Thread], seconds: float | None) -> None:
    """Wait for threads to end, all together some seconds at the most; None: however long it takes.

    They are daemons: one that hangs, in an engine that says nothing or in a program that the kernel
    does not let go, does not keep this process from its end.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    for thread in threads:
        if thread.ident is not None:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
    if hanging := sum(thread.is_alive() for thread in threads):
        log.warning(
            "%d cells do not end, although they were asked to: what they leave is removed by the "
            "next run",
            hanging,
        )
