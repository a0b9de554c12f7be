"""How much a signature's change breaks its users, by severity and in words.

Severities: 1 for a parameter removed that neither *args nor **kwargs takes, a required parameter
added, positional parameters reordered; 0.5 for a positional parameter renamed (or open to only one
of the two ways of calling that it had) and for a base class removed; 0.25 for a default changed.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from calipertf.assess.api.model import Parameter, Symbol

BREAKS = 1.0
BREAKS_ONE_WAY = 0.5
CHANGES_DEFAULT = 0.25

_POSITIONAL = frozenset({"positional-only", "positional-or-keyword"})
_STARS = {"var-positional": "*", "var-keyword": "**"}


class Signature(NamedTuple):
    """What a user of a name relies on; equal signatures are compatible."""

    #: A SymbolKind.
    kind: str
    #: None: not a callable, or not known.
    parameters: tuple[Parameter, ...] | None = None
    bases: tuple[str, ...] = ()
    is_async: bool = False
    #: Of a class: the last name of its definition, which may be what another was derived from.
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Severity:
    """What a change of signature means."""

    #: 0.0 harmless to 1.0 breaks every use.
    value: float
    #: What changed, a few words each.
    details: tuple[str, ...] = ()


def signature_of(symbol: Symbol) -> Signature:
    """Return the part of a symbol that its users rely on."""
    name = symbol.target.rpartition(".")[2] if symbol.kind == "class" else ""
    return Signature(symbol.kind, symbol.parameters, symbol.bases, symbol.is_async, name)


def signature_severity(old: Signature, new: Signature) -> Severity:
    """Return how much breaks when `old` becomes `new`: the sum of the severities, 1.0 at most."""
    findings: list[tuple[float, str]] = []
    if old.kind != new.kind:
        findings.append((0.0, f"was a {old.kind}, is a {new.kind}"))
    if old.is_async != new.is_async:
        findings.append((0.0, "is async now" if new.is_async else "is not async any more"))
    findings += [(BREAKS_ONE_WAY, f"base class {base} removed") for base in _lost_bases(old, new)]
    if old.parameters is not None and new.parameters is not None:
        findings += _Comparison(old.parameters, new.parameters).find()
    elif old.parameters != new.parameters:
        findings.append((0.0, "its parameters cannot be seen in one of the two versions"))
    return Severity(
        value=min(1.0, sum(value for value, _ in findings)),
        details=tuple(words for _, words in findings),
    )


def compatibility(old: Mapping[str, Symbol], new: Mapping[str, Symbol]) -> float:
    """Return the mean over the old API of 1 - severity, 0 for what was removed.

    An empty one scores 1.0.
    """
    if not old:
        return 1.0
    return sum(
        1.0 - signature_severity(signature_of(symbol), signature_of(new[path])).value
        for path, symbol in old.items()
        if path in new
    ) / len(old)


def _lost_bases(old: Signature, new: Signature) -> list[str]:
    """Return the bases that were removed; one that only moved under the same name does not count.

    Nor is one that the name stands for itself now: DeviceSpec was DeviceSpecV1(DeviceSpecV2).
    """
    kept = {base.rpartition(".")[2] for base in new.bases} | {"object", new.name}
    if new.kind != "class":
        return []
    return [base for base in old.bases if base.rpartition(".")[2] not in kept]


class _Comparison:
    """Two parameter lists side by side."""

    def __init__(self, old: Sequence[Parameter], new: Sequence[Parameter]) -> None:
        self.old = {item.name: item for item in old if item.kind not in _STARS}
        self.new = {item.name: item for item in new if item.kind not in _STARS}
        self.old_stars = {item.kind for item in old if item.kind in _STARS}
        self.new_stars = {item.kind for item in new if item.kind in _STARS}
        self.old_places = [item.name for item in old if item.kind in _POSITIONAL]
        self.new_places = [item.name for item in new if item.kind in _POSITIONAL]
        #: Old name -> new name, of those that kept their place.
        self.renamed = {
            before: after
            for before, after in zip(self.old_places, self.new_places, strict=False)
            if before not in self.new and after not in self.old
        }

    def find(self) -> list[tuple[float, str]]:
        """Return each difference with its severity."""
        return [
            *self._find_removed(),
            *self._find_stars_removed(),
            *self._find_required(),
            *self._find_reordered(),
            *self._find_renamed(),
            *self._find_defaults(),
        ]

    def _find_removed(self) -> list[tuple[float, str]]:
        return [
            (BREAKS, f"parameter {name} removed")
            for name, item in self.old.items()
            if name not in self.new and name not in self.renamed and not self._absorbs(item)
        ]

    def _absorbs(self, item: Parameter) -> bool:
        """Whether a star of the new signature takes what was given for a removed parameter."""
        if item.kind == "positional-only":
            return "var-positional" in self.new_stars
        if item.kind == "keyword-only":
            return "var-keyword" in self.new_stars
        return bool(self.new_stars)

    def _find_stars_removed(self) -> list[tuple[float, str]]:
        # What *args and **kwargs stood for may be spelled out now: then nothing is lost.
        added = self.new.keys() - self.old.keys() - set(self.renamed.values())
        return [
            (BREAKS, f"parameter {_STARS[kind]} removed")
            for kind in sorted(self.old_stars - self.new_stars)
            if not added
        ]

    def _find_required(self) -> list[tuple[float, str]]:
        # A function of (*args, **kwargs) hands on to another: what is spelled out now was
        # required all along.
        if len(self.old_stars) == len(_STARS):
            return []
        earlier = {after: before for before, after in self.renamed.items()}
        found = []
        for name, item in self.new.items():
            before = self.old.get(earlier.get(name, name))
            if item.default is None and before is None:
                found.append((BREAKS, f"required parameter {name} added"))
            elif item.default is None and before is not None and before.default is not None:
                found.append((BREAKS, f"parameter {name} is required now"))
        return found

    def _find_reordered(self) -> list[tuple[float, str]]:
        """Return whether a positional argument reaches another parameter.

        One put in between moves those behind it; one removed is told as removed, not here.
        """
        names = [self.renamed.get(name, name) for name in self.old_places]
        kept = [name for name in names if name in self.new_places]
        in_order = [name for name in self.new_places if name in kept] == kept
        moved = [name for name in kept if self.new_places.index(name) > names.index(name)]
        if in_order and not moved:
            return []
        return [(BREAKS, f"positional parameters reordered: now {', '.join(self.new_places)}")]

    def _find_renamed(self) -> list[tuple[float, str]]:
        found = [
            (BREAKS_ONE_WAY, f"parameter {before} renamed to {after}")
            for before, after in self.renamed.items()
            if self.old[before].kind != "positional-only"
        ]
        for name in self.old.keys() & self.new.keys():
            before, after = self.old[name].kind, self.new[name].kind
            if before in _POSITIONAL and after == "keyword-only":
                found.append((BREAKS_ONE_WAY, f"parameter {name} is keyword-only now"))
            elif before == "positional-or-keyword" and after == "positional-only":
                found.append((BREAKS_ONE_WAY, f"parameter {name} is positional-only now"))
        return sorted(found)

    def _find_defaults(self) -> list[tuple[float, str]]:
        found = []
        for name, item in self.old.items():
            after = self.new.get(self.renamed.get(name, name))
            if item.default is None or after is None or after.default is None:
                continue
            if item.default != after.default and not is_same_default(item.default, after.default):
                words = f"default of {name} changed from {item.default} to {after.default}"
                found.append((CHANGES_DEFAULT, words))
        return found


@lru_cache(maxsize=65_536)
def is_same_default(left: str, right: str) -> bool:
    """Return whether two defaults are the same value written in two ways."""
    try:
        a, b = ast.literal_eval(left), ast.literal_eval(right)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        # dtypes.float32 and _dtypes.float32 are one object imported under two names.
        return _last_name(left) == _last_name(right) is not None
    return type(a) is type(b) and bool(a == b)


def _last_name(text: str) -> str | None:
    """Return the last part of a dotted name; None where the text is no dotted name."""
    parts = text.split(".")
    return parts[-1] if len(parts) > 1 and all(part.isidentifier() for part in parts) else None


def write_signature(parameters: Sequence[Parameter] | None) -> str | None:
    """Return the parameters as Python writes them: (x, /, y=1, *args, z, **kwargs).

    None for None.
    """
    if parameters is None:
        return None
    words: list[str] = []
    star_seen = False
    for place, item in enumerate(parameters):
        star_seen = star_seen or item.kind == "var-positional"
        if item.kind == "keyword-only" and not star_seen:
            words.append("*")
            star_seen = True
        default = "" if item.default is None else f"={item.default}"
        words.append(f"{_STARS.get(item.kind, '')}{item.name}{default}")
        following = parameters[place + 1].kind if place + 1 < len(parameters) else None
        if item.kind == "positional-only" and following != "positional-only":
            words.append("/")
    return f"({', '.join(words)})"
