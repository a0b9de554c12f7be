"""What a run has to do in a cell, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from calipertf.run.kept import Kept

#: What decides a result beside settings and scripts -> how log and plan name it.
WORDS: Mapping[str, str] = {
    "environment": "the environment",
    "template": "the Dockerfile template",
    "support": "files beside the scripts",
    "runner": "the script runner",
    "environ": "the variables that scripts find",
}


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be run in a cell."""

    #: All scripts that its record will have.
    scripts: tuple[str, ...]
    #: Those that run a second time, as the cell is their baseline.
    twice: tuple[str, ...]
    #: What the results will depend on (store.make_fingerprint).
    fingerprint: Mapping[str, Any]
    #: What counts on of the old record, if the environment turns out the same.
    kept: Kept | None
    #: Changes since the old record; empty without such a record, and with --force.
    changes: tuple[str, ...]
    #: Whether --force alone asks for it.
    forced: bool

    @property
    def count(self) -> int:
        """Return how many scripts run, if the environment is still the same."""
        return len(self.scripts) - (len(self.kept.scripts) if self.kept else 0)


def name_changes(changes: Sequence[str]) -> str:
    """Return the first five changes in words."""
    return ", ".join(WORDS.get(change, change) for change in changes[:5])
