"""Versions extracted by the workers of a Dask cluster; the driver keeps what they send back.

A worker needs no shared folder: it reads the wheel's parts from the index into a folder of its own
and sends the one file that the cache keeps.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import canonicalize_name

import calipertf
from calipertf.assess.api.model import cache_path
from calipertf.assess.api.pool import TIMEOUT, Extraction, extract_here
from calipertf.errors import InfrastructureError
from calipertf.files.atomic import write_bytes

_CHILD = "from calipertf.assess.api.dask_pool import child_main; child_main()"


@dataclass(frozen=True, kw_only=True)
class ExtractionRequest:
    """One version to extract."""

    package: str
    version: str
    index_url: str


@dataclass(frozen=True, kw_only=True)
class ExtractionResponse:
    """What a worker sends back."""

    extraction: Extraction
    #: The file for the cache; None where there is no Api.
    content: bytes | None


def extract_on_cluster(
    address: str, package: str, versions: Sequence[str], *, cache_dir: Path, index_url: str
) -> Iterator[Extraction]:
    """Yield one Extraction a version, as they finish.

    Each Api is in the cache before it is told of.
    """
    if not versions:
        return
    from calipertf.dask.connect import connect
    from calipertf.dask.tasks import map_cluster

    orders = [
        ExtractionRequest(package=package, version=item, index_url=index_url) for item in versions
    ]
    with (
        connect(address, needs=__name__) as client,
        contextlib.closing(map_cluster(client, extract_in_child, orders)) as answers,
    ):
        for answer in answers:
            if answer.failure is not None:
                yield _fail(answer.item, f"failed on the cluster: {answer.failure}")
                continue
            parcel: ExtractionResponse = answer.result
            if parcel.content is not None:
                path = cache_path(cache_dir, canonicalize_name(package), answer.item.version)
                write_bytes(path, parcel.content)
            yield parcel.extraction


def extract_in_child(order: ExtractionRequest) -> ExtractionResponse:
    """Extract a version on a worker, in a process of its own, so that its memory is freed.

    Dask's worker processes are daemons, which multiprocessing lets have no children.
    """
    here = str(Path(calipertf.__file__).parents[1])
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD],
            input=pickle.dumps(order),
            capture_output=True,
            check=True,
            timeout=TIMEOUT,
            env=environ,
        )
    except subprocess.TimeoutExpired:
        failed = _fail(order, f"took more than {TIMEOUT:.0f} s")
        return ExtractionResponse(extraction=failed, content=None)
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="replace")[-300:]
        failed = _fail(order, f"ended with {error.returncode} on a worker: {words}")
        return ExtractionResponse(extraction=failed, content=None)
    parcel: ExtractionResponse = pickle.loads(done.stdout)  # noqa: S301 -- from the process started above
    return parcel


def child_main() -> None:
    """Run in that process: an order on standard input, its parcel on standard output."""
    order: ExtractionRequest = pickle.load(sys.stdin.buffer)  # noqa: S301 -- from extract_in_child
    with tempfile.TemporaryDirectory(prefix="caliper-extraction-") as name:
        folder = Path(name)
        done = extract_here(order.package, order.version, folder, order.index_url)
        path = cache_path(folder, canonicalize_name(order.package), order.version)
        content = path.read_bytes() if path.exists() else None
        if done.error is not None:
            # Without its values, which may not be picklable.
            done = replace(done, error=type(done.error)(str(done.error)))
        pickle.dump(ExtractionResponse(extraction=done, content=content), sys.stdout.buffer)


def _fail(order: ExtractionRequest, words: str) -> Extraction:
    error = InfrastructureError(
        f"extracting {order.package} {order.version} {words}; run the command again"
    )
    return Extraction(package=order.package, version=order.version, error=error)
