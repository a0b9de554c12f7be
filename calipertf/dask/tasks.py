"""In-flight tasks on a Dask cluster, and a map over items."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from distributed import Client, Future, as_completed

from calipertf.dask.connect import scheduler_lost_error
from calipertf.errors import EngineError

#: Seconds between two looks for results: short at first, long while nothing ends.
POLL_SHORT, POLL_LONG = 0.001, 0.1
#: Cells or items that a worker may hold beside those that it runs, so that it never waits for us.
PREFETCH = 2
#: Seconds that tasks wait for a worker after the last one was lost.
NO_WORKER_TIMEOUT = 120.0

#: States of a future whose scheduler has gone.
_LOST = frozenset({"cancelled", "lost"})

Item = TypeVar("Item")


class TaskQueue(Generic[Item]):
    """In-flight tasks on a cluster: only their results are held in memory."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._futures: dict[Future[Any], Item] = {}
        self._results = as_completed([], with_results=True, raise_errors=False, loop=client.loop)

    def __len__(self) -> int:
        return len(self._futures)

    def items(self) -> list[tuple[str, Item]]:
        """Return the key and item of each task in flight."""
        return [(str(f.key), item) for f, item in self._futures.items() if f.status == "pending"]

    def submit(
        self,
        item: Item,
        function: Callable[..., Any],
        *arguments: Any,
        key: str,
        priority: int = 0,
        resources: Mapping[str, float] | None = None,
        prefer: str | None = None,
        only: Sequence[str] | None = None,
    ) -> None:
        """Submit one call to one of the workers `only` (None: any).

        `prefer` is the worker to take where all are alike.
        """
        chosen = [prefer] if prefer and (only is None or prefer in only) else None
        future = self._client.submit(
            function,
            *arguments,
            key=key,
            pure=False,
            priority=priority,
            resources=dict(resources) if resources else None,
            workers=chosen or only,
            allow_other_workers=bool(chosen) and only is None,
        )
        self._futures[future] = item
        self._results.add(future)

    def wait(self, timeout: float) -> list[tuple[Item, Any]]:
        """Return what ended, as (item, result or exception).

        Empty after `timeout` seconds of nothing.

        Raises EngineError where the scheduler is lost.
        """
        deadline = time.monotonic() + timeout
        pause = POLL_SHORT
        while True:
            ended = self._take_ended()
            if ended or time.monotonic() > deadline:
                return ended
            self._check()
            time.sleep(pause)
            pause = min(2 * pause, POLL_LONG)

    def _take_ended(self) -> list[tuple[Item, Any]]:
        ended = []
        for future, result in self._results.next_batch(block=False):
            if future not in self._futures or future.status in _LOST:
                continue  # recalled, or told of by _check once the others are handed on
            item = self._futures.pop(future)
            ended.append((item, future.exception() if future.status == "error" else result))
            future.release()
        return ended

    def cancel(self, key: str) -> None:
        """Take one task back; its result, if one comes, is dropped."""
        for future in [future for future in self._futures if future.key == key]:
            del self._futures[future]
            future.cancel(force=True)

    def cancel_all(self) -> None:
        """Take all tasks back."""
        futures = list(self._futures)
        self._futures.clear()
        if futures and self._client.status == "running":
            self._client.cancel(futures, force=True)

    def _check(self) -> None:
        lost = any(future.status in _LOST for future in self._futures)
        if lost or self._client.status != "running":
            raise scheduler_lost_error()


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[Item]):
    """What a function made of one item, or why it made nothing."""

    item: Item
    result: Any = None
    failure: Exception | None = None


def map_cluster(
    client: Client, function: Callable[[Item], Any], items: Iterable[Item]
) -> Generator[Answer[Item], None, None]:
    """Yield the function's answer for each item, in the order in which they end.

    A lost worker's items run again elsewhere, as often as Dask allows (distributed.scheduler.
    allowed-failures, 3); the function and its results have to be picklable. No more items are on
    the cluster at once than it has threads, and a few to go on with. Raises EngineError where the
    scheduler is lost, or the last worker and none comes.
    """
    queue: TaskQueue[Item] = TaskQueue(client)
    waiting = iter(items)
    run = f"{time.time_ns():x}"
    numbers = itertools.count()
    alone: float | None = None
    try:
        while True:
            threads = sum(client.nthreads().values())
            alone = None if threads else alone or time.monotonic()
            if alone and time.monotonic() - alone > NO_WORKER_TIMEOUT:
                raise EngineError(
                    f"the cluster has had no worker for {NO_WORKER_TIMEOUT:.0f} s: what was "
                    "finished is kept; the same command goes on from there"
                )
            room = PREFETCH + 2 * threads - len(queue)
            for item in itertools.islice(waiting, max(0, room)):
                number = next(numbers)
                queue.submit(item, function, item, key=f"map-{run}-{number}", priority=-number)
            if not len(queue):
                return
            for item, result in queue.wait(5):
                if isinstance(result, Exception):
                    yield Answer(item=item, failure=result)
                else:
                    yield Answer(item=item, result=result)
    finally:
        queue.cancel_all()
