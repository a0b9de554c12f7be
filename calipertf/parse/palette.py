"""How outcomes look everywhere in stage 3: colour, mark and words.

Colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which people with any colour
vision can tell apart; a mark or a word always says the same as the colour, in an ink that is read
on it (a contrast of 4.5 or more, WCAG 2.1 AA). Marks are those of stage
1's closing table, from Latin-1, so that every font has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Look:
    """How one outcome looks."""

    mark: str
    words: str
    #: Fill, and the ink that is read on it.
    color: str
    ink: str


#: Outcome -> look, best first; what says nothing about the version comes last.
LOOKS: Mapping[str, Look] = {
    "same_result": Look(mark="=", words="same result", color="#009e73", ink="#00170f"),
    "not_compared": Look(mark="o", words="ran, not compared", color="#56b4e9", ink="#10222e"),
    "different_result": Look(mark="~", words="different result", color="#e69f00", ink="#2b1d00"),
    "unstable_result": Look(mark="?", words="unstable result", color="#f0e442", ink="#2b2900"),
    "run_failed": Look(mark="×", words="run failed", color="#d55e00", ink="#1f0d00"),
    "import_failed": Look(mark="I", words="import failed", color="#b5548b", ink="#ffffff"),
    "build_failed": Look(mark="B", words="build failed", color="#4b4f63", ink="#ffffff"),
    "no_interpreter": Look(mark="!", words="no interpreter here", color="#c3c8d4", ink="#2f3340"),
    "infrastructure_error": Look(mark="!", words="no verdict", color="#c3c8d4", ink="#2f3340"),
    "no_release": Look(mark="–", words="no release", color="#e9ebf0", ink="#565c6d"),
}

#: Reason of a failure -> colour.
REASONS: Mapping[str, str] = {
    "api_missing": "#d55e00",
    "api_changed": "#e69f00",
    "dependency": "#b5548b",
    "python": "#009e73",
    "system": "#8c6d3f",
    "script": "#f0e442",
    "data": "#56b4e9",
    "timeout": "#0072b2",
    "killed": "#4b4f63",
    "other": "#a3a8b8",
}

_RANKS = {outcome: rank for rank, outcome in enumerate(LOOKS)}


def rank_look(outcome: str) -> int:
    """Place of an outcome in LOOKS: 0 is the best."""
    return _RANKS[outcome]


def label_outcome(outcome: str) -> str:
    """Mark and words, as legends have them."""
    look = LOOKS[outcome]
    return f"{look.mark} {look.words}"
