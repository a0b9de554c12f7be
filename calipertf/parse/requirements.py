"""What pip freeze printed, as names and versions, and how two cells differ in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from calipertf.reasons.owners import COMPANION_REQUIREMENTS

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*?)\s*===?\s*(?P<version>\S+)")
_DIRECT = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*?)(?:\[[^\]]*\])?\s*@\s*(?P<url>\S+)")
_EGG = re.compile(r"[#&]egg=(?P<name>[\w.-]+)")


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One installed package."""

    #: As PEP 503 normalises it.
    name: str
    #: Version; the address of what was installed from one; None where the line tells neither.
    version: str | None
    #: The line as pip printed it.
    line: str


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One package that two cells have not alike."""

    name: str
    #: Version here and there; None where it is not installed.
    here: str | None
    there: str | None


def parse_requirements(lines: Sequence[str]) -> list[Requirement]:
    """The packages among lines of pip freeze, in order of name; comments are left out."""
    found = []
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if match := _PIN.fullmatch(text.partition(" #")[0].strip()):
            name, version = match["name"], match["version"]
        elif match := _DIRECT.match(text):
            name, version = match["name"], match["url"]
        elif match := _EGG.search(text):
            name, version = match["name"], text.split()[-1].partition("#")[0]
        else:
            continue
        found.append(Requirement(name=canonicalize_name(name), version=version, line=text))
    return sorted(found, key=lambda item: item.name)


def compare_requirements(
    here: Sequence[Requirement], there: Sequence[Requirement]
) -> list[Difference]:
    """The packages that are not the same in two cells, in order of name."""
    left = {item.name: item.version for item in here}
    right = {item.name: item.version for item in there}
    return [
        Difference(name=name, here=left.get(name), there=right.get(name))
        for name in sorted(left.keys() | right.keys())
        if (name in left, left.get(name)) != (name in right, right.get(name))
    ]


def name_companions(package: str, requirements: Iterable[Requirement]) -> str:
    """Return the companions' versions, such as "keras 3.4.1, numpy 1.26.4"; empty for none.

    What was installed from an address has no version to name.
    """
    pins = {item.name: item.version for item in requirements if item.version}
    names = COMPANION_REQUIREMENTS.get(package, ())
    known = [(name, pins[name]) for name in names if name in pins]
    return ", ".join(f"{name} {version}" for name, version in known if ":" not in version)
