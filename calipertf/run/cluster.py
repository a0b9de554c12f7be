"""Cells to the workers of a Dask cluster; results come back to this one process.

Dask places the cells by resources that each worker declares (CELL, and one for each Python it has)
and runs them again where a worker is lost. What is left to do here: hand over a few cells at a
time, tell why a cell could not be run, and notice that nobody can run it any more.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from distributed.scheduler import KilledWorker

from calipertf.cluster import AHEAD, Flight
from calipertf.errors import EngineError, InfrastructureError
from calipertf.run.bundle import pack_bundle
from calipertf.run.environments.base import CellTask
from calipertf.run.environments.cluster import ClusterEnvironment
from calipertf.run.offers import CELL, python_resource
from calipertf.run.schedule import Done
from calipertf.run.worker import (
    CellWorker,
    Reply,
    describe_worker,
    drop_package,
    plugin_name,
    run_task,
)

log = logging.getLogger("calipertf")
#: Seconds that cells wait for a worker with their Python after the last one was lost.
PATIENCE = 120.0
#: Seconds between two looks at which workers are there.
TICK = 2.0
#: Seconds of work that are handed over in advance, so that short cells don't wait for us.
AHEAD_SECONDS = 0.25
#: Cells that a worker is handed in advance at most, for each cell that it runs.
MOST_AHEAD = 16
#: Times that a cell may be sent away by workers that turn out not to have its Python.
SENT_AWAY = 3


@dataclass(kw_only=True)
class _Pending:
    """A cell on its way."""

    task: CellTask
    #: Place in the order of the run; the lower, the earlier.
    number: int
    #: Workers that sent it away, and why.
    history: list[str]
    #: Dask's key of each time that it was submitted.
    keys: list[str] = field(default_factory=list)

    @property
    def wheel(self) -> tuple[str, str]:
        return self.task.file.filename, self.task.cell.python


class DaskScheduler:
    """Cells on the workers of a Dask cluster."""

    def __init__(
        self,
        environment: ClusterEnvironment,
        *,
        run_id: str,
        leave_out: Sequence[Path] = (),
        jobs: int | None = None,
    ) -> None:
        self._environment = environment
        self._client = environment.client
        self._run_id = run_id
        self._analysis = environment.place.analysis
        self._leave_out = leave_out
        self._jobs = jobs
        #: Cells on the cluster whose end is still to come.
        self.flight: Flight[_Pending] = Flight(self._client)
        self._lock = threading.Lock()
        #: Address -> what a worker has said of itself.
        self._workers: dict[str, Mapping[str, Any]] = {}
        self._news = threading.Event()
        #: Key -> workers that have started it.
        self._started: dict[str, list[str]] = defaultdict(list)
        self._waiting: dict[str, deque[_Pending]] = {}
        self._alone_since: dict[str, float] = {}
        #: Wheel -> addresses of workers that have run a cell of it.
        self._users: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._mean_seconds: float | None = None
        self._looked = 0.0
        #: Keys that no worker held at the last look.
        self._stranded: set[str] = set()

    def run(self, tasks: Sequence[CellTask]) -> Generator[Done, None, None]:
        """Each cell as it ends. Closing the iterator ends those that are running, on all workers.

        Raises EngineError where the scheduler is lost.
        """
        if not tasks:
            return
        self._waiting = defaultdict(deque)
        for number, task in enumerate(tasks):
            small = replace(task, fingerprint={}, root=Path(), mount=_below(task))
            self._waiting[task.cell.python].append(_Pending(task=small, number=number, history=[]))
        left = Counter((task.file.filename, task.cell.python) for task in tasks)
        try:
            self._prepare_workers(tasks)
            while self.flight or any(self._waiting.values()):
                for pending, reply in self._turn():
                    left[pending.wheel] -= 1
                    if not left[pending.wheel]:
                        self._drop_package(pending)
                    with self._lock:
                        starts = [x for key in pending.keys for x in self._started.pop(key, ())]
                    yield _conclude(tasks[pending.number], pending, reply, starts)
        finally:
            self._release_workers()

    def _prepare_workers(self, tasks: Sequence[CellTask]) -> None:
        first = tasks[0]
        folders = {first.root / _below(task) for task in tasks}
        if self._analysis.data:
            folders.add(first.root / self._analysis.data)
        bundle = pack_bundle(first.root, folders, leave_out=self._leave_out)
        log.info("scripts and data: %.1f MB to each worker", len(bundle.data) / 1e6)
        name = plugin_name(self._run_id)
        self._client.subscribe_topic(name, self._take_event)
        self._client.register_plugin(
            CellWorker(
                run_id=self._run_id,
                tags=sorted(self._waiting),
                place=self._environment.place,
                bundle=bundle,
            ),
            name=name,
        )
        for said in self._client.run(describe_worker, self._run_id, on_error="ignore").values():
            if said:
                self._meet(said)
        self._news.clear()

    def _release_workers(self) -> None:
        if self._client.status != "running":
            return
        with contextlib.suppress(EngineError, OSError, TimeoutError):
            self.flight.cancel()
            self._client.unsubscribe_topic(plugin_name(self._run_id))
            # Each worker's plugin ends what is left of its cells and removes their environments.
            self._client.unregister_worker_plugin(plugin_name(self._run_id))

    def _take_event(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Called in the client's thread with what workers tell."""
        _, message = event
        if "ready" in message:
            self._meet(message["ready"])
        elif "started" in message:
            with self._lock:
                self._started[message["started"]].append(message["label"])

    def _meet(self, said: Mapping[str, Any]) -> None:
        with self._lock:
            known = said["address"] in self._workers
            self._workers[said["address"]] = said
        if not known:
            self._news.set()
            if said["trouble"]:
                log.warning("worker %s takes no cells: %s", said["label"], said["trouble"])

    def _turn(self) -> list[tuple[_Pending, Any]]:
        """Hand over what fits, wait for what ends; cells that ended for good."""
        self._fill()
        ended = []
        for pending, reply in self.flight.receive(TICK):
            if isinstance(reply, Reply) and reply.elsewhere is not None:
                pending.history.append(f"{reply.label}: {reply.elsewhere}")
                if len(pending.history) <= SENT_AWAY:
                    self._waiting[pending.task.cell.python].appendleft(pending)
                    continue
            ended.append((pending, reply))
            if isinstance(reply, Reply):
                self._measure(reply)
                self._users[pending.wheel].add(reply.address)
                self._fill(reply.address)
        if time.monotonic() - self._looked > TICK:
            ended += self._look_around()
            self._looked = time.monotonic()
        return ended

    def _measure(self, reply: Reply) -> None:
        if reply.record is not None:
            timings = reply.record.timings.values()
            spent = sum(seconds for seconds in timings if isinstance(seconds, (int, float)))
            mean = self._mean_seconds
            self._mean_seconds = spent if mean is None else 0.9 * mean + 0.1 * spent

    def _fill(self, freed: str | None = None) -> None:
        """Submit cells in order; `freed` is a worker that just became free.

        It is preferred for the next cell where it has the wheel already.
        """
        flying = Counter(pending.task.cell.python for _, pending in self.flight.items())
        for tag, waiting in self._waiting.items():
            room = self._room(tag) - flying[tag]
            if self._jobs is not None:
                room = min(room, self._jobs - len(self.flight))
            for _ in range(min(room, len(waiting))):
                pending = waiting.popleft()
                warm = freed is not None and freed in self._users[pending.wheel]
                self._send(pending, freed if warm else None)
                freed = None

    def _room(self, tag: str) -> int:
        """Cells of one Python that may be on the cluster at once: a few more than can run."""
        cells = sum(int(said["cells"]) for said in self._offering(tag))
        if self._mean_seconds is None or not cells:
            return cells + (AHEAD if cells else 0)
        ahead = min(MOST_AHEAD, math.ceil(AHEAD_SECONDS / max(self._mean_seconds, 1e-3)))
        return cells * ahead + max(cells, AHEAD)

    def _offering(self, tag: str) -> list[Mapping[str, Any]]:
        with self._lock:
            return [said for said in self._workers.values() if tag in said["pythons"]]

    def _send(self, pending: _Pending, prefer: str | None) -> None:
        kind = self._environment.kind
        key = f"{plugin_name(self._run_id)}-{pending.number}-{len(pending.keys)}"
        pending.keys.append(key)
        self.flight.send(
            pending,
            run_task,
            pending.task,
            key=key,
            priority=-pending.number,
            resources={CELL: 1, python_resource(kind, pending.task.cell.python): 1},
            prefer=prefer,
        )

    def _look_around(self) -> list[tuple[_Pending, Any]]:
        """Notice lost workers and new ones; cells that nobody can run any more."""
        present = self._client.nthreads()
        with self._lock:
            for address in set(self._workers) - set(present):
                log.warning("worker %s is lost", self._workers.pop(address)["label"])
                self._news.set()
        if self._news.is_set():
            self._news.clear()
            self._resubmit_stranded()
        return self._give_up()

    def _resubmit_stranded(self) -> None:
        """Submit anew the cells that no worker could take when Dask last looked.

        A worker declares its Pythons after it has joined, when Dask has looked already. Cells that
        are merely on their way look alike, so it takes two looks.
        """
        held = {key for keys in self._client.processing().values() for key in keys}
        stranded = {
            key: pending
            for key, pending in self.flight.items()
            if key not in held and self._offering(pending.task.cell.python)
        }
        for key in self._stranded & stranded.keys():
            self.flight.recall(key)
            self._send(stranded.pop(key), None)
        self._stranded = set(stranded)
        if stranded:
            self._news.set()

    def _give_up(self) -> list[tuple[_Pending, Any]]:
        """Cells whose Python no worker has had for too long, with an error each."""
        now = time.monotonic()
        given_up: list[tuple[_Pending, Any]] = []
        flying = self.flight.items()
        wanted = {pending.task.cell.python for _, pending in flying}
        wanted |= {tag for tag, waiting in self._waiting.items() if waiting}
        for tag in wanted:
            if self._offering(tag):
                self._alone_since.pop(tag, None)
                continue
            since = self._alone_since.setdefault(tag, now)
            if now - since < PATIENCE:
                continue
            error = InfrastructureError(
                f"the last worker with {tag} was lost, and none came within {PATIENCE:.0f} s"
            )
            for key, pending in flying:
                if pending.task.cell.python == tag:
                    self.flight.recall(key)
                    given_up.append((pending, error))
            given_up += [(pending, error) for pending in self._waiting.pop(tag, ())]
        return given_up

    def _drop_package(self, pending: _Pending) -> None:
        users = self._users.pop(pending.wheel, set())
        with self._lock:
            there = [address for address in users if address in self._workers]
        if there and not self._analysis.keep_wheels:
            self._client.run(
                drop_package, pending.task, workers=there, wait=False, on_error="ignore"
            )


def _below(task: CellTask) -> Path:
    """The folder that a cell sees, relative to the root."""
    return task.mount.relative_to(task.root)


def _conclude(task: CellTask, pending: _Pending, reply: Any, started: Sequence[str]) -> Done:
    """What came of a cell: its record, or an infrastructure error with its history."""
    if isinstance(reply, Reply):
        if reply.record is not None:
            return Done(task=task, record=reply.record)
        if reply.failure is not None:
            return Done(task=task, failure=reply.failure)
        return Done(
            task=task,
            failure=InfrastructureError(f"no worker took it: {'; '.join(pending.history)}"),
        )
    if isinstance(reply, KilledWorker):
        return Done(
            task=task,
            failure=InfrastructureError(
                f"{len(started)} workers were lost while they ran it: {', '.join(started)}; "
                "their logs may say why (out of memory?)"
            ),
        )
    if isinstance(reply, InfrastructureError):
        return Done(task=task, failure=reply)
    return Done(task=task, failure=InfrastructureError(f"the worker failed: {reply!r}"))
