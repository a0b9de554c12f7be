"""Folders and files as an engine gets them: archives without what is private to this machine."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from calipertf.scripts import is_left_out, walk_files

_COPIES = re.compile(r"^\s*(?:ADD|COPY)\s+(.*)$", re.MULTILINE | re.IGNORECASE)
_REMOTE = re.compile(r"[a-z+]+://|git@", re.IGNORECASE)
#: Sources of a copy that stand for the working tree: of that, scripts are all that a cell needs.
_TREE = {".", "./", "/", "*", "./*"}


def is_open(folder: Path) -> bool:
    """Return whether everybody may read all files below a folder.

    A container's user owns none of them.
    """
    files = list(walk_files(folder))
    if folder.is_file():
        return all(path.stat().st_mode & 0o4 for path in files)
    folders = {folder, *(parent for path in files for parent in path.relative_to(folder).parents)}
    return all((folder / path).stat().st_mode & 0o5 == 0o5 for path in folders) and all(
        path.stat().st_mode & 0o4 for path in files
    )


def pack_files(files: Mapping[str, bytes]) -> bytes:
    """Return a tar of files that everybody may read and root alone may write."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def is_whole(folder: Path) -> bool:
    """Return whether no link in a folder leads out of it.

    A container that has the folder has it all.
    """
    real = folder.resolve()
    return folder.is_file() or all(
        path.resolve().is_relative_to(real) for path in walk_files(folder)
    )


def pack_folder(folder: Path) -> bytes:
    """Return a tar of the files below a folder that scripts may need, with rights for everybody."""
    return pack_files(
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in walk_files(folder)}
    )


def make_context(dockerfile: str, root: Path, *sources: Path) -> io.BytesIO:
    """Return a tar of the Dockerfile and of what it copies.

    Of the whole tree, what scripts need.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        data = dockerfile.encode("utf-8")
        # A name of its own: the working tree that a template copies may have a Dockerfile as well.
        entry = tarfile.TarInfo("Dockerfile.caliper")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
        # A link goes as what it points to, wherever that is.
        archive.dereference = True
        for path in sorted(find_copied(dockerfile, root, sources)):
            archive.add(path, arcname=path.relative_to(root).as_posix(), recursive=False)
    buffer.seek(0)
    return buffer


def find_copied(dockerfile: str, root: Path, sources: Iterable[Path]) -> set[Path]:
    """Return the files that the ADD and COPY of a Dockerfile name.

    Those missing are the engine's to tell.
    """
    found: set[Path] = set()
    for line in _COPIES.findall(re.sub(r"\\\n", " ", dockerfile)):
        words = [word.strip("\"',[]") for word in line.split()]
        if any(word.startswith("--from") for word in words):
            continue
        for source in [word for word in words if word and not word.startswith("--")][:-1]:
            if source in _TREE:
                found.update(path for folder in sources for path in walk_files(folder))
            elif not _REMOTE.match(source) and ".." not in PurePosixPath(source).parts:
                for path in root.glob(source.strip("/")):
                    if path.is_file():
                        found.add(path)
                    elif not is_left_out(path):
                        found.update(walk_files(path))
    return found
