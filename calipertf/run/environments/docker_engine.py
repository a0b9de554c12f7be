"""The container engine: reaching it, its images, and what runs left on it."""

from __future__ import annotations

import contextlib
import http.client
import os
import queue
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import docker
import docker.errors
import requests
import urllib3

from calipertf.errors import EngineError

#: Labels on all that a run makes: the run's id, and the process that it belongs to.
LABEL = "calipertf.run"
#: What the SDK and what it is built on raise where an engine refuses, is gone or dies meanwhile.
ENGINE_FAILURES = (
    docker.errors.DockerException,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
)
OWNER = "calipertf.owner"
#: Addresses that the SDK gives to the engines behind a socket of this machine.
_LOCAL = {"http+docker://localhost", "http+docker://localnpipe"}
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


def is_local(client: docker.DockerClient) -> bool:
    """Whether the engine is behind a socket of this machine, and so sees its folders."""
    return client.api.base_url in _LOCAL


def remove_made(client: docker.DockerClient, wanted: Callable[[Mapping[str, str]], bool]) -> int:
    """Number of containers, images and volumes removed, of those whose labels `wanted` accepts.

    Nothing without our label is touched.
    """
    removed = 0
    filters: dict[str, str | list[str] | bool] = {"label": LABEL}
    for container in client.containers.list(all=True, filters=filters, ignore_removed=True):
        if wanted(container.labels):
            removed += _removed(partial(container.remove, force=True, v=True))
    for image in client.images.list(all=True, filters=filters):
        if wanted(image.labels):
            removed += _removed(partial(client.images.remove, str(image.id), force=True))
    for volume in client.volumes.list(filters=filters):
        if wanted(volume.attrs.get("Labels") or {}):
            removed += _removed(partial(volume.remove, force=True))
    return removed


def _removed(action: Callable[[], object]) -> int:
    try:
        action()
    except docker.errors.APIError:
        return 0  # in use by another, or gone with its child
    return 1
