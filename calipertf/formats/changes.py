"""The files of changes between two versions that stage 2 writes and stage 3 reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from calipertf.errors import RecordError
from calipertf.files.inputs import load_json, read_file
from calipertf.formats.shapes import find_wrong
from calipertf.versions import version_key

SCHEMA = 1
#: Kinds of changes, the worst first.
KINDS = ("removed", "moved", "renamed", "changed", "added")


@dataclass(frozen=True, kw_only=True)
class ApiChange:
    """One public name that differs between two neighbouring versions; see docs/formats.md."""

    package: str
    a: str
    b: str
    #: One of KINDS.
    kind: str
    #: Public path in a; in b for "added".
    path: str
    #: module, class, function, method or attribute.
    object: str
    #: Public path in b of what was moved or renamed.
    to: str | None
    #: 0.0 harmless to 1.0 breaks every use.
    severity: float
    old: str | None
    new: str | None
    details: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ChangeFile:
    """What a file of changes holds."""

    changes: tuple[ApiChange, ...]
    #: What it was made from and by; None where the file does not say.
    made_from: Mapping[str, Any] | None


def read_changes(path: Path) -> ChangeFile:
    """Return a file's changes; RecordError that names the file where it is not sound as a whole."""
    try:
        data = load_json(read_file(path))
        return _read(data, path.stem)
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}", path=path) from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        words = f"{type(error).__name__}: {str(error)[:200]}"
        raise RecordError(f"{path} cannot be read: {words}", path=path) from error


def _read(data: Mapping[str, Any], name: str) -> ChangeFile:
    schema = data["schema"]
    if schema != SCHEMA or isinstance(schema, bool):
        raise ValueError(f"schema {repr(schema)[:80]} is not {SCHEMA}")
    both = {"package": data["package"], "a": data["a"], "b": data["b"]}
    if f"{both['package']}-{both['a']}..{both['b']}" != name:
        raise ValueError("it holds the changes between other versions than its name says")
    known = {field.name for field in fields(ApiChange)}
    changes = []
    for item in data["changes"]:
        kept = {key: value for key, value in item.items() if key in known}
        details = tuple(kept.pop("details", None) or ())
        changes.append(_check(ApiChange(**{**kept, **both}, details=details)))
    made_from = data.get("made_from")
    return ChangeFile(
        changes=tuple(changes), made_from=made_from if isinstance(made_from, Mapping) else None
    )


def _check(change: ApiChange) -> ApiChange:
    wrong = find_wrong(change)
    if wrong:
        raise ValueError(wrong)
    if change.kind not in KINDS or not change.path:
        raise ValueError(f"a change of {change.path[:80]!r} is {change.kind[:80]!r}")
    if not 0 <= change.severity <= 1:
        raise ValueError(f"severity is {change.severity}")
    for version in (change.a, change.b):
        if not version_key(version)[0]:
            raise ValueError(f"{version[:80]!r} is no version")
    return change
