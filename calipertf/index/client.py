"""What the package index holds of a package: releases, wheels, upload times, hashes.

Source: the simple index in JSON, PEP 691 (with PEP 700's upload times and sizes). Replies are
cached on disk and asked for again with conditional requests; without a network the cache serves.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import requests
import requests_cache
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version
from pypi_simple import (
    ACCEPT_JSON_PREFERRED,
    DistributionPackage,
    ProjectPage,
    UnexpectedRepoVersionWarning,
    UnsupportedRepoVersionError,
)
from requests_cache.backends.sqlite import SQLiteCache

from calipertf.errors import ConfigError, IndexUnavailableError, VersionError
from calipertf.index import DEFAULT_INDEX
from calipertf.index.credentials import WAY_OUT
from calipertf.index.http import (
    check_room,
    open_cached_session,
    open_session,
    shorten_error,
    warn_of_cache,
)
from calipertf.redact import has_secret
from calipertf.versions import CPYTHONS, python_key, python_version

#: `release` is the index as of this long after a file's own upload, in every stage: companions such
#: as tensorflow-estimator and tensorboard often follow a wheel by days.
COMPANION_DELAY = timedelta(days=7)
#: PyPI's own description of a version: NAME/VERSION/json below it.
_JSON_API = "https://pypi.org/pypi/"
#: Endings of source archives that pip and uv still build, besides .tar.gz and .zip (PEP 625).
_OLD_ARCHIVES = (".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar")


@dataclass(frozen=True, kw_only=True)
class ReleaseFile:
    """One wheel or source archive."""

    filename: str
    url: str
    version: Version
    #: The wheel's tags; empty for a source archive.
    tags: frozenset[Tag] = frozenset()
    #: Build number of the wheel; empty where it has none.
    build: tuple[int, str] | tuple[()] = ()
    #: Hash algorithm -> hexadecimal digest.
    hashes: Mapping[str, str]
    #: Bytes; None where the index does not say.
    size: int | None
    #: UTC; None where the index does not say.
    uploaded: datetime | None
    yanked: bool
    #: The Requires-Python specifier; None where there is none.
    requires_python: str | None
    #: Hashes of its metadata, which the index serves beside it (PEP 658); None where it does not.
    metadata: Mapping[str, str] | None = None

    @property
    def is_wheel(self) -> bool:
        """Return whether it is a wheel, not a source archive."""
        return bool(self.tags)

    def allows_python(self, tag: str) -> bool:
        """Return whether Requires-Python lets a Python have it.

        One that cannot be read lets all.
        """
        if not self.requires_python:
            return True
        try:
            specifier = SpecifierSet(self.requires_python)
        except InvalidSpecifier:
            return True
        # Patch 99: ">=3.6.2" is met by the patch releases that people have.
        version = python_version(tag)
        return specifier.contains(f"{version}.99") or specifier.contains(f"{version}.0")


@dataclass(frozen=True, kw_only=True)
class Project:
    """All files of one package on the index."""

    #: Name as PEP 503 normalises it.
    name: str
    files: tuple[ReleaseFile, ...]
    #: Whether the index could not be asked and the cache answered.
    stale: bool = False

    def versions(self) -> list[Version]:
        """Return the versions with at least one file that is not yanked, ascending."""
        return sorted({file.version for file in self.files if not file.yanked})

    def all_versions(self) -> list[Version]:
        """Return versions ascending, those that are yanked whole included.

        A pin still reaches them.
        """
        return sorted({file.version for file in self.files})

    def release_files(self, version: Version) -> list[ReleaseFile]:
        """Return files of one version; yanked ones only where nothing else is there (PEP 592)."""
        found = [file for file in self.files if file.version == version]
        return [file for file in found if not file.yanked] or found

    def pythons(self) -> list[str]:
        """Python tags that some wheel of the package is for, on whatever platform, ascending.

        Of a package without wheels those that may have its source archives.
        """
        wheels = [file for file in self.files if file.is_wheel]
        found = {
            python
            for python in (*CPYTHONS, *self._named_pythons())
            if any(_fits_python(file, python) for file in wheels or self.files)
        }
        return sorted(found, key=python_key)

    def _named_pythons(self) -> set[str]:
        """Return Python tags in the names of wheels: CPythons that we do not know yet."""
        names = {tag.interpreter for file in self.files for tag in file.tags}
        return {name for name in names if re.fullmatch(r"cp[23]\d+", name)}


def _fits_python(file: ReleaseFile, python: str) -> bool:
    """Return whether a CPython could have a file on the platform that it is for."""
    if not file.is_wheel:
        return file.allows_python(python)
    major, minor = python_key(python)
    for tag in file.tags:
        exact = tag.interpreter == python and not tag.abi.endswith("t")
        match = re.fullmatch(r"(cp|py)(\d)(\d*)", tag.interpreter)
        if exact:
            return True
        if match is None or int(match[2]) != major or int(match[3] or 0) > minor:
            continue
        if (match[1] == "py" or tag.abi == "abi3") and file.allows_python(python):
            return True
    return False


class Index:
    """A package index with its cache on disk.

    Use as a context manager, or call `close`.
    """

    def __init__(
        self,
        url: str = DEFAULT_INDEX,
        cache: Path | None = None,
        *,
        offline: bool = False,
    ) -> None:
        if has_secret(url):
            raise ConfigError(f"the index {url} is given with credentials; {WAY_OUT}")
        self.url = url.rstrip("/") + "/"
        self.offline = offline
        self._session = self._open_session(cache)
        self._folder = cache if isinstance(self._session.cache, SQLiteCache) else None
        #: For files of the index, which are not kept.
        self.files = open_session()
        #: For PyPI's JSON API; opened when it is first asked.
        self._details: requests_cache.CachedSession | None = None
        self._versions: dict[tuple[str, Version], Project] = {}

    @staticmethod
    def _open_session(folder: Path | None) -> requests_cache.CachedSession:
        session = open_cached_session(
            folder,
            # Every page is asked for again (with its ETag where it has one) and an old one only
            # serves where that fails.
            expire_after=1,
            stale_if_error=True,
            allowable_codes=(200,),
            match_headers=["Accept"],
        )
        # What a captive portal or a broken mirror answers takes no good page's place.
        session.hooks["response"].append(_check_page)
        return session

    def __enter__(self) -> Index:  # noqa: PYI034 -- Self needs Python 3.11
        """Return the index itself."""
        return self

    def __exit__(self, *details: object) -> None:
        """Close the cache."""
        self.close()

    def close(self) -> None:
        """Close the cache and the connections."""
        self._session.close()  # type: ignore[no-untyped-call]
        if self._details is not None:
            self._details.close()  # type: ignore[no-untyped-call]
        self.files.close()

    def fetch_project(self, name: str) -> Project:
        """Return all files of a package.

        Raises VersionError where the index has no such package, IndexUnavailableError where it
        cannot be reached and the cache does not hold the answer.
        """
        normal = canonicalize_name(name)
        response, stale = self._get(f"{self.url}{normal}/", normal)
        return Project(name=normal, files=_parse_page(response, normal), stale=stale)

    def fetch_version(self, name: str, version: Version) -> Project:
        """Return the files of one version of a package.

        PyPI is asked by its JSON API: the page of all versions takes a hundred times as long to
        read. Raises what fetch_project raises.
        """
        normal = canonicalize_name(name)
        if (normal, version) not in self._versions:
            listed = None
            if self.url == DEFAULT_INDEX:
                listed = self._ask_details(f"{_JSON_API}{normal}/{version}/json")
            if listed is None:
                found = self.fetch_project(name).files
            else:
                found = tuple(file for item in listed if (file := _read_details(item)))
            files = tuple(file for file in found if file.version == version)
            self._versions[normal, version] = Project(name=normal, files=files)
        return self._versions[normal, version]

    def _ask_details(self, address: str) -> list[Mapping[str, Any]] | None:
        """Return the files that PyPI's JSON API lists; None where it gives no such list."""
        if self._folder is None or check_room(self._folder) is not None:
            return None
        try:
            if self._details is None:
                # Of a version hardly anything changes: an answer serves for a while.
                self._details = open_cached_session(
                    self._folder,
                    "versions.sqlite",
                    expire_after=timedelta(days=7),
                    allowable_codes=(200,),
                )
            response = self._details.get(address, only_if_cached=self.offline)
            return list(response.json()["urls"]) if response.ok else None
        except (requests.RequestException, sqlite3.Error, OSError, ValueError, LookupError):
            return None

    def fetch_releases(self, name: str) -> Project:
        """Return all files of a package that is to be judged.

        Raises IndexUnavailableError where the page lists no file, which says nothing about a
        version that somebody asks for.
        """
        project = self.fetch_project(name)
        if not project.files:
            raise IndexUnavailableError(
                f"{self.url} lists no file of {project.name}, so that nothing can be planned: "
                "either none was ever released there, or a mirror or proxy gave an empty page; "
                "try again later, or check index_url",
                url=self.url,
            )
        return project

    def _get(self, url: str, name: str) -> tuple[requests.Response, bool]:
        headers = {"Accept": ACCEPT_JSON_PREFERRED}
        asked = datetime.now(timezone.utc)
        try:
            response = self._request(url, headers)
        except _NoPageError as error:
            raise IndexUnavailableError(
                f"{self.url} answered for {name} with something that is no simple index page "
                f"({error}); check index_url, and whether a proxy or a portal answers in its place",
                url=url,
            ) from error
        except requests.RequestException as error:
            raise IndexUnavailableError(
                f"the package index {self.url} cannot be reached ({shorten_error(error)}) and the "
                f"cache holds no page of {name}; try again with a network, or set index_url",
                url=url,
            ) from error
        if response.status_code == 404:
            raise VersionError(
                f"the index {self.url} has no package '{name}'; check its spelling", value=name
            )
        if response.status_code == 504 and self.offline:
            raise IndexUnavailableError(
                f"the cache holds no page of {name}, and the index may not be asked (offline)",
                url=url,
            )
        if response.status_code in {401, 403}:
            raise IndexUnavailableError(
                f"the package index {self.url} answered {response.status_code} for {name}: it asks "
                f"for credentials, or for others; {WAY_OUT}",
                url=url,
            )
        if not response.ok:
            raise IndexUnavailableError(
                f"the package index {self.url} answered {response.status_code} for {name}; "
                "try again later, or set index_url",
                url=url,
            )
        from_cache = bool(getattr(response, "from_cache", False))
        revalidated = bool(getattr(response, "revalidated", False))
        expires = getattr(response, "expires", None)
        # One that was fresh when it was asked for may have aged since.
        was_old = expires is not None and expires <= asked
        return response, from_cache and was_old and not revalidated

    def _request(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        problem = check_room(self._folder) if self._folder else None
        if problem is None:
            try:
                return self._session.get(url, headers=dict(headers), only_if_cached=self.offline)
            except (sqlite3.Error, OSError) as error:
                if isinstance(error, requests.RequestException) or self._folder is None:
                    raise
                problem = str(error)
        warn_of_cache(self._folder, problem)
        self._folder, self._session = None, self._open_session(None)
        return self._session.get(url, headers=dict(headers), only_if_cached=self.offline)


class _NoPageError(requests.RequestException):
    """A reply is no page of a simple index."""


def _check_page(response: requests.Response, *_: object, **__: object) -> None:
    """Raise _NoPageError for what is no page of an index; requests calls it with each reply."""
    if response.status_code != 200:
        return
    try:
        _parse_page(response, "page")
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
        UnsupportedRepoVersionError,
        UnexpectedRepoVersionWarning,
    ) as error:
        raise _NoPageError(error) from error


def _parse_page(response: requests.Response, name: str) -> tuple[ReleaseFile, ...]:
    """Return the files that a page lists; raises what pypi_simple raises of what is no page."""
    page = ProjectPage.from_response(response, name)
    files = [_parse_file(package) for package in page.packages if package.version]
    known = tuple(file for file in files if file is not None)
    if not known and "json" not in response.headers.get("Content-Type", ""):
        # A mirror in HTML answers 404 for a project without files; a portal answers in HTML.
        raise ValueError("an HTML page without a release file")
    return known


def _read_details(item: Mapping[str, Any]) -> ReleaseFile | None:
    """Return a file as PyPI's JSON API lists it; None for what is no wheel or source archive."""
    package = DistributionPackage(
        filename=item["filename"],
        url=item["url"],
        project=None,
        version=None,
        package_type=None,
        digests={name: text for name, text in item["digests"].items() if name == "sha256"},
        requires_python=item.get("requires_python"),
        has_sig=None,
        is_yanked=bool(item.get("yanked")),
        size=item.get("size"),
        upload_time=datetime.fromisoformat(item["upload_time_iso_8601"].replace("Z", "+00:00")),
    )
    return _parse_file(package)


def _parse_file(package: DistributionPackage) -> ReleaseFile | None:
    """Return a file of the index page.

    None for eggs, installers and names that are not PEP 427's.
    """
    filename = package.filename
    tags: frozenset[Tag] = frozenset()
    build: tuple[int, str] | tuple[()] = ()
    try:
        if filename.endswith(".whl"):
            _, version, build, tags = parse_wheel_filename(filename)
        else:
            _, version = parse_sdist_filename(_respell_archive(filename))
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return ReleaseFile(
        filename=filename,
        url=package.url,
        version=version,
        tags=tags,
        build=build,
        hashes=dict(package.digests),
        size=package.size,
        uploaded=package.upload_time,
        yanked=bool(package.is_yanked),
        requires_python=package.requires_python,
        metadata=dict(package.metadata_digests or {}) if package.has_metadata else None,
    )


def _respell_archive(filename: str) -> str:
    """Return the name of a source archive as PEP 625 has it, whatever it was packed with."""
    ending = next((ending for ending in _OLD_ARCHIVES if filename.endswith(ending)), None)
    return filename.removesuffix(ending) + ".tar.gz" if ending else filename
