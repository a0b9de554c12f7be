"""Lines of pip freeze, as records hold them, read as names and versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s+|=)(?P<target>.+)")
#: What `pip freeze` writes above an editable line: # Editable install with no ... (name==1.0)
_EDITABLE_NOTE = re.compile(r"# Editable .*\((?P<pin>[^()]+)\)")
_EGG = re.compile(r"[#&]egg=(?P<name>[A-Za-z0-9._-]+)")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
#: A pin whose version is none of PEP 440's, as old packages have them: name==2004d.
_ODD_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*={2,3}\s*(\S+)")


@dataclass(frozen=True, kw_only=True)
class Installed:
    """One installed package."""

    #: As PEP 503 normalises it.
    name: str
    #: Version, also where the name of an installed file tells it; else the address that it was
    #: installed from; None where the line tells neither.
    version: str | None
    #: The line as pip printed it.
    line: str


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """What pip freeze printed."""

    #: In the order of the lines.
    installed: tuple[Installed, ...]
    #: Lines that no name could be read from.
    unread: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One package that differs between two cells."""

    name: str
    #: Version here and there; None where it is not installed.
    here: str | None
    there: str | None


def compare_requirements(here: Sequence[Installed], there: Sequence[Installed]) -> list[Difference]:
    """Return the packages that are not the same in two cells, in order of name."""
    left = {item.name: item.version for item in here}
    right = {item.name: item.version for item in there}
    return [
        Difference(name=name, here=left.get(name), there=right.get(name))
        for name in sorted(left.keys() | right.keys())
        if (name in left, left.get(name)) != (name in right, right.get(name))
    ]


def read_freeze(lines: Iterable[str]) -> Freeze:
    """Return what lines of pip freeze say, without comments and options such as --find-links."""
    installed: list[Installed] = []
    unread: list[str] = []
    above: str | None = None
    for raw in lines:
        line = raw.strip()
        if not line or line.startswith("#"):
            note = _EDITABLE_NOTE.match(line)
            above = note["pin"] if note else None
            continue
        editable = _EDITABLE.match(line)
        found = _read_editable(editable["target"], above) if editable else _read_line(line)
        above = None
        if found is not None:
            name, version = found
            installed.append(Installed(name=name, version=version, line=line))
        elif editable or not line.startswith("-"):
            unread.append(line)
    return Freeze(installed=tuple(installed), unread=tuple(unread))


def _read_editable(target: str, above: str | None) -> tuple[str, str | None] | None:
    if egg := _EGG.search(target):
        return canonicalize_name(egg["name"]), target.partition("#")[0]
    return _read_line(above) if above else None


def _read_line(line: str) -> tuple[str, str | None] | None:
    """Return the name and version of a line; None where it holds no name."""
    plain = _COMMENT.sub("", line).strip()
    try:
        requirement = Requirement(plain)
    except InvalidRequirement:
        match = _ODD_PIN.fullmatch(plain)
        return (canonicalize_name(match[1]), match[2]) if match else None
    name = canonicalize_name(requirement.name)
    if requirement.url:
        return name, _version_of_file(requirement.url)
    versions = [item.version for item in requirement.specifier if item.operator in {"==", "==="}]
    return name, versions[0] if versions else None


def _version_of_file(url: str) -> str:
    """Return the version in the name of a wheel or source archive; the URL where there is none."""
    filename = unquote(urlsplit(url).path).rpartition("/")[2]
    try:
        if filename.endswith(".whl"):
            return str(parse_wheel_filename(filename)[1])
        return str(parse_sdist_filename(filename)[1])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return url
