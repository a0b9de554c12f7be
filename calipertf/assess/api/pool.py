"""Many versions extracted side by side, each in a process of its own, resumable."""

from __future__ import annotations

import functools
import multiprocessing
import resource
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path

from packaging.utils import canonicalize_name

from calipertf.assess.api.extract import extract_api
from calipertf.assess.api.model import Source, is_current
from calipertf.errors import CaliperError, FaultError, InfrastructureError, describe_fault
from calipertf.index import DEFAULT_INDEX

#: Seconds that one version may take, downloads and retries included.
TIMEOUT = 900.0


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """How the extraction of one version went; the Api itself is in the cache."""

    package: str
    version: str
    #: The cache held it already.
    cached: bool = False
    #: Why there is no Api; None where there is one.
    error: CaliperError | None = None
    sources: tuple[Source, ...] = ()
    symbols: int = 0
    #: Wall clock, of which this many the processor was busy with it; 0.0 where cached.
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    #: Peak resident memory of the process, bytes.
    peak_memory: int = 0


def extract_versions(
    package: str,
    versions: Sequence[str],
    *,
    cache_dir: Path,
    jobs: int = 1,
    index_url: str = DEFAULT_INDEX,
    offline: bool = False,
) -> Iterator[Extraction]:
    """Yield one Extraction a version, as they finish; what the cache holds is not done again.

    Each version has a process of its own: its memory is given back, and one that is killed costs
    that version alone. Closing the iterator early waits for those under way.
    """
    waiting = []
    for version in versions:
        if is_current(cache_dir, canonicalize_name(package), version):
            yield Extraction(package=package, version=version, cached=True)
        else:
            waiting.append(version)
    stopping = threading.Event()
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        futures = [
            pool.submit(_extract_apart, package, version, cache_dir, index_url, offline, stopping)
            for version in waiting
        ]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            stopping.set()
            for future in futures:
                future.cancel()


def _extract_apart(
    package: str,
    version: str,
    cache_dir: Path,
    index_url: str,
    offline: bool,
    stopping: threading.Event,
) -> Extraction:
    """Return the outcome of one version's process."""
    failed = Extraction(package=package, version=version)
    context = _get_context()
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_work, args=(sender, package, version, cache_dir, index_url, offline), daemon=True
    )
    process.start()
    sender.close()
    deadline = time.monotonic() + TIMEOUT
    try:
        while not receiver.poll(0.2):
            if stopping.is_set() or time.monotonic() > deadline:
                break
        else:
            return _receive(receiver, failed)
        reason = "was interrupted" if stopping.is_set() else f"took more than {TIMEOUT:.0f} s"
        return _fail(failed, f"extracting {package} {version} {reason}; run the command again")
    finally:
        receiver.close()
        if process.is_alive() and (stopping.is_set() or time.monotonic() > deadline):
            process.terminate()
        process.join()


@functools.cache
def _get_context() -> ForkServerContext | SpawnContext:
    """Return processes forked from one that has imported the extraction: a second less for each."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([extract_api.__module__])
    return context


def _receive(receiver: Connection, failed: Extraction) -> Extraction:
    try:
        outcome: Extraction = receiver.recv()
    except EOFError:
        return _fail(
            failed,
            f"the process that extracted {failed.package} {failed.version} was killed, likely for "
            "want of memory; run the command again with fewer --jobs",
        )
    return outcome


def _fail(failed: Extraction, message: str) -> Extraction:
    error = InfrastructureError(message, version=failed.version)
    return Extraction(package=failed.package, version=failed.version, error=error)


def _work(
    sender: Connection,
    package: str,
    version: str,
    cache_dir: Path,
    index_url: str,
    offline: bool,
) -> None:
    """Run in the version's process: extract, keep, report."""
    sender.send(extract_here(package, version, cache_dir, index_url, offline=offline))
    sender.close()


def extract_here(
    package: str, version: str, cache_dir: Path, index_url: str, *, offline: bool = False
) -> Extraction:
    """Return how the extraction of one version in this process went.

    Its memory is not given back.
    """
    started = time.monotonic()
    try:
        api = extract_api(
            package, version, index_url=index_url, cache_dir=cache_dir, offline=offline
        )
        return Extraction(
            package=package,
            version=version,
            sources=api.sources,
            symbols=len(api.symbols),
            seconds=time.monotonic() - started,
            cpu_seconds=time.process_time(),
            peak_memory=_peak_memory(),
        )
    except CaliperError as error:
        return Extraction(package=package, version=version, error=error)
    except MemoryError:
        failed = Extraction(package=package, version=version)
        return _fail(failed, f"there is not enough memory to extract {package} {version}")
    except Exception as error:  # noqa: BLE001  one version's failure is told, the rest goes on
        words = f"extracting {package} {version} failed: {describe_fault(error)}"
        return Extraction(package=package, version=version, error=FaultError(words))


def _peak_memory() -> int:
    """Return bytes; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def describe_extraction(done: Extraction) -> str:
    """Return the line that a log gets for a version."""
    name = f"{done.package} {done.version}"
    if done.error is not None:
        return f"{name}: {done.error}"
    return (
        f"{name}: {done.symbols} names, {describe_bytes([done])}, {done.seconds:.0f} s, "
        f"{done.peak_memory / 1e6:.0f} MB of memory"
    )


def describe_bytes(extractions: Iterable[Extraction]) -> str:
    """Return how much of the files was read; in kB where that is little."""
    sources = [source for done in extractions for source in done.sources]
    read = sum(source.bytes_read or 0 for source in sources)
    total = sum(source.bytes_total or 0 for source in sources)
    if total < 1e6:
        return f"{read / 1e3:.0f} of {total / 1e3:.0f} kB read"
    # Of a small wheel, the last bytes are read twice: first for the list of what it holds.
    share = min(read / total, 1.0)
    return f"{min(read, total) / 1e6:.1f} of {total / 1e6:.1f} MB read ({share:.1%})"
