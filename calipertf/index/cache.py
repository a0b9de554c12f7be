"""The cache file of an index's replies; a broken one is quarantined and made anew."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from pathlib import Path

from calipertf.files.atomic import set_aside
from calipertf.files.inputs import explain_kind

log = logging.getLogger("calipertf")
#: Files that SQLite keeps beside a database, which mean nothing without it.
_BESIDE = ("-wal", "-shm", "-journal")


def prepare_cache(path: Path) -> Path:
    """Return the path of a cache, once a file there that cannot be opened is set aside.

    What is broken is set aside with a word: a cache is only there to save time.
    """
    why = _find_damage(path)
    if why is not None:
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            log.warning("the cache %s is broken (%s): set aside as %s", path, why, set_aside(path))
            for ending in _BESIDE:
                path.with_name(path.name + ending).unlink(missing_ok=True)
    return path


def _find_damage(path: Path) -> str | None:
    """Return what is wrong with a cache, in words; None where it can be opened, or is not there."""
    if not os.path.lexists(path):
        return None
    if kind := explain_kind(path, largest=2**63 - 1):
        return kind
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]
            for name in names:
                if name in {"responses", "redirects"}:
                    database.execute(f"SELECT * FROM {name} LIMIT 1").fetchone()  # noqa: S608
    except sqlite3.OperationalError:
        return None  # busy, or a disk that fails: not for us to judge
    except (sqlite3.Error, ValueError) as error:
        return str(error)
    return None
