"""What the package index holds of a package: releases, wheels, upload times, hashes.

Source: the simple index in JSON, PEP 691 (with PEP 700's upload times and sizes). Replies are
cached on disk and asked for again with conditional requests; without a network the cache serves.
"""

from __future__ import annotations

import logging
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import requests
import requests_cache
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version
from pypi_simple import ACCEPT_JSON_PREFERRED, ProjectPage, UnexpectedRepoVersionWarning
from requests_cache.backends.sqlite import SQLiteCache
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from calipertf.config_values import DEFAULT_INDEX
from calipertf.credentials import WAY_OUT
from calipertf.errors import ConfigError, IndexUnavailableError, VersionError
from calipertf.http_cache import prepare_cache
from calipertf.redact import has_secret
from calipertf.versions import CPYTHONS, python_key, python_version

# It logs the whole traceback of a failed request that the cache then answers; we tell it in words.
logging.getLogger("requests_cache").addHandler(logging.NullHandler())

#: Seconds to connect, and to wait between two parts of a reply.
HTTP_TIMEOUT = (10, 60)


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

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel, not a source archive."""
        return bool(self.tags)

    def allows_python(self, tag: str) -> bool:
        """Whether Requires-Python lets a Python have it; one that cannot be read lets all."""
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
        """Versions with at least one file that is not yanked, ascending."""
        return sorted({file.version for file in self.files if not file.yanked})

    def all_versions(self) -> list[Version]:
        """Versions ascending, those that are yanked whole included: a pin still reaches them."""
        return sorted({file.version for file in self.files})

    def release_files(self, version: Version) -> list[ReleaseFile]:
        """Files of one version; yanked ones only where nothing else is there (PEP 592)."""
        found = [file for file in self.files if file.version == version]
        return [file for file in found if not file.yanked] or found

    def pythons(self) -> list[str]:
        """Python tags that some wheel of the package is for, ascending."""
        found: set[str] = set()
        for file in self.files:
            for tag in file.tags:
                match = re.fullmatch(r"cp([23]\d+)", tag.interpreter)
                if match and tag.abi != "abi3":
                    found.add(tag.interpreter)
                elif file.allows_python(CPYTHONS[-1]) or tag.abi in {"abi3", "none"}:
                    found.update(tag for tag in CPYTHONS if file.allows_python(tag))
        return sorted(found, key=python_key)


def target_tags(python: str, platforms: Iterable[str]) -> list[Tag]:
    """Wheel tags that a CPython on some platforms installs, the best first.

    `python` is a tag such as cp37; `platforms` are platform tags, the best first.
    """
    version = python_key(python)
    interpreter = f"cp{version[0]}{version[1]}"
    names = list(platforms)
    abis = _list_abis(version)
    return [
        *cpython_tags(version, abis, names),
        *compatible_tags(version, interpreter, names),
    ]


def _list_abis(version: tuple[int, int]) -> list[str]:
    """ABI tags of the ordinary build: cp27mu and cp37m had a suffix until Python 3.8."""
    base = f"cp{version[0]}{version[1]}"
    if version < (3, 3):
        return [f"{base}mu"]
    return [f"{base}m" if version < (3, 8) else base]


def linux_platforms(machine: str = "x86_64", glibc: tuple[int, int] = (2, 36)) -> list[str]:
    """Platform tags of a Linux container with a glibc, the best first."""
    # The musl and older manylinux names are aliases that pip knows: PEP 600.
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(glibc[1], 4, -1)]
    aliases = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    result: list[str] = []
    for tag in tags:
        result.append(tag)
        alias = aliases.get(int(tag.split("_")[2]))
        if alias:
            result.append(f"{alias}_{machine}")
    return [*result, f"linux_{machine}"]


def local_platforms() -> list[str]:
    """Platform tags of this machine, the best first."""
    if sys.platform == "linux":
        libc, version = platform.libc_ver()
        if libc == "glibc":
            major, minor = (int(part) for part in version.split(".")[:2])
            return linux_platforms(platform.machine(), (major, minor))
    return list(platform_tags())


def choose_wheel(
    project: Project, version: Version, python: str, platforms: Iterable[str]
) -> ReleaseFile | None:
    """The wheel that an installer would take for this Python; None where there is none."""
    ranks = {tag: rank for rank, tag in enumerate(target_tags(python, platforms))}
    candidates = [
        (min(ranks[tag] for tag in file.tags if tag in ranks), file)
        for file in project.release_files(version)
        if any(tag in ranks for tag in file.tags) and file.allows_python(python)
    ]
    if not candidates:
        return None
    best = min(rank for rank, _ in candidates)
    return max((file for rank, file in candidates if rank == best), key=lambda file: file.build)


def choose_sdist(project: Project, version: Version, python: str) -> ReleaseFile | None:
    """The source archive of a version that has no wheels for any Python at all; else None."""
    files = project.release_files(version)
    if any(file.is_wheel for file in files):
        return None
    return next((file for file in files if file.allows_python(python)), None)


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
        backend = (
            SQLiteCache(prepare_cache(cache / "index.sqlite"), wal=True, busy_timeout=10_000)
            if cache
            else "memory"
        )
        self._session = requests_cache.CachedSession(
            backend=backend,
            # Every page is asked for again (with its ETag where it has one) and an old one only
            # serves where that fails.
            expire_after=1,
            stale_if_error=True,
            allowable_codes=(200,),
            match_headers=["Accept"],
        )

    def __enter__(self) -> Index:  # noqa: PYI034 -- Self needs Python 3.11
        """The index itself."""
        return self

    def __exit__(self, *details: object) -> None:
        """Close the cache."""
        self.close()

    def close(self) -> None:
        """Close the cache and the connections."""
        self._session.close()  # type: ignore[no-untyped-call]

    def fetch_project(self, name: str) -> Project:
        """All files of a package.

        Raises VersionError where the index has no such package, IndexUnavailableError where it
        cannot be reached and the cache does not hold the answer.
        """
        normal = canonicalize_name(name)
        response, stale = self._get(f"{self.url}{normal}/", normal)
        try:
            page = ProjectPage.from_response(response, normal)
        except (ValueError, UnexpectedRepoVersionWarning) as error:
            raise IndexUnavailableError(
                f"{self.url} answered for {normal} with something that is no simple index page "
                f"({error}); check index_url",
                url=self.url,
            ) from error
        files = [_parse_file(package) for package in page.packages if package.version]
        return Project(
            name=normal, files=tuple(file for file in files if file is not None), stale=stale
        )

    def _get(self, url: str, name: str) -> tuple[requests.Response, bool]:
        headers = {"Accept": ACCEPT_JSON_PREFERRED}
        try:
            response = self._request(url, headers)
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
        expired = bool(getattr(response, "is_expired", False))
        return response, from_cache and expired and not revalidated

    @retry(
        retry=retry_if_exception_type(requests.ConnectionError),
        stop=stop_after_attempt(3),
        wait=wait_exponential(multiplier=0.5, max=4),
        reraise=True,
    )
    def _request(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        return self._session.get(
            url, headers=dict(headers), timeout=HTTP_TIMEOUT, only_if_cached=self.offline
        )


def _parse_file(package: object) -> ReleaseFile | None:
    """A file of the index page; None for eggs, installers and names that are not PEP 427's."""
    filename = str(getattr(package, "filename", ""))
    tags: frozenset[Tag] = frozenset()
    build: tuple[int, str] | tuple[()] = ()
    try:
        if filename.endswith(".whl"):
            _, version, build, tags = parse_wheel_filename(filename)
        else:
            _, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return ReleaseFile(
        filename=filename,
        url=package.url,  # type: ignore[attr-defined]
        version=version,
        tags=tags,
        build=build,
        hashes=dict(package.digests),  # type: ignore[attr-defined]
        size=package.size,  # type: ignore[attr-defined]
        uploaded=package.upload_time,  # type: ignore[attr-defined]
        yanked=bool(package.is_yanked),  # type: ignore[attr-defined]
        requires_python=package.requires_python,  # type: ignore[attr-defined]
    )


def shorten_error(error: Exception) -> str:
    """The innermost cause of a network error, without the layers around it."""
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    return str(cause)[:200] or type(cause).__name__
