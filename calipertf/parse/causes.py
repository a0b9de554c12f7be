"""Why a script fails here and works there: the API's change, a requirement, or its own usage."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from packaging.utils import canonicalize_name

from calipertf.parse.inputs import ApiChange
from calipertf.parse.requirements import Requirement, compare_requirements
from calipertf.parse.results import Result
from calipertf.parse.symbols import Symbol, name_symbol
from calipertf.records import Cell
from calipertf.versions import python_version, version_key


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What a failure comes from, as far as files tell."""

    #: api, requirements or usage.
    kind: str
    #: One sentence for a person.
    text: str
    #: Public path, or name of the requirement.
    path: str
    #: Kind of the API's change; None for the other kinds of cause.
    change: str | None = None
    #: The versions between which the API changed; None for the other kinds of cause.
    a: str | None = None
    b: str | None = None


class ChangeIndex:
    """The changes of all versions, by the last part of their names."""

    def __init__(self, changes: Iterable[ApiChange]) -> None:
        self._by_name: dict[tuple[str, str], list[ApiChange]] = defaultdict(list)
        for change in changes:
            self._by_name[change.package, change.path.rpartition(".")[2]].append(change)

    def find(self, package: str, symbol: Symbol, works: str, fails: str) -> ApiChange | None:
        """The change between two versions that takes the symbol away; None where there is none.

        Changes of neighbours that lie within the two come before those that reach beyond them; of
        several, the nearest to where it works.
        """
        for path, exact in _widen(symbol):
            found = [
                change
                for change in self._by_name.get((package, path.rpartition(".")[2]), ())
                if _is_same(change.path, path, exact=exact)
                and _explains(change, symbol, upward=version_key(works) < version_key(fails))
                and _overlaps(change, works, fails)
            ]
            if found:
                return min(found, key=lambda change: _rank(change, works, fails))
        return None


def _widen(symbol: Symbol) -> Iterable[tuple[str, bool]]:
    """The paths to look for: as it stands, by its end, and the modules and classes it is in."""
    parts = symbol.path.split(".")
    if not symbol.rooted:
        yield symbol.path, False
        return
    yield symbol.path, True
    if len(parts) > 2:
        yield ".".join(parts[-2:]), False
    for length in range(len(parts) - 1, 1, -1):
        yield ".".join(parts[:length]), True


def _is_same(path: str, wanted: str, *, exact: bool) -> bool:
    return path == wanted or (not exact and path.endswith(f".{wanted}"))


def _explains(change: ApiChange, symbol: Symbol, *, upward: bool) -> bool:
    """Whether a change of this kind can be why; going down, what was added is not there yet."""
    if symbol.called:
        return change.kind == "changed"
    return change.kind in ({"removed", "moved", "renamed"} if upward else {"added"})


def _overlaps(change: ApiChange, works: str, fails: str) -> bool:
    low, high = sorted((version_key(works), version_key(fails)))
    return version_key(change.a) < high and version_key(change.b) > low


def _rank(change: ApiChange, works: str, fails: str) -> tuple[object, ...]:
    low, high = sorted((version_key(works), version_key(fails)))
    a, b = version_key(change.a), version_key(change.b)
    within = low <= a and b <= high
    upward = version_key(works) < version_key(fails)
    nearest = a[1] if upward else _Descending(a[1])
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


def describe_change(change: ApiChange) -> str:
    """One sentence: `tensorflow.placeholder was removed between 1.15.5 and 2.0.0`."""
    between = f"between {change.a} and {change.b}"
    if change.kind == "changed":
        details = "; ".join(change.details)
        return f"{change.path} changed {between}" + (f": {details}" if details else "")
    if change.kind in {"moved", "renamed"}:
        return f"{change.path} was {change.kind} to {change.to} {between}"
    return f"{change.path} was {change.kind} {between}"


class Explainer:
    """Finds the cause of failures, each kind of failure once."""

    def __init__(
        self,
        changes: Iterable[ApiChange],
        usage: pd.DataFrame,
        requirements: Mapping[Cell, Sequence[Requirement]],
    ) -> None:
        self._index = ChangeIndex(changes)
        self._found: dict[tuple[str, Symbol, str, str], ApiChange | None] = {}
        self._requirements = requirements
        self._lacks: dict[tuple[str, str, str], str] = {}
        for row in usage.itertuples():
            if row.missing and isinstance(row.missing, str):
                self._lacks[str(row.package), str(row.script), str(row.version)] = row.missing

    def explain(self, result: Result, working: Cell | None) -> Cause | None:
        """The cause of a failure, compared with the nearest cell where the script works.

        Without such a cell its home is what it is compared with.
        """
        error = result.run.error if result.run else ()
        symbol = name_symbol(result.verdict.exception, error)
        home = (result.verdict.baseline or {}).get("version")
        works = working.version if working else home
        if result.verdict.reason == "dependency" or result.outcome == "import_failed":
            cause = self._blame_requirement(result, working)
            if cause:
                return cause
        if symbol and works and works != result.cell.version:
            change = self._find_change(result.cell.package, symbol, works, result.cell.version)
            if change:
                return Cause(
                    kind="api",
                    text=describe_change(change),
                    path=change.path,
                    change=change.kind,
                    a=change.a,
                    b=change.b,
                )
        if result.outcome == "run_failed" and result.verdict.reason in {
            "api_missing",
            "api_changed",
        }:
            return self._blame_usage(result)
        return None

    def _find_change(
        self, package: str, symbol: Symbol, works: str, fails: str
    ) -> ApiChange | None:
        key = (package, symbol, works, fails)
        if key not in self._found:
            self._found[key] = self._index.find(*key)
        return self._found[key]

    def _blame_usage(self, result: Result) -> Cause | None:
        cell = result.cell
        lacks = self._lacks.get((cell.package, result.script, cell.version))
        if not lacks:
            return None
        first, _, rest = lacks.partition("; ")
        more = f", and {rest.count('; ') + 1} more" if rest else ""
        text = f"the script uses {first}{more}: {cell.version} has it not as it is used"
        return Cause(kind="usage", text=text, path=first.split(" ")[0])

    def _blame_requirement(self, result: Result, working: Cell | None) -> Cause | None:
        if working is None:
            return None
        here = self._requirements.get(result.cell, ())
        there = self._requirements.get(working, ())
        differences = {
            item.name: item
            for item in compare_requirements(here, there)
            if item.name != canonicalize_name(result.cell.package)
        }
        if not here or not there:
            return None
        for name in list_suspects(result):
            if item := differences.get(name):
                where = f"{working.version} on Python {python_version(working.python)}"
                text = (
                    f"{name} is {item.here or 'not installed'} here and "
                    f"{item.there or 'not installed'} where it works ({where}, {working.resolve})"
                )
                return Cause(kind="requirements", text=text, path=name)
        return None


def list_suspects(result: Result) -> list[str]:
    """Names of packages that the last words of a script point at, innermost frame first."""
    lines = result.run.error if result.run else ()
    message = result.verdict.exception.message if result.verdict.exception else ""
    names = []
    for line in reversed(lines):
        match = re.search(r"(?:site|dist)-packages[\\/]([\w.]+)(?:[\\/]([\w.]+))?", line)
        if match:
            # Packages that share the root `google` go by the name of their folder in it.
            names.append(match[2] if match[1] == "google" and match[2] else match[1])
    names += re.findall(r"\b(numpy|protobuf)\b", message)
    if match := re.search(r"No module named '?(\w+)|from '(\w+)", message):
        names.insert(0, match[1] or match[2])
    clean = [canonicalize_name(name.removesuffix(".py")) for name in names]
    return list(dict.fromkeys(clean))
