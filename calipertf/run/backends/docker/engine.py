"""The container engine: reaching it, its images, and what runs left on it."""

from __future__ import annotations

import contextlib
import http.client
import os
import queue
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import docker
import docker.errors
import requests
import urllib3
from docker.models.images import Image
from docker.types import CancellableStream
from docker.utils import parse_repository_tag
from docker.utils.config import load_general_config
from docker.utils.proxy import ProxyConfig

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
LOOPBACK = "127.0.0.1"
#: Seconds that an engine may take to answer at all.
PATIENCE = 30
#: Seconds for the same once the run was asked to end.
HURRY = 3
#: Addresses that the SDK gives to the engines behind a socket of this machine.
_LOCAL = {"http+docker://localhost", "http+docker://localnpipe"}
_END = object()


def connect(timeout: float) -> docker.DockerClient:
    """Return a client of the engine that DOCKER_HOST names, or of the usual socket.

    Raises EngineError in the engine's own words where none answers. Podman's compatible socket and
    engines on other hosts are reached through DOCKER_HOST as well. `timeout` is in seconds and for
    long work; an engine that says nothing for PATIENCE is taken for none.
    """
    try:
        with contextlib.closing(docker.from_env(timeout=PATIENCE)) as probe:
            probe.ping()
            version = probe.api.api_version
        client = docker.from_env(version=version, timeout=max(60, int(timeout)))
    except ENGINE_FAILURES as error:
        where = os.environ.get("DOCKER_HOST", "the usual socket")
        raise EngineError(
            f"no container engine answers at {where} ({_innermost(error)}); start it, set "
            "DOCKER_HOST, or use environment: venv",
            absent="DOCKER_HOST" not in os.environ and "No such file" in _innermost(error),
        ) from error
    return client


def _innermost(error: BaseException) -> str:
    # The SDK finds out by a NameError that paramiko is not there, and then says so.
    while error.__context__ is not None and not isinstance(error.__context__, NameError):
        error = error.__context__
    return str(error)[:200] or type(error).__name__


@contextlib.contextmanager
def engine_errors(action: str, way_out: str = "") -> Iterator[None]:
    """Turn the SDK's exceptions into an EngineError that says what was tried, and the way out."""
    try:
        yield
    except ENGINE_FAILURES as error:
        raise EngineError(f"{action}: {explain(error)}{way_out}") from error


def explain(error: BaseException) -> str:
    """Return the engine's own words."""
    words = getattr(error, "explanation", None) or str(error) or type(error).__name__
    return re.sub(r"\s+", " ", str(words))[:400]


@contextlib.contextmanager
def open_request(
    client: docker.DockerClient,
) -> Iterator[tuple[docker.APIClient, Callable[[], None]]]:
    """Yield a client for one long request, and what breaks it off.

    The engine then stops the work.
    """
    responses: list[requests.Response] = []
    version, timeout = client.api.api_version, client.api.timeout
    with contextlib.closing(docker.from_env(version=version, timeout=timeout)) as own:
        own.api.hooks["response"].append(lambda response, **_: responses.append(response))

        def break_off() -> None:
            for response in responses[-1:]:
                # Where it has just ended, the SDK finds no socket to shut.
                with contextlib.suppress(AttributeError, *ENGINE_FAILURES):
                    CancellableStream(iter(()), response).close()

        yield own.api, break_off


def follow(
    stream: Iterator[Any],
    check: Callable[[], None],
    deadline: Callable[[], bool],
    break_off: Callable[[], None] = lambda: None,
) -> Iterator[Any]:
    """Yield the items of a blocking stream, until it ends, `check` raises or `deadline` is true.

    Where it is left before its end, `break_off` is called.
    """
    items: queue.Queue[Any] = queue.Queue(maxsize=1000)

    def pump() -> None:
        try:
            for item in stream:
                items.put(item)
        except Exception as error:  # noqa: BLE001 -- handed to the thread that waits
            items.put(error)
        items.put(_END)

    threading.Thread(target=pump, daemon=True).start()
    ended = False
    try:
        while not deadline():
            check()
            with contextlib.suppress(queue.Empty):
                item = items.get(timeout=0.5)
                if item is _END or isinstance(item, Exception):
                    ended = True
                if isinstance(item, Exception):
                    raise item
                if ended:
                    return
                yield item
    finally:
        if not ended:
            break_off()


def pull_image(
    client: docker.DockerClient, name: str, timeout: float, check: Callable[[], None]
) -> Image:
    """An image from its registry. Raises EngineError in the registry's words.

    `timeout` is in seconds; `check` raises where the run is stopped.
    """
    deadline = time.monotonic() + timeout
    repository, tag = parse_repository_tag(name)

    def ask() -> Iterator[Any]:
        # A registry that is silent keeps the very request waiting: it is made where it can be left.
        yield from api.pull(repository, tag=tag or "latest", stream=True, decode=True)

    with (
        engine_errors(
            f"the image {name} cannot be pulled",
            "; name another by base_image or make it (docs/docker.md)",
        ),
        open_request(client) as (api, break_off),
    ):
        for item in follow(ask(), check, lambda: time.monotonic() > deadline, break_off):
            if item.get("error"):
                raise docker.errors.APIError(item["error"], explanation=item["error"])
        if time.monotonic() > deadline:
            raise TimeoutError(f"the registry took longer than {timeout:.0f} s")
        return client.images.get(name)


def hurry(client: docker.DockerClient) -> None:
    """Let each further request of a client wait for a few seconds only: the run is to end.

    A frozen engine takes requests, and never answers them.
    """
    client.api.timeout = HURRY


def find_own_address() -> str:
    """Return this machine's address as the engine that DOCKER_HOST names can reach it.

    The loopback, where the engine is on this machine, or nothing better can be found out.
    """
    host = urlsplit(os.environ.get("DOCKER_HOST", "")).hostname
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Connecting a datagram socket sends nothing: it looks up the way.
        probe.connect((host or LOOPBACK, 9))
        return str(probe.getsockname()[0])
    return LOOPBACK


def list_proxies(without: str | None) -> dict[str, str]:
    """Build arguments of the proxies in Docker's own configuration, which `without` goes past."""
    proxies = load_general_config().get("proxies", {}).get("default", {})
    found = ProxyConfig.from_dict(proxies).get_environment()
    environ = {name: str(value) for name, value in found.items()}
    if environ and without:
        for name in ("no_proxy", "NO_PROXY"):
            environ[name] = ",".join(filter(None, (environ.get(name), without)))
    return environ


def is_unknown_image(error: BaseException) -> bool:
    """Return whether a registry answered, and has no such image.

    An engine that cannot ask registries (Podman) has no such address, which is "not found" as well.
    """
    return isinstance(error, docker.errors.NotFound) and "manifest" in explain(error)


def is_local(client: docker.DockerClient) -> bool:
    """Return whether the engine is behind a socket of this machine, and so sees its folders."""
    return client.api.base_url in _LOCAL


def remove_made(client: docker.DockerClient, wanted: Callable[[Mapping[str, str]], bool]) -> None:
    """Remove the containers, images and volumes whose labels `wanted` accepts.

    Nothing without our label is touched; what is in use stays.
    """
    filters: dict[str, str | list[str] | bool] = {"label": LABEL}
    for container in client.containers.list(all=True, filters=filters, ignore_removed=True):
        if wanted(container.labels):
            _remove(partial(container.remove, force=True, v=True))
    for image in client.images.list(all=True, filters=filters):
        if wanted(image.labels):
            _remove(partial(client.images.remove, str(image.id), force=True))
    for volume in client.volumes.list(filters=filters):
        if wanted(volume.attrs.get("Labels") or {}):
            _remove(partial(volume.remove, force=True))


def _remove(action: Callable[[], object]) -> None:
    # In use by another, or gone with its child.
    with contextlib.suppress(docker.errors.APIError):
        action()
