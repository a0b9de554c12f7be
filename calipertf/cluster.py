"""A Dask cluster as users have it: connecting, comparing software, keeping tasks in flight.

Dask places the tasks and runs them again where a worker is lost; nothing here schedules. Its own
configuration gives TLS (distributed.comm.tls) and time-outs. Whoever can reach a scheduler can run
code on its workers.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar

import dask
from distributed import Client, Future, LocalCluster, as_completed

from calipertf.errors import ConfigError, EngineError
from calipertf.software import Software, compare_software, describe_software, may_hang

log = logging.getLogger("calipertf")
#: Value of `scheduler` that starts a cluster on this machine for the run.
LOCAL = "local"
#: Seconds to wait for the first worker; a queue of batch jobs may take a while.
WAIT_WORKERS = 300
#: Seconds between two looks for results: short at first, long while nothing ends.
POLL_SHORT, POLL_LONG = 0.001, 0.1
#: Cells or items that a worker may hold beside those that it runs, so that it never waits for us.
AHEAD = 2

#: States of a future whose scheduler has gone.
_LOST = frozenset({"cancelled", "lost"})

Item = TypeVar("Item")


@contextlib.contextmanager
def connect(address: str, *, jobs: int | None = None) -> Iterator[Client]:
    """A client of the cluster, whose software is that of this process.

    `address` is tcp://host:port (tls://, ...), the path of a scheduler file, or `local` for a
    cluster on this machine that lasts as long as the block, with `jobs` tasks at once.
    Raises ConfigError where the address is none, EngineError where nobody answers, no worker comes
    or the software differs.
    """
    # The client's own complaints about a lost scheduler repeat what our error says.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        client = _open_client(address, jobs, stack)
        stack.callback(_close_client, client)
        _wait_for_workers(client, address)
        check_software(client)
        yield client


def _open_client(address: str, jobs: int | None, stack: contextlib.ExitStack) -> Client:
    where: dict[str, Any]
    if address == LOCAL:
        if may_hang():
            dask.config.set({"distributed.worker.profile.enabled": False})
        cluster = LocalCluster(
            n_workers=1,
            threads_per_worker=jobs or dask.system.CPU_COUNT,
            dashboard_address=":0",
        )
        where = {"address": stack.enter_context(cluster)}
    elif "://" in address:
        where = {"address": address}
    else:
        where = {"address": _read_scheduler_file(Path(address))}
    try:
        return Client(**where, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise EngineError(
            f"no Dask scheduler answers at {where['address']} ({error}); start one with `dask "
            "scheduler`, or leave --scheduler out to use this machine",
            address=address,
        ) from error


def _read_scheduler_file(path: Path) -> str:
    """The address in a file that `dask scheduler --scheduler-file` wrote."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"scheduler: {str(path)!r} is neither an address such as tcp://host:8786, nor `local`, "
            f"nor a scheduler file that can be read ({error})",
            path=path,
        ) from error


def _close_client(client: Client) -> None:
    # A client that lost its scheduler would wait for an answer.
    with contextlib.suppress(Exception):
        client.close(timeout=2 if client.status == "running" else 0)


def _wait_for_workers(client: Client, address: str) -> None:
    if client.nthreads():
        return
    log.info("the cluster at %s has no workers yet: waiting up to %d s", address, WAIT_WORKERS)
    try:
        client.wait_for_workers(1, timeout=WAIT_WORKERS)
    except (TimeoutError, OSError) as error:
        raise EngineError(
            f"no worker came to the Dask scheduler at {address} within {WAIT_WORKERS} s; start "
            f"some with `python -m dask worker {address}`",
            address=address,
        ) from error


def check_software(client: Client) -> None:
    """Nothing where scheduler and workers agree with the driver; harmless differences are logged.

    Raises EngineError that names both sides.
    """

    # A function inside a function travels by value, so that a worker without this package answers.
    def probe() -> dict[str, Any]:
        import platform
        from dataclasses import asdict

        try:
            from calipertf.software import describe_software

            return asdict(describe_software())
        except ImportError:
            return {
                "python": platform.python_version(),
                "calipertf": None,
                "dask": version("dask"),
                "distributed": version("distributed"),
            }

    here = describe_software()
    found = {f"worker {name}": Software(**item) for name, item in client.run(probe).items()}
    found["the scheduler"] = Software(**client.run_on_scheduler(probe))
    errors: list[str] = []
    warnings: list[str] = []
    for name, there in found.items():
        wrong, harmless = compare_software(name, here, there)
        errors += wrong
        warnings += harmless
    for line in warnings[:3]:
        log.warning("%s", line)
    if len(warnings) > 3:
        log.warning("and %d more such differences", len(warnings) - 3)
    if errors:
        more = f" (and {len(errors) - 5} more)" if len(errors) > 5 else ""
        raise EngineError("; ".join(errors[:5]) + more, software=asdict(here))


class Flight(Generic[Item]):
    """Tasks on a cluster whose results are still to come; at most these are held in memory."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._futures: dict[Future[Any], Item] = {}
        self._results = as_completed([], with_results=True, raise_errors=False, loop=client.loop)

    def __len__(self) -> int:
        return len(self._futures)

    def items(self) -> list[tuple[str, Item]]:
        """Key and item of each task whose end is still to come."""
        return [(str(f.key), item) for f, item in self._futures.items() if f.status == "pending"]

    def send(
        self,
        item: Item,
        function: Callable[..., Any],
        *arguments: Any,
        key: str,
        priority: int = 0,
        resources: Mapping[str, float] | None = None,
        prefer: str | None = None,
    ) -> None:
        """Submit one call; `prefer` is the worker to take where all are alike."""
        future = self._client.submit(
            function,
            *arguments,
            key=key,
            pure=False,
            priority=priority,
            resources=dict(resources) if resources else None,
            workers=[prefer] if prefer else None,
            allow_other_workers=bool(prefer),
        )
        self._futures[future] = item
        self._results.add(future)

    def receive(self, timeout: float) -> list[tuple[Item, Any]]:
        """What ended, as (item, result or exception); empty after `timeout` seconds of nothing.

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

    def recall(self, key: str) -> None:
        """Take one task back; its result, if one comes, is dropped."""
        for future in [future for future in self._futures if future.key == key]:
            del self._futures[future]
            future.cancel(force=True)

    def cancel(self) -> None:
        """Take all tasks back."""
        futures = list(self._futures)
        self._futures.clear()
        if futures and self._client.status == "running":
            self._client.cancel(futures, force=True)

    def _check(self) -> None:
        lost = any(future.status in _LOST for future in self._futures)
        if lost or self._client.status != "running":
            raise EngineError(
                "the Dask scheduler was lost (or somebody restarted the cluster): what was "
                "finished is kept; the same command goes on from there"
            )


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[Item]):
    """What a function made of one item, or why it made nothing."""

    item: Item
    result: Any = None
    failure: Exception | None = None


def map_cluster(
    client: Client, function: Callable[[Item], Any], items: Iterable[Item]
) -> Generator[Answer[Item], None, None]:
    """The function's answer for each item, in the order in which they end.

    A lost worker's items run again elsewhere, as often as Dask allows (distributed.scheduler.
    allowed-failures, 3); the function and its results have to be picklable. No more items are on
    the cluster at once than it has threads, and a few to go on with.
    """
    flight: Flight[Item] = Flight(client)
    waiting = iter(items)
    run = f"{time.time_ns():x}"
    numbers = itertools.count()
    try:
        while True:
            room = AHEAD + 2 * sum(client.nthreads().values()) - len(flight)
            for item in itertools.islice(waiting, max(0, room)):
                number = next(numbers)
                flight.send(item, function, item, key=f"map-{run}-{number}", priority=-number)
            if not len(flight):
                return
            for item, result in flight.receive(5):
                if isinstance(result, Exception):
                    yield Answer(item=item, failure=result)
                else:
                    yield Answer(item=item, result=result)
    finally:
        flight.cancel()
