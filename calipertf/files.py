"""Files written whole or not at all, and files set aside."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from calipertf.errors import ConfigError, InfrastructureError

#: What file systems answer that know no locks.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}

#: Seconds after which a half-written file is left over: writing one takes far less.
LEFT_OVER = 600.0

#: A write that space would not help.
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR})


def write_bytes(path: Path, content: bytes) -> None:
    """The content in the file, durably: readers see the old file or the new one, never a part.

    Raises InfrastructureError where the disk is full or the folder cannot be written.
    """
    partial: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".partial", delete=False
        ) as file:
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


def _explain_write(path: Path, error: OSError) -> InfrastructureError:
    way_out = "" if error.errno in _FORBIDDEN else "free some space or "
    return InfrastructureError(
        f"cannot write {path}: {error.strerror}; {way_out}choose another --outdir", path=path
    )


@contextlib.contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """The lock file held by this process alone; where the file system knows no locks, by any.

    Raises ConfigError where another process holds it, InfrastructureError where it cannot be
    written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b", buffering=0)
    except OSError as error:
        raise _explain_write(path, error) from error
    with contextlib.closing(file):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            owner = file.read(20).decode("ascii", "replace").strip() or "unknown"
            raise ConfigError(
                f"another run (process {owner}) is at work in {path.parent}; wait for its end, "
                "or choose another --dir",
                path=path,
            ) from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise _explain_write(path, error) from error
        try:
            file.truncate(0)
            file.write(f"{os.getpid()}\n".encode())
        except OSError as error:
            raise _explain_write(path, error) from error
        yield


def write_text(path: Path, content: str) -> None:
    """Text in UTF-8, written as write_bytes does; half a character stands as its escape."""
    write_bytes(path, content.encode("utf-8", errors="backslashreplace"))


def write_json(path: Path, data: Any) -> None:
    """JSON, sorted and indented, written as write_bytes does."""
    write_text(path, json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def remove_partials(folder: Path, *, older_than: float = 0.0) -> int:
    """Number of half-written files removed, which a killed run left in the folder and below.

    With `older_than`, those that nobody wrote to for so many seconds: another run may be at work.
    """
    latest = time.time() - older_than
    removed = 0
    for path in folder.rglob(".*.partial"):
        with contextlib.suppress(FileNotFoundError):
            if not older_than or path.lstat().st_mtime < latest:
                path.unlink()
                removed += 1
    return removed


def set_aside(path: Path) -> Path:
    """The new name of a file that is in the way: nothing is overwritten, nothing is deleted."""
    number = 1
    while (aside := path.with_name(f"{path.name}.aside-{number}")).exists():
        number += 1
    return path.rename(aside)
