"""Fixtures that several tests share."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from helpers import REPOSITORY

REFERENCE = REPOSITORY.parent / "shared" / "reference"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Keep together, where pytest-xdist runs two tests at once, what shares something.

    The tests of a file share its fixtures. Those with a container engine share the engine: some
    look at all that it has. The examples share a run of their suite, so that suites are spread.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            if file.endswith("/integration/test_examples.py"):
                return file + nodeid.partition("[")[2]
            return "docker" if "/integration/test_docker" in file else file

    return ByFile(config, log)


@pytest.fixture
def reference() -> Path:
    """Data of the original tool, which lies beside a developer's checkout."""
    if not REFERENCE.is_dir():
        pytest.skip("no reference data of the original tool beside this checkout")
    return REFERENCE


@pytest.fixture(autouse=True)
def keep_logging() -> Iterator[None]:
    """Undo what a test that runs a script in this process did to its logging."""
    log = logging.getLogger("calipertf")
    before = log.handlers[:], log.level, log.propagate
    yield
    log.handlers[:], log.propagate = before[0], before[2]
    log.setLevel(before[1])


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[..., Path]:
    """Write a caliper.yaml with its template and a script; its path."""

    def write(text: str, *, scripts: dict[str, str] | None = None) -> Path:
        (tmp_path / "Dockerfile").write_text("FROM {{ base }}\n")
        for name, source in (scripts or {"a.py": "print('a')\n"}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        path = tmp_path / "caliper.yaml"
        path.write_text(text)
        return path

    return write


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def guess_type(self, path: str) -> str:  # type: ignore[override]
        """Index pages are PEP 691 JSON."""
        if str(path).endswith("index.html"):
            return "application/vnd.pypi.simple.v1+json"
        return super().guess_type(path)


@pytest.fixture
def serve_folder(tmp_path: Path) -> Iterator[Callable[[Path], str]]:
    """Serve a folder over HTTP on the loopback; its address."""
    servers: list[ThreadingHTTPServer] = []

    def serve(folder: Path) -> str:
        handler = partial(_Quiet, directory=str(folder))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def make_index(tmp_path: Path) -> Callable[[dict[str, list[dict[str, Any]]]], Path]:
    """A folder that is a simple index in JSON: package -> its files."""

    def make(projects: dict[str, list[dict[str, Any]]]) -> Path:
        root = tmp_path / "index"
        for name, files in projects.items():
            folder = root / name
            folder.mkdir(parents=True, exist_ok=True)
            complete = [
                {"url": f"https://files.example/{item['filename']}", "hashes": {}, **item}
                for item in files
            ]
            page = {"meta": {"api-version": "1.1"}, "name": name, "files": complete}
            (folder / "index.html").write_text(json.dumps(page))
        return root

    return make
