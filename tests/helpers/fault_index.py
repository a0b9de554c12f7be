"""A package index on the loopback that fails on command: by who asks, for what, and how."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import socket
import struct
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typing_extensions import Self

PORTAL = b"<html><body><h1>Welcome</h1><a href='/login'>Please log in</a></body></html>"
JSON_PAGE = "application/vnd.pypi.simple.v1+json"


def make_metadata(name: str, version: str, requires: tuple[str, ...] = ()) -> bytes:
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"]
    lines += [f"Requires-Dist: {item}\n" for item in requires]
    return "".join(lines).encode()


def make_installable(
    name: str, version: str, requires: tuple[str, ...] = (), source: str = "x = 1\n"
) -> bytes:
    """A wheel that every installer takes, for every Python."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": source.encode(),
        f"{info}/METADATA": make_metadata(name, version, requires),
        f"{info}/WHEEL": (
            b"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\n"
            b"Tag: py2-none-any\nTag: py3-none-any\n"
        ),
    }
    record = [f"{path},{_record_hash(data)},{len(data)}" for path, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), data)
    return stream.getvalue()


def _record_hash(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return "sha256=" + digest.rstrip(b"=").decode()


@dataclass(kw_only=True)
class Fault:
    """One way to fail."""

    #: planner, uv, pip, or all.
    who: str
    #: page, file or metadata.
    target: str
    #: A status such as 503, or the name of a method of Handler: cut, reset, silent, portal, ...
    kind: str
    project: str = "reldep"
    #: How often; it works after that.
    times: int = 1_000_000
    #: How often it struck.
    struck: int = 0


def name_asker(agent: str) -> str:
    """Who asks, by the User-Agent."""
    kind = agent.partition("/")[0]
    return {"python-requests": "planner"}.get(kind, kind)


@dataclass(kw_only=True)
class FaultIndex:
    """Use as a context manager; `faults` may be changed at any time."""

    #: Whether metadata is served beside wheels (PEP 658).
    metadata: bool = True
    #: Whether pages list hashes.
    hashes: bool = True
    #: The host to listen on.
    host: str = "127.0.0.1"
    faults: list[Fault] = field(default_factory=list)
    #: (who, target, project) of each request.
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    #: Upload times other than the usual.
    uploaded: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"index": self})
        self._server = _Server((self.host, 0), handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *details: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self._server.server_port}/simple/"

    def add(self, filename: str, content: bytes) -> None:
        project = filename.partition("-")[0].lower()
        self.files.setdefault(project, {})[filename] = content

    def add_demo(self) -> None:
        """Reldemo 1.0, which needs reldep."""
        for name, requires in (("reldemo", ("reldep>=1.0",)), ("reldep", ())):
            wheel = make_installable(name, "1.0", requires)
            self.add(f"{name}-1.0-py2.py3-none-any.whl", wheel)

    def render(self, project: str) -> bytes:
        files = []
        for name, content in self.files[project].items():
            entry: dict[str, object] = {
                "filename": name,
                "url": f"/files/{project}/{name}",
                "hashes": {"sha256": hashlib.sha256(content).hexdigest()} if self.hashes else {},
                "size": len(content),
                "upload-time": self.uploaded.get(name, "2020-01-01T00:00:00Z"),
            }
            if self.metadata and name.endswith(".whl"):
                digest = hashlib.sha256(read_metadata(content)).hexdigest()
                entry["core-metadata"] = {"sha256": digest}
            files.append(entry)
        return json.dumps(
            {"meta": {"api-version": "1.1"}, "name": project, "versions": [], "files": files}
        ).encode()

    def render_html(self, project: str) -> bytes:
        links = []
        for name, content in self.files[project].items():
            digest = f"#sha256={hashlib.sha256(content).hexdigest()}" if self.hashes else ""
            links.append(f'<a href="/files/{project}/{name}{digest}">{name}</a>')
        return f"<html><body>{''.join(links)}</body></html>".encode()

    def find_fault(self, who: str, target: str, project: str) -> Fault | None:
        for fault in self.faults:
            fits = fault.who in {who, "all"} and fault.target == target
            if fits and fault.project == project and fault.struck < fault.times:
                fault.struck += 1
                return fault
        return None


def read_metadata(wheel: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        name = next(item for item in archive.namelist() if item.endswith("/METADATA"))
        return archive.read(name)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet about those who hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    index: FaultIndex

    def do_GET(self) -> None:
        with contextlib.suppress(ConnectionError):
            self.answer()

    do_HEAD = do_GET  # noqa: N815 -- the name that the base class calls

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def answer(self) -> None:
        who = name_asker(self.headers.get("User-Agent", ""))
        parts = self.path.strip("/").split("/")
        if parts[0] == "loop":
            return self.loop(b"")
        if parts[0] == "portal":
            return self.send(200, PORTAL, "text/html")
        project = parts[1] if len(parts) > 1 else ""
        if project not in self.index.files:
            return self.send(404, b"no such project")
        body, kind = self.find_body(parts, project)
        target = "page"
        if parts[0] == "files":
            target = "metadata" if self.path.endswith(".metadata") else "file"
        self.index.asked.append((who, target, project))
        fault = self.index.find_fault(who, target, project)
        if fault is None:
            return self.send(200 if body else 404, body, kind)
        if fault.kind.isdecimal():
            return self.send(int(fault.kind), b"no", "text/plain")
        self.kind = kind
        return getattr(self, fault.kind.replace("-", "_"))(body)  # type: ignore[no-any-return]

    def find_body(self, parts: list[str], project: str) -> tuple[bytes, str]:
        if parts[0] == "simple":
            if JSON_PAGE in self.headers.get("Accept", ""):
                return self.index.render(project), JSON_PAGE
            return self.index.render_html(project), "text/html"
        wheel = self.index.files[project].get(parts[2].removesuffix(".metadata"), b"")
        is_metadata = parts[2].endswith(".metadata")
        return read_metadata(wheel) if is_metadata else wheel, "application/octet-stream"

    def send(self, status: int, body: bytes, kind: str = "text/plain", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    # The faults, each with the body that would be right.

    def retry_after(self, body: bytes) -> None:
        self.send(429, b"slowly", Retry_After="1")

    def retry_after_long(self, body: bytes) -> None:
        self.send(429, b"slowly", Retry_After="3600")

    def cut(self, body: bytes) -> None:
        self._start(body)
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True

    def reset_in_the_middle(self, body: bytes) -> None:
        self._start(body)
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        time.sleep(0.05)
        self._reset()

    def reset(self, body: bytes) -> None:
        self._reset()

    def chunked_cut(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", self.kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        half = body[: len(body) // 2]
        self.wfile.write(b"%x\r\n%s\r\n" % (len(half), half))
        self.close_connection = True

    def short(self, body: bytes) -> None:
        self.send(200, body[: len(body) // 2], self.kind)

    def empty(self, body: bytes) -> None:
        self.send(200, b"", self.kind)

    def garbled(self, body: bytes) -> None:
        self.send(200, bytes(byte ^ 0x5A for byte in body), self.kind)

    def no_files(self, body: bytes) -> None:
        page = {"meta": {"api-version": "1.1"}, "name": "x", "versions": [], "files": []}
        self.send(200, json.dumps(page).encode(), JSON_PAGE)

    def version_2(self, body: bytes) -> None:
        page = {**json.loads(body), "meta": {"api-version": "2.0"}}
        self.send(200, json.dumps(page).encode(), self.kind)

    def portal(self, body: bytes) -> None:
        self.send(200, PORTAL, "text/html")

    def portal_302(self, body: bytes) -> None:
        self.send(302, b"", Location="/portal")

    def loop(self, body: bytes) -> None:
        self.send(302, b"", Location="/loop")

    def slow(self, body: bytes) -> None:
        time.sleep(0.6)
        self.send(200, body, self.kind)

    def dripping(self, body: bytes) -> None:
        self._start(body)
        for number in range(0, len(body), 1 + len(body) // 10):
            self.wfile.write(body[number : number + 1 + len(body) // 10])
            self.wfile.flush()
            time.sleep(0.05)

    def silent(self, body: bytes) -> None:
        time.sleep(30)
        self.close_connection = True

    def _start(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()

    def _reset(self) -> None:
        # With no time to linger the kernel sends RST instead of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


@contextlib.contextmanager
def serve_faults(folder: Path | None = None, **options: bool) -> Iterator[FaultIndex]:
    """An index with reldemo and reldep."""
    with FaultIndex(**options) as index:
        index.add_demo()
        yield index
