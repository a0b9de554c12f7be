"""What the process of a cell's container says, event by event."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from docker.models.containers import Container

from calipertf.errors import InfrastructureError
from calipertf.run.backends.docker.engine import engine_errors, follow

#: What a container's scripts are kept from, as records name it.
DENIED = ("capabilities", "processes", "read-only", "root")
#: What the runner writes.
EVENTS = {"start", "import", "script", "again", "end"}
#: Bytes of one event: two streams of a script, escaped, and room.
LONGEST_LINE = 16 * 1024**2


def run_container(
    container: Container,
    *,
    seconds: float,
    network: bool,
    check: Callable[[], None],
    report: Callable[[dict[str, Any]], None],
) -> None:
    """Start a container and hand each event of its runner on, as it comes.

    `network` says whether the container has one. A script that the engine killed because memory ran
    out has `ended` "memory". Raises EngineError where the engine failed, InfrastructureError where
    the runner did or took longer than `seconds`; `check` raises where the run is stopped.
    """
    events = _Events(report, DENIED if network else (*DENIED, "network"))
    deadline = time.monotonic() + seconds
    with engine_errors("the engine failed while scripts ran"):
        stream = container.attach(stream=True, stdout=True, stderr=True, demux=True)
        container.start()
        for output, error in follow(
            stream, check, lambda: time.monotonic() > deadline, stream.close
        ):
            events.read(output or b"", error or b"")
        check()
        if time.monotonic() > deadline:
            raise InfrastructureError(f"the scripts of a cell took longer than {seconds:.0f} s")
        status = container.wait(timeout=60)["StatusCode"]
        container.reload()
    starved = bool(container.attrs["State"].get("OOMKilled"))
    if status != 0:
        memory = ", out of memory" if starved else ""
        raise InfrastructureError(f"the script runner ended with {status}{memory}: {events.words}")
    if starved:
        for event in events.killed:
            report({**event, "ended": "memory"})


class _Events:
    """The two streams of a runner, taken apart into events."""

    def __init__(self, report: Callable[[dict[str, Any]], None], denied: Iterable[str]) -> None:
        self._report = report
        self._denied = denied
        self._pending = b""
        self._error = b""
        #: Events of scripts that were killed.
        self.killed: list[dict[str, Any]] = []

    @property
    def words(self) -> str:
        """Return the last words of the runner itself."""
        return self._error.decode("utf-8", "replace").strip()[-400:]

    def read(self, output: bytes, error: bytes) -> None:
        """Take up what came and report the events that are complete."""
        self._error = (self._error + error)[-2000:]
        *lines, self._pending = (self._pending + output).split(b"\n")
        if len(self._pending) > LONGEST_LINE:
            raise InfrastructureError("a container's output is no list of events")
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # cut short by the end of the process
            if not isinstance(event, dict) or event.get("event") not in EVENTS:
                continue  # not the runner's
            try:
                self._take(event)
            except (AttributeError, KeyError, TypeError) as error:
                raise InfrastructureError(
                    f"a container's output holds what is no event of the runner: {line[:80]!r}"
                ) from error

    def _take(self, event: dict[str, Any]) -> None:
        if event.get("ended") == "signal" and event.get("retval") == -9:
            self.killed.append(event)
        if event["event"] == "start":
            event["isolation"] = sorted({*event["isolation"], *self._denied})
        self._report(event)
