"""Every score of similarity that stage 2 gives: the only list.

A new score is an entry here and the function in calipertf/assess/ that computes it; tables, page,
figures and prediction read the rest from this list. docs/formats.md explains them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Score:
    """One score, 0.0 (nothing in common) to 1.0 (alike)."""

    #: Name in tables. Scores of requirements are those of two cells; the table of versions has
    #: them with `requirements_` before the name.
    name: str
    #: What is compared: requirements, functions (the function database) or api.
    of: str
    #: What the page calls it.
    label: str
    #: Whether it is one of a towards b, and another of b towards a.
    directed: bool = False
    #: Column of the predictions that it makes; None where none are made with it.
    predictor: str | None = None
    #: What stands over its panel in the figure of similarities; None where it has none.
    panel: str | None = None

    @property
    def column(self) -> str:
        """Return its name in the table of versions."""
        return f"requirements_{self.name}" if self.of == "requirements" else self.name


def _list_function_scores() -> list[Score]:
    words = {"module": "modules", "function": "functions", "arguments": "functions with arguments"}
    return [
        Score(
            name=f"{what}_{how}",
            of="functions",
            label=f"function database: {plural} in common ({how.capitalize()})",
        )
        for what, plural in words.items()
        for how in ("jaccard", "dice")
    ]


_SCORES = (
    Score(
        name="set_jaccard",
        of="requirements",
        label="requirements: names in common (Jaccard)",
        predictor="set",
        panel="requirements: names in common",
    ),
    Score(name="set_dice", of="requirements", label="requirements: names in common (Dice)"),
    Score(
        name="pin_jaccard",
        of="requirements",
        label="requirements: names and versions in common (Jaccard)",
    ),
    Score(
        name="pin_dice",
        of="requirements",
        label="requirements: names and versions in common (Dice)",
    ),
    Score(
        name="semver",
        of="requirements",
        label="requirements: nearness of versions (semver)",
        predictor="semver",
        panel="requirements: versions alike",
    ),
    *_list_function_scores(),
    Score(
        name="api_jaccard",
        of="api",
        label="API: names in common (Jaccard)",
        predictor="signature_jaccard",
        panel="API: names in common",
    ),
    Score(
        name="containment",
        of="api",
        label="API: share of the row's names that the column has",
        directed=True,
        predictor="containment",
    ),
    Score(
        name="compatibility",
        of="api",
        label="API: the same, weighing changed signatures",
        directed=True,
        predictor="compatibility",
        panel="API: signatures compatible",
    ),
)
#: Column of the table of versions -> its score, in the order of tables and of the page.
SCORES: Mapping[str, Score] = {score.column: score for score in _SCORES}
#: Columns whose scores have a direction.
DIRECTED = frozenset(column for column, score in SCORES.items() if score.directed)


def list_scores(of: str) -> tuple[str, ...]:
    """Return the names of the scores of requirements, functions or api, in order."""
    return tuple(score.name for score in SCORES.values() if score.of == of)
