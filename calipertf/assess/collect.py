"""What is known of a package's versions, each from the first source that has it.

Function databases: what --funcdb names, the cache, caliper-metrics on GitHub, the wheel on the
index. A public API can only come from the wheel, and with it comes a clean function database: so
GitHub is asked before the wheels only where published databases are wanted, and else for those
versions that the index does not give.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Generator, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from calipertf.assess.api.dask_pool import extract_on_cluster
from calipertf.assess.api.model import (
    Api,
    FunctionDatabase,
    Source,
    cache_path,
    is_current,
    load_api,
)
from calipertf.assess.api.pool import Extraction, describe_extraction, extract_versions
from calipertf.assess.funcdb.formats import Published, PublishedVersion, describe_stale
from calipertf.assess.funcdb.sources import GitHub, open_path
from calipertf.assess.matrix import Corpus, FunctionTerms, Profile
from calipertf.errors import CaliperError, InfrastructureError, RecordError
from calipertf.files.atomic import set_aside

log = logging.getLogger("calipertf")

#: Seconds between signs of life while cached versions are read and compared.
_TELL_EVERY = 10.0

#: Versions in a row that cannot be had before the others are not tried any more.
_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where sources are looked for, and how."""

    #: ``.caliper/functiondb``.
    cache: Path
    #: What --funcdb names; None: nothing.
    funcdb: Path | None = None
    #: Whether caliper-metrics on GitHub is asked before the wheels.
    published: bool = False
    index_url: str
    #: Versions extracted at once.
    jobs: int = 1
    #: Whether the network may not be used.
    offline: bool = False
    #: A Dask cluster whose workers extract; None: this machine does.
    scheduler: str | None = None


@dataclass(frozen=True, kw_only=True)
class VersionEntry:
    """One version with where it came from; what it holds is in the profile."""

    profile: Profile
    #: Files that the public API came from; empty where there is none.
    api_sources: tuple[Source, ...] = ()
    functions_source: Source | None = None
    #: Kind of symbol -> how many the API has.
    counts: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    #: Modules of a published database that the wheel does not have; None: not known.
    stale: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return where it came from and what looks dirty."""
        return {
            "api": [asdict(source) for source in self.api_sources],
            "functions": asdict(self.functions_source) if self.functions_source else None,
            "notes": list(self.notes),
            "modules_not_in_wheel": None if self.stale is None else list(self.stale),
        }


@dataclass(kw_only=True)
class Collection:
    """Versions of one package, in their order."""

    corpus: Corpus = field(default_factory=Corpus)
    entries: list[VersionEntry] = field(default_factory=list)
    #: Version -> why nothing is known of it.
    missing: dict[str, CaliperError] = field(default_factory=dict)
    extractions: list[Extraction] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Functions:
    """A published function database as numbers, and its modules to look for stale ones."""

    terms: FunctionTerms | None
    modules: tuple[str, ...]
    source: Source


class Collector:
    """Collects what is known of one package's versions."""

    def __init__(self, package: str, settings: Settings) -> None:
        self.package = package
        self.settings = settings
        #: What was found; whole once iter_apis has come to its end.
        self.collection = Collection()
        self._published: dict[str, _Functions] = {}

    def iter_apis(self, versions: Sequence[str]) -> Iterator[Api]:
        """Take in the versions, which are in order, and yield each public API as it passes by.

        One API is held at a time: those of TensorFlow take 100 MB each.
        """
        settings = self.settings
        if settings.funcdb is not None:
            self._take_in(open_path(settings.funcdb, self.package), set(versions))
        if settings.published:
            self._ask_github({version for version in versions if not self._has_cached(version)})
        wanted = [version for version in versions if version not in self._published]
        if settings.funcdb is not None and not settings.published:
            # The public API of these comes from their wheels all the same.
            wanted = list(versions)
        self._extract(wanted)
        gaps = self.collection.missing.keys() - self._published.keys()
        if gaps and not settings.published:
            self._ask_github(gaps)
        told = time.monotonic()
        for place, version in enumerate(versions, start=1):
            api = self._load(version)
            if api is not None:
                yield api
            if time.monotonic() - told >= _TELL_EVERY:
                log.info(
                    "[%d/%d] compared up to %s %s", place, len(versions), self.package, version
                )
                told = time.monotonic()

    def collect_apis(self, versions: Sequence[str]) -> dict[str, Api]:
        """Return the public APIs of versions; `collection.missing` says why others have none."""
        self._extract(versions)
        found = {version: self._load_api(version) for version in dict.fromkeys(versions)}
        return {version: api for version, api in found.items() if api is not None}

    def _has_cached(self, version: str) -> bool:
        return is_current(self.settings.cache, self.package, version)

    def _take_in(self, published: Published, wanted: AbstractSet[str]) -> None:
        """Number the wanted versions of a published database; warn of what could not be read."""
        for item in published.read(wanted):
            if item.version not in self._published:
                self._published[item.version] = self._number(item)
        for problem in published.problems:
            log.warning("%s", problem)

    def _number(self, item: PublishedVersion) -> _Functions:
        return _Functions(
            terms=self.collection.corpus.number_functions(item.functions),
            modules=tuple(item.functions),
            source=item.source,
        )

    def _ask_github(self, wanted: AbstractSet[str]) -> None:
        wanted = wanted - self._published.keys()
        if not wanted:
            return
        try:
            with GitHub(self.settings.cache, offline=self.settings.offline) as github:
                published = github.open(self.package)
                if published is not None:
                    self._take_in(published, wanted)
        except (InfrastructureError, RecordError) as error:
            log.warning("%s", error)

    def _extract(self, versions: Sequence[str]) -> None:
        """Fill the cache with the versions that it lacks; what fails is kept as missing."""
        if self.settings.offline:
            for version in versions:
                if not self._has_cached(version):
                    self.collection.missing[version] = InfrastructureError(
                        f"{self.package} {version} is not in the cache {self.settings.cache}, and "
                        "the network may not be used (--offline)",
                        version=version,
                    )
            return
        waiting = [version for version in versions if not self._has_cached(version)]
        failed_in_a_row = 0
        with contextlib.closing(self._run_extractions(waiting)) as extractions:
            for place, done in enumerate(extractions, start=1):
                log.info("[%d/%d] %s", place, len(waiting), describe_extraction(done))
                self.collection.extractions.append(done)
                if done.error is not None:
                    self.collection.missing[done.version] = done.error
                lost = isinstance(done.error, InfrastructureError)
                failed_in_a_row = failed_in_a_row + 1 if lost else 0
                if failed_in_a_row == _TRIES:
                    break
        if failed_in_a_row == _TRIES:
            self._give_up(waiting)

    def _give_up(self, waiting: Sequence[str]) -> None:
        """Those that were not tried are missing: the network or the index is away."""
        tried = {done.version for done in self.collection.extractions}
        left = [version for version in waiting if version not in tried]
        for version in left:
            self.collection.missing[version] = InfrastructureError(
                f"not tried, because {_TRIES} versions before it could not be had", version=version
            )
        log.warning("gave up on %d more versions: run the same command again later", len(left))

    def _run_extractions(self, versions: Sequence[str]) -> Generator[Extraction]:
        settings = self.settings
        if settings.scheduler is not None:
            yield from extract_on_cluster(
                settings.scheduler,
                self.package,
                versions,
                cache_dir=settings.cache,
                index_url=settings.index_url,
            )
            return
        yield from extract_versions(
            self.package,
            versions,
            cache_dir=settings.cache,
            jobs=settings.jobs,
            index_url=settings.index_url,
        )

    def _load(self, version: str) -> Api | None:
        """Take one version in, and return its API, if it has one.

        The API comes from the cache, the function database from its own source.
        """
        api = self._load_api(version)
        published = self._published.get(version)
        if api is None and published is None:
            return None
        self.collection.missing.pop(version, None)
        corpus = self.collection.corpus
        stale: tuple[str, ...] | None = None
        notes: tuple[str, ...] = ()
        if api is not None:
            notes = api.notes
        if published is None and api is not None:
            functions, source = corpus.number_functions(api.functions), api.source
        elif published is not None:
            functions, source = published.terms, published.source
            if api is not None:
                notes, stale = self._find_stale(version, published, api.functions, notes)
        self.collection.entries.append(
            VersionEntry(
                profile=Profile(
                    version=version,
                    functions=functions,
                    api=None if api is None else corpus.number_api(api),
                ),
                api_sources=() if api is None else api.sources,
                functions_source=source,
                counts={} if api is None else count_kinds(api),
                notes=notes,
                stale=stale,
            )
        )
        return api

    def _find_stale(
        self,
        version: str,
        published: _Functions,
        extracted: FunctionDatabase,
        notes: tuple[str, ...],
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the notes with what looks dirty, and the modules that are not in the wheel."""
        found = describe_stale(published.modules, extracted)
        if found is None:
            return notes, ()
        log.warning("%s: %s %s: %s", published.source.url, self.package, version, found[0])
        return (*notes, f"published function database: {found[0]}"), found[1]

    def _load_api(self, version: str) -> Api | None:
        """Return the API in the cache; one that cannot be read is extracted again."""
        cache = self.settings.cache
        try:
            found = load_api(cache, self.package, version)
        except RecordError as error:
            log.warning("%s", error)
        else:
            return found
        if not self.settings.offline:
            damaged = cache_path(cache, self.package, version)
            if damaged.is_file() or damaged.is_symlink():
                damaged.unlink()
            else:
                log.warning("%s is set aside as %s", damaged, set_aside(damaged).name)
            self._extract([version])
            return load_api(cache, self.package, version)
        self.collection.missing[version] = InfrastructureError(
            f"{self.package} {version} is damaged in the cache {cache}, and the network may not be "
            "used (--offline)",
            version=version,
        )
        return None


def count_kinds(api: Api) -> dict[str, int]:
    """Return how many modules, classes, functions, methods and attributes an API has."""
    counts = dict.fromkeys(("module", "class", "function", "method", "attribute"), 0)
    for symbol in api.symbols.values():
        counts[symbol.kind] += 1
    return counts
