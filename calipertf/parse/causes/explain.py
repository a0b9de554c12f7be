"""Why a script fails here and works there: the API, a requirement, the Python, or its own usage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from packaging.utils import canonicalize_name

from calipertf.formats.records import Cell
from calipertf.formats.requirements import Installed
from calipertf.parse.causes.changes import ChangeIndex
from calipertf.parse.causes.declared import Declared
from calipertf.parse.causes.drift import NOTHING_DECLARED, Drift
from calipertf.parse.causes.packages import find_absent, list_lines
from calipertf.parse.causes.stdlib import describe_raiser, describe_standard
from calipertf.parse.causes.symbols import Symbol, name_symbol
from calipertf.parse.causes.usage import UsageIndex, Use, choose_uses, describe_uses, list_uses
from calipertf.parse.load import ApiChange
from calipertf.parse.results import Result
from calipertf.reasons.distributions import guess_distribution
from calipertf.versions import python_version


@dataclass(frozen=True, kw_only=True)
class Cause:
    """The cause of a failure or of a different result: seen in files, or proved by experiment."""

    #: api, requirements, python or usage.
    kind: str
    #: One sentence for a person.
    text: str
    #: Public path, name of the requirement, or the Python's tag; the first of several.
    path: str
    #: Kind of the API's change; None for the other kinds of cause.
    change: str | None = None
    #: The versions between which the API changed; None for the other kinds of cause.
    a: str | None = None
    b: str | None = None
    #: Whether an experiment showed it: with the package put back it works.
    proved: bool = False
    #: Command that installs what was tried and works; None where there is none.
    way_out: str | None = None


def describe_change(change: ApiChange) -> str:
    """Return one sentence: `tensorflow.placeholder was removed between 1.15.5 and 2.0.0`."""
    between = f"between {change.a} and {change.b}"
    if change.kind == "changed":
        details = "; ".join(change.details)
        return f"{change.path} changed {between}" + (f": {details}" if details else "")
    if change.kind in {"moved", "renamed"}:
        return f"{change.path} was {change.kind} to {change.to} {between}"
    return f"{change.path} was {change.kind} {between}"


#: Reasons that no cause of another kind contradicts: they say how the script ended.
_OWN = frozenset({"system", "script", "data", "timeout", "killed"})


def refine_reason(reason: str | None, cause: Cause | None) -> str | None:
    """Return the reason that agrees with the cause beside it; the reason itself where it does."""
    if cause is None or reason is None or reason in _OWN:
        return reason
    if cause.kind == "requirements":
        # Packages of another Python differ as well: both are true.
        return reason if reason == "python" else "dependency"
    if cause.kind == "python":
        return "python"
    if reason != "other" or cause.change is None:
        return reason
    return "api_changed" if cause.change == "changed" else "api_missing"


class Explainer:
    """Finds the cause of failures and of other results, each kind of failure once."""

    def __init__(
        self,
        changes: Iterable[ApiChange],
        usage: pd.DataFrame,
        requirements: Mapping[Cell, Sequence[Installed]],
        *,
        declared: Declared = NOTHING_DECLARED,
        results: Iterable[Result] = (),
    ) -> None:
        self._index = ChangeIndex(changes)
        self._found: dict[tuple[str, Symbol, str, str], ApiChange | None] = {}
        self._requirements = requirements
        self._usage = UsageIndex(usage)
        self._declared = declared
        #: Cell -> its scripts that failed: what one says of a requirement holds for another.
        self._failed: dict[Cell, list[Result]] = {}
        for result in results:
            if result.outcome in {"import_failed", "run_failed"}:
                self._failed.setdefault(result.cell, []).append(result)

    def explain(self, result: Result, working: Cell | None) -> Cause | None:
        """Return the cause of a failure or of another result, compared with a cell where it works.

        That is the nearest one; without such a cell its baseline is what it is compared with.
        """
        if result.outcome == "different_result":
            return self._explain_difference(result, working)
        cell = result.cell
        if working is not None and working.version == cell.version:
            # Between two states of the index, one version on one Python differs in requirements
            # alone.
            if working.python == cell.python:
                return self._blame_drift(result, working)
            return self._blame_python(result, working)
        return (
            self._blame_standard(result)
            or self._blame_version(result, working)
            or self._blame_requirement(result, working)
            or _blame_absent(result)
        )

    # The version differs.

    def _blame_version(self, result: Result, working: Cell | None) -> Cause | None:
        """Return what changed between two versions of the package, or a requirement that moved."""
        if result.verdict.reason == "dependency" or result.outcome == "import_failed":
            cause = self._blame_requirement(result, working)
            # Where the package itself cannot be imported, no name that a script uses is why.
            if cause or result.outcome == "import_failed":
                return cause
        symbol = name_symbol(result.verdict.exception, result.run.error if result.run else ())
        baseline = (result.verdict.baseline or {}).get("version")
        works = working.version if working else baseline
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
        if result.outcome != "run_failed":
            return None
        return self._blame_usage(result, symbol) or _blame_name(result, working, symbol)

    def _find_change(
        self, package: str, symbol: Symbol, works: str, fails: str
    ) -> ApiChange | None:
        key = (package, symbol, works, fails)
        if key not in self._found:
            self._found[key] = self._index.find(*key)
        return self._found[key]

    def _blame_usage(self, result: Result, symbol: Symbol | None) -> Cause | None:
        """Return what the script uses and the version lacks or has otherwise.

        That is what the exception speaks of, by its name or its line; where it speaks of nothing
        that the table knows, everything that changed may be it.
        """
        version = result.cell.version
        uses = self._usage.list_missing(result)
        if spoken := choose_uses(result, uses, symbol):
            kind = "removed" if spoken[0].removed else "changed"
            text = describe_uses(spoken, version)
            return Cause(kind="usage", text=text, path=spoken[0].path, change=kind)
        if result.verdict.reason != "other":
            return None
        uses = [*uses, *self._usage.list_defaults(result)]
        if not uses:
            return None
        text = f"perhaps what {version} has otherwise of what the script uses: {list_uses(uses)}"
        return Cause(kind="usage", text=text, path=uses[0].path)

    def _blame_requirement(self, result: Result, working: Cell | None) -> Cause | None:
        """Return a requirement that differs and that the failure itself names."""
        if working is None:
            return None
        drift = Drift(result, working, self._requirements, self._declared)
        name = drift.find_suspect("named", "raised")
        if name is None:
            return None
        return Cause(kind="requirements", text=drift.describe(name, _say_works(result)), path=name)

    # The resolve date alone differs.

    def _blame_drift(self, result: Result, working: Cell) -> Cause | None:
        """Return the requirement that a failure points at, else all that differ.

        It is one of them.
        """
        drift = Drift(result, working, self._requirements, self._declared)
        works = _say_works(result)
        if drift.known and not drift.names:
            return None  # the same environment: it failed once, or for the day that it ran on
        if name := drift.find_suspect("named", "raised"):
            return Cause(kind="requirements", text=drift.describe(name, works), path=name)
        if name := drift.find_suspect():
            text = f"{drift.describe(name, works)}; the lines of the traceback speak of it"
            return Cause(kind="requirements", text=text, path=name)
        others = _blame_absent(result) or self._ask_others(result, working, drift)
        return others or _blame_all(drift, works)

    def _ask_others(self, result: Result, working: Cell, drift: Drift) -> Cause | None:
        """What another script's failure in this cell names, where this one's names nothing."""
        for other in self._failed.get(result.cell, ()):
            if other.script == result.script or other.outcome != result.outcome:
                continue
            name = Drift(other, working, self._requirements, self._declared).find_suspect()
            if name is not None:
                text = f"{drift.describe(name, _say_works(result))}; "
                text += f"{other.script} fails of it in this cell"
                return Cause(kind="requirements", text=text, path=name)
        return None

    # The Python differs.

    def _blame_standard(self, result: Result) -> Cause | None:
        """Return a name that this Python's standard library does not have."""
        error = list_lines(result)
        text = describe_standard(result.verdict.exception, error, result.cell.python)
        return Cause(kind="python", text=text, path=result.cell.python) if text else None

    def _blame_python(self, result: Result, working: Cell) -> Cause | None:
        """Return this Python, or what is installed for it, where the version works on another."""
        failure, error, cell = result.verdict.exception, list_lines(result), result.cell
        python = f"Python {python_version(cell.python)} here"
        where = f"{working.version}, {working.resolve}"
        python += f", {python_version(working.python)} where {_say_works(result)} ({where})"
        if lack := describe_standard(failure, error, cell.python):
            return Cause(kind="python", text=f"{python}: {lack}", path=cell.python)
        drift = Drift(result, working, self._requirements, self._declared)
        # What else differs is that Python's, unless the failure says more of it.
        drifted = result.verdict.reason == "dependency"
        if name := drift.find_suspect("named", *(("raised",) if drifted else ())):
            text = drift.describe(name, _say_works(result))
            return Cause(kind="requirements", text=text, path=name)
        # A package may hide in its own words that it looks for a module of its own.
        if not (drift.known and not drift.names) and (absent := _blame_absent(result)):
            return absent
        raiser = describe_raiser(failure, error, cell.python)
        if raiser is None and (name := drift.find_suspect("raised")):
            raiser = f"{drift.say_both(name)} raised it"
        if raiser is None and working.resolve != cell.resolve:
            return None
        rest = f": {raiser}" if raiser else _say_rest(drift)
        return Cause(kind="python", text=python + rest, path=cell.python)

    # Another result.

    def _explain_difference(self, result: Result, working: Cell | None) -> Cause | None:
        """Return what a script prints otherwise for: a default, a requirement, or the Python."""
        cell = result.cell
        works = "it gives the baseline's result"
        baseline = result.verdict.baseline or {}
        if working is None:
            working = result.baseline_cell
        if working is None:
            return None
        if working.version == cell.version and working.python == cell.python:
            drift = Drift(result, working, self._requirements, self._declared)
            return _blame_all(drift, works)
        if working.version == cell.version:
            drift = Drift(result, working, self._requirements, self._declared)
            there = python_version(working.python)
            text = f"Python {python_version(cell.python)} here, {there} where {works}"
            return Cause(kind="python", text=text + _say_rest(drift), path=cell.python)
        expected = str(baseline.get("version") or working.version)
        if expected == cell.version:
            return None
        return self._blame_defaults(result, expected) or self._blame_moved(result, working, works)

    def _blame_defaults(self, result: Result, baseline: str) -> Cause | None:
        """Return the arguments that the script leaves out and whose default changed, or that moved.

        What is missing altogether cannot be why: the script ran.
        """
        moved = [use for use in self._usage.list_missing(result) if use.moved]
        uses: list[Use] = [*self._usage.list_defaults(result), *moved]
        if not uses:
            return None
        text = f"between {baseline} and {result.cell.version} changed what the script uses: "
        return Cause(kind="usage", text=text + list_uses(uses), path=uses[0].path, change="changed")

    def _blame_moved(self, result: Result, working: Cell, works: str) -> Cause | None:
        """The requirements that differ as well, where nothing that the script uses changed."""
        drift = Drift(result, working, self._requirements, self._declared)
        text = drift.describe_all(works)
        if text is None:
            return None
        text = f"perhaps {text}; or what {result.cell.version} does otherwise"
        return Cause(kind="requirements", text=text, path=drift.rank()[0])


def _say_works(result: Result) -> str:
    return "the import works" if result.outcome == "import_failed" else "it works"


def _say_rest(drift: Drift) -> str:
    """Return what is known of the requirements where the Python differs."""
    if not drift.known:
        return ""
    count = len(drift.names)
    if not count:
        return "; the requirements are the same"
    return f"; {count} {'requirement differs' if count == 1 else 'requirements differ'} as well"


def _blame_absent(result: Result) -> Cause | None:
    """Return a module that is not there, and that no requirement which differs is known to give."""
    module = find_absent(result)
    if module is None:
        return None
    name = guess_distribution(module)
    known = "" if name == canonicalize_name(module) else f" ({name} does)"
    text = f"no installed requirement gives the module {module}{known}"
    return Cause(kind="requirements", text=text, path=name)


def _blame_name(result: Result, working: Cell | None, symbol: Symbol | None) -> Cause | None:
    """Return a name of the package that the failure speaks of, where no table of its API has it.

    A package may hand on what others define: flask did with markupsafe's Markup.
    """
    here = result.cell.version
    if working is None or symbol is None or symbol.called:
        return None
    # Of another object nothing says that it was of that class where the script works.
    if not (symbol.rooted or symbol.alias) or "." not in symbol.path:
        return None
    if result.verdict.reason != "api_missing" or working.version == here:
        return None
    text = f"{symbol.path} is there in {working.version}, where it works, and not in {here}"
    return Cause(kind="usage", text=text, path=symbol.path)


def _blame_all(drift: Drift, works: str) -> Cause | None:
    text = drift.describe_all(works)
    return Cause(kind="requirements", text=text, path=drift.rank()[0]) if text else None
