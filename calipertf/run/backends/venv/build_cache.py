"""A cell's own cache of what it builds from source archives, beside the one that cells share.

uv keeps the wheels that it builds and takes them again, whatever they were built with: a cell that
fails with the build tools of today would find what another one built with those of 2016. So each
cell has a cache of its own whose downloads are links into the shared one, and whose builds are not.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from calipertf.files.atomic import lock_file
from calipertf.run.backends.venv.workspace import remove_tree

#: Folders of a cache of uv that hold builds; all others hold downloads.
_BUILDS = ("sdists-", "builds-")
#: File that marks a folder as made here; locked while a cell uses it.
_MARKER = ".calipertf-build-cache"
#: Seconds that a folder has to be old for its run to have been killed, whatever its lock says.
_YOUNG = 60


@contextlib.contextmanager
def open_build_cache(shared: Path) -> Iterator[Path]:
    """Yield a cache folder for uv, removed on leaving; downloads go to the shared one.

    It is beside the shared one: uv moves files from one folder of a cache to another.
    """
    parent = shared.parent / "builds"
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove_abandoned(parent)
    folder = Path(tempfile.mkdtemp(prefix="cell-", dir=parent))
    with (folder / _MARKER).open("a") as lock:
        lock_file(lock, wait=True, quiet=True)
        try:
            _link_downloads(folder, shared)
            yield folder
        finally:
            _share_downloads(folder, shared)
            _remove_builds(folder)


def _link_downloads(folder: Path, shared: Path) -> None:
    """Link the shared downloads; none of them where there is no archive of unpacked wheels yet."""
    if any(shared.glob("archive-*")):
        for bucket in _list_downloads(shared):
            (folder / bucket.name).symlink_to(bucket)


def _share_downloads(folder: Path, shared: Path) -> None:
    """Move to the shared cache what it lacks, unpacked wheels before what names them."""
    for bucket in sorted(_list_downloads(folder)):
        if bucket.is_symlink():
            continue
        try:
            bucket.rename(shared / bucket.name)
        except OSError:
            return  # another cell was first


def _list_downloads(cache: Path) -> list[Path]:
    return [
        path for path in cache.glob("*-v*") if path.is_dir() and not path.name.startswith(_BUILDS)
    ]


def _remove_builds(folder: Path) -> None:
    """Remove a cell's cache, and what it built from the shared archive of unpacked wheels.

    A link that a source archive brought along may lead anywhere.
    """
    archives = {path.resolve() for path in folder.glob("archive-*")}
    for parent, names, _ in (
        step for bucket in folder.glob("sdists-*") for step in os.walk(bucket)
    ):
        for path in (Path(parent, name) for name in names):
            target = path.resolve()
            if path.is_symlink() and target.parent in archives:
                remove_tree(target)
    remove_tree(folder)


def _remove_abandoned(parent: Path) -> None:
    """Remove the caches of cells whose run was killed."""
    for folder in parent.glob("cell-*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or time.time() - folder.stat().st_mtime < _YOUNG:
                continue
            with (folder / _MARKER).open("r+") as lock:  # without one it was not made here
                # Where there are no locks nobody can tell whether a cell still uses it.
                if lock_file(lock, quiet=True):
                    _remove_builds(folder)
