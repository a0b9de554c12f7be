"""Reasons by construction: what a cell differs in from one where the same script works.

A cell's counterparts are those of the same version: with its Python at other resolve dates, and at
its resolve date on other Pythons. Where a script fails in a cell and works in such a counterpart,
the API of the version cannot be why.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from packaging.utils import canonicalize_name

from calipertf.formats.records import Cell, Record, Verdict
from calipertf.outcomes import OUTCOMES, Outcome
from calipertf.reasons.distributions import guess_distribution, list_installed_modules
from calipertf.reasons.messages import normalise_message

#: Outcome of a failure -> whether another outcome has what it lacks.
_BETTER: Mapping[str, Callable[[Outcome], bool]] = {
    "build_failed": lambda other: other.built,
    "import_failed": lambda other: other.imported,
    "run_failed": lambda other: other.ran,
}
#: Signals of a program that broke by itself; others come from outside.
_CRASHES = frozenset({"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL"})
#: Reasons that a script's own fault may have been taken for.
_VAGUE = frozenset({"other", "api_missing", "api_changed", None})


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """The records of one package, by what counterparts share."""

    by_version: Mapping[str, list[Record]]
    #: Script -> the Pythons on which it ran, with any version.
    ran: Mapping[str, set[str]]
    records: Mapping[Cell, Record] = field(repr=False)

    def find_dates(self, cell: Cell) -> Iterator[Record]:
        """Yield the same version and Python at other resolve dates."""
        for record in self.by_version.get(cell.version, ()):
            if record.cell.python == cell.python and record.cell.resolve != cell.resolve:
                yield record

    def find_pythons(self, cell: Cell) -> Iterator[Record]:
        """Yield the same version at the same resolve date on other Pythons."""
        for record in self.by_version.get(cell.version, ()):
            if record.cell.resolve == cell.resolve and record.cell.python != cell.python:
                yield record


def settle_reasons(records: Iterable[Record], others: Iterable[Record] = ()) -> dict[Cell, Record]:
    """Return the records with the reasons that follow from their counterparts.

    `others` are only looked at. Nothing changes but reasons and details: outcomes stay, and so does
    what was not judged.
    """
    wanted = {record.cell: record for record in records}
    packages: dict[str, dict[Cell, Record]] = defaultdict(dict)
    for record in (*others, *wanted.values()):
        packages[record.cell.package][record.cell] = record
    settled: dict[Cell, Record] = {}
    for known in packages.values():
        grid = _make_grid(known)
        for cell in known:
            if cell in wanted:
                settled[cell] = _settle(wanted[cell], grid)
    return {cell: settled[cell] for cell in wanted}


def _make_grid(records: Mapping[Cell, Record]) -> _Grid:
    by_version: dict[str, list[Record]] = defaultdict(list)
    ran: dict[str, set[str]] = defaultdict(set)
    for cell, record in records.items():
        by_version[cell.version].append(record)
        for script, verdict in record.outcomes.items():
            if OUTCOMES[verdict.outcome].ran:
                ran[script].add(cell.python)
    return _Grid(by_version=dict(by_version), ran=dict(ran), records=records)


def _settle(record: Record, grid: _Grid) -> Record:
    if record.outcome not in _BETTER:
        return record
    outcomes = {
        script: _settle_verdict(record, script, verdict, grid)
        for script, verdict in record.outcomes.items()
    }
    if record.outcome == "run_failed":
        # The record's own reason is that of the first script that failed.
        failed = [v.reason for v in outcomes.values() if v.outcome == "run_failed"]
        reason = failed[0] if failed else record.reason
    else:
        own = Verdict(outcome=record.outcome, reason=record.reason)
        reason = _settle_verdict(record, None, own, grid).reason
    return replace(record, outcomes=outcomes, reason=reason)


def _settle_verdict(record: Record, script: str | None, verdict: Verdict, grid: _Grid) -> Verdict:
    """Return the verdict on a script (None.

    On the cell) with the reason that construction gives.
    """
    if verdict.outcome not in _BETTER or _is_from_outside(verdict):
        return verdict
    if verdict.outcome == "build_failed" and verdict.reason == "system":
        # That a compiler or a header is missing says more, and what to do about it.
        return verdict
    if any(_is_better(other, script, verdict) for other in grid.find_dates(record.cell)):
        return _give(verdict, "dependency")
    working = [
        other for other in grid.find_pythons(record.cell) if _is_better(other, script, verdict)
    ]
    if working:
        drifted = any(_is_drift(record, script, verdict, other) for other in working)
        return _give(verdict, "dependency" if drifted else "python")
    return verdict if script is None else _settle_script(record, script, verdict, grid)


def _is_from_outside(verdict: Verdict) -> bool:
    """Return whether it was ended by a limit or from outside, which may not happen again."""
    if verdict.reason == "killed":
        return verdict.detail not in _CRASHES
    return verdict.reason == "timeout"


def _is_better(other: Record, script: str | None, verdict: Verdict) -> bool:
    """Return whether another cell has what the verdict says is lacking."""
    if verdict.outcome == "run_failed" and script is not None:
        there = other.outcomes.get(script)
        return there is not None and OUTCOMES[there.outcome].ran
    return _BETTER[verdict.outcome](OUTCOMES[other.outcome])


def _give(verdict: Verdict, reason: str) -> Verdict:
    if verdict.reason == reason:
        return verdict
    # A detail is that of the reason before, unless it is a signal's name or the last words.
    kept = verdict.detail if verdict.reason in {"killed", "other"} else None
    return replace(verdict, reason=reason, detail=kept)


def _is_drift(record: Record, script: str | None, verdict: Verdict, other: Record) -> bool:
    """Return whether a requirement that differs on another Python is why, not that Python."""
    here, there = _list_requirements(record), _list_requirements(other)
    changed = {name for name in here if here[name] != there.get(name)}
    if not changed:
        return False
    if verdict.reason == "dependency":
        return True
    if verdict.reason in {"python", "system"}:
        return False
    run = record.runs.get(script) if script else record.bare_import
    return bool(run and _list_raisers("".join(run.error)) & changed)


def _list_raisers(text: str) -> frozenset[str]:
    """The distributions that the last traceback's innermost line is in, or looks a name up in."""
    last = text.rpartition("Traceback (most recent call last)")[2]
    folders = list(list_installed_modules(last.splitlines()))
    lines = [line for line in last.splitlines() if line.startswith("    ")]
    quoted = re.findall(r"\b([A-Za-z_]\w*)(?=\.)", lines[-1]) if lines else []
    return frozenset(guess_distribution(module) for module in (*folders[-1:], *quoted))


def _list_requirements(record: Record) -> dict[str, str]:
    """PEP 503 name -> the rest of its line, for each installed distribution but the judged."""
    found: dict[str, str] = {}
    for line in record.requirements:
        if match := re.match(r"([\w.-]+)(.*)", line.strip()):
            found[canonicalize_name(match[1])] = match[2]
    found.pop(record.cell.package, None)
    return found


def _settle_script(record: Record, script: str, verdict: Verdict, grid: _Grid) -> Verdict:
    """Return what follows from the cells of other versions.

    The script's own fault, or none of its own.
    """
    ran = grid.ran.get(script, set())
    if verdict.reason == "script" and ran:
        # A script that works somewhere has no fault of its own: the module came along there.
        return _give(verdict, "dependency" if record.cell.python in ran else "python")
    if verdict.reason in _VAGUE and not ran and _fails_in_baseline(record, verdict, script, grid):
        words = [verdict.detail, "it fails in its baseline cell as well, and works nowhere"]
        return replace(verdict, reason="script", detail="; ".join(filter(None, words)))
    return verdict


def _fails_in_baseline(record: Record, verdict: Verdict, script: str, grid: _Grid) -> bool:
    """Return whether the script fails in its baseline cell in the same way."""
    if verdict.outcome != "run_failed" or not verdict.baseline:
        return False
    cell = replace(
        record.cell,
        **{key: verdict.baseline.get(key, "") for key in ("version", "python", "resolve")},
    )
    baseline = grid.records.get(cell)
    there = baseline.outcomes.get(script) if baseline else None
    if there is None or there.outcome != "run_failed":
        return False
    return _name(there) == _name(verdict)


def _name(verdict: Verdict) -> tuple[str | None, str]:
    failure = verdict.exception
    return (failure.type, normalise_message(failure.message)) if failure else (None, "")
