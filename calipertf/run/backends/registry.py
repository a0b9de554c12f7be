"""Where the cells of a run are built: the kinds that there are, and how one is opened."""

from __future__ import annotations

import contextlib
import importlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from calipertf.config.model import Analysis
from calipertf.errors import EngineError
from calipertf.index.client import Index
from calipertf.index.snapshot import TimeMachine
from calipertf.run.backends.base import Backend
from calipertf.run.options import RunOptions
from calipertf.run.processes import Processes

log = logging.getLogger("calipertf")

#: Kind of environment -> the module whose `open_backend` opens it, in the order in which `auto`
#: tries them. They are also the values of EnvironmentKind in calipertf.config.choices.
BACKENDS: Mapping[str, str] = {
    "docker": "calipertf.run.backends.docker.backend",
    "venv": "calipertf.run.backends.venv.backend",
}


@dataclass(frozen=True, kw_only=True)
class BackendRequest:
    """What a backend is opened with."""

    analysis: Analysis
    options: RunOptions
    processes: Processes
    #: Give the server of the index's past on one of this machine's addresses, started when it is
    #: first asked for.
    machine: Callable[[str], TimeMachine]


@contextlib.contextmanager
def open_backend(
    analysis: Analysis, options: RunOptions, processes: Processes, index: Index
) -> Iterator[Backend]:
    """Open the backend that the options ask for, on this machine; `auto` is the first that works.

    Raises EngineError where it cannot be opened.
    """
    with contextlib.ExitStack() as stack:
        machines: dict[str, TimeMachine] = {}
        lock = threading.Lock()

        def machine(host: str) -> TimeMachine:
            with lock:
                if host not in machines:
                    machines[host] = TimeMachine(index, host)
                    stack.callback(machines[host].close)
                return machines[host]

        request = BackendRequest(
            analysis=analysis, options=options, processes=processes, machine=machine
        )
        backend = _open(request)
        stack.callback(backend.close)
        stack.callback(processes.stop)
        yield backend


def _open(request: BackendRequest) -> Backend:
    """Return the first backend of those asked for that opens; raise the last one's EngineError."""
    wanted = request.options.environment
    kinds = list(BACKENDS) if wanted == "auto" else [wanted]
    for kind in kinds:
        try:
            backend: Backend = importlib.import_module(BACKENDS[kind]).open_backend(request)
        except EngineError as error:
            if kind == kinds[-1]:
                raise
            if error.values.get("absent"):
                log.info("environment: auto, no container engine runs here, and none is needed")
            else:
                log.info("environment: auto, %s", error)
        else:
            log.info("environment: %s, cells are %s", kind, backend.description)
            return backend
    raise AssertionError("no kind was tried")
