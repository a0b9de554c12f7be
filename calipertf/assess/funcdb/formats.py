"""Published function databases, in the formats of caliper-metrics.

A database is {version: {module: {function: [arguments], Class: {method: [arguments]}}}}. An
index.json beside it says how it is stored: "json" (a list of files), "json-single" or "zip"
(https://github.com/vsoch/caliper-metrics).
"""

from __future__ import annotations

import hashlib
import io
import json
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from calipertf.assess.api.model import FunctionDatabase, Source, find_malformed
from calipertf.errors import CaliperError, RecordError, VersionError
from calipertf.files.inputs import LARGEST
from calipertf.versions import parse_version

INDEX = "index.json"

#: Content of a file by its name relative to the database's folder; FileNotFoundError where there
#: is none, CaliperError where it cannot be had.
Fetch: TypeAlias = Callable[[str], bytes]

#: functiondb-2.0.0.json holds 2.0.0 alone.
_ONE_VERSION = re.compile(r"functiondb-(?P<version>\d[^/]*)\.json")


@dataclass(frozen=True, kw_only=True)
class PublishedVersion:
    """The function database of one version."""

    version: str
    functions: FunctionDatabase
    source: Source


@dataclass(kw_only=True)
class Published:
    """Function databases of one package, read file by file as they are wanted."""

    #: Where they lie, for people.
    place: str
    fetch: Fetch
    #: Files that hold databases.
    names: tuple[str, ...]
    #: What could not be read, a sentence each; grows with reading.
    problems: list[str] = field(default_factory=list)

    def read(self, wanted: Container[str] | None = None) -> Iterator[PublishedVersion]:
        """Yield each wanted version that can be read (None: all).

        The rest is told in `problems`.
        """
        absent: list[str] = []
        for name in self.names:
            alone = _ONE_VERSION.fullmatch(posixpath.basename(name))
            if alone and wanted is not None and _normalise(alone["version"]) not in wanted:
                continue
            try:
                content = self.fetch(name)
                yield from self._read_file(name, content, wanted)
            except FileNotFoundError:
                absent.append(name)
            except CaliperError as error:
                self.problems.append(str(error))
        if absent:
            shown = ", ".join(absent[:3]) + (" ..." if len(absent) > 3 else "")
            self.problems.append(
                f"{self.place} lists {len(absent)} files that are not there: {shown}"
            )

    def list_versions(self) -> list[str]:
        """Return the versions in the files' names; files without one in their name are opened."""
        found: set[str] = set()
        for name in self.names:
            alone = _ONE_VERSION.fullmatch(posixpath.basename(name))
            if alone:
                found.add(_normalise(alone["version"]))
                continue
            try:
                data = unpack_database(self.fetch(name), self._locate(name))
                found.update(map(_normalise, data))
            except FileNotFoundError:
                self.problems.append(f"{self.place} lists {name}, which is not there")
            except CaliperError as error:
                self.problems.append(str(error))
        return sorted(found)

    def _locate(self, name: str) -> str:
        return f"{self.place}/{name}" if self.place != name else name

    def _read_file(
        self, name: str, content: bytes, wanted: Container[str] | None
    ) -> Iterator[PublishedVersion]:
        where = self._locate(name)
        source = Source(
            kind="functiondb",
            filename=posixpath.basename(name),
            url=where,
            sha256=hashlib.sha256(content).hexdigest(),
            bytes_read=len(content),
            bytes_total=len(content),
        )
        data = unpack_database(content, where)
        for key, functions in data.items():
            version = _normalise(key)
            if wanted is not None and version not in wanted:
                continue
            problem = find_malformed(functions)
            if problem:
                self.problems.append(f"{where}: {key} was left out: {problem}")
                continue
            yield PublishedVersion(version=version, functions=functions, source=source)


def _normalise(version: str) -> str:
    """Return the version as PEP 440 writes it; text that is no version stays as it is."""
    try:
        return str(parse_version(version))
    except VersionError:
        return version


def unpack_database(content: bytes, where: str) -> Mapping[str, Any]:
    """Return the JSON object in a file, or in a zip that holds one.

    RecordError for anything else.
    """
    try:
        if zipfile.is_zipfile(io.BytesIO(content)) or content[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                names = [name for name in archive.namelist() if name.endswith(".json")]
                if sum(archive.getinfo(name).file_size for name in names) > LARGEST:
                    raise RecordError(f"{where} unpacks to more than any database has", path=where)
                merged: dict[str, Any] = {}
                for name in names:
                    merged.update(_as_object(json.loads(archive.read(name)), f"{where}/{name}"))
                return merged
        return _as_object(json.loads(content), where)
    except zipfile.BadZipFile as error:
        raise RecordError(
            f"{where} is not a whole zip file ({error}): get it again", path=where
        ) from error
    except (ValueError, RuntimeError, NotImplementedError, zlib.error, EOFError) as error:
        raise RecordError(
            f"{where} is not a JSON function database ({error}): get it again", path=where
        ) from error


def _as_object(data: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(data, dict) or not data:
        held = "nothing" if data == {} else f"a {type(data).__name__}"
        raise RecordError(f"{where} holds {held}, not {{version: modules}}", path=where)
    return data


def read_index(content: bytes, place: str) -> tuple[str, ...]:
    """Return the files that an index.json names.

    Of its formats the one that can be read in parts.
    """
    try:
        data = json.loads(content)["data"]
        names = _list_files(data)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise RecordError(
            f"{place}/{INDEX} is no index of caliper-metrics ({error!r})", path=place
        ) from error
    if names is None:
        raise RecordError(
            f"{place}/{INDEX} names none of json, json-single and zip, but: {', '.join(data)}",
            path=place,
        )
    return names


def _list_files(data: Any) -> tuple[str, ...] | None:
    if "json" in data:
        names = data["json"]["urls"]
        if not isinstance(names, list):
            raise TypeError("urls is no list")
        return tuple(map(str, names))
    for kind in ("json-single", "zip"):
        if kind in data:
            return (str(data[kind]["url"]),)
    return None


def describe_stale(
    published: Collection[str], extracted: Collection[str]
) -> tuple[str, tuple[str, ...]] | None:
    """Return modules of a published database that the version's wheel does not have; None for none.

    Takes the names of both sides' modules; gives a sentence, and the modules. There are such
    because caliper-metrics unpacked each version over the one before.
    """
    stale = tuple(sorted(set(published) - set(extracted)))
    if not stale:
        return None
    shown = ", ".join(stale[:3]) + (" ..." if len(stale) > 3 else "")
    return f"{len(stale)} of {len(published)} modules are not in the wheel: {shown}", stale
