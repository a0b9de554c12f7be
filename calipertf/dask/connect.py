"""A Dask cluster as users have it: connecting, comparing software, asking its workers.

Dask places the tasks and runs them again where a worker is lost; nothing here schedules. Its own
configuration gives TLS (distributed.comm.tls) and time-outs. Whoever can reach a scheduler can run
code on its workers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dask
from distributed import Client, LocalCluster, Security
from distributed.comm.core import CommClosedError
from distributed.core import rpc
from distributed.versions import VersionMismatchWarning

from calipertf.dask.versions import (
    Package,
    Software,
    compare_package,
    compare_software,
    describe_package,
    describe_software,
    may_hang,
)
from calipertf.errors import CaliperError, ConfigError, EngineError
from calipertf.files.inputs import load_json, read_file

log = logging.getLogger("calipertf")
#: Value of `scheduler` that starts a cluster on this machine for the run.
LOCAL = "local"
#: Seconds to wait for the first worker; a queue of batch jobs may take a while.
WAIT_WORKERS = 300
#: Seconds that who took the connection has to answer as a Dask scheduler does.
WAIT_ANSWER = 10
#: Seconds without a worker's answer after which people are told.
LOG_AFTER = 20


@contextlib.contextmanager
def connect(address: str, *, needs: str, jobs: int | None = None) -> Iterator[Client]:
    """Yield a client of the cluster, after checking that both run the same software.

    `address` is tcp://host:port (tls://, ...), the path of a scheduler file, or `local` for a
    cluster on this machine that lasts as long as the block, with `jobs` tasks at once. Workers
    have to be able to import the module `needs`.
    Raises ConfigError where the address is none, EngineError where nobody answers, no worker comes,
    the software differs, or the scheduler is lost.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_quiet_client())
        client = _open_client(address, jobs, stack)
        stack.callback(_close_client, client)
        try:
            _wait_for_workers(client, address)
            check_software(client, needs)
            yield client
        except Exception as error:
            lost = isinstance(error, CommClosedError) or client.status != "running"
            if isinstance(error, CaliperError) or not lost:
                raise
            raise scheduler_lost_error() from error


@contextlib.contextmanager
def _quiet_client() -> Iterator[None]:
    """Silence Dask's own messages on lost schedulers and versions: our errors say it."""
    client_log = logging.getLogger("distributed.client")
    level = client_log.level
    client_log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=VersionMismatchWarning)
            yield
    finally:
        client_log.setLevel(level)


def scheduler_lost_error() -> EngineError:
    """Return the error for a lost scheduler."""
    return EngineError(
        "the Dask scheduler was lost (or somebody restarted the cluster): what was finished is "
        "kept; the same command goes on from there"
    )


def _open_client(address: str, jobs: int | None, stack: contextlib.ExitStack) -> Client:
    if address == LOCAL:
        if may_hang():
            stack.enter_context(dask.config.set({"distributed.worker.profile.enabled": False}))
        with _ignore_interrupts():
            cluster = LocalCluster(
                n_workers=1,
                threads_per_worker=jobs or dask.system.CPU_COUNT,
                dashboard_address=":0",
                silence_logs=logging.ERROR,  # what it warns of at an end that was asked for
            )
        return Client(stack.enter_context(cluster), set_as_default=False)
    where = address if "://" in address else _read_scheduler_file(Path(address))
    _report_mismatches(
        [compare_software("the scheduler", describe_software(), probe_scheduler(where))]
    )
    try:
        return Client(where, set_as_default=False)
    except (OSError, ValueError) as error:
        raise scheduler_lost_error() from error


@contextlib.contextmanager
def _ignore_interrupts() -> Iterator[None]:
    """Let processes started inside ignore a terminal's Ctrl-C: this process ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _read_scheduler_file(path: Path) -> str:
    """Return the address in a file that `dask scheduler --scheduler-file` wrote."""
    try:
        return str(load_json(read_file(path, largest=1024**2))["address"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ConfigError(
            f"scheduler: {str(path)!r} is neither an address such as tcp://host:8786, nor `local`, "
            f"nor a scheduler file that can be read ({_explain_file(error)})",
            path=path,
        ) from error


def _explain_file(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, LookupError | TypeError):
        return "it names no address"
    return f"it is no JSON: {error}"


def _check_port(address: str) -> None:
    """Raise ConfigError for a port that no address has: Dask would try it until its time is up."""
    match = re.search(r":(\d+)/?$", address)
    if match and not 0 < int(match[1][:9]) < 65536:
        raise ConfigError(f"scheduler: {address!r} is no address to use: ports are from 1 to 65535")


def probe_scheduler(address: str) -> Software:
    """Return the software of the scheduler at an address, asked by Dask's own messages.

    Nothing is pickled: to unpickle a function of another Python can kill a process. Raises
    ConfigError where the address is none, EngineError where no scheduler answers.
    """
    _check_port(address)
    log.info("asking the Dask scheduler at %s", address)

    async def ask() -> Mapping[str, Any]:
        async with rpc(address, connection_args=Security().get_connection_args("client")) as there:
            said: Mapping[str, Any] = await there.versions()
            return said

    patience = dask.utils.parse_timedelta(dask.config.get("distributed.comm.timeouts.connect"))
    try:
        return read_versions(asyncio.run(asyncio.wait_for(ask(), patience + WAIT_ANSWER)))
    except (ValueError, TypeError) as error:
        words = f"is no address to use: {error}"
        if "ssl_context" in words:
            words = "needs certificates: name them in Dask's configuration (distributed.comm.tls)"
        raise ConfigError(f"scheduler: {address!r} {words}") from error
    except Exception as error:  # whatever is at the other end may answer anything
        # Dask puts the object that failed before what happened: in <...>: Connection refused.
        why = str(error.__cause__ or "").rpartition(">: ")[2] or str(error)
        words = why or "what listens there does not reply as one"
        raise EngineError(
            f"no Dask scheduler answers at {address} ({words}); start one with `python -m dask "
            "scheduler`, or leave --scheduler out to use this machine",
            address=address,
        ) from error


def read_versions(said: Mapping[str, Any]) -> Software:
    """Return the software that a Dask process reports; it does not know this package's version."""
    packages = said["packages"]
    return Software(
        python=".".join(str(packages["python"]).split(".")[:3]),
        dask=str(packages["dask"]),
        distributed=str(packages["distributed"]),
    )


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
    except TimeoutError as error:
        raise EngineError(
            f"no worker came to the Dask scheduler at {address} within {WAIT_WORKERS} s; start "
            f"some with `python -m dask worker {address}`",
            address=address,
        ) from error


def ask_workers(client: Client, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Return each worker's answer by its address.

    An exception where it failed, none where it is lost.
    """
    with log_if_slow():
        answers = client.run(function, *arguments, on_error="return")
    return {
        address: answer
        for address, answer in answers.items()
        if not isinstance(answer, (CommClosedError, TimeoutError))
    }


@contextlib.contextmanager
def log_if_slow() -> Iterator[None]:
    """Log after a while that a worker keeps the run waiting."""
    words = (
        "a worker does not answer: waiting until it does, or the scheduler gives it up after its "
        "distributed.scheduler.worker-ttl (Dask's default is five minutes)"
    )
    timer = threading.Timer(LOG_AFTER, log.info, [words])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def check_software(client: Client, needs: str) -> None:
    """Nothing where all workers agree with the driver; harmless differences are logged.

    Raises EngineError that names both sides.
    """

    # A function inside a function travels by value, so that a worker without this package answers.
    def probe(module: str) -> dict[str, Any]:
        import importlib

        try:
            importlib.import_module(module)
            software = importlib.import_module("calipertf.dask.versions")
            return {"digest": software.hash_package(), "may_hang": software.may_hang()}
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is told
            return {"digest": None, "trouble": str(error)}

    here = describe_software()
    with log_if_slow():
        versions: Any = client.get_versions()
    _report_mismatches(
        compare_software(f"worker {address}", here, read_versions(said))
        for address, said in versions["workers"].items()
    )
    package = describe_package()
    answers = {
        **{f"worker {key}": said for key, said in ask_workers(client, probe, needs).items()},
        "the scheduler": client.run_on_scheduler(probe, needs),
    }
    _report_mismatches(
        compare_package(name, package, Package(**said))
        for name, said in answers.items()
        if isinstance(said, dict)
    )


def _report_mismatches(differences: Iterable[tuple[list[str], list[str]]]) -> None:
    """Log harmless ones; EngineError where others are among them."""
    errors: list[str] = []
    warnings: list[str] = []
    for wrong, harmless in differences:
        errors += wrong
        warnings += harmless
    for line in warnings[:3]:
        log.warning("%s", line)
    if len(warnings) > 3:
        log.warning("and %d more such differences", len(warnings) - 3)
    if errors:
        more = f" (and {len(errors) - 5} more)" if len(errors) > 5 else ""
        raise EngineError("; ".join(errors[:5]) + more)
