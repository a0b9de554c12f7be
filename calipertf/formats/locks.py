"""The lock of a cell: every file that was installed in it, as a pylock.toml (PEP 751)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tomli_w
from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from calipertf import __version__
from calipertf.formats.records import Cell
from calipertf.index.client import ReleaseFile
from calipertf.versions import python_version


@dataclass(frozen=True, kw_only=True)
class Lock:
    """What it takes to make a cell's environment again."""

    #: The text of the pylock.toml.
    text: str
    #: Lines of pip freeze of what the index does not have, such as what came from an address.
    left_out: tuple[str, ...] = ()


def name_lock(cell: Cell) -> str:
    """Return the file name of a cell's lock: PEP 751 wants no dots in the name."""
    return f"pylock.{cell.name.replace('.', '-')}.toml"


def make_lock(
    cell: Cell,
    files: Mapping[str, ReleaseFile],
    *,
    index_url: str,
    left_out: Sequence[str] = (),
    tool: Mapping[str, Any] | None = None,
) -> Lock:
    """Return the lock of a cell with these files, each by its package's normalised name.

    `tool` is what this tool has to say beside them.
    """
    pylock = Pylock(
        lock_version=Version("1.0"),
        created_by=f"caliper-tensorflow {__version__}",
        requires_python=SpecifierSet(f"=={python_version(cell.python)}.*"),
        packages=[_lock_file(name, file, index_url) for name, file in sorted(files.items())],
        tool={"caliper-tensorflow": {"left-out": list(left_out), **(tool or {})}},
    )
    pylock.validate()
    return Lock(text=tomli_w.dumps(dict(pylock.to_dict())), left_out=tuple(left_out))


def _lock_file(name: str, file: ReleaseFile, index_url: str) -> Package:
    about: dict[str, Any] = {
        "name": file.filename,
        "url": file.url,
        "hashes": dict(file.hashes),
        "size": file.size,
        "upload_time": file.uploaded,
    }
    return Package(
        name=canonicalize_name(name),
        version=file.version,
        index=index_url,
        wheels=[PackageWheel(**about)] if file.is_wheel else None,
        sdist=None if file.is_wheel else PackageSdist(**about),
    )
