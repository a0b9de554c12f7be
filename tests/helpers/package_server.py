"""A package index with its files on the loopback, for tests: real HTTP, with and without ranges."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
import threading
import zipfile
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from typing_extensions import Self


def make_wheel(
    files: Mapping[str, str | bytes], *, requires: tuple[str, ...] = (), name: str = "x-1"
) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
        lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
        archive.writestr(f"{name}.dist-info/METADATA", f"Metadata-Version: 2.1\n{lines}\n")
    return stream.getvalue()


def make_sdist(files: Mapping[str, str], *, folder: str = "x-1") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for path, content in files.items():
            item = tarfile.TarInfo(f"{folder}/{path}")
            item.size = len(content.encode())
            archive.addfile(item, io.BytesIO(content.encode()))
    return stream.getvalue()


class PackageServer:
    """Use as a context manager; ``requests`` holds what was asked for, with the Range."""

    def __init__(self, *, ranges: bool = True, login: tuple[str, str] | None = None) -> None:
        self.ranges = ranges
        #: User and password without which everything is answered with 401.
        self.login = login
        self.requests: list[tuple[str, str | None]] = []
        #: The next so many answers for files are 503.
        self.failures = 0
        self._files: dict[str, bytes] = {}
        self._projects: dict[str, list[dict[str, object]]] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.answer(self)

            def do_HEAD(self) -> None:
                server.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.index_url = f"{self.url}/simple/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(
        self,
        filename: str,
        content: bytes,
        *,
        uploaded: str = "2020-01-01T00:00:00Z",
        hidden: bool = False,
        sha256: str | None = None,
    ) -> str:
        """List the file under its project; the index lists hidden ones and does not have them."""
        project = re.split(r"-\d", filename)[0].replace("_", "-").lower()
        if not hidden:
            self._files[filename] = content
        url = f"{self.url}/files/{filename}"
        self._projects.setdefault(project, []).append(
            {
                "filename": filename,
                "url": url,
                "hashes": {"sha256": sha256 or hashlib.sha256(content).hexdigest()},
                "size": len(content),
                "upload-time": uploaded,
            }
        )
        return url

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if self.login is not None:
            words = base64.b64encode(":".join(self.login).encode()).decode()
            if request.headers.get("Authorization") != f"Basic {words}":
                _send(request, 401, b"", {"WWW-Authenticate": 'Basic realm="private"'})
                return
        wanted = request.headers.get("Range")
        parts = request.path.strip("/").split("/")
        if parts[0] == "simple" and parts[-1] in self._projects:
            listing = {
                "meta": {"api-version": "1.1"},
                "name": parts[-1],
                "files": self._projects[parts[-1]],
            }
            if "json" not in request.headers.get("Accept", ""):
                _send(
                    request, 200, _render(self._projects[parts[-1]]), {"Content-Type": "text/html"}
                )
                return
            kind = "application/vnd.pypi.simple.v1+json"
            _send(request, 200, json.dumps(listing).encode(), {"Content-Type": kind})
            return
        self.requests.append((request.path, wanted))
        content = self._files.get(parts[-1])
        if self.failures:
            self.failures -= 1
            _send(request, 503, b"")
        elif content is None:
            _send(request, 404, b"")
        elif wanted and self.ranges:
            _send_range(request, content, wanted)
        else:
            _send(request, 200, content)


def _render(files: list[dict[str, object]]) -> bytes:
    links = (f'<a href="{file["url"]}">{file["filename"]}</a><br>' for file in files)
    return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()


def _send_range(request: BaseHTTPRequestHandler, content: bytes, wanted: str) -> None:
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted)
    assert match
    if match[1]:
        start, end = int(match[1]), min(int(match[2]) + 1, len(content))
    else:
        start, end = max(len(content) - int(match[2]), 0), len(content)
    span = f"bytes {start}-{end - 1}/{len(content)}"
    _send(request, 206, content[start:end], {"Content-Range": span})


def _send(
    request: BaseHTTPRequestHandler,
    status: int,
    content: bytes,
    headers: Mapping[str, str] | None = None,
) -> None:
    request.send_response(status)
    for name, value in (headers or {}).items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(content)
