"""Files written whole or not at all, and files set aside."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from calipertf.errors import ConfigError, InfrastructureError

log = logging.getLogger("calipertf")
#: What file systems answer that know no locks.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}

#: A write that space would help.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def write_bytes(path: Path, content: bytes) -> None:
    """The content in the file, durably: readers see the old file or the new one, never a part.

    Raises InfrastructureError where the disk is full or the folder cannot be written.
    """
    partial: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _open_partial(path) as file:
            partial = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            partial.chmod(0o644)
            partial.replace(path)
    except OSError as error:
        if partial is not None:
            with contextlib.suppress(OSError):
                partial.unlink()
        raise _explain_write(path, error) from error


def _open_partial(path: Path) -> IO[bytes]:
    """Return a new file beside `path`, locked while it is open.

    By that others know that it is in use.
    """
    while True:
        file: IO[bytes] = tempfile.NamedTemporaryFile(  # noqa: SIM115 -- the caller closes it
            dir=path.parent, prefix=f".{path.name}.", suffix=".partial", delete=False
        )
        lock_file(file, wait=True, quiet=True)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # remove_partials found it before it was locked


def lock_file(file: IO[Any], *, wait: bool = False, quiet: bool = False) -> bool:
    """Lock an open file for this process alone; False where the file system knows no locks.

    The latter gives a warning, once, unless `quiet`. Raises BlockingIOError where another process
    has it, unless it is to `wait` for that.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in _NO_LOCKS and not quiet:
            raise
        if not quiet:
            warn_once(
                f"the file system of {file.name} keeps no locks ({error.strerror}): do not let two "
                "runs write there at once"
            )
        return False
    return True


@functools.cache
def warn_once(message: str) -> None:
    """Log a warning, the same one only once."""
    log.warning("%s", message)


def _explain_write(path: Path, error: OSError) -> InfrastructureError:
    way_out = "free some space or " if error.errno in _FULL else ""
    return InfrastructureError(
        f"cannot write {path}: {error.strerror}; {way_out}choose another --outdir", path=path
    )


@contextlib.contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock file for this process alone; where the file system knows no locks, say so.

    Raises ConfigError where another process holds it, InfrastructureError where it cannot be
    written.
    """
    with _open_lock(path) as file:
        try:
            lock_file(file)
        except BlockingIOError as error:
            file.seek(0)
            owner = file.read(20).decode("ascii", "replace").strip() or "unknown"
            raise ConfigError(
                f"another run (process {owner}) is at work in {path.parent}; wait for its end, "
                "or choose another --dir",
                path=path,
            ) from error
        except OSError as error:
            raise _explain_write(path, error) from error
        try:
            file.truncate(0)
            file.write(f"{os.getpid()}\n".encode())
        except OSError as error:
            raise _explain_write(path, error) from error
        yield


@contextlib.contextmanager
def wait_for_lock(path: Path) -> Iterator[None]:
    """Hold the lock file for this process alone, once others have let it go.

    Raises InfrastructureError where it cannot be written.
    """
    with _open_lock(path) as file:
        try:
            lock_file(file, wait=True)
        except OSError as error:
            raise _explain_write(path, error) from error
        yield


def _open_lock(path: Path) -> IO[bytes]:
    """Return the lock file, made where there is none; raises InfrastructureError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+b", buffering=0)
    except OSError as error:
        raise _explain_write(path, error) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it; raises InfrastructureError where one cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _explain_write(path, error) from error


def remove_file(path: Path) -> None:
    """Remove a file, if it is there; raises InfrastructureError where it cannot be removed."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InfrastructureError(f"cannot remove {path}: {error.strerror}", path=path) from error


def write_text(path: Path, content: str) -> None:
    """Write text as UTF-8, as write_bytes does; a lone surrogate becomes its escape."""
    write_bytes(path, content.encode("utf-8", errors="backslashreplace"))


def write_json(path: Path, data: Any) -> None:
    """JSON, sorted and indented, written as write_bytes does."""
    write_text(path, json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def remove_partials(*folders: Path, below: bool = True) -> int:
    """Number of half-written files removed, which killed runs left in the folders (and below).

    Those that another process is writing are left to it.
    """
    removed = 0
    for folder in folders:
        for path in folder.rglob(".*.partial") if below else folder.glob(".*.partial"):
            with contextlib.suppress(OSError):
                removed += _remove_partial(path)
    return removed


def _remove_partial(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False  # not made by write_bytes
    with path.open("r+b") as file:
        if not lock_file(file, quiet=True):
            return False  # nobody can tell whether it is in use
        path.unlink()
    return True


def set_aside(path: Path) -> Path:
    """Return the new name of a file that is in the way.

    Nothing is overwritten, nothing is deleted.
    """
    number = 1
    while (aside := path.with_name(f"{path.name}.aside-{number}")).exists():
        number += 1
    return path.rename(aside)
