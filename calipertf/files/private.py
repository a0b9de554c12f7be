"""Folders of this user's own, which no other user can have prepared or can change."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from calipertf.errors import ConfigError, InfrastructureError
from calipertf.files.atomic import warn_once

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def make_private(parent: Path, name: str) -> Path:
    """Return a folder below `parent` that only this user can write to.

    `name` where that can be trusted.

    In a folder that all may write to, somebody else can have taken the name, or have put a link in
    its place: then it is left alone, and the folder gets a name that nobody could foresee.
    Raises InfrastructureError where no folder can be made.
    """
    folder = parent / name
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if not is_private(folder):
            warn_once(
                f"{folder} is not a folder of this user's alone, so that others could change what "
                "runs in it: it is not used, this run makes another folder"
            )
            folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent))
        status = parent.stat()
    except OSError as error:
        raise explain_no_folder(parent, error) from error
    if status.st_mode & _OTHERS_WRITE and not status.st_mode & stat.S_ISVTX:
        warn_once(
            f"other users may rename what is in {parent}, the folders that cells are built in as "
            "well: set its sticky bit (chmod +t), or name another folder by CALIPER_CELLS"
        )
    return folder


def explain_no_folder(parent: Path, error: OSError) -> InfrastructureError:
    """Return the error of a run that can make no folder for its cells, with the way out."""
    return InfrastructureError(
        f"no folder for cells can be made in {parent}: {error.strerror}; name another by "
        "CALIPER_CELLS",
        path=parent,
    )


def is_private(folder: Path) -> bool:
    """Whether this is a folder, not a link to one, of this user, that no other can write to."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return mine and not status.st_mode & _OTHERS_WRITE


def check_cache(folder: Path) -> None:
    """Make a cache's folder for this user alone, or look at the one that is there.

    Raises ConfigError where another user could put something in it, InfrastructureError where it
    cannot be made. root is warned and goes on: folders that a container is given are often a plain
    user's.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owners = {folder.lstat().st_uid, folder.stat().st_uid}
        writable = folder.stat().st_mode & _OTHERS_WRITE
    except OSError as error:
        raise InfrastructureError(
            f"the cache folder {folder} cannot be used: {error.strerror}; name another by "
            "CALIPER_CACHE",
            path=folder,
        ) from error
    strangers = owners - {os.geteuid(), 0}
    if strangers and os.geteuid() != 0:
        raise ConfigError(
            f"CALIPER_CACHE: {folder} belongs to another user (number {min(strangers)}), who could "
            "change what is installed from it; name a folder of your own",
            path=folder,
        )
    if strangers or writable:
        warn_once(
            f"other users can write to the cache folder {folder}, and so change what is installed "
            "from it; `chmod go-w` it, or name a folder of your own by CALIPER_CACHE"
        )
