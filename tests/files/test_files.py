"""Files written whole or not at all, and the locks that keep processes from one another."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from calipertf.assess.tables import update_table
from calipertf.errors import InfrastructureError
from calipertf.files import atomic as files
from calipertf.files.generated import list_made, remove_old


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "No space left on device; free some space or choose another --outdir"),
        (errno.EACCES, "Permission denied; choose another --outdir"),
        (errno.EROFS, "Read-only file system; choose another --outdir"),
    ],
)
def test_what_cannot_be_written_is_told_with_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: str
) -> None:
    (tmp_path / "a.txt").write_text("old")

    def fail(_file: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InfrastructureError) as caught:
        files.write_text(tmp_path / "a.txt", "new")
    assert str(caught.value) == f"cannot write {tmp_path / 'a.txt'}: {told}"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_half_written_file_of_a_killed_process_is_removed_and_of_a_living_one_kept(
    tmp_path: Path,
) -> None:
    code = (
        "import os, sys; from pathlib import Path; from calipertf.files import atomic as files\n"
        "files.os.fsync = lambda _: {}\n"
        "files.write_text(Path(sys.argv[1]), 'half')\n"
    )
    killed, waits = "os.kill(os.getpid(), 9)", "(print('ready', flush=True), sys.stdin.read())"
    subprocess.run([sys.executable, "-c", code.format(killed), tmp_path / "killed"], check=False)
    command = [sys.executable, "-c", code.format(waits), tmp_path / "living"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as living:
        assert living.stdout is not None
        assert living.stdin is not None
        assert living.stdout.readline() == b"ready\n"
        (tmp_path / ".link.partial").symlink_to(tmp_path / "nowhere")
        (tmp_path / ".folder.partial").mkdir()
        assert len(list(tmp_path.glob(".*.partial"))) == 4
        assert files.remove_partials(tmp_path) == 1
        assert len(list(tmp_path.glob(".living.*.partial"))) == 1
        living.stdin.close()
    assert (tmp_path / "living").read_text() == "half"
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"living", ".link.partial", ".folder.partial"}


def test_file_system_without_locks_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_file: object, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    files.warn_once.cache_clear()
    for _ in range(2):
        with files.hold_lock(tmp_path / ".lock"):
            files.write_text(tmp_path / "a", "written")
    assert caplog.text.count("keeps no locks") == 1
    (tmp_path / ".b.x.partial").touch()
    assert files.remove_partials(tmp_path) == 0  # nobody can tell whether it is in use
    assert (tmp_path / "a").read_text() == "written"


def test_runs_that_add_to_one_table_at_once_lose_no_rows(tmp_path: Path) -> None:
    def add(number: int) -> None:
        row = {"package": f"p{number}", "a": "1.0", "b": "2.0", "score": "semver", "value": 1.0}
        table = pd.DataFrame({name: [value] for name, value in row.items()})
        update_table(tmp_path / "versions", table, lambda rows: rows["package"] == row["package"])

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(add, range(40)))
    kept = pd.read_parquet(tmp_path / "versions.parquet")
    assert sorted(kept["package"]) == sorted(f"p{number}" for number in range(40))


@pytest.mark.parametrize("what", ["pipe", "folder", "deep", "list", "null", "numbers"])
def test_broken_list_of_what_was_made_is_no_list(tmp_path: Path, what: str) -> None:
    path = tmp_path / ".made.json"
    texts = {
        "deep": "[" * 100_000,
        "list": "[1]",
        "null": '{"files": null}',
        "numbers": '{"files": 3}',
    }
    if what in texts:
        path.write_text(texts[what])
    else:
        {"pipe": os.mkfifo, "folder": Path.mkdir}[what](path)
    (tmp_path / "a.csv").write_text("mine")
    remove_old(tmp_path, ["a.csv"])
    assert (list_made(tmp_path), (tmp_path / "a.csv").exists()) == ([], True)
