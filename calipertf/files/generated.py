"""Which files of a folder an earlier run has made, and nobody has changed since."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path

from calipertf.files.atomic import write_json
from calipertf.files.inputs import load_json, read_file

#: Name of the list in each folder: file -> SHA-256 of what was written.
_LIST = ".made.json"


def remove_old(folder: Path, names: Iterable[str]) -> None:
    """Remove files that an earlier run listed as its own, unless somebody changed them since.

    What the user has put there, or has changed, is left alone, whatever its name.
    """
    made = _read_list(folder)
    removed = []
    for name in names:
        if made.get(name) and _hash(folder / name) == made[name]:
            (folder / name).unlink(missing_ok=True)
            removed.append(name)
    if removed:
        _write_list(folder, {name: made[name] for name in made if name not in removed})


def note_made(folder: Path, names: Iterable[str]) -> None:
    """Put files that were just written on the folder's list."""
    found = {name: digest for name in names if (digest := _hash(folder / name))}
    if found:
        _write_list(folder, {**_read_list(folder), **found})


def list_made(folder: Path) -> list[str]:
    """Return the names of the files on a folder's list."""
    return sorted(_read_list(folder))


def _write_list(folder: Path, made: dict[str, str]) -> None:
    write_json(folder / _LIST, {"schema": 1, "files": made})


def _read_list(folder: Path) -> dict[str, str]:
    """Return the list; empty where it cannot be read: then nothing is known to be ours."""
    with contextlib.suppress(OSError, ValueError, AttributeError, TypeError):
        files = load_json(read_file(folder / _LIST)).get("files")
        return {
            name: digest
            for name, digest in files.items()
            if isinstance(digest, str) and Path(name).name == name
        }
    return {}


def _hash(path: Path) -> str | None:
    if path.is_symlink() or not path.is_file():
        return None
    with contextlib.suppress(OSError):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return None
