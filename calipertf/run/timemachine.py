"""The index as it stood on a date, for installers that have no such option.

pip (in Python 2.7, and in images) asks this server on the loopback; it answers with the real
index's files that were there at the cut-off. The address holds the cut-off and the Python's tag:
http://127.0.0.1:PORT/2021-01-12T00:00:00Z/cp37/simple/. Files themselves come from the real index.
"""

from __future__ import annotations

import contextlib
import html
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from packaging.utils import canonicalize_name

from calipertf.errors import CaliperError, VersionError
from calipertf.releases import Index, Project, ReleaseFile
from calipertf.run.build_tools import find_limit


def hide_newer(project: Project, cutoff: datetime, python: str) -> list[ReleaseFile]:
    """Files that were on the index at the cut-off; without an upload time a file stays."""
    limit = find_limit(project.name, cutoff, python)
    return [file for file in project.files if file.uploaded is None or file.uploaded <= limit]


def render_page(name: str, files: list[ReleaseFile]) -> str:
    """A project's page of the simple index in HTML, PEP 503, with yanks as PEP 592 marks them."""
    lines = [_render_link(file) for file in files]
    body = "\n".join(lines)
    return f"<!DOCTYPE html><html><head><title>{name}</title></head><body>\n{body}\n</body></html>"


def _render_link(file: ReleaseFile) -> str:
    digest = file.hashes.get("sha256")
    url = f"{file.url}#sha256={digest}" if digest else file.url
    extra = ' data-yanked=""' if file.yanked else ""
    if file.requires_python:
        extra += f' data-requires-python="{html.escape(file.requires_python)}"'
    return f'<a href="{html.escape(url)}"{extra}>{html.escape(file.filename)}</a><br>'


class TimeMachine:
    """The server; `url(cutoff)` is the index to give to an installer."""

    def __init__(self, index: Index, host: str = "127.0.0.1") -> None:
        self._index = index
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"machine": self})
        self._server = ThreadingHTTPServer((host, 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.server_port

    def url(self, cutoff: datetime, python: str, host: str = "127.0.0.1") -> str:
        """Address of the index as of a cut-off, for a Python's tag.

        `host` is what this machine is called by the one who asks. The tag may be one that
        build_tools.with_newest made.
        """
        stamp = cutoff.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"http://{host}:{self.port}/{stamp}/{python}/simple/"

    def answer(self, path: str) -> tuple[int, str]:
        """HTTP status and body for a path."""
        parts = [part for part in path.split("?", maxsplit=1)[0].split("/") if part]
        try:
            cutoff = datetime.strptime(parts[0], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        except (IndexError, ValueError):
            return 404, "no such date"
        if len(parts) != 4 or parts[2] != "simple":
            return 404, "no such page"
        name = canonicalize_name(parts[3])
        try:
            with self._lock:
                project = self._index.fetch_project(name)
        except VersionError:
            return 404, f"no package {name}"
        except CaliperError as error:
            return 503, str(error)
        return 200, render_page(name, hide_newer(project, cutoff, parts[1]))

    def close(self) -> None:
        """Stop the server."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    machine: TimeMachine

    def do_GET(self) -> None:
        """Answer one request."""
        status, body = self.machine.answer(self.path)
        data = body.encode("utf-8")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- as above
        """Keep quiet: a run has its own log."""


@contextlib.contextmanager
def serve_past(index: Index, host: str = "127.0.0.1") -> Iterator[TimeMachine]:
    """A time machine that is closed on leaving."""
    machine = TimeMachine(index, host)
    try:
        yield machine
    finally:
        machine.close()
