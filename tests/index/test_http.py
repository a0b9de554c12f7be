from __future__ import annotations

import io
import logging
import time
from pathlib import Path

import pytest
from helpers.fault_index import Fault, FaultIndex, serve_faults

from calipertf.errors import ConfigError, IndexUnavailableError, InfrastructureError, VersionError
from calipertf.index.client import Index
from calipertf.index.http import (
    Patience,
    check_room,
    download_file,
    read_patience,
)

#: What passes by itself where it strikes once.
PASSING = [
    *("500", "503", "429", "retry-after", "403", "404"),
    *("cut", "reset", "chunked-cut", "silent"),
]
#: What does not pass, and words of the sentence that says so.
LASTING = {
    "500": "answered 500",
    "429": "answered 429",
    "retry-after-long": "answered 429",
    "401": "answered 401",
    "403": "answered 403",
    "407": "answered 407",
    "410": "answered 410",
    "451": "answered 451",
    "cut": "cannot be reached",
    "reset-in-the-middle": "cannot be reached",
    "reset": "cannot be reached",
    "chunked-cut": "cannot be reached",
    "loop": "cannot be reached",
    "silent": "cannot be reached",
    "short": "no simple index page",
    "empty": "no simple index page",
    "garbled": "no simple index page",
    "portal": "no simple index page",
    "portal-302": "no simple index page",
    "version-2": "no simple index page",
    "no-files": "lists no file of reldep",
}


@pytest.fixture(autouse=True)
def be_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no index longer than its faults need."""
    monkeypatch.setenv("CALIPER_HTTP_TIMEOUT", "0.5")
    monkeypatch.setenv("CALIPER_HTTP_RETRIES", "1")


@pytest.mark.parametrize("kind", PASSING)
def test_fault_that_strikes_once_is_survived(kind: str) -> None:
    fault = Fault(who="all", target="page", kind=kind, times=1)
    with serve_faults() as server, Index(server.url) as index:
        server.faults.append(fault)
        project = index.fetch_releases("reldep")
    assert fault.struck == 1
    assert len(project.files) == 1
    assert not project.stale


@pytest.mark.parametrize(("kind", "words"), LASTING.items())
def test_fault_that_lasts_ends_in_one_sentence(kind: str, words: str) -> None:
    with serve_faults() as server, Index(server.url) as index:
        server.faults.append(Fault(who="all", target="page", kind=kind))
        started = time.monotonic()
        with pytest.raises(IndexUnavailableError, match=words):
            index.fetch_releases("reldep")
        assert time.monotonic() - started < 10
        server.faults.clear()
        with Index(server.url) as again:
            assert len(again.fetch_releases("reldep").files) == 1


@pytest.mark.parametrize("kind", ["slow", "dripping"])
def test_slow_index_is_waited_for(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALIPER_HTTP_TIMEOUT", "2")
    with serve_faults() as server, Index(server.url) as index:
        server.faults.append(Fault(who="all", target="page", kind=kind))
        assert len(index.fetch_releases("reldep").files) == 1


def test_package_that_is_not_there_is_asked_for_twice() -> None:
    with serve_faults() as server, Index(server.url) as index:
        fault = Fault(who="all", target="page", kind="404")
        server.faults.append(fault)
        with pytest.raises(VersionError, match="no package 'reldep'"):
            index.fetch_releases("reldep")
        assert fault.struck == 2


@pytest.mark.parametrize("kind", ["portal", "garbled", "version-2", "500", "silent"])
def test_bad_answer_takes_no_good_pages_place(kind: str, tmp_path: Path) -> None:
    with serve_faults() as server:
        with Index(server.url, tmp_path) as index:
            index.fetch_releases("reldep")
            server.faults.append(Fault(who="all", target="page", kind=kind))
            time.sleep(1.1)
            assert index.fetch_releases("reldep").stale
        with Index(server.url, tmp_path, offline=True) as index:
            assert len(index.fetch_releases("reldep").files) == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("404", "answered with 404"),
        ("503", "answered with 503"),
        ("cut", "cannot be downloaded"),
        ("silent", "cannot be downloaded"),
        ("short", "has sha256"),
        ("garbled", "has sha256"),
        ("portal", "has sha256"),
    ],
)
def test_downloaded_file_is_the_one_that_the_index_lists(kind: str, words: str) -> None:
    with serve_faults() as server, Index(server.url) as index:
        file = index.fetch_project("reldep").files[0]
        server.faults.append(Fault(who="all", target="file", kind=kind))
        with pytest.raises(InfrastructureError, match=words):
            download_file(index.files, file.url, io.BytesIO(), file.hashes)
        server.faults[:] = [Fault(who="all", target="file", kind=kind, times=1)]
        assert download_file(index.files, file.url, io.BytesIO(), file.hashes) == file.size


@pytest.mark.parametrize("value", ["soon", "-1", "0", "nan", "1e9"])
def test_patience_that_cannot_be_meant_is_refused(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALIPER_HTTP_TIMEOUT", value)
    with pytest.raises(ConfigError, match="CALIPER_HTTP_TIMEOUT"):
        read_patience()


def test_patience_is_what_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALIPER_HTTP_TIMEOUT", "2.5")
    monkeypatch.setenv("CALIPER_HTTP_RETRIES", "0")
    assert read_patience() == Patience(timeout=2.5, retries=0)
    monkeypatch.delenv("CALIPER_HTTP_TIMEOUT")
    monkeypatch.delenv("CALIPER_HTTP_RETRIES")
    assert read_patience() == Patience()


def test_cache_that_cannot_be_kept_is_said_and_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("calipertf"), "propagate", True)
    in_the_way = tmp_path / "cache"
    in_the_way.write_text("no folder")
    with serve_faults() as server, Index(server.url, in_the_way) as index:
        assert len(index.fetch_releases("reldep").files) == 1
        assert len(index.fetch_releases("reldemo").files) == 1
    # Once, however many handlers have taken it down.
    said = {id(record) for record in caplog.records if "cannot be kept in" in record.getMessage()}
    assert len(said) == 1
    assert "CALIPER_CACHE" in caplog.text


def test_damaged_cache_is_set_aside_and_made_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("calipertf"), "propagate", True)
    (tmp_path / "index.sqlite").write_bytes(b"this is no database" * 100)
    with serve_faults() as server, Index(server.url, tmp_path) as index:
        assert len(index.fetch_releases("reldep").files) == 1
    assert "is broken (file is not a database): set aside as" in caplog.text
    assert (tmp_path / "index.sqlite.aside-1").is_file()
    with Index(server.url, tmp_path, offline=True) as index:
        assert len(index.fetch_releases("reldep").files) == 1


def test_folder_with_room_has_room(tmp_path: Path) -> None:
    assert check_room(tmp_path / "new") is None
    assert (tmp_path / "new").is_dir()


def test_nobody_answers() -> None:
    with FaultIndex() as server:
        url = server.url
    with Index(url) as index, pytest.raises(IndexUnavailableError, match="cannot be reached"):
        index.fetch_project("reldep")


def test_page_that_ages_while_it_is_read_is_no_old_one() -> None:
    with serve_faults() as server, Index(server.url) as index:
        index.fetch_project("reldep")
        # Past the second for which the cache's page is a fresh one.
        index._session.hooks["response"].append(lambda *_, **__: time.sleep(1.1))
        assert not index.fetch_project("reldep").stale
