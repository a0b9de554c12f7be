"""What one version of a package offers: its public API and its function database.

Written by the extraction (``api.py``, ``functiondb.py``), read by the comparisons. Kept under
``.caliper/functiondb/<package>/<version>.json.gz``; signatures are stored once and pointed at,
because aliases and inherited methods repeat the same ones many times over.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeGuard, TypeVar, get_args

from calipertf.errors import RecordError
from calipertf.files.atomic import write_bytes
from calipertf.files.inputs import LARGEST, explain_kind, read_file
from calipertf.formats.shapes import find_wrong

#: Schema number of a stored Api. It goes up as well when the extraction finds more than before, so
#: that two versions are never compared as different extractions saw them.
SCHEMA = 3

ParameterKind: TypeAlias = Literal[
    "positional-only", "positional-or-keyword", "var-positional", "keyword-only", "var-keyword"
]
SymbolKind: TypeAlias = Literal["module", "class", "function", "method", "attribute"]

_Checked = TypeVar("_Checked")

#: caliper-metrics' own shape: {module: {function: [arguments], Class: {method: [arguments]}}}.
FunctionDatabase: TypeAlias = Mapping[str, Mapping[str, Any]]

#: How each parameter kind is written in a stored Api.
_KIND_CODES: dict[ParameterKind, str] = {
    "positional-only": "/",
    "positional-or-keyword": "",
    "var-positional": "*",
    "keyword-only": "k",
    "var-keyword": "**",
}
_KINDS: dict[str, ParameterKind] = {code: kind for kind, code in _KIND_CODES.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter of a callable."""

    #: As written, without stars.
    name: str
    #: One of inspect's five kinds, in words.
    kind: ParameterKind
    #: The default's source text; None where the parameter has none.
    default: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Symbol:
    """One public name."""

    #: Dotted path that a user writes, such as ``tensorflow.layers.dense``.
    path: str
    kind: SymbolKind
    #: In order, ``self`` and ``cls`` included for methods; a class has its constructor's. None:
    #: not a callable, or not to be known without running the package.
    parameters: tuple[Parameter, ...] | None = None
    #: Of a class: its direct bases, as canonical definition paths where they could be resolved.
    bases: tuple[str, ...] = ()
    #: Where it is defined, such as ``tensorflow.python.layers.core.dense``. Two public paths with
    #: one target are aliases of one another.
    target: str
    is_async: bool = False
    #: Whether the module warns when it is asked for it.
    is_deprecated: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One file or database that an Api was read from."""

    #: "wheel", "sdist" or "functiondb".
    kind: str
    #: The file's own name.
    filename: str
    url: str
    #: Of the bytes that were used (for a wheel: of its .py members, by name); None: not known.
    sha256: str | None = None
    #: Bytes transferred; the whole file's size. None: not known.
    bytes_read: int | None = None
    bytes_total: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Api:
    """What one version of a package offers."""

    package: str
    version: str
    #: The package's own file first, then the files that hold parts of its public face.
    sources: tuple[Source, ...]
    #: Public path -> symbol; empty where the source is a published function database.
    symbols: Mapping[str, Symbol] = field(default_factory=dict)
    #: Every module of the package, public or not, in caliper-metrics' own schema.
    functions: FunctionDatabase = field(default_factory=dict)
    #: What looks dirty or cannot be seen without running the package, a sentence each.
    notes: tuple[str, ...] = ()

    @property
    def source(self) -> Source:
        """Return the package's own file."""
        return self.sources[0]


def cache_path(folder: Path, package: str, version: str) -> Path:
    """Return where a version's Api is kept; ``folder`` is ``.caliper/functiondb``."""
    return folder / package / f"{version}.json.gz"


def to_json(api: Api) -> dict[str, Any]:
    """Return the Api as plain JSON data, signatures stored once."""
    signatures: dict[tuple[Parameter, ...], int] = {}
    symbols = {}
    for path in sorted(api.symbols):
        symbol = api.symbols[path]
        entry: dict[str, Any] = {"kind": symbol.kind}
        if symbol.target != path:
            entry["target"] = symbol.target
        if symbol.parameters is not None:
            entry["signature"] = signatures.setdefault(symbol.parameters, len(signatures))
        if symbol.bases:
            entry["bases"] = list(symbol.bases)
        if symbol.is_async:
            entry["async"] = True
        if symbol.is_deprecated:
            entry["deprecated"] = True
        symbols[path] = entry
    return {
        "schema": SCHEMA,
        "package": api.package,
        "version": api.version,
        "sources": [
            {name: getattr(source, name) for name in Source.__slots__} for source in api.sources
        ],
        "notes": list(api.notes),
        "signatures": [
            [[_KIND_CODES[item.kind], item.name, item.default] for item in parameters]
            for parameters in signatures
        ],
        "symbols": symbols,
        "functions": api.functions,
    }


def from_json(data: Mapping[str, Any]) -> Api:
    """Return the Api that ``to_json`` gave; RecordError where the data is something else."""
    if data.get("schema") != SCHEMA:
        raise RecordError(
            f"a stored API has schema {data.get('schema')!r}, this tool reads {SCHEMA}: "
            "delete the file and it is extracted again",
            schema=data.get("schema"),
        )
    try:
        signatures = [
            tuple(
                _check(Parameter(name=name, kind=_KINDS[code], default=default))
                for code, name, default in parameters
            )
            for parameters in data["signatures"]
        ]
        symbols = {
            path: Symbol(
                path=path,
                kind=entry["kind"],
                parameters=signatures[entry["signature"]] if "signature" in entry else None,
                bases=_check_texts(entry.get("bases", [])),
                target=entry.get("target", path),
                is_async=entry.get("async", False),
                is_deprecated=entry.get("deprecated", False),
            )
            for path, entry in data["symbols"].items()
        }
        _check_names(symbols, data["functions"])
        return Api(
            package=data["package"],
            version=data["version"],
            sources=tuple(_check(Source(**source)) for source in data["sources"]),
            symbols=symbols,
            functions=data["functions"],
            notes=_check_texts(data["notes"]),
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(
            f"a stored API is not what it should be ({type(error).__name__}: {error}): "
            "delete the file and it is extracted again",
        ) from error


def _check(value: _Checked) -> _Checked:
    """Return the value as it came; TypeError where a field is not what its annotation says."""
    wrong = find_wrong(value)
    if wrong:
        raise TypeError(wrong)
    return value


def _check_names(symbols: Mapping[str, Symbol], functions: Any) -> None:
    """TypeError or ValueError where symbols or functions are not what comparisons count on."""
    if {type(symbol.target) for symbol in symbols.values()} - {str}:
        raise TypeError("a target is no text")
    if {symbol.kind for symbol in symbols.values()} - set(get_args(SymbolKind)):
        raise ValueError("a symbol is of no known kind")
    if problem := find_malformed(functions):
        raise TypeError(problem)


def _check_texts(texts: object) -> tuple[str, ...]:
    if not _is_names(texts):
        raise TypeError(f"{repr(texts)[:80]} are no texts")
    return tuple(texts)


def find_malformed(functions: Any) -> str | None:
    """Return what is wrong with one version's database, in words; None where nothing is."""
    if not isinstance(functions, dict):
        return f"it is a {type(functions).__name__}, not {{module: functions}}"
    for module, members in functions.items():
        if not isinstance(members, dict):
            return f"module {module} is a {type(members).__name__}, not {{function: arguments}}"
        for name, member in members.items():
            methods = member.values() if isinstance(member, dict) else [member]
            if not all(map(_is_names, methods)):
                return f"{module}.{name} has no list of argument names"
    return None


def _is_names(arguments: Any) -> TypeGuard[list[str]]:
    return isinstance(arguments, list) and all(isinstance(name, str) for name in arguments)


def save_api(api: Api, folder: Path) -> Path:
    """Write the Api into the cache; no reader ever sees half a file."""
    path = cache_path(folder, api.package, api.version)
    data = to_json(api)
    schema = data.pop("schema")
    # The schema stands first, where is_current reads it.
    text = f'{{"schema":{schema},' + json.dumps(data, sort_keys=True, separators=(",", ":"))[1:]
    # mtime=0 keeps the bytes equal for equal content.
    write_bytes(path, gzip.compress(text.encode(), compresslevel=6, mtime=0))
    return path


def is_current(folder: Path, package: str, version: str) -> bool:
    """Return whether the cache holds the version as this extraction sees it.

    A damaged file counts.
    """
    wanted = f'{{"schema":{SCHEMA},'.encode()
    path = cache_path(folder, package, version)
    if explain_kind(path) is not None:
        return os.path.lexists(path)
    try:
        with gzip.open(path) as file:
            return file.read(len(wanted)) == wanted
    except (OSError, EOFError, zlib.error):
        return True


def load_api(folder: Path, package: str, version: str) -> Api | None:
    """Return the cached Api; None where there is none; RecordError where the file is damaged."""
    path = cache_path(folder, package, version)
    try:
        api = from_json(json.loads(_unpack(read_file(path))))
    except FileNotFoundError:
        if not path.is_symlink():
            return None
        raise RecordError(f"{path} is a link that leads nowhere: remove it", path=path) from None
    except (
        OSError,
        EOFError,
        zlib.error,
        ValueError,
        AttributeError,
        RecursionError,
        RecordError,
    ) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise RecordError(
            f"{path} cannot be read ({words}): delete it and the version is extracted again",
            path=str(path),
        ) from error
    if (api.package, api.version) != (package, version):
        raise RecordError(
            f"{path} cannot be read (it holds {api.package} {api.version}): delete it and the "
            "version is extracted again",
            path=str(path),
        )
    return api


def _unpack(content: bytes) -> bytes:
    """Return the content of a gzip file; ValueError where it is larger than any Api."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        found = file.read(LARGEST + 1)
    if len(found) > LARGEST:
        raise ValueError("it unpacks to more than any API has")
    return found
