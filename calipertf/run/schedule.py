"""Cells to this machine's cores: each cell in a thread that drives processes of its own."""

from __future__ import annotations

import logging
import os
import queue
from collections import Counter
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Protocol

from calipertf.errors import CaliperError, FaultError, InfrastructureError, describe_fault
from calipertf.records import Record
from calipertf.run.cell import run_cell
from calipertf.run.environments.base import CellTask, Environment
from calipertf.run.processes import Processes

log = logging.getLogger("calipertf")


@dataclass(frozen=True, kw_only=True)
class Done:
    """A cell that was tried: its raw record, or the failure of ours that left it without one."""

    task: CellTask
    record: Record | None = None
    failure: CaliperError | None = None


class Scheduler(Protocol):
    """Where cells are run."""

    def run(self, tasks: Sequence[CellTask]) -> Generator[Done, None, None]:
        """Each cell as it ends, in any order; started in the order given."""
        ...


def list_cpus() -> list[int]:
    """Numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def share_cpus(cpus: Sequence[int], jobs: int) -> list[tuple[int, ...]]:
    """The cores of each of `jobs` cells that run at once; with more cells than cores, shared."""
    if jobs >= len(cpus):
        return [(cpus[number % len(cpus)],) for number in range(jobs)]
    return [tuple(cpus[number::jobs]) for number in range(jobs)]


class LocalScheduler:
    """Cells on this machine, as many at once as it has cores."""

    def __init__(self, environment: Environment, processes: Processes, jobs: int) -> None:
        self._environment = environment
        self._processes = processes
        cpus = list_cpus()
        self._slots: queue.SimpleQueue[tuple[int, ...]] = queue.SimpleQueue()
        self._jobs = jobs
        for share in share_cpus(cpus, self._jobs):
            self._slots.put(share)

    def run(self, tasks: Sequence[CellTask]) -> Generator[Done, None, None]:
        """Each cell as it ends. Closing the iterator ends those that are running."""
        left = Counter(_wheel(task) for task in tasks)
        executor = ThreadPoolExecutor(max_workers=self._jobs, thread_name_prefix="cell")
        pending: set[Future[Done]] = {executor.submit(self._run_one, task) for task in tasks}
        try:
            while pending:
                ended, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in ended:
                    done = future.result()
                    left[_wheel(done.task)] -= 1
                    if not left[_wheel(done.task)]:
                        self._environment.drop_package(done.task)
                    yield done
        finally:
            if pending:
                self._processes.stop()
                self._environment.stop()
            executor.shutdown(wait=True, cancel_futures=True)

    def _run_one(self, task: CellTask) -> Done:
        cpus = self._slots.get()
        try:
            record = run_cell(
                replace(task, cpus=cpus), self._environment, sleep=self._processes.pause
            )
        except CaliperError as error:
            return Done(task=task, failure=error)
        except Exception as error:  # noqa: BLE001 -- a full disk, a fault of ours: of one cell
            return Done(task=task, failure=explain_failure(task, error))
        else:
            return Done(task=task, record=record)
        finally:
            self._slots.put(cpus)


def explain_failure(task: CellTask, error: Exception) -> InfrastructureError:
    """Return what nobody foresaw in a cell: the machine's failure, or a fault of ours."""
    if isinstance(error, OSError | MemoryError):
        return InfrastructureError(f"{type(error).__name__}: {error}")
    log.warning("%s met a fault of ours", task.cell.label, exc_info=error)
    return FaultError(describe_fault(error))


def _wheel(task: CellTask) -> tuple[str, str]:
    return task.file.filename, task.cell.python
