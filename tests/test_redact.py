"""Credentials: refused in caliper.yaml, lent to installers, hidden wherever they could appear."""

from __future__ import annotations

import logging
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from requests.utils import get_netrc_auth

from calipertf import redact as redact_module
from calipertf.config.model import load_config
from calipertf.errors import CaliperError, ConfigError
from calipertf.formats.record_files import read_record
from calipertf.formats.records import Cell, Record, Run
from calipertf.index.client import Index
from calipertf.index.credentials import PASSWORD, USERNAME, lend_credentials, needs_credentials
from calipertf.paths import Layout
from calipertf.redact import RedactFilter, mask_host, redact, remember_secret
from calipertf.run.store import Store

INDEX = "https://index.example/simple/"


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact_module, "_KNOWN", set())
    for name in (USERNAME, PASSWORD, "NETRC"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("https://u:secret@host/simple/", "https://****@host/simple/"),
        ("see https://secret-token@host:8443/x and more", "see https://****@host:8443/x and more"),
        ("Proxy http://u:p@ss:w@rd@proxy:3128 failed", "Proxy http://****@proxy:3128 failed"),
        ("'http://:secret@host'", "'http://****@host'"),
        ("git+https://u:secret@host/x@v1", "git+https://****@host/x@v1"),
        ("https://host/x.whl?token=secret&a=1", "https://host/x.whl?token=****&a=1"),
        ("https://host/x?X-Amz-Signature=secret", "https://host/x?X-Amz-Signature=****"),
        ("{'Authorization': 'Basic c2VjcmV0'}", "{'Authorization': 'Basic ****'}"),
        ("git+ssh://git@github.com/x/y@v1", "git+ssh://git@github.com/x/y@v1"),
        ("https://host:8080/@scope/pkg", "https://host:8080/@scope/pkg"),
        ("https://host/x?version=1#sha256=ab", "https://host/x?version=1#sha256=ab"),
        ("mail u:secret@host", "mail u:secret@host"),
    ],
)
def test_credentials_are_hidden_and_nothing_else(text: str, hidden: str) -> None:
    assert redact(text) == hidden
    assert redact(hidden) == hidden


def test_a_known_secret_is_hidden_in_any_form() -> None:
    remember_secret("Pa55word")
    assert redact("environ: {'X': 'Pa55word'}") == "environ: {'X': '****'}"


@pytest.mark.parametrize(
    "line",
    [
        "index_url: https://u:secret@index.example/simple/",
        "index_url: https://secret@index.example/simple/",
        "index_url: https://index.example/simple/?token=secret",
        "requirements: ['x @ https://u:secret@index.example/x.whl']",
        "args: {index: 'https://u:secret@index.example/'}",
        "args: {deep: [{index: 'https://u:secret@index.example/'}]}",
    ],
)
def test_credentials_in_caliper_yaml_are_refused_and_not_repeated(
    write_config: Callable[..., Path], line: str
) -> None:
    path = write_config(f"analysis:\n  dependency: six\n  tests: a.py\n  {line}\n")
    with pytest.raises(ConfigError, match=r"~/\.netrc.*CALIPER_INDEX_USERNAME") as caught:
        load_config(path)
    assert "secret" not in str(caught.value)


def test_credentials_in_a_flag_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"~/\.netrc") as caught:
        Index("https://u:secret@index.example/simple/")
    assert "secret" not in str(caught.value)


def test_errors_and_log_lines_hide_them(caplog: pytest.LogCaptureFixture) -> None:
    assert str(CaliperError("http://u:secret@host failed")) == "http://****@host failed"
    log = logging.getLogger("test-redact")
    caplog.handler.addFilter(RedactFilter())
    try:
        int("http://u:secret@host")
    except ValueError:
        log.exception("asked %s", "http://u:secret@host")
    assert "secret" not in caplog.text
    assert "asked http://****@host" in caplog.text


def test_records_hide_them_but_in_what_a_script_printed(tmp_path: Path) -> None:
    address = "http://u:secret@host/"
    cell = Cell(package="six", version="1.0", python="cp38")
    record = Record(
        cell=cell,
        outcome="not_compared",
        message=address,
        build=Run(output=(address,), error=(address,), retval=0),
        requirements=(f"x @ {address}\n",),
        inputs={"dockerfile": f"RUN pip install -i {address} x"},
        runs={"a.py": Run(output=(address,), retval=0)},
    )
    store = Store(layout=Layout(root=tmp_path), dated=False, tolerance=0, suites={}, baselines={})
    store.save(record)
    store.save_failure(Cell(package="six", version="2.0", python="cp38"), address)
    (path, failed) = sorted(tmp_path.rglob("*.json"))
    assert "secret" not in failed.read_text()
    kept = read_record(path)
    # A script compares what it prints; it was given no credentials of ours.
    assert kept.runs["a.py"].output == (address,)
    assert path.read_text().count("secret") == 1
    assert kept.caliper


def test_the_name_of_the_machine_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "ws-0815")
    redact_module._host_pattern.cache_clear()
    try:
        assert mask_host("built on ws-0815 (ws-0815.lan)") == "built on host (host.lan)"
        assert mask_host("ws-08157 news-0815 ws-0815-x") == "ws-08157 news-0815 ws-0815-x"
    finally:
        redact_module._host_pattern.cache_clear()


@pytest.fixture
def own_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / ".netrc"
    path.write_text("machine other.example login me password mine\n")
    path.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    return path


@pytest.mark.usefixtures("own_netrc")
def test_credentials_are_lent_by_a_netrc_file_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(USERNAME, "somebody")
    monkeypatch.setenv(PASSWORD, "s3cret")
    with lend_credentials(INDEX):
        path = Path(os.environ["NETRC"])
        assert (stat.S_IMODE(path.stat().st_mode), PASSWORD in os.environ) == (0o600, False)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert get_netrc_auth(INDEX) == ("somebody", "s3cret")
        assert get_netrc_auth("https://other.example/") == ("me", "mine")
        assert needs_credentials(INDEX)
    assert not path.exists()
    assert ("NETRC" in os.environ, os.environ[PASSWORD]) == (False, "s3cret")
    assert redact("s3cret") == "****"


def test_password_comes_from_a_keyring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "keyring"
    program.write_text(f'#!/bin/sh\ntest "$*" = "get {INDEX} somebody" && echo from-the-ring\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv(USERNAME, "somebody")
    with lend_credentials(INDEX):
        assert get_netrc_auth(INDEX) == ("somebody", "from-the-ring")
    monkeypatch.setenv(USERNAME, "nobody")
    with pytest.raises(ConfigError, match="keyring set"), lend_credentials(INDEX):
        pass


def test_password_that_netrc_cannot_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(USERNAME, "somebody")
    monkeypatch.setenv(PASSWORD, "two words")
    with pytest.raises(ConfigError, match=PASSWORD) as caught, lend_credentials(INDEX):
        pass
    assert "two words" not in str(caught.value)


@pytest.mark.parametrize(
    "own",
    [
        "default login me password mine\n",
        f"machine {urlsplit(INDEX).hostname} login me password mine\n",
        "macdef init\ncd x\n",
        "machine\n",
        "\0\n",
    ],
)
def test_lent_credentials_count_whatever_the_own_netrc_file_holds(
    own_netrc: Path, monkeypatch: pytest.MonkeyPatch, own: str
) -> None:
    own_netrc.write_text(own)
    monkeypatch.setenv(USERNAME, "somebody")
    monkeypatch.setenv(PASSWORD, "s3cret")
    with lend_credentials(INDEX):
        assert get_netrc_auth(INDEX) == ("somebody", "s3cret")


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_own_netrc_file_that_is_no_file_is_left_out(
    own_netrc: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    own_netrc.unlink()
    make = {"pipe": os.mkfifo, "device": lambda path: path.symlink_to("/dev/zero")}
    make.get(kind, Path.mkdir)(own_netrc)
    monkeypatch.setenv(USERNAME, "somebody")
    monkeypatch.setenv(PASSWORD, "s3cret")
    with lend_credentials(INDEX):
        assert get_netrc_auth(INDEX) == ("somebody", "s3cret")


def test_password_without_a_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, "s3cret")
    with pytest.raises(ConfigError, match=f"without {USERNAME}"), lend_credentials(INDEX):
        pass


def test_keyring_that_asks_back_gives_no_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "keyring"
    program.write_text("#!/bin/sh\nread answer\necho $answer\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv(USERNAME, "somebody")
    with pytest.raises(ConfigError, match="keyring set"), lend_credentials(INDEX):
        pass


def test_passwords_of_a_netrc_file_are_hidden_however_they_are_spelled(own_netrc: Path) -> None:
    host = urlsplit(INDEX).hostname
    own_netrc.write_text(f"machine {host} login me password tok/en+of=mine\n")
    with lend_credentials(INDEX):
        pass
    spelled = ["tok/en+of=mine", "tok%2Fen%2Bof%3Dmine", "bWU6dG9rL2VuK29mPW1pbmU="]
    assert [redact(f"a {text} b") for text in spelled] == ["a **** b"] * 3
