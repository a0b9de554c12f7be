"""Where published function databases lie: a file, a zip, a folder, a clone, or GitHub."""

from __future__ import annotations

import errno
import os
import sqlite3
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import requests

from calipertf.assess.funcdb.formats import INDEX, Published, read_index
from calipertf.config.paths import is_below
from calipertf.errors import InfrastructureError, RecordError
from calipertf.files import inputs as input_files
from calipertf.index.http import open_cached_session

#: Where caliper-metrics publishes; the package's folder is below.
GITHUB = "https://raw.githubusercontent.com/vsoch/caliper-metrics/main/"


def open_path(path: Path, package: str) -> Published:
    """The databases in a file (JSON or zip), a database's folder, or a clone of caliper-metrics.

    Raises RecordError where nothing of the package can be found there.
    """
    if path.is_dir():
        below = path / "pypi" / package / "functiondb"
        folder = below if below.is_dir() else path
        return _open_folder(str(folder), _FolderFiles(folder), package)
    if not os.path.lexists(path):
        raise RecordError(
            f"--funcdb {path} does not exist: name a function database, a zip, a folder or a clone "
            "of caliper-metrics",
            path=path,
        )
    if why := input_files.explain_kind(path):
        raise RecordError(f"--funcdb {path} cannot be read: {why}", path=path)
    if path.suffix == ".zip":
        return _open_zip(path, package)
    if path.name == INDEX:
        return _open_folder(str(path.parent), _FolderFiles(path.parent), package)
    return Published(place=str(path), fetch=lambda _: read_file(path), names=(str(path),))


def read_file(path: Path) -> bytes:
    """Return the bytes of a file; InfrastructureError where it is there and cannot be read."""
    try:
        return input_files.read_file(path)
    except FileNotFoundError:
        if not path.is_symlink():
            raise
        raise RecordError(f"{path} is a link that leads nowhere", path=path) from None
    except OSError as error:
        if error.errno in {errno.EINVAL, errno.EFBIG}:
            raise RecordError(f"{path} cannot be read: {error.strerror}", path=path) from error
        raise InfrastructureError(f"cannot read {path}: {error.strerror}", path=path) from error


@dataclass(frozen=True)
class _FolderFiles:
    """Files of a folder, as a Fetch that can list what it has."""

    folder: Path

    def __call__(self, name: str) -> bytes:
        """Return the content of one file, which has to lie in the folder."""
        path = self.folder / name
        if not is_below(self.folder, path):
            raise RecordError(f"{self.folder}/{INDEX} points out of its folder: {name}", path=name)
        return read_file(path)

    def list_names(self) -> list[str]:
        """Return the names of databases in a folder without an index."""
        found = [*self.folder.glob("functiondb*.json"), *self.folder.glob("functiondb*.zip")]
        return sorted(path.name for path in found)


@dataclass(frozen=True)
class _ZipFiles:
    """Members below one folder of a zip file, as a Fetch that can list what it has."""

    archive: zipfile.ZipFile
    prefix: str

    def __call__(self, name: str) -> bytes:
        """Return the content of one member."""
        try:
            if self.archive.getinfo(self.prefix + name).file_size > input_files.LARGEST:
                words = f"{self.archive.filename}: {name} unpacks to more than any database has"
                raise RecordError(words, path=self.archive.filename)
            return self.archive.read(self.prefix + name)
        except KeyError as error:
            raise FileNotFoundError(name) from error
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
            raise RecordError(
                f"{self.archive.filename}: {name} is damaged ({error}): get the file again",
                path=self.archive.filename,
            ) from error

    def list_names(self) -> list[str]:
        """Return the names of JSON members below the folder."""
        names = [name for name in self.archive.namelist() if name.startswith(self.prefix)]
        return sorted(name.removeprefix(self.prefix) for name in names if name.endswith(".json"))


def _open_zip(path: Path, package: str) -> Published:
    try:
        # Held open as long as the databases are read from it.
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise RecordError(
            f"--funcdb {path} is not a whole zip file ({error}): get it again", path=path
        ) from error
    wanted = f"pypi/{package}/functiondb/"
    prefixes = {
        name[: name.index(wanted)] + wanted for name in archive.namelist() if wanted in name
    }
    prefix = min(prefixes, default="")
    return _open_folder(str(path), _ZipFiles(archive, prefix), package)


def _open_folder(place: str, files: _FolderFiles | _ZipFiles, package: str) -> Published:
    try:
        names = read_index(files(INDEX), place)
    except FileNotFoundError:
        names = tuple(files.list_names())
    if not names:
        raise RecordError(f"{place} holds no function database of {package}", path=place)
    return Published(place=place, fetch=files, names=names)


class GitHub:
    """caliper-metrics on GitHub: statuses checked, requests conditional, replies cached.

    The caliper package's own extractor takes an error page for the end of the data and fetches
    every version anew; only its formats are shared. Use as a context manager.
    """

    def __init__(self, cache: Path | None, *, url: str = GITHUB, offline: bool = False) -> None:
        self.url = url
        self.offline = offline
        self._session = open_cached_session(
            cache,
            "caliper-metrics.sqlite",
            expire_after=1,
            stale_if_error=True,
            allowable_codes=(200,),
        )

    def __enter__(self) -> GitHub:  # noqa: PYI034 -- Self needs Python 3.11
        """Itself."""
        return self

    def __exit__(self, *details: object) -> None:
        """Close the cache and the connections."""
        self._session.close()  # type: ignore[no-untyped-call]

    def open(self, package: str) -> Published | None:
        """Return the published databases of a package; None where caliper-metrics has none.

        Raises InfrastructureError where it cannot be reached.
        """
        folder = f"{self.url}pypi/{package}/functiondb"

        def fetch(name: str) -> bytes:
            return self._get(f"{folder}/{name}")

        try:
            names = read_index(fetch(INDEX), folder)
        except FileNotFoundError:
            return None
        return Published(place=folder, fetch=fetch, names=names)

    def _get(self, url: str) -> bytes:
        try:
            response = self._session.get(url, only_if_cached=self.offline)
        except (requests.RequestException, sqlite3.Error) as error:
            raise InfrastructureError(
                f"caliper-metrics on GitHub cannot be reached ({type(error).__name__}): without a "
                "network name a clone of it with --funcdb",
                url=url,
            ) from error
        if response.status_code == 404:
            raise FileNotFoundError(url)
        if self.offline and response.status_code == 504:
            raise InfrastructureError(
                f"{url} is not in the cache, and the network may not be used (--offline)", url=url
            )
        if not response.ok:
            raise InfrastructureError(
                f"{url} answered {response.status_code}: try again later, or name a clone of "
                "caliper-metrics with --funcdb",
                url=url,
            )
        return bytes(response.content)
