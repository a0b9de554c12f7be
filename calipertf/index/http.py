"""How every stage talks to a package index: one kind of session, with its retries and time limits.

A request is repeated where another answer may be better, and ends within a bounded time whatever
the other side does: it may refuse, answer with an error, send half of a reply, drip, or be silent.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import requests
import requests_cache
import urllib3
from requests.adapters import HTTPAdapter
from requests_cache.backends.sqlite import SQLiteCache
from urllib3.util import Retry

from calipertf.errors import ConfigError, InfrastructureError
from calipertf.index.cache import prepare_cache

log = logging.getLogger("calipertf")

#: Seconds to connect.
CONNECT_TIMEOUT = 10.0
#: Seconds to connect, and to wait for the next part of a reply, for sessions of other kinds.
HTTP_TIMEOUT = (CONNECT_TIMEOUT, 60)
#: Seconds within which a request is repeated; after that the last answer counts.
WINDOW = 60.0
#: Seconds that one reply may take to arrive, however slowly.
LONGEST_REPLY = 300.0
#: Bytes that have to be free where the cache is: SQLite waits without end for the room that its
#: shared memory (32 KiB) needs, and a page of the index has up to some megabytes.
ROOM = 4 * 1024 * 1024

#: Answers that pass by themselves. All other errors are asked for once more: proxies and mirrors
#: give a single 403 or 404 for files that they have.
_PASSING = frozenset({408, 425, 429, *range(500, 600)})
_MAY_PASS = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
_CHUNK = 64 * 1024

# It logs the whole traceback of a failed request that the cache then answers; we say it in words.
logging.getLogger("requests_cache").addHandler(logging.NullHandler())


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a silent index is waited for, by us and by the installers."""

    #: Seconds to wait for the next part of a reply.
    timeout: float = 30.0
    #: Times that a request which failed is repeated.
    retries: int = 3


def read_patience() -> Patience:
    """Return the patience that CALIPER_HTTP_TIMEOUT and CALIPER_HTTP_RETRIES ask for.

    Raises ConfigError for a value that is not a positive number.
    """
    default = Patience()
    return Patience(
        timeout=_read_number("CALIPER_HTTP_TIMEOUT", default.timeout, least=0.1),
        retries=int(_read_number("CALIPER_HTTP_RETRIES", default.retries, least=0)),
    )


def _read_number(name: str, default: float, least: float) -> float:
    text = os.environ.get(name)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not least <= number <= 3600:
        raise ConfigError(f"{name} is {text!r}; it takes a number from {least:g} to 3600")
    return number


class PatientAdapter(HTTPAdapter):
    """An adapter that retries requests, and reads replies within a time limit."""

    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self.patience = patience

    def send(  # type: ignore[override]
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: object = None,  # noqa: ARG002 -- the patience says it
        **options: Any,
    ) -> requests.Response:
        """Return the last of a few answers; raises requests' errors where there is none."""
        ends = time.monotonic() + WINDOW
        for number in range(self.patience.retries + 1):
            left = ends - time.monotonic()
            is_last = number == self.patience.retries
            try:
                response = self._send_once(request, stream, left, options)
            except _MAY_PASS:
                wait = _back_off(number)
                if is_last or time.monotonic() + wait >= ends:
                    raise
            else:
                again = response.status_code in _PASSING or (
                    response.status_code in range(400, 500) and number == 0
                )
                wait = _find_wait(response, number)
                if is_last or not again or time.monotonic() + wait >= ends:
                    return response
                response.close()
            time.sleep(wait)
        raise requests.ConnectionError(f"{request.url} was not asked")

    def _send_once(
        self,
        request: requests.PreparedRequest,
        stream: bool,
        left: float,
        options: Mapping[str, Any],
    ) -> requests.Response:
        wait = max(0.1, min(self.patience.timeout, left))
        response = super().send(
            request, stream=True, timeout=(min(CONNECT_TIMEOUT, wait), wait), **options
        )
        if not stream:
            response._content = read_body(response)
        return response


def read_body(response: requests.Response) -> bytes:
    """Return a reply's whole body; raises requests' errors where it is cut or drips without end."""
    ends = time.monotonic() + LONGEST_REPLY
    parts: list[bytes] = []
    try:
        while part := response.raw.read1(_CHUNK, decode_content=True):
            parts.append(part)
            if time.monotonic() > ends:
                raise requests.ReadTimeout(f"the reply took longer than {LONGEST_REPLY:.0f} s")
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.ReadTimeout(error) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error) from error
    finally:
        response.close()
    return b"".join(parts)


def _back_off(number: int) -> float:
    return 0.3 * 2.0**number


def _find_wait(response: requests.Response, number: int) -> float:
    """Return seconds to the next try: what the server asks for, else a little more each time."""
    asked = response.headers.get("Retry-After")
    if asked is None:
        return _back_off(number)
    try:
        return max(_back_off(number), Retry().parse_retry_after(asked))
    except urllib3.exceptions.HTTPError:
        return _back_off(number)


def prepare_session(session: requests.Session) -> None:
    """Give a session this module's way of asking."""
    adapter = PatientAdapter(read_patience())
    session.mount("https://", adapter)
    session.mount("http://", adapter)


def open_session() -> requests.Session:
    """Return a session without a cache."""
    session = requests.Session()
    prepare_session(session)
    return session


def open_cached_session(
    folder: Path | None, name: str = "index.sqlite", **options: Any
) -> requests_cache.CachedSession:
    """Return a session with its cache in a folder; in memory where there can be none."""
    backend: SQLiteCache | str = "memory"
    problem = check_room(folder) if folder else None
    if folder and problem is None:
        try:
            backend = SQLiteCache(prepare_cache(folder / name), wal=True, busy_timeout=10_000)
            backend.responses.get("")
        except (OSError, sqlite3.Error) as error:
            backend, problem = "memory", str(error)
    if problem:
        warn_of_cache(folder, problem)
    session = requests_cache.CachedSession(backend=backend, **options)
    prepare_session(session)
    return session


def warn_of_cache(folder: Path | None, problem: object) -> None:
    """Warn that the index's pages are not cached, and say how to mend that."""
    log.warning(
        "what the index answers cannot be kept in %s (%s): going on without, so that nothing can "
        "be done without a network; free some space, or let CALIPER_CACHE name another folder",
        folder,
        problem,
    )


def check_room(folder: Path) -> str | None:
    """Return why a folder cannot hold a cache; None where it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        status = os.statvfs(folder)
        if status.f_flag & os.ST_RDONLY:
            return "the file system is read-only"
        if not os.access(folder, os.W_OK | os.X_OK):
            return "the folder may not be written"
        free = status.f_bavail * status.f_frsize
        if free < ROOM:
            return f"{free >> 10} kB are free there, {ROOM >> 10} are needed"
        if status.f_files and not status.f_favail:
            return "no inodes are free there"
    except OSError as error:
        return error.strerror or str(error)
    return None


def download_file(
    session: requests.Session, url: str, stream: IO[bytes], hashes: Mapping[str, str]
) -> int:
    """Return the bytes of a file, downloaded into a (seekable) stream and compared with its hashes.

    Raises InfrastructureError where it cannot be had, or is not the file that the index lists.
    """
    patience = read_patience()
    failure = ""
    for number in range(patience.retries + 1):
        if number:
            time.sleep(_back_off(number))
        try:
            # The session has asked more than once where there is no whole answer.
            response = session.get(url, headers={"Accept-Encoding": "identity"}, stream=True)
        except requests.RequestException as error:
            failure = f"cannot be downloaded ({shorten_error(error)})"
            break
        with contextlib.closing(response):
            if response.status_code != 200:
                failure = f"is answered with {response.status_code}"
                break
            failure = _store_body(response, stream, hashes)
        if not failure:
            return stream.tell()
    raise InfrastructureError(f"{url} {failure}", url=url)


def _store_body(response: requests.Response, stream: IO[bytes], hashes: Mapping[str, str]) -> str:
    """Return what is wrong with a body that was written to the stream; empty where nothing is."""
    stream.seek(0)
    stream.truncate()
    known = [name for name in hashes if name in hashlib.algorithms_guaranteed]
    digests = {name: hashlib.new(name, usedforsecurity=False) for name in known}
    try:
        for chunk in response.iter_content(_CHUNK):
            stream.write(chunk)
            for digest in digests.values():
                digest.update(chunk)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        return f"cannot be downloaded ({shorten_error(error)})"
    for name, digest in digests.items():
        if digest.hexdigest() != hashes[name]:
            return f"has {name} {digest.hexdigest()}, where the index lists {hashes[name]}"
    return ""


def shorten_error(error: BaseException) -> str:
    """Return the innermost cause of a network error, without the layers around it."""
    cause = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    return str(cause)[:200] or type(cause).__name__
