"""Scripts and their data as one content-hashed parcel that travels to a cluster's workers."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from calipertf.errors import ConfigError

#: Bytes of a parcel; above it a folder of results or a data set was surely not meant to travel.
LIMIT = 256 * 1024**2
#: Folders that hold no input of scripts, beside hidden ones and virtual environments.
_SKIPPED = {"__pycache__", "node_modules"}


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """Files below one folder, packed."""

    #: SHA-256 over names, modes and contents.
    digest: str
    #: A tar archive, compressed.
    data: bytes


def pack_bundle(root: Path, folders: Collection[Path], *, leave_out: Iterable[Path] = ()) -> Bundle:
    """Everything in some folders below `root`, as scripts there would see it.

    Hidden folders, virtual environments and `leave_out` stay behind; links travel as what they
    point to. Raises ConfigError where it is too much to send to every worker.
    """
    for folder in folders:
        if not folder.resolve().is_relative_to(root.resolve()):
            raise ConfigError(
                f"{folder} lies outside of {root}: what scripts need on a cluster has to be below "
                "`root`",
                path=folder,
            )
    paths = sorted(set(_list_files(folders, {path.resolve() for path in leave_out})))
    _check_size(root, paths)
    digest = hashlib.sha256()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=3) as archive:
        for path in paths:
            content = _read(path)
            name = path.relative_to(root).as_posix()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755 if os.access(path, os.X_OK) else 0o644
            digest.update(os.fsencode(f"{name}\0{entry.mode}\0{entry.size}\0") + content)
            archive.addfile(entry, io.BytesIO(content))
    return Bundle(digest=digest.hexdigest(), data=buffer.getvalue())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be sent to the workers: {error}", path=path) from error


def _list_files(folders: Iterable[Path], leave_out: set[Path]) -> Iterator[Path]:
    for folder in folders:
        for where, names, files in os.walk(folder, followlinks=True):
            here = Path(where)
            names[:] = [
                name
                for name in sorted(names)
                if not name.startswith(".")
                and name not in _SKIPPED
                and (here / name).resolve() not in leave_out
                and not here.resolve().is_relative_to((here / name).resolve())  # a loop of links
                and not (here / name / "pyvenv.cfg").exists()
            ]
            for name in files:
                path = here / name
                if path.is_file() and path.suffix != ".pyc":
                    yield path


def _check_size(root: Path, paths: list[Path]) -> None:
    sizes = {path: path.stat().st_size for path in paths}
    total = sum(sizes.values())
    if total > LIMIT:
        largest = max(sizes, key=lambda path: sizes[path])
        raise ConfigError(
            f"{total / 1024**2:.0f} MiB would travel to every worker with the scripts (the largest "
            f"file is {largest.relative_to(root)}), the limit is {LIMIT // 1024**2}: keep scripts "
            "and their data in one folder of their own",
            size=total,
        )


def unpack_bundle(bundle: Bundle, parent: Path) -> Path:
    """The folder with the parcel's files, unpacked once however often and from where it is asked.

    A folder that is there is whole: it got its name last.
    """
    folder = parent / bundle.digest[:24]
    if folder.is_dir():
        return folder
    parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=parent))
    try:
        with tarfile.open(fileobj=io.BytesIO(bundle.data), mode="r:gz") as archive:
            archive.extractall(partial, filter="data")
        partial.chmod(0o755)
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder
