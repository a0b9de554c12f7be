"""The Python files of a wheel or source archive, downloading little more than them.

A wheel is a zip: its central directory is at the end, and the .py members lie together, so a few
HTTP range requests bring them (a TensorFlow wheel of 500 MB costs 7 MB). Servers that know no
ranges get a streamed download. Each member's CRC is checked by ``zipfile``.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import IO

import requests

from calipertf.assess.api.model import Source
from calipertf.errors import InfrastructureError
from calipertf.index.client import ReleaseFile
from calipertf.index.http import shorten_error
from calipertf.index.ranges import RangeFile, RangesUnsupportedError, download, fetch_tail

#: Bytes between two wanted members that are read rather than asked for apart: a request costs
#: about as long as 1 MB takes; 32 KiB keeps TensorFlow's wheels at 20 to 40 requests.
GAP = 32 * 1024

#: Wheels up to this size are downloaded whole: one request, and the index's hash is checked.
SMALL = 1024 * 1024

#: Where setuptools writes into a source archive what the package requires.
_REQUIRES = ".egg-info/requires.txt"

_COMPILED = (".so", ".pyd")


@dataclass(frozen=True, kw_only=True)
class PythonFiles:
    """What an archive holds, by the paths that its members get under site-packages."""

    #: Path -> content of .py members, and of .pyi members where there are compiled modules.
    files: dict[str, bytes]
    #: Dotted names of compiled modules.
    compiled: frozenset[str]
    #: Requires-Dist lines.
    requires: tuple[str, ...]
    source: Source


def read_archive(file: ReleaseFile, session: requests.Session) -> PythonFiles:
    """Return the Python files of one release file.

    Raises InfrastructureError where the file cannot be had, or is not what its name says.
    """
    try:
        if not file.is_wheel:
            return _read_sdist(file, session)
        return _read_wheel(file, session)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, requests.RequestException):
            raise InfrastructureError(
                f"{file.filename} cannot be downloaded ({shorten_error(error)}); try again later",
                filename=file.filename,
                url=file.url,
            ) from error
        raise InfrastructureError(
            f"{file.filename} is damaged ({error}); try again, and if it stays so, report it to "
            "the index",
            filename=file.filename,
            url=file.url,
        ) from error


def _read_wheel(file: ReleaseFile, session: requests.Session) -> PythonFiles:
    if file.size is not None and file.size <= SMALL:
        return _read_whole_wheel(file, session)
    try:
        tail = fetch_tail(session, file.url)
    except RangesUnsupportedError:
        return _read_whole_wheel(file, session)
    with RangeFile(session, file.url, tail) as stream, zipfile.ZipFile(stream) as archive:
        members = _list_wanted(archive)
        stream.prefetch(_list_ranges(archive, members))
        return _collect(file, archive, members, lambda: stream.bytes_read, stream.size)


def _read_whole_wheel(file: ReleaseFile, session: requests.Session) -> PythonFiles:
    with tempfile.TemporaryFile() as stream:
        size = _download_checked(file, session, stream)
        with zipfile.ZipFile(stream) as archive:
            return _collect(file, archive, _list_wanted(archive), lambda: size, size)


def _download_checked(file: ReleaseFile, session: requests.Session, stream: IO[bytes]) -> int:
    """Return size of the file, downloaded into the stream and compared with the index's SHA-256."""
    digest = download(session, file.url, stream)
    expected = file.hashes.get("sha256")
    if expected and digest != expected:
        raise InfrastructureError(
            f"{file.filename} has SHA-256 {digest}, the index says {expected}; try again",
            filename=file.filename,
        )
    size = stream.tell()
    stream.seek(0)
    return size


def _list_wanted(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return Python files, the metadata, and the stubs of wheels with compiled modules."""
    compiled = any(map(_is_compiled, archive.infolist()))
    return [
        item
        for item in archive.infolist()
        if item.filename.endswith((".py", ".dist-info/METADATA"))
        or (compiled and item.filename.endswith(".pyi"))
    ]


def _is_compiled(item: zipfile.ZipInfo) -> bool:
    return item.filename.endswith(_COMPILED)


def _module_file(path: str) -> str:
    """``numpy/random/mtrand`` for ``numpy/random/mtrand.cpython-38-x86_64-linux-gnu.so``."""
    folder, _, name = path.rpartition("/")
    stem = name.partition(".")[0]
    return f"{folder}/{stem}" if folder else stem


def _list_ranges(
    archive: zipfile.ZipFile, members: Iterable[zipfile.ZipInfo]
) -> list[tuple[int, int]]:
    """Return the first byte and end of each run of wanted members.

    A member ends where the next begins.
    """
    starts = sorted(item.header_offset for item in archive.infolist())
    ends = dict(zip(starts, [*starts[1:], archive.start_dir], strict=True))
    runs: list[tuple[int, int]] = []
    for start in sorted(item.header_offset for item in members):
        if runs and start - runs[-1][1] <= GAP:
            runs[-1] = (runs[-1][0], ends[start])
        else:
            runs.append((start, ends[start]))
    return runs


def _collect(
    file: ReleaseFile,
    archive: zipfile.ZipFile,
    members: Iterable[zipfile.ZipInfo],
    bytes_read: object,
    size: int,
) -> PythonFiles:
    files: dict[str, bytes] = {}
    requires: tuple[str, ...] = ()
    for item in members:
        if item.filename.endswith("/METADATA"):
            text = archive.read(item).decode("utf-8", errors="replace")
            requires = tuple(HeaderParser().parsestr(text).get_all("Requires-Dist", ()))
        else:
            path = _installed_path(item.filename)
            if path is not None:
                files[path] = archive.read(item)
    compiled = [_installed_path(item.filename) for item in archive.infolist() if _is_compiled(item)]
    return PythonFiles(
        files=files,
        compiled=frozenset(_module_file(path).replace("/", ".") for path in compiled if path),
        requires=requires,
        source=Source(
            kind="wheel",
            filename=file.filename,
            url=file.url,
            sha256=hash_files(files),
            bytes_read=bytes_read() if callable(bytes_read) else None,
            bytes_total=size,
        ),
    )


def _installed_path(path: str) -> str | None:
    """Return where a wheel's member lands under site-packages.

    None for scripts, headers and data.
    """
    root, _, rest = path.partition("/")
    if not root.endswith(".data"):
        return path
    scheme, _, inner = rest.partition("/")
    return inner if scheme in {"purelib", "platlib"} else None


def hash_files(files: Mapping[str, bytes]) -> str:
    """Return SHA-256 over the names and contents, in order of name."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{len(files[path])}\0".encode())
        digest.update(files[path])
    return digest.hexdigest()


def _read_sdist(file: ReleaseFile, session: requests.Session) -> PythonFiles:
    """Return the Python files of a source archive, which cannot be read in parts."""
    with tempfile.TemporaryFile() as stream:
        size = _download_checked(file, session, stream)
        if file.filename.endswith(".zip"):
            with zipfile.ZipFile(stream) as archive:
                members = {
                    item.filename: archive.read(item)
                    for item in archive.infolist()
                    if item.filename.endswith((".py", _REQUIRES))
                }
        else:
            members = _read_tar(stream)
    listed = sorted((name for name in members if name.endswith(_REQUIRES)), key=len)
    requires = [members.pop(name) for name in listed]
    files = {path: content for name, content in members.items() if (path := _source_path(name))}
    return PythonFiles(
        files=files,
        compiled=frozenset(),
        requires=_list_required(requires[0]) if requires else (),
        source=Source(
            kind="sdist",
            filename=file.filename,
            url=file.url,
            sha256=hash_files(files),
            bytes_read=size,
            bytes_total=size,
        ),
    )


def _list_required(content: bytes) -> tuple[str, ...]:
    """Return the requirements of setuptools' requires.txt.

    Those of extras, in sections, are left out.
    """
    lines = content.decode("utf-8", errors="replace").splitlines()
    end = next((place for place, line in enumerate(lines) if line.startswith("[")), len(lines))
    return tuple(line for line in lines[:end] if line.strip())


def _read_tar(stream: IO[bytes]) -> dict[str, bytes]:
    members = {}
    with tarfile.open(fileobj=stream, mode="r:*") as archive:
        for item in archive:
            if item.isfile() and item.name.endswith((".py", _REQUIRES)):
                content = archive.extractfile(item)
                members[item.name] = (content or io.BytesIO()).read()
    return members


def _source_path(name: str) -> str | None:
    """Return path under site-packages of a source archive's member, as far as its place tells."""
    parts = name.split("/")[1:]  # the first folder is name-version
    if parts and parts[0] in {"src", "lib"}:
        parts = parts[1:]
    if not parts or parts[0] in {"setup.py", "docs", "doc", "tests", "test", "examples"}:
        return None
    if len(parts) == 1 and parts[0].startswith("test_"):
        return None
    return "/".join(parts)
