"""The driver: send cells to the workers of a Dask cluster and take their results.

Dask places the cells by resources that each worker declares (CELL, and one for each Python it has)
and runs them again where a worker is lost. What is left to do here: hand over a few cells at a
time, tell why a cell could not be run, and notice that nobody can run it any more.
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from distributed import Client

from calipertf.dask.connect import ask_workers
from calipertf.dask.tasks import NO_WORKER_TIMEOUT, PREFETCH, TaskQueue
from calipertf.dask.versions import describe_package, describe_software
from calipertf.errors import EngineError, InfrastructureError
from calipertf.run.cluster.attempts import CellAttempts
from calipertf.run.cluster.backend import ClusterCapabilities
from calipertf.run.cluster.bundle import pack_bundle
from calipertf.run.cluster.capabilities import CELL, python_resource
from calipertf.run.cluster.worker import (
    CellWorker,
    Reply,
    describe_worker,
    drop_package,
    plugin_name,
    run_task,
)
from calipertf.run.cluster.workers import WorkerRegistry
from calipertf.run.retry import MAX_WORKER_LOSSES
from calipertf.run.schedule import Done
from calipertf.run.spec import CellSpec

log = logging.getLogger("calipertf")
#: Seconds between two looks at which workers are there.
POLL_INTERVAL = 2.0
#: Seconds of work that are handed over in advance, so that short cells don't wait for us.
PREFETCH_SECONDS = 0.25
#: Cells that a worker is handed in advance at most, for each cell that it runs.
MAX_PREFETCH = 16


class DaskScheduler:
    """Cells on the workers of a Dask cluster."""

    def __init__(
        self,
        cluster: ClusterCapabilities,
        *,
        root: Path,
        leave_out: Sequence[Path] = (),
        jobs: int | None = None,
    ) -> None:
        """Scripts are relative to `root`; what lies in `leave_out` does not travel."""
        self._cluster = cluster
        self._client = cluster.client
        self._root = root
        #: Name of the run among those that share the cluster; it lasts as long as its client.
        self._run_id = str(self._client.id)
        self._analysis = cluster.factory.analysis
        self._leave_out = leave_out
        self._jobs = jobs
        #: Cells on the cluster whose end is still to come.
        self.queue: TaskQueue[CellAttempts] = TaskQueue(self._client)
        self._workers = WorkerRegistry()
        self._waiting: dict[str, deque[CellAttempts]] = {}
        self._alone_since: dict[str, float] = {}
        #: Wheel -> addresses of workers that have run a cell of it.
        self._users: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._mean_seconds: float | None = None
        self._looked = 0.0
        #: Keys that no worker held at the last look.
        self._stranded: set[str] = set()

    def run(self, specs: Sequence[CellSpec]) -> Generator[Done, None, None]:
        """Yield each cell as it ends.

        Closing the iterator ends those that are running, on all workers.

        Raises EngineError where the scheduler is lost.
        """
        if not specs:
            return
        self._waiting = defaultdict(deque)
        for number, spec in enumerate(specs):
            self._waiting[spec.cell.python].append(CellAttempts(spec=spec, number=number))
        left = Counter(spec.wheel for spec in specs)
        try:
            self._prepare_workers(specs)
            while self.queue or any(self._waiting.values()):
                for pending, reply in self._turn():
                    left[pending.spec.wheel] -= 1
                    if not left[pending.spec.wheel]:
                        self._drop_package(pending)
                    started = self._workers.pop_started(pending.keys)
                    yield pending.make_result(reply, started)
        finally:
            self._release_workers()

    def drop_package(self, spec: CellSpec) -> None:
        """Do nothing: workers keep no wheel when their part of a run has ended."""

    def _prepare_workers(self, specs: Sequence[CellSpec]) -> None:
        folders = {path for spec in specs for path in spec.place(self._root).source_paths}
        if self._analysis.data:
            folders.add(self._root / self._analysis.data)
        bundle = pack_bundle(self._root, folders, leave_out=self._leave_out)
        log.info("scripts and data: %.1f MB to each worker", len(bundle.data) / 1e6)
        remove_orphans(self._client)
        name = plugin_name(self._run_id)
        self._client.subscribe_topic(name, self._workers.take_event)
        self._client.register_plugin(
            CellWorker(
                run_id=self._run_id,
                tags=sorted(self._waiting),
                factory=self._cluster.factory,
                bundle=bundle,
                software=describe_software(),
                package=describe_package(),
            ),
            name=name,
        )
        for said in ask_workers(self._client, describe_worker, self._run_id).values():
            if isinstance(said, dict):
                self._workers.register(said)
        self._workers.news.clear()

    def _release_workers(self) -> None:
        if self._client.status != "running":
            return
        with contextlib.suppress(EngineError, OSError, TimeoutError):
            self.queue.cancel_all()
            self._client.unsubscribe_topic(plugin_name(self._run_id))
            # Each worker's plugin ends what is left of its cells and removes their environments.
            self._client.unregister_worker_plugin(plugin_name(self._run_id))

    def _turn(self) -> list[tuple[CellAttempts, Any]]:
        """Hand over what fits, wait for what ends; cells that ended for good."""
        self._fill()
        ended = []
        for pending, reply in self.queue.wait(POLL_INTERVAL):
            if isinstance(reply, Reply):
                tag = pending.spec.cell.python
                again = pending.record(reply)
                if reply.failure is not None and not self._workers.list_others(tag, pending.left):
                    again = False  # nobody else is there who could do better
                self._note(pending, reply)
                if again:
                    self._waiting[tag].appendleft(pending)
                    continue
                self._fill(reply.address)
            ended.append((pending, reply))
        if time.monotonic() - self._looked > POLL_INTERVAL:
            ended += self._look_around()
            self._looked = time.monotonic()
        return ended

    def _note(self, pending: CellAttempts, reply: Reply) -> None:
        """Remember how long cells take, and what the worker is good for."""
        if reply.elsewhere is not None:
            return
        self._workers.record_result(reply.address, reply.label, failed=reply.seen is None)
        self._users[pending.spec.wheel].add(reply.address)
        if reply.seen is not None:
            spent = reply.seen.seconds
            mean = self._mean_seconds
            self._mean_seconds = spent if mean is None else 0.9 * mean + 0.1 * spent

    def _fill(self, freed: str | None = None) -> None:
        """Submit cells in order; `freed` is a worker that just became free.

        It is preferred for the next cell where it has the wheel already.
        """
        flying = Counter(pending.spec.cell.python for _, pending in self.queue.items())
        for tag, waiting in self._waiting.items():
            room = self._room(tag) - flying[tag]
            if self._jobs is not None:
                room = min(room, self._jobs - len(self.queue))
            for _ in range(min(room, len(waiting))):
                pending = waiting.popleft()
                warm = freed is not None and freed in self._users[pending.spec.wheel]
                self._send(pending, freed if warm else None)
                freed = None

    def _room(self, tag: str) -> int:
        """Return the cells of one Python that may be on the cluster at once.

        A few more than can run.
        """
        cells = self._workers.count_cells(tag)
        if self._mean_seconds is None or not cells:
            return cells + (PREFETCH if cells else 0)
        ahead = min(MAX_PREFETCH, math.ceil(PREFETCH_SECONDS / max(self._mean_seconds, 1e-3)))
        return cells * ahead + max(cells, PREFETCH)

    def _send(self, pending: CellAttempts, prefer: str | None) -> None:
        kind = self._cluster.kind
        key = f"{plugin_name(self._run_id)}-{pending.number}-{len(pending.keys)}"
        pending.keys.append(key)
        others = self._workers.list_others(pending.spec.cell.python, pending.left)
        self.queue.submit(
            pending,
            run_task,
            pending.spec,
            self._run_id,
            key=key,
            priority=-pending.number,
            resources={CELL: 1, python_resource(kind, pending.spec.cell.python): 1},
            prefer=prefer,
            only=others,
        )

    def _look_around(self) -> list[tuple[CellAttempts, Any]]:
        """Notice lost workers and new ones; cells that nobody can run any more."""
        self._workers.prune(self._client.nthreads())
        if self._workers.news.is_set():
            self._workers.news.clear()
            return self._resubmit_stranded() + self._give_up()
        return self._give_up()

    def _resubmit_stranded(self) -> list[tuple[CellAttempts, Any]]:
        """Resubmit the cells that no worker could take when Dask last looked.

        Those that have lost too many workers are given back: Dask counts by key, which is new.

        A worker declares its Pythons after it has joined, when Dask has looked already. Cells that
        are merely on their way look alike, so it takes two looks.
        """
        held = {key for keys in self._client.processing().values() for key in keys}
        stranded = {
            key: pending
            for key, pending in self.queue.items()
            if key not in held and self._workers.count_cells(pending.spec.cell.python)
        }
        lost: list[tuple[CellAttempts, Any]] = []
        for key in self._stranded & stranded.keys():
            self.queue.cancel(key)
            pending = stranded.pop(key)
            if self._workers.count_started(pending.keys) > MAX_WORKER_LOSSES:
                lost.append((pending, None))
            else:
                self._send(pending, None)
        self._stranded = set(stranded)
        if stranded:
            self._workers.news.set()
        return lost

    def _give_up(self) -> list[tuple[CellAttempts, Any]]:
        """Return cells whose Python no worker has had for too long, with an error each."""
        now = time.monotonic()
        given_up: list[tuple[CellAttempts, Any]] = []
        flying = self.queue.items()
        wanted = {pending.spec.cell.python for _, pending in flying}
        wanted |= {tag for tag, waiting in self._waiting.items() if waiting}
        for tag in wanted:
            if self._workers.count_cells(tag):
                self._alone_since.pop(tag, None)
                continue
            since = self._alone_since.setdefault(tag, now)
            if now - since < NO_WORKER_TIMEOUT:
                continue
            error = InfrastructureError(
                f"the last worker with {tag} was lost, and none came within "
                f"{NO_WORKER_TIMEOUT:.0f} s"
            )
            for key, pending in flying:
                if pending.spec.cell.python == tag:
                    self.queue.cancel(key)
                    given_up.append((pending, error))
            given_up += [(pending, error) for pending in self._waiting.pop(tag, ())]
        return given_up

    def _drop_package(self, pending: CellAttempts) -> None:
        users = self._users.pop(pending.spec.wheel, set())
        there = [address for address in users if self._workers.has(address)]
        if there and not (self._analysis.keep_wheels or pending.spec.keep_wheel):
            self._client.run(
                drop_package,
                pending.spec,
                self._run_id,
                workers=there,
                wait=False,
                on_error="ignore",
            )


def remove_orphans(client: Client) -> None:
    """Remove what runs with a killed driver left on scheduler and workers."""

    def list_orphans(prefix: str, dask_scheduler: Any) -> list[str]:
        return [
            name
            for name in dask_scheduler.worker_plugins
            if name.startswith(prefix) and name.removeprefix(prefix) not in dask_scheduler.clients
        ]

    for name in client.run_on_scheduler(list_orphans, plugin_name("")):
        log.info("removing what a run left on the cluster whose driver is gone")
        with contextlib.suppress(OSError, ValueError):
            client.unregister_worker_plugin(name)
