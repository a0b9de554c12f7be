"""What packages and scripts say that they use, as stage 2 found it: sims/requires.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from calipertf.files.inputs import load_json, read_file


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What is required and imported, by name; nothing where stage 2 did not say."""

    #: (normalised name, version) -> normalised names of what it requires.
    requires: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    #: Script -> modules that it imports.
    imports: Mapping[str, frozenset[str]] = field(default_factory=dict)


def read_declared(path: Path) -> Declared:
    """Return the file's contents; nothing declared where there is no file.

    Raises OSError or ValueError where it cannot be read or is something else.
    """
    try:
        content = read_file(path)
    except FileNotFoundError:
        return Declared()
    data = load_json(content)
    if not isinstance(data, dict) or data.get("schema") != 1:
        raise ValueError("it is not of schema 1")
    packages, scripts = _read_table(data, "packages"), _read_table(data, "scripts")
    return Declared(
        requires={
            (canonicalize_name(name), str(version)): _list_names(lines)
            for name, versions in packages.items()
            if isinstance(versions, dict)
            for version, lines in versions.items()
        },
        imports={
            script: frozenset(map(str, modules))
            for script, modules in scripts.items()
            if isinstance(modules, list)
        },
    )


def _read_table(data: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _list_names(lines: object) -> frozenset[str]:
    names = set()
    for line in lines if isinstance(lines, list) else ():
        try:
            names.add(canonicalize_name(Requirement(str(line)).name))
        except InvalidRequirement:
            continue
    return frozenset(names)
