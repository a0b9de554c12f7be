"""The fetch script against a real HTTP server on this machine."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from helpers import REPOSITORY

SCRIPT = REPOSITORY / "examples" / "data" / "fetch_mnist.py"
spec = importlib.util.spec_from_file_location("fetch_mnist", SCRIPT)
assert spec
assert spec.loader
fetch_mnist = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fetch_mnist)

NAME = "train-images-idx3-ubyte.gz"
CONTENT = bytes(range(256)) * 800
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Mirror:
    """A server with one file, that can be damaged, cut answers short, or know no ranges."""

    url: str = ""
    content: bytes = CONTENT
    ranges: bool = True
    #: Bytes after which an answer breaks off; None for whole answers.
    breaks_after: int | None = None
    #: What the server says of how the file is packed, as some do of every .gz; None for nothing.
    encoding: str | None = None
    #: The Range header of each request, None where there was none.
    asked: list[str | None] = field(default_factory=list)


def make_handler(mirror: Mirror) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers["Range"]
            mirror.asked.append(wanted)
            if self.path != f"/{NAME}":
                self.send_error(404)
                return
            start = int(wanted[len("bytes=") : -1]) if wanted and mirror.ranges else 0
            if start >= len(mirror.content):
                self.send_error(416)
                return
            body = mirror.content[start:]
            self.send_response(206 if wanted and mirror.ranges else 200)
            self.send_header("Content-Length", str(len(body)))
            if mirror.encoding:
                self.send_header("Content-Encoding", mirror.encoding)
            self.end_headers()
            self.wfile.write(body[: mirror.breaks_after])

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def mirrors() -> Iterator[list[Mirror]]:
    pair = [Mirror(), Mirror()]
    servers = []
    for mirror in pair:
        server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(mirror))
        mirror.url = f"http://127.0.0.1:{server.server_port}/"
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    yield pair
    for server in servers:
        server.shutdown()
        server.server_close()


def fetch(folder: Path, mirrors: list[Mirror]) -> str:
    found = fetch_mnist.fetch_file(NAME, CHECKSUM, folder, [mirror.url for mirror in mirrors])
    return str(found)


def test_a_file_is_fetched_once(mirrors: list[Mirror], tmp_path: Path) -> None:
    assert fetch(tmp_path, mirrors) == mirrors[0].url
    assert fetch(tmp_path, mirrors) == "kept"
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert mirrors[0].asked == [None]
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_broken_download_goes_on_at_the_next_mirror(
    mirrors: list[Mirror], tmp_path: Path
) -> None:
    mirrors[0].breaks_after = 70_000
    assert fetch(tmp_path, mirrors) == mirrors[1].url
    assert (tmp_path / NAME).read_bytes() == CONTENT
    (asked,) = mirrors[1].asked
    assert asked is not None
    assert asked != "bytes=0-"


def test_a_broken_download_goes_on_in_the_next_run(mirrors: list[Mirror], tmp_path: Path) -> None:
    mirrors[0].breaks_after = 70_000
    with pytest.raises(fetch_mnist.FetchError):
        fetch(tmp_path, mirrors[:1])
    arrived = (tmp_path / f"{NAME}.part").stat().st_size
    assert 0 < arrived < len(CONTENT)
    mirrors[0].breaks_after = None
    assert fetch(tmp_path, mirrors[:1]) == mirrors[0].url
    assert mirrors[0].asked == [None, f"bytes={arrived}-"]


@pytest.mark.parametrize("kept", [1000, len(CONTENT)])
def test_a_server_without_ranges_starts_again(
    mirrors: list[Mirror], tmp_path: Path, kept: int
) -> None:
    mirrors[0].ranges = False
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:kept])
    assert fetch(tmp_path, mirrors[:1]) == mirrors[0].url
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_whole_partial_file_is_taken(mirrors: list[Mirror], tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT)
    assert fetch(tmp_path, mirrors[:1]) == mirrors[0].url
    assert mirrors[0].asked == [f"bytes={len(CONTENT)}-"]


def test_a_wrong_file_is_thrown_away(mirrors: list[Mirror], tmp_path: Path) -> None:
    mirrors[0].content = b"<html>moved</html>"
    (tmp_path / NAME).write_bytes(b"an older wrong one")
    assert fetch(tmp_path, mirrors) == mirrors[1].url
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert mirrors[1].asked == [None]  # nothing of the wrong file is built upon


@pytest.mark.parametrize("kept", [0, 1000])
def test_a_file_that_the_server_calls_packed_is_taken_as_it_is(
    mirrors: list[Mirror], tmp_path: Path, kept: int
) -> None:
    packed = gzip.compress(CONTENT)
    mirrors[0].content, mirrors[0].encoding = packed, "x-gzip"
    if kept:
        (tmp_path / f"{NAME}.part").write_bytes(packed[:kept])
    checksum = hashlib.sha256(packed).hexdigest()
    assert fetch_mnist.fetch_file(NAME, checksum, tmp_path, [mirrors[0].url]) == mirrors[0].url
    assert (tmp_path / NAME).read_bytes() == packed


@pytest.mark.parametrize("kept", [b"<html>moved</html>", b"x" * (len(CONTENT) + 1)])
def test_a_wrong_beginning_is_fetched_anew_from_the_same_mirror(
    mirrors: list[Mirror], tmp_path: Path, kept: bytes
) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(kept)
    assert fetch(tmp_path, mirrors[:1]) == mirrors[0].url
    assert mirrors[0].asked == [f"bytes={len(kept)}-", None]


def test_a_folder_that_cannot_be_written_is_no_fault_of_the_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mnist").write_text("a file")
    assert fetch_mnist.main([str(tmp_path / "mnist")]) == 3
    told = capsys.readouterr().err
    assert "cannot be written" in told
    assert "network" not in told


def test_an_interrupted_fetch_says_that_it_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch_mnist, "fetch_file", interrupt)
    assert fetch_mnist.main([str(tmp_path / "mnist")]) == 130
    assert "goes on" in capsys.readouterr().err


def test_without_a_network_the_message_tells_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = ("http://127.0.0.1:9/", "http://127.0.0.1:9/other/")
    monkeypatch.setattr(fetch_mnist, "MIRRORS", closed)
    folder = tmp_path / "mnist"
    assert fetch_mnist.main([str(folder)]) == 3
    told = capsys.readouterr().err
    for words in (NAME, *closed, "--mirror", str(folder), "CALIPER_DATA"):
        assert words in told
    assert not list(folder.iterdir())


def test_every_file_of_mnist_has_a_checksum() -> None:
    assert len(fetch_mnist.CHECKSUMS) == 4
    assert all(len(value) == 64 for value in fetch_mnist.CHECKSUMS.values())
