"""What the workers of a Dask cluster offer together."""

from __future__ import annotations

import contextlib
import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from distributed import Client

from calipertf.config.model import Analysis
from calipertf.dask.connect import ask_workers, connect
from calipertf.errors import EngineError
from calipertf.run.backends.base import Capabilities, Python
from calipertf.run.backends.venv.folders import cache_folder
from calipertf.run.cluster.capabilities import (
    BackendFactory,
    WorkerCapabilities,
    describe_capabilities,
    make_failed,
)
from calipertf.run.options import RunOptions

log = logging.getLogger("calipertf")


class ClusterCapabilities(Capabilities):
    """What the workers of a cluster offer together; cells are built by them, not here."""

    kind: str

    def __init__(self, client: Client, factory: BackendFactory) -> None:
        self.client = client
        self.factory = factory
        self.kind = factory.kind
        self._answers: dict[str, Mapping[str, WorkerCapabilities]] = {}
        kinds = {worker.kind for worker in self._ask(()).values()} - {None}
        if not kinds:
            why = self.explain_missing("environment")
            raise EngineError(f"no cell can be built on the cluster: {why}")
        if self.kind == "auto":
            # One kind a run, or its records could not be compared.
            self.kind = str(kinds.pop()) if len(kinds) == 1 else "venv"
            self.factory = factory.with_kind(self.kind)
        log.info("environment: %s, on %d workers", self.kind, len(self._ask(())))

    def _ask(self, tags: Sequence[str]) -> Mapping[str, WorkerCapabilities]:
        """Return each worker's capabilities by its address; every question is asked once."""
        question = " ".join((self.kind, *tags))
        if question not in self._answers:
            answers = ask_workers(self.client, describe_capabilities, self.factory, list(tags))
            self._answers[question] = {
                address: answer
                if isinstance(answer, WorkerCapabilities)
                else make_failed(address, tags, answer)
                for address, answer in answers.items()
            }
        return self._answers[question]

    def find_python(self, tag: str) -> Python | None:
        """Return the interpreter on the first worker that has one."""
        for worker in self._ask((tag,)).values():
            if tag in worker.pythons:
                return Python(tag=tag, version=None, source=worker.pythons[tag])
        return None

    def explain_missing(self, tag: str) -> str:
        """Return each worker's reason, equal ones together."""
        workers: dict[str, list[str]] = defaultdict(list)
        for worker in self._ask((tag,)).values():
            workers[worker.reasons.get(tag, "it has come since")].append(worker.label)
        reasons = (
            f"{', '.join(names[:3])}{' and more' if len(names) > 3 else ''}: {why}"
            for why, names in workers.items()
        )
        return f"no worker of the cluster has {tag}: {'; '.join(reasons) or 'all are lost'}"

    def platforms(self) -> list[str]:
        """Return platform tags that all workers take, the best first."""
        workers = [worker for worker in self._ask(()).values() if worker.platforms]
        if not workers:
            raise EngineError("all workers of the cluster were lost; run the command again")
        common = set.intersection(*(set(worker.platforms) for worker in workers))
        if not common:
            raise EngineError(
                f"{workers[0].label} is {workers[0].platforms[-1]} and others are not: the workers "
                "of one run have to be of one platform"
            )
        return [tag for tag in workers[0].platforms if tag in common]


@contextlib.contextmanager
def _share_cache() -> Iterator[None]:
    """Let the workers of a cluster on this machine, whose environment is ours, use our cache."""
    before = os.environ.get("CALIPER_CACHE")
    os.environ["CALIPER_CACHE"] = str(cache_folder())
    try:
        yield
    finally:
        if before is None:
            del os.environ["CALIPER_CACHE"]
        else:
            os.environ["CALIPER_CACHE"] = before


@contextlib.contextmanager
def open_cluster(
    address: str, analysis: Analysis, options: RunOptions
) -> Iterator[ClusterCapabilities]:
    """Yield what the workers of a cluster offer, while connected to it."""
    with (
        _share_cache(),
        connect(address, needs="calipertf.run.cluster.worker", jobs=options.jobs) as client,
    ):
        yield ClusterCapabilities(client, BackendFactory(analysis=analysis, options=options))
