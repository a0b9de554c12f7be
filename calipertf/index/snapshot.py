"""The index as it stood on a date, for installers that have no such option.

pip (in Python 2.7, and in images) asks this server on the loopback; it answers with the real
index's files that were there at the cut-off. The address holds the cut-off and the Python's tag:
http://127.0.0.1:PORT/2021-01-12T00:00:00Z/cp37/simple/. Files themselves come from the real index,
unless a build is watched and everything is to come through here: then a failure of that build is
not the index's, or is known here.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO

from packaging.utils import canonicalize_name

from calipertf.errors import (
    CaliperError,
    IndexUnavailableError,
    InfrastructureError,
    VersionError,
)
from calipertf.index.build_tools import find_limit
from calipertf.index.client import Index, Project, ReleaseFile
from calipertf.index.http import download_file
from calipertf.index.pages import JSON_PAGE, Location, render_html, render_json

log = logging.getLogger("calipertf")


def hide_newer(project: Project, cutoff: datetime, python: str) -> list[ReleaseFile]:
    """Return files that were on the index at the cut-off; without an upload time a file stays."""
    limit = find_limit(project.name, cutoff, python)
    return [file for file in project.files if file.uploaded is None or file.uploaded <= limit]


def describe_view(project: Project | None, cutoff: datetime | None, python: str) -> str:
    """Return SHA-256 of what the index has of a project (None: none) at a cut-off, hexadecimal."""
    if project is None:
        return hashlib.sha256(b"no such project").hexdigest()
    files = project.files if cutoff is None else hide_newer(project, cutoff, python)
    lines = sorted(
        f"{file.filename} {file.hashes.get('sha256')} {file.yanked} {file.requires_python}"
        for file in files
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class Watch:
    """What one build asked of the index through the time machine, and what that could not give."""

    def __init__(
        self, machine: TimeMachine, cutoff: datetime | None, python: str, *, through: bool
    ) -> None:
        self._machine = machine
        self.cutoff = cutoff
        self.python = python
        #: Whether files come through the machine as well, each with the hash that its page lists.
        self.through = through
        self.token = secrets.token_hex(8)
        #: Sentences, in the order in which they happened.
        self.failures: list[str] = []
        #: Name -> what the index answered; None where it has no such project.
        self.projects: dict[str, Project | None] = {}

    @property
    def index(self) -> Index:
        """Return the real index."""
        return self._machine.index

    def url(self, host: str = "127.0.0.1") -> str:
        """Return the address of the index to give to an installer.

        `host` is what it calls this machine.
        """
        return f"http://{host}:{self._machine.port}/{self.token}/simple/"

    def file_url(self, project: str, file: ReleaseFile, host: str = "127.0.0.1") -> str:
        """Return the address of one file."""
        return f"http://{host}:{self._machine.port}/{self.token}/files/{project}/{file.filename}"

    def list_files(self, name: str) -> list[ReleaseFile] | None:
        """Return the files of a project at the cut-off; None where the index has no such project.

        Raises CaliperError where the index cannot tell, and remembers that.
        """
        try:
            project = self.index.fetch_project(name)
        except VersionError:
            self.projects[name] = None
            return None
        except CaliperError as error:
            self.failures.append(str(error))
            raise
        if project.stale:
            words = f"{self.index.url} gives no page of {name} now, and the cache's is an old one"
            self.failures.append(words)
            if self.through:
                raise IndexUnavailableError(words)
        self.projects[name] = project
        if self.cutoff is None:
            return list(project.files)
        return hide_newer(project, self.cutoff, self.python)

    def fetch_file(self, project: str, filename: str, stream: IO[bytes]) -> None:
        """Write a listed file, or its metadata; raises CaliperError, and remembers it."""
        try:
            self._fetch_file(project, filename, stream)
        except (CaliperError, OSError) as error:
            self.failures.append(str(error))
            if isinstance(error, CaliperError):
                raise
            raise InfrastructureError(f"{filename}: {error}") from error

    def _fetch_file(self, project: str, filename: str, stream: IO[bytes]) -> None:
        known = self.projects.get(project) or self.index.fetch_project(project)
        self.projects.setdefault(project, known)
        wanted = filename.removesuffix(".metadata")
        file = next((file for file in known.files if file.filename == wanted), None)
        if file is None:
            raise InfrastructureError(f"the index does not list {wanted} any more")
        if filename != wanted:
            download_file(self.index.files, f"{file.url}.metadata", stream, file.metadata or {})
            return
        size = download_file(self.index.files, file.url, stream, file.hashes)
        if file.size is not None and size != file.size:
            raise InfrastructureError(f"{file.url} has {size} bytes, its page says {file.size}")


class TimeMachine:
    """The server; `url(cutoff)` is the index to give to an installer."""

    def __init__(self, index: Index, host: str = "127.0.0.1") -> None:
        self.index = index
        self._watches: dict[str, Watch] = {}
        handler = type("Handler", (_Handler,), {"machine": self})
        self._server = _Server((host, 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Return the port it listens on."""
        return self._server.server_port

    def url(self, cutoff: datetime, python: str, host: str = "127.0.0.1") -> str:
        """Return the address of the index as of a cut-off, for a Python's tag.

        `host` is what this machine is called by the one who asks. The tag may be one that
        build_tools.with_newest made.
        """
        stamp = cutoff.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"http://{host}:{self.port}/{stamp}/{python}/simple/"

    @contextlib.contextmanager
    def watch(
        self, cutoff: datetime | None, python: str, *, through: bool = False
    ) -> Iterator[Watch]:
        """An address of its own for one build; see Watch."""
        watch = Watch(self, cutoff, python, through=through)
        self._watches[watch.token] = watch
        try:
            yield watch
        finally:
            del self._watches[watch.token]

    def find_watch(self, parts: list[str]) -> tuple[Watch | None, list[str]]:
        """Return the watch of a request's path (None: no watch), and the rest of the path."""
        if parts and parts[0] in self._watches:
            return self._watches[parts[0]], parts[1:]
        try:
            cutoff = datetime.strptime(parts[0], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
            return Watch(self, cutoff, parts[1], through=False), parts[2:]
        except (IndexError, ValueError):
            return None, parts

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Installers ask for many pages at once.
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """Say little of an installer that hung up; what a watch could not answer it remembers."""
        log.debug("the index of a past day could not answer", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    machine: TimeMachine

    def do_GET(self) -> None:
        """Answer one request."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._answer()

    do_HEAD = do_GET  # noqa: N815 -- the name that the base class calls

    def _answer(self) -> None:
        parts = [part for part in self.path.split("?", maxsplit=1)[0].split("/") if part]
        watch, rest = self.machine.find_watch(parts)
        if watch is None:
            self._send(404, b"no such date")
            return
        try:
            if len(rest) == 2 and rest[0] == "simple":
                self._send_page(watch, canonicalize_name(rest[1]))
            elif len(rest) == 3 and rest[0] == "files" and watch.through:
                self._send_file(watch, rest[1], rest[2])
            else:
                self._send(404, b"no such page")
        except CaliperError as error:
            self._send(503, str(error).encode("utf-8"))
        except (BrokenPipeError, ConnectionResetError):
            raise  # an installer that hangs up has had all that it wants: nothing failed
        except Exception as error:
            watch.failures.append(f"{self.path} was not answered: {error!r}")
            raise

    def _send_page(self, watch: Watch, name: str) -> None:
        files = watch.list_files(name)
        if files is None:
            self._send(404, f"no package {name}".encode())
            return
        base = f"/{watch.token}/files/{name}/"
        locate: Location = (lambda file: base + file.filename) if watch.through else _keep_url
        if JSON_PAGE in self.headers.get("Accept", ""):
            self._send(200, render_json(name, files, locate).encode("utf-8"), JSON_PAGE)
        else:
            page = render_html(name, files, locate)
            self._send(200, page.encode("utf-8"), "text/html; charset=utf-8")

    def _send_file(self, watch: Watch, project: str, filename: str) -> None:
        if self.command == "HEAD":
            self._send(200, b"", "application/octet-stream")
            return
        with tempfile.TemporaryFile() as stream:
            watch.fetch_file(project, filename, stream)
            size = stream.tell()
            stream.seek(0)
            self._send_head(200, "application/octet-stream", size)
            shutil.copyfileobj(stream, self.wfile)

    def _send(self, status: int, data: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self._send_head(status, kind, len(data))
        if self.command != "HEAD":
            self.wfile.write(data)

    def _send_head(self, status: int, kind: str, size: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- as above
        """Keep quiet: a run has its own log."""


def _keep_url(file: ReleaseFile) -> str:
    return file.url


@contextlib.contextmanager
def serve_past(index: Index, host: str = "127.0.0.1") -> Iterator[TimeMachine]:
    """Yield a time machine that is closed on leaving."""
    machine = TimeMachine(index, host)
    try:
        yield machine
    finally:
        machine.close()
