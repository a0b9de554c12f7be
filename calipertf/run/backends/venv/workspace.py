"""The folder that one run builds its cells in: claimed, removed, swept after a kill.

Beside each run's folder `run-X` is its marker `run-X.lock`, a file that its run made first, holds
locked while it lasts and removes last. What has no marker that can be locked is never touched,
whatever its name: the user's own folders, and those of runs that go on.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from calipertf.files.atomic import lock_file
from calipertf.files.private import explain_no_folder, is_private, make_private
from calipertf.run.backends.docker.owner import describe_owner, is_dead

#: First line of a marker; the second names the process that made it.
_MARK = "a run of calipertf keeps its cells in the folder of this name; remove both together"
#: Name of the lock of all runs of a user.
_LOCK = ".caliper-lock"
#: The call of Linux that sets a file's attributes (FS_IOC_SETFLAGS).
_SET_FLAGS = 0x40086602


class Workspace:
    """A folder of this run's own below a parent, which is the user's."""

    def __init__(self, parent: Path) -> None:
        """Remove what killed runs left, and make the folder.

        Raises InfrastructureError where it cannot be made.
        """
        name = f"calipertf-{os.geteuid()}"  # earlier versions sweep caliper-UID whole
        try:
            _sweep_others(parent, name)
            lock = None
            while lock is None:  # a run that ends may have removed the folder just made
                self._home = make_private(parent, name)
                lock = _lock_home(self._home)
            with lock:
                sweep(self._home)
                self.folder, self._marker = _make_run_folder(self._home)
        except OSError as error:
            raise explain_no_folder(parent, error) from error

    def close(self) -> None:
        """Remove the folder and all that is in it."""
        remove_tree(self.folder)
        with contextlib.suppress(OSError), contextlib.closing(self._marker):
            lock = _lock_home(self._home)
            if lock is None:
                return
            with lock:
                if not self.folder.exists():
                    Path(self._marker.name).unlink(missing_ok=True)
                _leave_home(self._home)


def _make_run_folder(home: Path) -> tuple[Path, IO[str]]:
    """Return a run's folder and its marker, which is there, and locked, before the folder is."""
    marker: IO[str] = tempfile.NamedTemporaryFile(  # noqa: SIM115 -- open as long as the run lasts
        "w", encoding="utf-8", prefix="run-", suffix=".lock", dir=home, delete=False
    )
    try:
        lock_file(marker)
        marker.write(f"{_MARK}\n{describe_owner()}\n")
        marker.flush()
        folder = Path(marker.name).with_suffix("")
        folder.mkdir(mode=0o700)
    except BaseException:
        marker.close()
        Path(marker.name).unlink(missing_ok=True)
        raise
    return folder, marker


def _lock_home(home: Path) -> IO[bytes] | None:
    """Return the lock of this user's folder of runs, held until it is closed.

    None where that is gone.
    """
    try:
        file = open(  # noqa: SIM115 -- the caller closes it
            home / _LOCK,
            "r+b",
            buffering=0,
            opener=lambda path, flags: os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600),
        )
    except FileNotFoundError:
        return None
    lock_file(file, wait=True)
    if _is_still(file, home / _LOCK) and is_private(home):
        return file
    file.close()
    return None


def _is_still(file: IO[bytes], path: Path) -> bool:
    """Return whether an open file is the one that has the name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def _leave_home(home: Path) -> None:
    """Remove the folder of runs where nothing but its lock is left in it."""
    if [path.name for path in home.iterdir()] == [_LOCK]:
        (home / _LOCK).unlink()
        home.rmdir()


def _sweep_others(parent: Path, name: str) -> None:
    """Remove what killed runs left in folders that got another name than the usual one."""
    for home in parent.glob(f"{name}-*"):
        if is_private(home) and (home / _LOCK).is_file():
            with contextlib.suppress(OSError):
                lock = _lock_home(home)
                if lock is not None:
                    with lock:
                        sweep(home)
                        _leave_home(home)


def sweep(home: Path) -> None:
    """Remove the folders that killed runs left: those whose marker is not locked."""
    for path in home.glob("run-*.lock"):
        with contextlib.suppress(OSError, UnicodeDecodeError), _open_marker(path) as marker:
            if marker.readline().strip() != _MARK or not _has_ended(marker):
                continue
            folder = path.with_suffix("")
            if folder.is_symlink():
                continue  # not ours: a run makes folders
            remove_tree(folder)
            if not folder.exists():
                path.unlink()


def _open_marker(path: Path) -> IO[str]:
    def open_it(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)

    marker = open(path, "r+", encoding="utf-8", opener=open_it)  # noqa: SIM115 -- as above
    status = os.fstat(marker.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        marker.close()
        raise OSError(errno.EPERM, "it is not a file of this user")
    return marker


def _has_ended(marker: IO[str]) -> bool:
    """Return whether the run whose marker this is has ended: its lock is free."""
    try:
        locked = lock_file(marker)
    except BlockingIOError:
        return False
    return locked or is_dead(marker.readline().strip())


def remove_tree(folder: Path) -> None:
    """Remove a folder and its contents as far as possible, whatever scripts did to them.

    They take rights away (mode 0), nest folders deeper than Python can follow, and root's can make
    files immutable.
    """
    if folder.is_symlink() or not folder.exists():
        return
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    for prepare in (lambda _: None, _give_rights):
        if folder.exists():
            prepare(folder)
            with contextlib.suppress(OSError):
                subprocess.run(["rm", "-rf", "--", folder], capture_output=True, check=False)


def _give_rights(folder: Path) -> None:
    """Make every folder below (and itself) writable to its owner again; links are not followed."""
    left = [folder]
    while left:
        current = left.pop()
        with contextlib.suppress(OSError):
            _drop_flags(current)
            current.chmod(0o700)
            for entry in os.scandir(current):
                if entry.is_dir(follow_symlinks=False):
                    left.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    _drop_flags(Path(entry.path))


def _drop_flags(path: Path) -> None:
    """Take away `immutable` and `append only`, which root may."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with contextlib.closing(os.fdopen(handle, "rb")):
            fcntl.ioctl(handle, _SET_FLAGS, b"\0" * 8)
