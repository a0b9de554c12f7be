from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path

import pytest

from calipertf.run.backends.venv.build_cache import open_build_cache


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A cache of uv as it is after some downloads and somebody's build."""
    folder = tmp_path / "uv"
    for name in ("archive-v0/unpacked", "wheels-v8", "sdists-v11/pypi/old", "builds-v0"):
        (folder / name).mkdir(parents=True)
    (folder / "archive-v0/unpacked/module.py").write_text("")
    (folder / "CACHEDIR.TAG").write_text("")
    return folder


def list_files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_downloads_are_shared_and_builds_are_not(shared: Path) -> None:
    before = list_files(shared)
    with open_build_cache(shared) as cache:
        assert (cache / "archive-v0/unpacked/module.py").is_file()
        assert not (cache / "sdists-v11").exists()
        (cache / "wheels-v8" / "six").mkdir()
        # As uv does: what it built lies in the archive, and a link to it among the builds.
        built = cache / "archive-v0/built"
        built.mkdir()
        own = cache / "sdists-v11/pypi/demo/1.0"
        own.mkdir(parents=True)
        (own / "demo-1.0-py3-none-any").symlink_to(built.resolve())
        (own / "elsewhere").symlink_to(shared.parent)
    assert not cache.exists()
    assert list_files(shared) == sorted([*before, "wheels-v8/six"])


def test_first_downloads_become_the_shared_ones(tmp_path: Path) -> None:
    shared = tmp_path / "uv"
    shared.mkdir()
    with open_build_cache(shared) as first, open_build_cache(shared) as second:
        for cache in (first, second):
            (cache / "archive-v0").mkdir()
            (cache / "wheels-v8").mkdir()
            (cache / "sdists-v11").mkdir()
        (second / "archive-v0/two").mkdir()
        (first / "archive-v0/one").mkdir()
    # The one that ended first; nothing of the other is mixed with it.
    assert list_files(shared) == ["archive-v0", "archive-v0/two", "wheels-v8"]


def test_links_of_a_source_archive_cost_nobody_a_folder(shared: Path) -> None:
    photos = shared.parent / "archive-2020" / "photos"
    photos.mkdir(parents=True)
    (photos / "one.jpg").write_text("")
    with open_build_cache(shared) as cache:
        source = cache / "sdists-v11/pypi/demo/1.0/src"
        source.mkdir(parents=True)
        (source / "link").symlink_to(photos)
    assert not cache.exists()
    assert (photos / "one.jpg").is_file()


def test_file_system_without_locks_is_built_on(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(file: object, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    dead = shared.parent / "builds/cell-dead"
    dead.mkdir(parents=True)
    (dead / ".calipertf-build-cache").touch()
    os.utime(dead, (0, 0))
    monkeypatch.setattr("fcntl.flock", flock)
    with open_build_cache(shared) as cache:
        assert cache.is_dir()
    assert not cache.exists()
    assert dead.exists()  # another run may be at work in it


def test_caches_of_killed_runs_go(shared: Path) -> None:
    parent = shared.parent / "builds"
    dead, young, strangers = (parent / f"cell-{name}" for name in ("dead", "young", "bars"))
    for folder in (dead, young, strangers):
        folder.mkdir(parents=True)
        (folder / "archive-v0").symlink_to(shared / "archive-v0")
    for folder in (dead, young):
        (folder / ".calipertf-build-cache").touch()
    (parent / "cell-link").symlink_to(dead)
    hours_ago = time.time() - 7200
    for folder in (dead, strangers):
        os.utime(folder, (hours_ago, hours_ago))
    with open_build_cache(shared) as running:
        os.utime(running, (hours_ago, hours_ago))
        with open_build_cache(shared):
            assert running.exists()
        assert not dead.exists()
        assert young.exists()
        # A name alone is no mark of ours.
        assert strangers.exists()
    assert (shared / "archive-v0/unpacked/module.py").is_file()


def test_caches_are_made_where_the_file_system_keeps_no_locks(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_file: object, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    other = shared.parent / "builds/cell-other"
    other.mkdir(parents=True)
    (other / ".calipertf-build-cache").touch()
    os.utime(other, (0, 0))
    with open_build_cache(shared) as cache:
        assert (cache / "archive-v0/unpacked/module.py").is_file()
    assert not cache.exists()
    assert other.exists()  # nobody can tell whether it is in use
