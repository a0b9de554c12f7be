"""What stage 2's table of usage says of a script on a version, as the cause of a failure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from calipertf.parse.causes.symbols import Symbol
from calipertf.parse.results import Result

#: One use in the columns `missing` and `defaults`.
_USE = re.compile(r"(?P<path>[\w.]+) \(line (?P<line>\d+)\): (?P<reason>.*?)(?=; [\w.]+ \(line |$)")
_WORD = re.compile(r"[A-Za-z_]\w*")
#: The most uses that a cause lists.
_LISTED = 4


@dataclass(frozen=True, kw_only=True)
class Use:
    """One use of the package that fares otherwise on a version than on the script's baseline."""

    #: Public path as the script writes it.
    path: str
    #: Line of the first use.
    line: str
    #: What is different, a clause.
    reason: str

    @property
    def removed(self) -> bool:
        """Return whether the name is not there at all."""
        return self.reason.endswith(" removed")

    @property
    def moved(self) -> bool:
        """Return whether an argument given by its place is taken for another parameter."""
        return self.reason.startswith("position ")


class UsageIndex:
    """Uses that are missing, and defaults that changed, by package, script and version."""

    def __init__(self, usage: pd.DataFrame) -> None:
        self._missing = _index(usage, "missing")
        self._defaults = _index(usage, "defaults")

    def list_missing(self, result: Result) -> list[Use]:
        """Return what the script uses and the result's version lacks or has otherwise."""
        return _parse(self._missing.get(_key(result), ""))

    def list_defaults(self, result: Result) -> list[Use]:
        """Return the calls that leave out an argument whose default differs in this version."""
        return _parse(self._defaults.get(_key(result), ""))


def _key(result: Result) -> tuple[str, str, str]:
    return result.cell.package, result.script, result.cell.version


def _index(usage: pd.DataFrame, column: str) -> dict[tuple[str, str, str], str]:
    if column not in usage:
        return {}
    rows = zip(
        usage["package"], usage["script"], usage["version"], usage[column].tolist(), strict=True
    )
    return {
        (str(package), str(script), str(version)): text
        for package, script, version, text in rows
        if isinstance(text, str) and text
    }


def _parse(text: str) -> list[Use]:
    return [
        Use(path=match["path"], line=match["line"], reason=match["reason"])
        for match in _USE.finditer(text)
    ]


def choose_uses(result: Result, uses: Sequence[Use], symbol: Symbol | None) -> list[Use]:
    """Return those that the exception speaks of.

    By a name in its message, or by the script's line.
    """
    failure = result.verdict.exception
    words = set(_WORD.findall(failure.message)) if failure else set()
    if symbol is not None:
        words.add(symbol.path.rpartition(".")[2])
    named = [use for use in uses if use.path.rpartition(".")[2] in words]
    line = find_script_line(result)
    return named or [use for use in uses if use.line == line]


def describe_uses(uses: Sequence[Use], version: str) -> str:
    """Return one sentence of what the script uses and the version lacks."""
    first = uses[0]
    text = f"the script uses {first.path} (line {first.line}), which {version} "
    # Stage 2 compares with the baseline version, which may be the later one.
    return text + ("does not have" if first.removed else f"has otherwise: {first.reason}")


def list_uses(uses: Sequence[Use]) -> str:
    """Return the uses with what is different of each, the first few."""
    first = [f"{use.path} (line {use.line}): {use.reason}" for use in uses[:_LISTED]]
    more = len(uses) - _LISTED
    return "; ".join([*first, *([f"and {more} more"] if more > 0 else [])])


def find_script_line(result: Result) -> str | None:
    """Number of the script's line that failed; None where the traceback names none."""
    name = re.escape(result.script.rpartition("/")[2])
    for text in reversed(result.run.error if result.run else ()):
        if text.startswith("Traceback"):
            return None
        if match := re.match(rf'\s+File "(?:[^"]*[\\/])?{name}", line (\d+)', text):
            return match[1]
    return None
