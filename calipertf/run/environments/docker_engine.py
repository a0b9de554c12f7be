"""The container engine: reaching it, its images, and what runs left on it."""

from __future__ import annotations

import contextlib
import http.client
import os
import queue
import re
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import docker
import docker.errors
import requests
import urllib3

from calipertf.errors import EngineError

#: Label on all that a run makes; its value is the run's id: host, process number, random part.
LABEL = "calipertf.run"
#: What the SDK and what it is built on raise where an engine refuses, is gone or dies meanwhile.
ENGINE_FAILURES = (
    docker.errors.DockerException,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
)
_END = object()


def connect(timeout: float) -> docker.DockerClient:
    """A client of the engine that DOCKER_HOST names, or of the usual socket.

    Raises EngineError in the engine's own words where none answers. Podman's compatible socket and
    engines on other hosts are reached through DOCKER_HOST as well.
    """
    try:
        client = docker.from_env(timeout=max(60, int(timeout)))
        client.ping()
    except ENGINE_FAILURES as error:
        where = os.environ.get("DOCKER_HOST", "the usual socket")
        raise EngineError(
            f"no container engine answers at {where} ({_innermost(error)}); start it, set "
            "DOCKER_HOST, or use environment: venv"
        ) from error
    return client


def _innermost(error: BaseException) -> str:
    while error.__context__ is not None:
        error = error.__context__
    return str(error)[:200] or type(error).__name__


@contextlib.contextmanager
def engine_errors(action: str) -> Iterator[None]:
    """What the SDK raises, as an EngineError that says what was being done."""
    try:
        yield
    except ENGINE_FAILURES as error:
        raise EngineError(f"{action}: {explain(error)}") from error


def explain(error: BaseException) -> str:
    """The engine's own words."""
    words = getattr(error, "explanation", None) or str(error) or type(error).__name__
    return re.sub(r"\s+", " ", str(words))[:400]


def follow(
    stream: Iterator[Any], check: Callable[[], None], deadline: Callable[[], bool]
) -> Iterator[Any]:
    """The items of a blocking stream, until it ends, `check` raises or `deadline` is true."""
    items: queue.Queue[Any] = queue.Queue(maxsize=1000)

    def pump() -> None:
        try:
            for item in stream:
                items.put(item)
        except Exception as error:  # noqa: BLE001 -- handed to the thread that waits
            items.put(error)
        items.put(_END)

    threading.Thread(target=pump, daemon=True).start()
    while True:
        check()
        try:
            item = items.get(timeout=0.5)
        except queue.Empty:
            if deadline():
                return
            continue
        if item is _END:
            return
        if isinstance(item, Exception):
            raise item
        yield item


def is_dead(run_id: str) -> bool:
    """Whether the process that a run belongs to has ended; on another host nobody can tell."""
    match = re.fullmatch(r"(.+)-(\d+)-[0-9a-f]+", run_id)
    if not match or match[1] != socket.gethostname():
        return False
    try:
        os.kill(int(match[2]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def remove_made(client: docker.DockerClient, wanted: Callable[[str], bool]) -> int:
    """Number of containers and images removed, of runs whose id `wanted` accepts.

    Nothing without our label is touched.
    """
    removed = 0
    containers = client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
    for container in containers:
        if wanted(container.labels.get(LABEL, "")):
            removed += _removed(partial(container.remove, force=True, v=True))
    for image in client.images.list(all=True, filters={"label": LABEL}):
        if wanted(image.labels.get(LABEL, "")):
            removed += _removed(partial(client.images.remove, str(image.id), force=True))
    return removed


def _removed(action: Callable[[], object]) -> int:
    try:
        action()
    except docker.errors.APIError:
        return 0  # in use by another, or gone with its child
    return 1
