"""What can become of a script in a cell, and why it failed: the only list of either.

Everything that has to know an outcome or a reason reads its traits here: judging, the closing
table, tables, figures, the page (which gets them in its data) and docs/outcomes.md.

docs/outcomes.md is made by `python -m calipertf.outcomes > docs/outcomes.md`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass


class Step(enum.IntEnum):
    """The steps of a script in a cell, in their order."""

    NONE = 0
    BUILD = 1
    IMPORT = 2
    RUN = 3


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One outcome, with all that other modules have to know of it."""

    #: Name in records and tables.
    name: str
    #: When a script or a cell has it.
    meaning: str
    #: The class that a person thinks in: cannot build, cannot run, different result, works, or not
    #: judged.
    group: str
    #: Words in legends, and the short ones that count it in the closing table.
    label: str
    count: str
    #: One ASCII character; the page and figures show `sign`.
    mark: str
    #: Style of rich on a terminal.
    style: str
    #: Fill on the page and in figures, and the ink that is read on it. The fills are those of Okabe
    #: and Ito (https://jfly.uni-koeln.de/color/), which people with any colour vision can tell
    #: apart; the contrast of the ink is 4.5 or more (WCAG 2.1 AA).
    color: str
    ink: str
    #: The last step that went well.
    reached: Step = Step.NONE
    #: Whether it says nothing about the version, because it does not exist, or because its result
    #: could not be had, compared or trusted.
    silent: bool = False

    @property
    def built(self) -> bool:
        """Return whether the environment was built."""
        return self.reached >= Step.BUILD

    @property
    def imported(self) -> bool:
        """Return whether the package was imported."""
        return self.reached >= Step.IMPORT

    @property
    def ran(self) -> bool:
        """Return whether the script ran to its end."""
        return self.reached >= Step.RUN

    @property
    def works(self) -> bool:
        """Return whether the script ran and gave the result that it should."""
        return self.group == "works"

    @property
    def differs(self) -> bool:
        """Return whether the script ran and gave another result."""
        return self.group == "different result"

    @property
    def fails(self) -> bool:
        """Whether the script did not run to its end, and that says something about the version."""
        return not self.ran and not self.silent

    @property
    def clean(self) -> bool:
        """Return whether the script ran and nothing speaks against its result, compared or not."""
        return self.ran and not self.differs

    @property
    def sign(self) -> str:
        """Return the mark as the page and figures show it.

        From Latin-1, so that every font has it.
        """
        return {"x": "×", "-": "–"}.get(self.mark, self.mark)


#: Every outcome by its name, worst first.
OUTCOMES: Mapping[str, Outcome] = {
    outcome.name: outcome
    for outcome in (
        Outcome(
            name="no_release",
            meaning="pip could not even try: the index has no file of this version for this Python "
            "and platform, or its Requires-Python excludes this Python",
            group="cannot build",
            label="no release",
            count="no release",
            mark="-",
            style="dim",
            color="#e9ebf0",
            ink="#565c6d",
            silent=True,
        ),
        Outcome(
            name="build_failed",
            meaning="the packages cannot be resolved or installed",
            group="cannot build",
            label="build failed",
            count="build failed",
            mark="B",
            style="red",
            color="#4b4f63",
            ink="#ffffff",
        ),
        Outcome(
            name="import_failed",
            meaning="the script failed, and so does the bare import of the package in this cell, "
            "where no script works",
            group="cannot run",
            label="import failed",
            count="import failed",
            mark="I",
            style="red",
            color="#b5548b",
            ink="#ffffff",
            reached=Step.BUILD,
        ),
        Outcome(
            name="run_failed",
            meaning="the script exited non-zero; its reason is one of those below",
            group="cannot run",
            label="run failed",
            count="failed",
            mark="x",
            style="red",
            color="#d55e00",
            ink="#1f0d00",
            reached=Step.IMPORT,
        ),
        Outcome(
            name="different_result",
            meaning="it ran, and printed something else than in its baseline cell",
            group="different result",
            label="different result",
            count="different",
            mark="~",
            style="yellow",
            color="#e69f00",
            ink="#2b1d00",
            reached=Step.RUN,
        ),
        Outcome(
            name="unstable_result",
            meaning="it ran twice in one cell with two results: nothing can be said about the "
            "version",
            group="different result",
            label="unstable result",
            count="unstable",
            mark="?",
            style="yellow",
            color="#f0e442",
            ink="#2b2900",
            reached=Step.RUN,
            silent=True,
        ),
        Outcome(
            name="not_compared",
            meaning="it ran, and there is nothing to compare with: no baseline, one that failed or "
            "was not built, nothing printed, every test skipped, or output cut where nothing shows "
            "that it agrees",
            group="not judged",
            label="ran, not compared",
            count="ran, not compared",
            mark="o",
            style="cyan",
            color="#56b4e9",
            ink="#10222e",
            reached=Step.RUN,
            silent=True,
        ),
        Outcome(
            name="same_result",
            meaning="it ran, and agrees with its baseline cell",
            group="works",
            label="same result",
            count="same",
            mark="=",
            style="green",
            color="#009e73",
            ink="#00170f",
            reached=Step.RUN,
        ),
        Outcome(
            name="no_interpreter",
            meaning="there is no such Python here: nothing is said about the package",
            group="not judged",
            label="no interpreter here",
            count="no interpreter",
            mark="!",
            style="dim",
            color="#c3c8d4",
            ink="#2f3340",
            silent=True,
        ),
        Outcome(
            name="infrastructure_error",
            meaning="index, engine, disk or this tool failed: never stored as a verdict, tried "
            "again by the next run",
            group="not judged",
            label="no verdict",
            count="infrastructure error",
            mark="!",
            style="magenta",
            color="#c3c8d4",
            ink="#2f3340",
            silent=True,
        ),
    )
}

#: The outcomes as legends list them: best first, and last those of which there was no run.
BEST_FIRST: tuple[str, ...] = (
    "same_result",
    "not_compared",
    "different_result",
    "unstable_result",
    "run_failed",
    "import_failed",
    "build_failed",
    "no_interpreter",
    "infrastructure_error",
    "no_release",
)
_WORST = {name: rank for rank, name in enumerate(OUTCOMES)}
_BEST = {name: rank for rank, name in enumerate(BEST_FIRST)}


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a script or a build failed."""

    name: str
    #: What is at fault.
    meaning: str
    #: Colour in figures.
    color: str


#: Every reason by its name.
REASONS: Mapping[str, Reason] = {
    reason.name: reason
    for reason in (
        Reason(
            name="api_missing",
            meaning="a name that this version of the judged package does not have",
            color="#d55e00",
        ),
        Reason(
            name="api_changed",
            meaning="a function of it that is called otherwise now",
            color="#e69f00",
        ),
        Reason(
            name="dependency",
            meaning="another package, of another version than the judged one was made for",
            color="#b5548b",
        ),
        Reason(
            name="python",
            meaning="the standard library or the syntax of this Python",
            color="#009e73",
        ),
        Reason(
            name="system",
            meaning="a compiler, header, program or shared library that this machine does not have",
            color="#8c6d3f",
        ),
        Reason(
            name="script",
            meaning="the script: it fails in its baseline cell in the same way and works nowhere, "
            "or it imports what nobody asked to install, or what it hides by its own name",
            color="#f0e442",
        ),
        Reason(name="data", meaning="a file or the network", color="#56b4e9"),
        Reason(name="timeout", meaning="a time limit", color="#0072b2"),
        Reason(name="killed", meaning="a signal, or a lack of memory", color="#4b4f63"),
        Reason(name="other", meaning="not known", color="#a3a8b8"),
    )
}


def rank_worst(name: str) -> int:
    """Return the place of an outcome among all of them: 0 is the worst."""
    return _WORST[name]


def rank_best(name: str) -> int:
    """Return the place of an outcome in legends: 0 is the best."""
    return _BEST[name]


def label_outcome(name: str) -> str:
    """Return sign and words, as legends have them."""
    outcome = OUTCOMES[name]
    return f"{outcome.sign} {outcome.label}"


def select_outcomes(test: Callable[[Outcome], bool]) -> frozenset[str]:
    """Return the names of the outcomes that pass a test of their traits."""
    return frozenset(name for name, outcome in OUTCOMES.items() if test(outcome))


def make_page() -> str:
    """Return docs/outcomes.md."""
    return "\n".join(_list_lines())


def _list_lines() -> Iterator[str]:
    yield "# Outcomes and reasons"
    yield ""
    yield "This page is made by `python -m calipertf.outcomes > docs/outcomes.md`."
    yield ""
    yield "## Outcomes"
    yield ""
    yield "Worst first. A cell's outcome is the worst of its scripts'."
    yield ""
    yield from _list_rows(
        ("outcome", "mark", "class", "when"),
        ((f"`{o.name}`", f"`{o.mark}`", o.group, o.meaning) for o in OUTCOMES.values()),
    )
    yield ""
    yield "## Reasons"
    yield ""
    yield "A failure has one. `calipertf/reasons/` finds it in what the script printed."
    yield ""
    yield from _list_rows(
        ("reason", "what is at fault"), ((f"`{r.name}`", r.meaning) for r in REASONS.values())
    )


def _list_rows(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = list(head)
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    print(make_page())
