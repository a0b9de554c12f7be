"""The workers of a cluster: what each takes, which are lost, which fail."""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from calipertf.run.retry import FAILURE_STREAK

log = logging.getLogger("calipertf")


class WorkerRegistry:
    """What workers have reported; written by Dask's thread, read by the driver's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: Address -> what a worker has said of itself.
        self._workers: dict[str, Mapping[str, Any]] = {}
        #: Key -> workers that have started it.
        self._started: dict[str, list[str]] = defaultdict(list)
        #: Address -> cells that it failed at since the last that it did.
        self._failures: Counter[str] = Counter()
        #: Set where a worker came or went.
        self.news = threading.Event()

    def take_event(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Take a worker's event; Dask's client calls this in its thread."""
        _, message = event
        if "ready" in message:
            self.register(message["ready"])
        elif "started" in message:
            with self._lock:
                self._started[message["started"]].append(message["label"])

    def register(self, said: Mapping[str, Any]) -> None:
        """A worker says what it has."""
        with self._lock:
            known = said["address"] in self._workers
            self._workers[said["address"]] = said
        if not known:
            self.news.set()
            if said["trouble"]:
                log.warning("worker %s takes no cells: %s", said["label"], said["trouble"])

    def prune(self, present: Collection[str]) -> None:
        """Forget the workers that are not present any more."""
        with self._lock:
            for address in set(self._workers) - set(present):
                log.warning("worker %s is lost", self._workers.pop(address)["label"])
                self.news.set()

    def has(self, address: str) -> bool:
        """Return whether a worker is there."""
        with self._lock:
            return address in self._workers

    def count_cells(self, tag: str) -> int:
        """Return the cells with some Python that all workers together take at once."""
        with self._lock:
            return sum(int(s["cells"]) for s in self._workers.values() if tag in s["pythons"])

    def list_others(self, tag: str, left: Collection[str]) -> list[str] | None:
        """Return the workers that a cell is to be kept to.

        None where any will do, or none is better.

        `left` are those that it has left already.
        """
        with self._lock:
            offering = [key for key, said in self._workers.items() if tag in said["pythons"]]
            failing = {key for key, count in self._failures.items() if count >= FAILURE_STREAK}
        if not failing.union(left).intersection(offering):
            return None
        others = [key for key in offering if key not in left]
        return [key for key in others if key not in failing] or others or None

    def record_result(self, address: str, label: str, *, failed: bool) -> None:
        """A worker did a cell, or failed at it for reasons that are not the package's."""
        if not failed:
            self._failures.pop(address, None)
            return
        self._failures[address] += 1
        if self._failures[address] == FAILURE_STREAK:
            log.warning(
                "worker %s failed %d times in a row: others go first", label, FAILURE_STREAK
            )

    def count_started(self, keys: Iterable[str]) -> int:
        """Return how often workers have started a cell, by Dask's keys for it."""
        with self._lock:
            return sum(len(self._started[key]) for key in keys if key in self._started)

    def pop_started(self, keys: Iterable[str]) -> list[str]:
        """Return the workers that have started a cell, by Dask's keys for it."""
        with self._lock:
            return [label for key in keys for label in self._started.pop(key, ())]
