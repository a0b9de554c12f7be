"""What changed between two versions' public APIs, one entry a name."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from calipertf.assess.api.model import Api, Symbol
from calipertf.assess.signatures import signature_of, signature_severity, write_signature
from calipertf.formats.changes import KINDS

SCHEMA = 1

#: How alike two names of one parent, with the same parameters, are in a rename. `norm1` and
#: `norm2` with 0.8 are a rename; `sum` and `mean` with 0.29 are not.
_ALIKE = 0.75


@dataclass(frozen=True, kw_only=True)
class Change:
    """One public name that is not in both versions as it was."""

    #: One of KINDS.
    kind: str
    #: Public path in a; in b for "added".
    path: str
    #: A SymbolKind.
    object: str
    #: Public path in b of what was moved or renamed; None for the others.
    to: str | None = None
    #: 0.0 harmless to 1.0 breaks every use.
    severity: float
    #: Signatures as Python writes them; None where there is none or it is not known.
    old: str | None = None
    new: str | None = None
    details: tuple[str, ...] = ()


def find_changes(old: Api, new: Api) -> list[Change]:
    """Return each name removed, moved, renamed, changed or added, ordered by kind and path.

    Members of a class that was removed, moved or added as a whole are counted in its entry.
    """
    comparison = _Comparison(old.symbols, new.symbols)
    changes = [
        *comparison.find_gone(),
        *comparison.find_changed(),
        *comparison.find_added(),
    ]
    return sorted(changes, key=lambda change: (KINDS.index(change.kind), change.path))


def parent_of(path: str) -> str:
    """Return the path without its last name."""
    return path.rpartition(".")[0]


def name_of(path: str) -> str:
    """Return the last name of a path."""
    return path.rpartition(".")[2]


class _Comparison:
    """Two APIs side by side."""

    def __init__(self, old: Mapping[str, Symbol], new: Mapping[str, Symbol]) -> None:
        self.old = old
        self.new = new
        self.gone = _list_tops(old, old.keys() - new.keys())
        self.added = _list_tops(new, new.keys() - old.keys())
        self.members_gone = _count_members(old, self.gone)
        self.members_added = _count_members(new, self.added)
        self.by_name: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.by_target: dict[str, list[str]] = defaultdict(list)
        self.by_parent: dict[tuple[str, str], list[str]] = defaultdict(list)
        for path in self.added:
            symbol = new[path]
            self.by_name[name_of(path), symbol.kind].append(path)
            self.by_target[symbol.target].append(path)
            self.by_parent[parent_of(path), symbol.kind].append(path)
        #: Target -> a path that leads to it in both versions.
        self.staying: dict[str, str] = {}
        #: Target in a -> a path of it that both versions have, whatever defines it in b.
        self.other_names: dict[str, str] = {}
        for path in sorted(old.keys() & new.keys(), key=_by_length, reverse=True):
            self.staying[new[path].target] = path
            self.other_names[old[path].target] = path
        #: Paths of b that something was moved or renamed to.
        self.taken: set[str] = set()

    def find_gone(self) -> list[Change]:
        """Return what is not at its path any more: moved, renamed or removed."""
        found = []
        for path in sorted(self.gone):
            symbol = self.old[path]
            # What both versions have under another name went nowhere: this name is gone.
            stays = symbol.target in self.staying
            moved = None if stays else self._find_moved(symbol)
            renamed = None if moved or stays else self._find_renamed(symbol)
            to = moved or renamed
            kind = "moved" if moved else "renamed" if renamed else "removed"
            details = list(self._describe_alias(symbol)) if to is None else []
            if symbol.is_deprecated:
                details.append("it was deprecated")
            new = self.new[to] if to else None
            if to is not None and new is not None:
                self.taken.add(to)
                details += signature_severity(signature_of(symbol), signature_of(new)).details
            details += _count("member", self.members_gone[path])
            found.append(_make_change(kind, path, 1.0, symbol, new, to=to, details=details))
        return found

    def _find_moved(self, symbol: Symbol) -> str | None:
        """Return the same name at a new path.

        One definition, or the only one with equal parameters.
        """
        if symbol.kind in {"module", "attribute"}:
            return None
        # Deeper than before is no new home but a module that happens to import the name.
        deepest = symbol.path.count(".") + 1
        named = self.by_name.get((name_of(symbol.path), symbol.kind), [])
        candidates = [path for path in named if path.count(".") <= deepest]
        same = [path for path in candidates if self.new[path].target == symbol.target]
        if not same and symbol.parameters and symbol.target not in self.other_names:
            alike = [path for path in candidates if self.new[path].parameters == symbol.parameters]
            if len({self.new[path].target for path in alike}) == 1:
                same = alike
        return min(same, key=_by_length, default=None)

    def _find_renamed(self, symbol: Symbol) -> str | None:
        """Return another new name.

        Of the same definition, or beside it and alike in all respects.
        """
        if symbol.kind == "attribute" or not symbol.parameters:
            return None
        if symbol.target in self.other_names:
            return None
        same = [path for path in self.by_target.get(symbol.target, []) if path not in self.taken]
        if same:
            return min(same, key=_by_length)
        beside = [
            path
            for path in self.by_parent.get((parent_of(symbol.path), symbol.kind), [])
            if self.new[path].parameters == symbol.parameters and path not in self.taken
        ]
        names = [name_of(path) for path in beside]
        alike = difflib.get_close_matches(name_of(symbol.path), names, n=2, cutoff=_ALIKE)
        return beside[names.index(alike[0])] if len(alike) == 1 else None

    def _describe_alias(self, symbol: Symbol) -> Iterable[str]:
        staying = self.staying.get(symbol.target)
        other = self.other_names.get(symbol.target)
        if symbol.kind == "attribute":
            return
        if staying is not None:
            yield f"its definition stays public as {staying}"
        elif other is not None:
            yield f"{other} was the same and stays"

    def find_changed(self) -> list[Change]:
        """Return the names of both versions whose signatures differ in what a user relies on."""
        found = []
        for path in self.old.keys() & self.new.keys():
            old, new = self.old[path], self.new[path]
            if old.parameters is new.parameters and old.bases == new.bases and old.kind == new.kind:
                continue
            severity = signature_severity(signature_of(old), signature_of(new))
            if severity.details:
                found.append(
                    _make_change(
                        "changed", path, severity.value, old, new, details=severity.details
                    )
                )
        return found

    def find_added(self) -> list[Change]:
        """Return new names.

        To be called after find_gone, which takes those that only moved here.
        """
        return [
            _make_change(
                "added",
                path,
                0.0,
                None,
                self.new[path],
                details=_count("member", self.members_added[path]),
            )
            for path in sorted(self.added)
            if path not in self.taken
        ]


def _list_tops(symbols: Mapping[str, Symbol], paths: Iterable[str]) -> set[str]:
    """Return the paths without the members of classes that are among them."""
    chosen = set(paths)
    return {path for path in chosen if _find_class(symbols, chosen, path) is None}


def _find_class(symbols: Mapping[str, Symbol], chosen: set[str], path: str) -> str | None:
    """Return the outermost class among the chosen paths that the path is a member of."""
    found = None
    parent = parent_of(path)
    while parent in chosen:
        if symbols[parent].kind == "class":
            found = parent
        parent = parent_of(parent)
    return found


def _count_members(symbols: Mapping[str, Symbol], tops: set[str]) -> dict[str, int]:
    """Return the number of members of each class among `tops`."""
    counts = dict.fromkeys(tops, 0)
    for path in symbols:
        parent = parent_of(path)
        while parent:
            if parent in tops:
                counts[parent] += symbols[parent].kind == "class"
                break
            parent = parent_of(parent)
    return counts


def _make_change(
    kind: str,
    path: str,
    severity: float,
    old: Symbol | None,
    new: Symbol | None,
    *,
    to: str | None = None,
    details: Iterable[str] = (),
) -> Change:
    symbol = old or new
    return Change(
        kind=kind,
        path=path,
        object=symbol.kind if symbol else "attribute",
        to=to,
        severity=severity,
        old=write_signature(old.parameters) if old else None,
        new=write_signature(new.parameters) if new else None,
        details=tuple(details),
    )


def _count(noun: str, count: int) -> list[str]:
    """Return a detail such as "with 2 members"; nothing for none."""
    return [f"with {count} {noun}{'s' if count > 1 else ''}"] if count else []


def _by_length(path: str) -> tuple[int, str]:
    return path.count("."), path


def changes_to_json(old: Api, new: Api, changes: Iterable[Change]) -> dict[str, Any]:
    """Return the changes as docs/formats.md has them."""
    return {
        "schema": SCHEMA,
        "package": new.package,
        "a": old.version,
        "b": new.version,
        "changes": [asdict(change) for change in changes],
    }
