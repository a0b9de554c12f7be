from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
import requests
from helpers.fault_index import JSON_PAGE, Fault, FaultIndex, make_installable, serve_faults

from calipertf.index.build_tools import with_newest
from calipertf.index.client import Index, Project
from calipertf.index.snapshot import describe_view, serve_past

FILES = [
    {
        "filename": "demo-1.0.tar.gz",
        "upload-time": "2020-01-01T00:00:00Z",
        "hashes": {"sha256": "ab"},
    },
    {
        "filename": "demo-2.0-py3-none-any.whl",
        "upload-time": "2021-01-01T00:00:00Z",
        "requires-python": ">=3.6",
        "yanked": True,
    },
]
TOOLS = [
    {"filename": "wheel-0.29-py3-none-any.whl", "upload-time": "2016-02-05T00:00:00Z"},
    {"filename": "wheel-0.33-py3-none-any.whl", "upload-time": "2019-08-18T00:00:00Z"},
    {"filename": "wheel-0.48-py3-none-any.whl", "upload-time": "2026-08-11T00:00:00Z"},
]


def test_index_of_a_date(
    make_index: Callable[..., Path], serve_folder: Callable[[Path], str]
) -> None:
    url = serve_folder(make_index({"demo": FILES, "wheel": TOOLS}))
    with Index(url) as index, serve_past(index) as machine:
        early = machine.url(datetime(2020, 6, 1, tzinfo=timezone.utc), "cp37")
        late = machine.url(datetime(2022, 6, 1, tzinfo=timezone.utc), "cp37")
        page = requests.get(f"{early}Demo/", timeout=5).text
        assert "demo-1.0.tar.gz#sha256=ab" in page
        assert "demo-2.0" not in page
        page = requests.get(f"{late}demo/", timeout=5).text
        assert 'data-requires-python="&gt;=3.6"' in page
        assert 'data-yanked=""' in page
        ancient = datetime(2014, 6, 1, tzinfo=timezone.utc)
        old, new, newest = (
            machine.url(ancient, python) for python in ("cp37", "cp312", with_newest("cp37"))
        )
        # No older than the Python needs, though that is after the date.
        page = requests.get(f"{old}wheel/", timeout=5).text
        assert "wheel-0.29" in page
        assert "wheel-0.33" not in page
        assert "wheel-0.33" in requests.get(f"{new}wheel/", timeout=5).text
        assert "wheel-0.48" not in requests.get(f"{new}wheel/", timeout=5).text
        # The newest; other packages do follow the date.
        assert "wheel-0.48" in requests.get(f"{newest}wheel/", timeout=5).text
        assert "demo-1.0" not in requests.get(f"{newest}demo/", timeout=5).text
        assert requests.get(f"{early}nothing/", timeout=5).status_code == 404
        assert requests.get(f"{early}demo/x/", timeout=5).status_code == 404


LATE = datetime(2022, 6, 1, tzinfo=timezone.utc)


def test_metadata_and_upload_times_are_passed_on() -> None:
    with serve_faults() as server, Index(server.url) as index, serve_past(index) as machine:
        url = f"{machine.url(LATE, 'cp37')}reldep/"
        page = requests.get(url, timeout=5).text
        assert 'data-core-metadata="sha256=' in page
        assert 'data-dist-info-metadata="sha256=' in page
        reply = requests.get(url, headers={"Accept": JSON_PAGE}, timeout=5)
        assert reply.headers["Content-Type"] == JSON_PAGE
        (file,) = reply.json()["files"]
        assert file["upload-time"] == "2020-01-01T00:00:00.000000Z"
        assert file["core-metadata"].keys() == {"sha256"}
        assert requests.get(f"{file['url']}.metadata", timeout=5).text.startswith("Metadata")


def test_page_that_is_slow_holds_up_no_other() -> None:
    with serve_faults() as server, Index(server.url) as index, serve_past(index) as machine:
        server.faults.append(Fault(who="planner", target="page", kind="slow"))
        url = machine.url(LATE, "cp37")
        slow = threading.Thread(target=requests.get, args=(f"{url}reldep/",), kwargs={"timeout": 9})
        slow.start()
        while not server.faults[0].struck:
            time.sleep(0.01)
        assert requests.get(f"{url}reldemo/", timeout=5).ok
        assert slow.is_alive()
        slow.join()


def test_watch_knows_what_a_build_asked_and_was_not_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CALIPER_HTTP_RETRIES", "0")
    with (
        serve_faults() as server,
        Index(server.url) as index,
        serve_past(index) as machine,
        machine.watch(LATE, "cp37") as watch,
        machine.watch(LATE, "cp37") as other,
    ):
        assert requests.get(f"{watch.url()}reldep/", timeout=5).ok
        assert requests.get(f"{watch.url()}nowhere/", timeout=5).status_code == 404
        assert watch.projects.keys() == {"reldep", "nowhere"}
        assert watch.projects["nowhere"] is None
        assert watch.failures == []
        server.faults.append(Fault(who="all", target="page", kind="500", project="reldemo"))
        assert requests.get(f"{watch.url()}reldemo/", timeout=5).status_code == 503
        assert "answered 500 for reldemo" in watch.failures[0]
        assert (other.failures, other.projects) == ([], {})


def test_installer_that_hangs_up_is_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    with serve_faults() as server, Index(server.url) as index, serve_past(index) as machine:
        connection = socket.create_connection(("127.0.0.1", machine.port))
        # With no time to linger the kernel sends RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        assert requests.get(f"{machine.url(LATE, 'cp37')}reldep/", timeout=5).ok
    assert capfd.readouterr().err == ""


def test_installer_that_hangs_up_before_its_answer_is_no_failure() -> None:
    """uv does, once what it has read of a file is enough."""
    with (
        serve_faults() as server,
        Index(server.url) as index,
        serve_past(index) as machine,
        machine.watch(LATE, "cp37", through=True) as watch,
    ):
        server.faults.append(Fault(who="planner", target="page", kind="slow"))
        connection = socket.create_connection(("127.0.0.1", machine.port))
        path = watch.url().split(str(machine.port))[1]
        connection.sendall(f"GET {path}reldep/ HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        while not server.faults[0].struck:
            time.sleep(0.01)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        while "reldep" not in watch.projects:
            time.sleep(0.01)
        time.sleep(0.2)  # the answer is written right after
        assert watch.failures == []


def test_files_come_through_with_the_hash_that_their_page_lists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CALIPER_HTTP_RETRIES", "0")
    with (
        serve_faults() as server,
        Index(server.url) as index,
        serve_past(index) as machine,
        machine.watch(None, "cp37", through=True) as watch,
    ):
        page = requests.get(f"{watch.url()}reldep/", headers={"Accept": JSON_PAGE}, timeout=5)
        (file,) = page.json()["files"]
        url = f"http://127.0.0.1:{machine.port}{file['url']}"
        wheel = server.files["reldep"][file["filename"]]
        assert requests.get(url, timeout=5).content == wheel
        assert requests.get(f"{url}.metadata", timeout=5).text.startswith("Metadata")
        assert requests.head(url, timeout=5).ok
        assert requests.get(f"{url}.not", timeout=5).status_code == 503
        assert "does not list" in watch.failures.pop()
        server.faults.append(Fault(who="all", target="file", kind="garbled"))
        assert requests.get(url, timeout=5).status_code == 503
        assert "has sha256" in watch.failures[0]


def test_view_of_a_project_changes_with_its_files_only() -> None:
    with FaultIndex() as server, Index(server.url) as index:
        server.add("dep-1.0-py3-none-any.whl", make_installable("dep", "1.0"))

        def look(cutoff: datetime | None) -> str:
            # Past the second for which a page is not asked for again.
            time.sleep(1.1)
            return describe_view(index.fetch_project("dep"), cutoff, "cp37")

        before = look(LATE), look(None)
        assert before[0] == before[1] == look(LATE)
        server.add("dep-2.0-py3-none-any.whl", make_installable("dep", "2.0"))
        server.uploaded["dep-2.0-py3-none-any.whl"] = "2023-01-01T00:00:00Z"
        assert look(LATE) == before[0]
        assert look(None) != before[1]
    empty = Project(name="dep", files=())
    assert describe_view(None, None, "cp37") != describe_view(empty, None, "cp37")
