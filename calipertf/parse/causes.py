"""Why a script fails here and works there: the API's change, a requirement, or its own usage."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from packaging.utils import canonicalize_name

from calipertf.parse.changes import ChangeIndex
from calipertf.parse.inputs import ApiChange
from calipertf.parse.requirements import Requirement, compare_requirements
from calipertf.parse.results import Result
from calipertf.parse.suspects import list_suspects
from calipertf.parse.symbols import Symbol, name_symbol
from calipertf.records import Cell
from calipertf.versions import python_version


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
        cell = result.cell
        # Between two states of the index, one version on one Python differs in requirements alone.
        drifted = working and (working.version, working.python) == (cell.version, cell.python)
        blamed = result.verdict.reason == "dependency" or result.outcome == "import_failed"
        if drifted or blamed:
            cause = self._blame_requirement(result, working)
            # Where the package itself cannot be imported, no name that a script uses is why.
            if cause or result.outcome == "import_failed":
                return cause
        symbol = name_symbol(result.verdict.exception, result.run.error if result.run else ())
        home = (result.verdict.baseline or {}).get("version")
        works = working.version if working else home
        if symbol and works and works != cell.version:
            change = self._find_change(cell.package, symbol, works, cell.version)
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
            return self._blame_usage(result, symbol)
        return None

    def _find_change(
        self, package: str, symbol: Symbol, works: str, fails: str
    ) -> ApiChange | None:
        key = (package, symbol, works, fails)
        if key not in self._found:
            self._found[key] = self._index.find(*key)
        return self._found[key]

    def _blame_usage(self, result: Result, symbol: Symbol | None) -> Cause | None:
        """What the script uses and the version lacks, if the exception speaks of it or its line."""
        cell = result.cell
        lacks = self._lacks.get((cell.package, result.script, cell.version), "")
        line = find_script_line(result)
        name = symbol.path.rpartition(".")[2] if symbol else None
        found = [
            match
            for match in _USE.finditer(lacks)
            if match["path"].rpartition(".")[2] == name or match["line"] == line
        ]
        if not found:
            return None
        path, reason = found[0]["path"], found[0]["reason"]
        text = f"the script uses {path} (line {found[0]['line']}), which {cell.version} "
        # Stage 2 compares with the home version, which may be the later one.
        text += "does not have" if reason.endswith(" removed") else f"has otherwise: {reason}"
        return Cause(kind="usage", text=text, path=path)

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
                works = "the import works" if result.outcome == "import_failed" else "it works"
                text = (
                    f"{name} is {item.here or 'not installed'} here and "
                    f"{item.there or 'not installed'} where {works} ({where}, {working.resolve})"
                )
                return Cause(kind="requirements", text=text, path=name)
        return None


#: One use of `missing` in stage 2's table of usage.
_USE = re.compile(r"(?P<path>[\w.]+) \(line (?P<line>\d+)\): (?P<reason>.*?)(?=; [\w.]+ \(line |$)")


def find_script_line(result: Result) -> str | None:
    """Number of the script's line that failed; None where the traceback names none."""
    name = re.escape(result.script.rpartition("/")[2])
    for text in reversed(result.run.error if result.run else ()):
        if text.startswith("Traceback"):
            return None
        if match := re.match(rf'\s+File "(?:[^"]*[\\/])?{name}", line (\d+)', text):
            return match[1]
    return None
