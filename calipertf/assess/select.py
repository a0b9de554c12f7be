"""Which packages and versions stage 2 compares."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

from calipertf.assess.collect import Settings
from calipertf.assess.funcdb.sources import open_path
from calipertf.assess.summary import count_versions
from calipertf.errors import ConfigError, IndexUnavailableError, VersionError
from calipertf.formats.records import Record
from calipertf.index.client import Index
from calipertf.versions import LATEST_PATCHES, parse_version, select_versions

log = logging.getLogger("calipertf")


def choose_packages(asked: Sequence[str], records: Sequence[Record]) -> list[str]:
    """Return the packages asked for, else those of the records.

    ConfigError where there is neither.
    """
    found = [canonicalize_name(name) for name in asked] or sorted(
        {canonicalize_name(record.cell.package) for record in records}
    )
    if not found:
        raise ConfigError(
            "there are no records to take a package from: name one with --package, or point --dir "
            "to the folder that 1.run_analysis.py wrote",
        )
    return list(dict.fromkeys(str(name) for name in found))


def choose_versions(
    package: str, selectors: Sequence[str], records: Sequence[Record], settings: Settings
) -> list[str]:
    """Return the versions to compare, ascending: selected, else of the records, else of --funcdb.

    Where there is none of these: the latest patch of each minor. Raises VersionError for a
    selector that picks nothing or a package that does not exist.
    """
    if not selectors:
        found = {record.cell.version for record in records}
        if not found and settings.funcdb is not None:
            found = set(open_path(settings.funcdb, package).list_versions())
        if found:
            return [str(version) for version in sorted(_parse_all(package, found))]
        log.info("no --versions and no records of %s: taking the %s", package, LATEST_PATCHES)
        selectors = [LATEST_PATCHES]
    pool = _list_available(package, settings)
    return [str(version) for version in select_versions(selectors, pool)]


def _parse_all(package: str, texts: set[str]) -> list[Version]:
    parsed = []
    for text in sorted(texts):
        try:
            parsed.append(parse_version(text))
        except VersionError as error:
            log.warning("%s: %s, left out", package, error)
    return parsed


def _list_available(package: str, settings: Settings) -> list[Version]:
    """Return versions on the index; where it cannot be asked, those in the cache."""
    try:
        with Index(settings.index_url, settings.cache, offline=settings.offline) as index:
            return index.fetch_releases(package).all_versions()
    except IndexUnavailableError as error:
        here = {path.name.removesuffix(".json.gz") for path in _list_cached(package, settings)}
        if settings.funcdb is not None:
            published = open_path(settings.funcdb, package)
            here.update(published.list_versions())
            for problem in () if here else published.problems:
                log.warning("%s", problem)
        if not here:
            raise
        log.warning("%s; choosing from what the cache has, %s", error, count_versions(len(here)))
        return _parse_all(package, here)


def _list_cached(package: str, settings: Settings) -> list[Path]:
    return [path for path in (settings.cache / package).glob("*.json.gz") if path.is_file()]
