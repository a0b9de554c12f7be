"""Parts of a file on a web server, by HTTP range requests, as a file that can be sought in."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO

import requests
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from calipertf.index.http import HTTP_TIMEOUT

#: Bytes asked for first: holds the end record and, for most wheels, the central directory.
TAIL = 64 * 1024

#: Requests under way at once for one file.
CONNECTIONS = 4

_CHUNK = 1024 * 1024


class RangesUnsupportedError(Exception):
    """The server sends the whole file when asked for a part."""


class _TryAgainError(requests.RequestException):
    """An answer that another attempt may better: 429, 5xx, or fewer bytes than promised."""


_retried = retry(
    retry=retry_if_exception_type(
        (
            _TryAgainError,
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        )
    ),
    # The session has asked more than once already (index_http.py): this is for bodies cut short.
    stop=stop_after_attempt(3),
    wait=wait_exponential(multiplier=0.5, max=8),
    reraise=True,
)


@dataclass(frozen=True, kw_only=True)
class Tail:
    """The end of a file."""

    content: bytes
    #: Size of the whole file.
    size: int


def _check(response: requests.Response) -> None:
    if response.status_code == 429 or response.status_code >= 500:
        raise _TryAgainError(f"{response.status_code} {response.reason} for {response.url}")
    response.raise_for_status()


@_retried
def fetch_tail(session: requests.Session, url: str) -> Tail:
    """Return the last bytes of the file.

    RangesUnsupportedError where the server knows no ranges.
    """
    headers = {"Range": f"bytes=-{TAIL}", "Accept-Encoding": "identity"}
    with session.get(url, headers=headers, timeout=HTTP_TIMEOUT, stream=True) as response:
        # Some servers refuse a suffix longer than the file, or suffixes altogether.
        if response.status_code in {200, 416, 501}:
            raise RangesUnsupportedError(url)
        _check(response)
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", ""))
        if response.status_code != 206 or match is None:
            raise RangesUnsupportedError(url)
        content = response.content
        if len(content) != int(match[2]) - int(match[1]) + 1 or int(match[2]) + 1 != int(match[3]):
            raise _TryAgainError(f"{len(content)} bytes for {match[0]} of {url}")
        return Tail(content=content, size=int(match[3]))


@_retried
def fetch_range(session: requests.Session, url: str, start: int, end: int) -> bytes:
    """Return the bytes from ``start`` up to and without ``end``."""
    headers = {"Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
    with session.get(url, headers=headers, timeout=HTTP_TIMEOUT) as response:
        _check(response)
        if response.status_code != 206 or len(response.content) != end - start:
            raise _TryAgainError(
                f"{response.status_code} with {len(response.content)} bytes instead of "
                f"{end - start} of {url}"
            )
        return response.content


@_retried
def download(session: requests.Session, url: str, stream: IO[bytes]) -> str:
    """Return SHA-256 of the whole file, streamed into the (seekable) file given."""
    stream.seek(0)
    stream.truncate()
    digest = hashlib.sha256()
    headers = {"Accept-Encoding": "identity"}
    with session.get(url, headers=headers, timeout=HTTP_TIMEOUT, stream=True) as response:
        _check(response)
        for chunk in response.iter_content(_CHUNK):
            digest.update(chunk)
            stream.write(chunk)
        expected = response.headers.get("Content-Length")
        if expected is not None and stream.tell() != int(expected):
            raise _TryAgainError(f"{stream.tell()} bytes instead of {expected} of {url}")
    return digest.hexdigest()


class RangeFile(io.RawIOBase):
    """A file on a web server, read by range requests; each byte is fetched once."""

    def __init__(self, session: requests.Session, url: str, tail: Tail) -> None:
        super().__init__()
        self._session = session
        self._url = url
        self._position = 0
        #: Bytes of the whole file.
        self.size = tail.size
        #: Bytes fetched so far.
        self.bytes_read = len(tail.content)
        self._parts: list[tuple[int, bytes]] = [(tail.size - len(tail.content), tail.content)]

    def prefetch(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Fetch several ranges, a few at once."""
        missing = [(start, end) for start, end in ranges if self._find(start, end) is None]
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            parts = pool.map(
                lambda part: (part[0], fetch_range(self._session, self._url, *part)), missing
            )
            for part in parts:
                self._keep(*part)

    def _keep(self, start: int, content: bytes) -> None:
        self._parts.append((start, content))
        self.bytes_read += len(content)

    def _find(self, start: int, end: int) -> bytes | None:
        """Return the bytes asked for, where one part holds them.

        There are some forty parts at most.
        """
        for first, content in self._parts:
            if first <= start and end <= first + len(content):
                return content[start - first : end - first]
        return None

    def readable(self) -> bool:
        """Return always."""
        return True

    def seekable(self) -> bool:
        """Return always."""
        return True

    def tell(self) -> int:
        """Return the position of the next read."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position of the next read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise OSError(22, "a position before the start of the file")
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return the bytes from the position, fetched where they are not here yet."""
        end = self.size if size < 0 else min(self._position + size, self.size)
        if self._position >= end:
            return b""
        content = self._find(self._position, end)
        if content is None:
            content = fetch_range(self._session, self._url, self._position, end)
            self._keep(self._position, content)
        self._position = end
        return content
