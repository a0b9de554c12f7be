"""Runs of a cell that are kept where scripts alone have changed and the environment has not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from calipertf.formats.records import Observation, Record

#: Facts of an environment that have to be equal for a run in it to count in the other.
_SAME = ("kind", "interpreter", "platform", "base_image")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What an earlier run has of a cell, if its environment is still the same."""

    #: Lines of pip freeze then.
    requirements: tuple[str, ...]
    #: The record's `environment`.
    environment: Mapping[str, Any]
    #: Scripts whose runs are kept.
    scripts: frozenset[str]

    def fits(self, requirements: Sequence[str], facts: Mapping[str, Any]) -> bool:
        """Return whether an environment that was built now is the one of then."""
        return tuple(requirements) == self.requirements and all(
            facts.get(name) == self.environment.get(name) for name in _SAME
        )


def find_kept(old: Record, fingerprint: Mapping[str, Any], changes: Sequence[str]) -> Kept | None:
    """Return what need not run again where scripts alone have changed; None where more has."""
    before = (old.inputs.get("fingerprint") or {}).get("scripts") or {}
    now = fingerprint["scripts"]
    unchanged = {name for name, digest in now.items() if before.get(name) == digest}
    if not {change.removesuffix(" (new)") for change in changes} <= now.keys() - unchanged:
        return None
    known = {name: run for name, run in old.runs.items() if name in unchanged}
    # A failure that an edited script's cold run confirmed is confirmed no more.
    kept = {name for name, run in known.items() if (run.confirmed_by or name) in known}
    if not kept:
        return None
    return Kept(requirements=old.requirements, environment=old.environment, scripts=frozenset(kept))


def keep_runs(old: Record, seen: Observation, scripts: Sequence[str]) -> Observation:
    """Return what happened in a cell, with the runs that an earlier run has of it."""
    runs = {**old.runs, **seen.runs}
    imported = seen.bare_import
    if imported is None or (imported.retval == 0 and old.bare_import is not None):
        imported = old.bare_import
    return replace(seen, runs={name: runs[name] for name in scripts}, bare_import=imported)
