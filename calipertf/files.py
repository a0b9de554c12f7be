"""Files written whole or not at all, and files set aside."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from calipertf.errors import InfrastructureError

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
        way_out = "" if error.errno in _FORBIDDEN else "free some space or "
        raise InfrastructureError(
            f"cannot write {path}: {error.strerror}; {way_out}choose another --outdir", path=path
        ) from error


def write_text(path: Path, content: str) -> None:
    """Text in UTF-8, written as write_bytes does."""
    write_bytes(path, content.encode("utf-8", errors="surrogateescape"))


def write_json(path: Path, data: Any) -> None:
    """JSON, sorted and indented, written as write_bytes does."""
    write_text(path, json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def remove_partials(folder: Path) -> int:
    """Number of half-written files removed, which a killed run left in the folder and below."""
    partials = list(folder.rglob(".*.partial"))
    for path in partials:
        path.unlink(missing_ok=True)
    return len(partials)


def set_aside(path: Path) -> Path:
    """The new name of a file that is in the way: nothing is overwritten, nothing is deleted."""
    number = 1
    while (aside := path.with_name(f"{path.name}.aside-{number}")).exists():
        number += 1
    return path.rename(aside)
