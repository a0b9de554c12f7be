"""The API's changes, found by the name that an exception speaks of."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from calipertf.parse.causes.symbols import Symbol
from calipertf.parse.load import ApiChange
from calipertf.versions import version_key


class ChangeIndex:
    """The changes of all versions, by the last part of their names."""

    def __init__(self, changes: Iterable[ApiChange]) -> None:
        self._by_name: dict[tuple[str, str], list[ApiChange]] = defaultdict(list)
        self._by_target: dict[tuple[str, str], list[ApiChange]] = defaultdict(list)
        self._roots: dict[str, set[str]] = defaultdict(set)
        for change in changes:
            self._by_name[change.package, change.path.rpartition(".")[2]].append(change)
            self._roots[change.package].add(change.path.partition(".")[0])
            if change.to:
                self._by_target[change.package, change.to.rpartition(".")[2]].append(change)

    def find(self, package: str, symbol: Symbol, works: str, fails: str) -> ApiChange | None:
        """Return the change between two versions that takes the symbol away.

        None where there is none.

        Changes of neighbours that lie within the two come before those that reach beyond them; of
        several, the nearest to where it works.
        """
        upward = version_key(works) < version_key(fails)
        for wanted in _widen(symbol, self._roots.get(package, set())):
            key = package, wanted.path.rpartition(".")[2]
            # Going down, what was moved or renamed is not yet where it went to.
            places = [(change, change.path) for change in self._by_name.get(key, ())]
            if not upward and not symbol.called:
                places += [(change, change.to or "") for change in self._by_target.get(key, ())]
            found = [
                change
                for change, path in places
                if _is_same(path, wanted)
                and _explains(change, path, symbol, upward=upward)
                and _overlaps(change, works, fails)
            ]
            if found:
                return min(found, key=lambda change: _rank(change, works, fails))
        return None


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """A path to look for."""

    path: str
    #: Whether it is the whole path; else the end of one.
    exact: bool
    #: Whether its first part may stand for the package's root.
    alias: bool = False


def _widen(symbol: Symbol, roots: set[str]) -> Iterator[_Wanted]:
    """Yield the paths to look for: as it stands, by its end, and the modules that it lies in.

    What lies in another package is not looked for. Only of a private path is the end enough: a
    public one that is not among the changes has not changed, whatever has a name like it. Of a
    name that its module lacks, the module is there.
    """
    if not symbol.rooted:
        yield _Wanted(path=symbol.path, exact=False, alias=symbol.alias)
        return
    path = symbol.path
    if path.startswith("keras.") and "keras" not in roots:
        path = f"tensorflow.{path}"
    parts = path.split(".")
    if parts[0] not in roots:
        return
    yield _Wanted(path=path, exact=True)
    if len(parts) > 2 and any(part in _PRIVATE or part.startswith("_") for part in parts):
        yield _Wanted(path=".".join(parts[-2:]), exact=False)
    if symbol.module:
        for length in range(len(parts) - 1, 1, -1):
            yield _Wanted(path=".".join(parts[:length]), exact=True)


#: Folders that packages keep their own code in, behind the public names.
_PRIVATE = frozenset({"python", "core", "src", "impl"})


def _is_same(path: str, wanted: _Wanted) -> bool:
    if path == wanted.path:
        return True
    if wanted.alias and path.partition(".")[2] == wanted.path.partition(".")[2]:
        return True
    return not wanted.exact and path.endswith(f".{wanted.path}")


def _explains(change: ApiChange, path: str, symbol: Symbol, *, upward: bool) -> bool:
    """Return whether a change of this kind can be why.

    Going down, what was added is not there yet.
    """
    if symbol.called:
        return change.kind == "changed" and _changes_call(change, symbol.argument)
    if upward:
        return change.kind in {"removed", "moved", "renamed"}
    return change.kind == "added" or (change.kind in {"moved", "renamed"} and path == change.to)


def _changes_call(change: ApiChange, argument: str | None) -> bool:
    """Whether a change of the signature can be why a call fails, by the parameter if one is named.

    A parameter is the cause where only one of the signatures has it, or where the parameters
    changed places or must be given now; no parameter is, of a change of defaults.
    """
    told = "\n".join(line for line in change.details if not line.startswith("default of "))
    if "reordered" in told or (argument and re.search(rf"\b{re.escape(argument)}\b", told)):
        return True
    old, new = list_parameters(change.old), list_parameters(change.new)
    if old is None or new is None:
        return False
    if argument:
        return (argument in old) != (argument in new)
    return old != new


def list_parameters(signature: str | None) -> tuple[str, ...] | None:
    """Return names of a signature's parameters in order; None where it is none that can be read."""
    if signature is None:
        return None
    try:
        (function,) = ast.parse(f"def f{signature}: pass").body
    except (SyntaxError, ValueError):
        return None
    if not isinstance(function, ast.FunctionDef):
        return None
    words = function.args
    return tuple(item.arg for item in (*words.posonlyargs, *words.args, *words.kwonlyargs))


def _overlaps(change: ApiChange, works: str, fails: str) -> bool:
    low, high = sorted((version_key(works), version_key(fails)))
    return version_key(change.a) < high and version_key(change.b) > low


def _rank(change: ApiChange, works: str, fails: str) -> tuple[object, ...]:
    low, high = sorted((version_key(works), version_key(fails)))
    a, b = version_key(change.a), version_key(change.b)
    within = low <= a and b <= high
    upward = version_key(works) < version_key(fails)
    nearest = a if upward else _Descending(a)
    return not within, nearest, len(change.path), change.path


class _Descending:
    """Sorts the other way round."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __lt__(self, other: _Descending) -> bool:
        return other.value < self.value  # type: ignore[operator, no-any-return]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self.value == other.value

    __hash__ = None  # type: ignore[assignment]
