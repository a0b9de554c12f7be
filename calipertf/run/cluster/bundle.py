"""Scripts and their data as one content-hashed parcel that travels to a cluster's workers."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from calipertf.errors import ConfigError
from calipertf.scripts import walk_files

#: Bytes of a parcel; above it a folder of results or a data set was surely not meant to travel.
LIMIT = 256 * 1024**2


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """Files below one folder, packed."""

    #: SHA-256 over names, modes and contents.
    digest: str
    #: A tar archive, compressed.
    data: bytes


def pack_bundle(root: Path, folders: Collection[Path], *, leave_out: Iterable[Path] = ()) -> Bundle:
    """Return everything in some folders below `root` (or files), as scripts there would see it.

    What calipertf.scripts leaves out and `leave_out` stay behind; links travel as what they point
    to. Raises ConfigError where it is too much to send to every worker.
    """
    for folder in folders:
        # By name: a link in the root may lead anywhere, and goes as what it points to.
        if not Path(os.path.normpath(folder)).is_relative_to(root):
            raise ConfigError(
                f"{folder} is outside of {root}: what scripts need on a cluster has to be below "
                "`root`",
                path=folder,
            )
    ours = {path.resolve() for path in leave_out}
    paths = sorted({path for folder in folders for path in walk_files(folder, ours)})
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
