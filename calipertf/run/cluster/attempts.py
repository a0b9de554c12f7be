"""A cell's way over the workers of a cluster: where it was, why it left, what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from distributed.scheduler import KilledWorker

from calipertf.errors import FaultError, InfrastructureError
from calipertf.run.cluster.worker import Reply
from calipertf.run.retry import MAX_REJECTIONS, MAX_WORKER_FAILURES
from calipertf.run.schedule import Done
from calipertf.run.spec import CellSpec


@dataclass(kw_only=True)
class CellAttempts:
    """A cell on its way."""

    spec: CellSpec
    #: Place in the order of the run; the lower, the earlier.
    number: int
    #: Dask's key of each time that it was submitted.
    keys: list[str] = field(default_factory=list)
    #: Workers that it left without a record, and why.
    history: list[str] = field(default_factory=list)
    #: Addresses of those workers.
    left: set[str] = field(default_factory=set)
    #: How many of them failed at it.
    failures: int = 0

    def record(self, reply: Reply) -> bool:
        """Return whether the reply sends the cell to another worker."""
        if reply.seen is not None:
            return False
        self.history.append(f"{reply.label}: {reply.elsewhere or reply.failure}")
        self.left.add(reply.address)
        if reply.elsewhere is not None:
            return len(self.history) <= MAX_REJECTIONS
        self.failures += 1
        return (
            isinstance(reply.failure, InfrastructureError) and self.failures < MAX_WORKER_FAILURES
        )

    def make_result(self, reply: Any, started: Sequence[str]) -> Done:
        """Return what happened in the cell, or an infrastructure error with its history.

        `reply` is a Reply, the exception that Dask gives, or None where its workers were lost;
        `started` are workers that began it.
        """
        if isinstance(reply, Reply) and reply.seen is not None:
            return Done(spec=self.spec, seen=reply.seen)
        if isinstance(reply, Reply):
            words = "; ".join(self.history)
            if isinstance(reply.failure, FaultError):
                return Done(spec=self.spec, failure=FaultError(words))
        elif reply is None or isinstance(reply, KilledWorker):
            last = getattr(reply, "last_worker", None)
            lost = list(started) or [str(getattr(last, "address", "unknown"))]
            count = "1 worker was" if len(lost) == 1 else f"{len(lost)} workers were"
            words = (
                f"{count} lost while they ran it: {', '.join(lost)}; their logs may say why (out "
                "of memory?)"
            )
        else:
            words = str(reply)
        return Done(spec=self.spec, failure=InfrastructureError(words))
