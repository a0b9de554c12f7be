"""The searches: which of many changes break a script, and in which release it broke.

Both are generators. They yield what to try and are sent the answer, so that whoever drives them
decides where trials run, how many at once, and which are known already. The first asks what delta
debugging asks (Zeller and Hildebrandt, IEEE TSE 28(2), 2002) and halves as QuickXplain does
(Junker, AAAI 2004), which takes fewer trials where several packages break a script; suspects are
tried first.
"""

from __future__ import annotations

import enum
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

#: The most suspects that are tried alone before all changes are halved.
MOST_SUSPECTS = 3
_Value = TypeVar("_Value")


class Answer(enum.Enum):
    """What came of a trial."""

    WORKS = "works"
    FAILS = "fails"
    #: The environment could not be made.
    UNUSABLE = "unusable"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A package that is not the same in a failing environment and in one that works."""

    name: str
    #: Version that fails and version that works; None where it is not installed.
    bad: str | None
    good: str | None


@dataclass(frozen=True, kw_only=True)
class Question:
    """A failing environment with some packages put back."""

    #: Name -> version that takes the failing one's place; None: it is removed.
    versions: Mapping[str, str | None] = field(default_factory=dict)
    #: Whether the trial is done although its answer is known: does it come out the same?
    again: bool = False


class Ending(enum.Enum):
    """How a search for culprits ended."""

    FOUND = "found"
    #: Everything is put back, and it fails nevertheless.
    NOT_PACKAGES = "not_packages"
    #: Nothing is put back, and it works, or a repeated trial came out otherwise.
    NOT_REPEATABLE = "not_repeatable"


@dataclass(frozen=True, kw_only=True)
class Culprits:
    """What a search found."""

    ending: Ending
    #: The smallest set of changes found that have to be put back together.
    changes: tuple[Change, ...] = ()


Search = Generator[Question, Answer, _Value]


def find_culprits(changes: Sequence[Change], suspects: int = 0) -> Search[Culprits]:
    """Return which changes have to be put back for a script to work.

    `changes` are the likeliest first; the first `suspects` of them are tried alone. With one
    culprit that is such a suspect it takes at most MOST_SUSPECTS trials and four for both ends,
    each tried before and after; without one, log2(n) more for each culprit.
    """
    if (yield Question()) is not Answer.FAILS:
        return Culprits(ending=Ending.NOT_REPEATABLE)
    if not changes or (yield put_back(changes)) is not Answer.WORKS:
        return Culprits(ending=Ending.NOT_PACKAGES)
    found: Sequence[Change] = ()
    if len(changes) > 1:
        for change in changes[: min(suspects, MOST_SUSPECTS)]:
            if (yield put_back([change])) is Answer.WORKS:
                found = [change]
                break
    found = found or (yield from _minimise(changes))
    # A script that fails now and then would make a culprit of any package.
    without = yield Question(again=True)
    with_it = yield put_back(found, again=True)
    if without is not Answer.FAILS or with_it is not Answer.WORKS:
        return Culprits(ending=Ending.NOT_REPEATABLE)
    return Culprits(ending=Ending.FOUND, changes=tuple(found))


def put_back(changes: Sequence[Change], *, again: bool = False) -> Question:
    """Return the question what happens with these changes put back."""
    return Question(versions={change.name: change.good for change in changes}, again=again)


def _minimise(changes: Sequence[Change]) -> Search[Sequence[Change]]:
    """Return a part of changes that works when put back, and of which none can be left out.

    The last of the shortest beginning that works is one of them; with it put back, the next is
    looked for in what comes before it. It takes some log2(n) trials for each that is found.
    """
    chosen: list[Change] = []
    rest = list(changes)
    while True:
        if chosen and (yield put_back(chosen)) is Answer.WORKS:
            break
        low, high = 0, len(rest)
        while high - low > 1:
            middle = (low + high) // 2
            if (yield put_back([*chosen, *rest[:middle]])) is Answer.WORKS:
                high = middle
            else:
                low = middle
        chosen.append(rest[high - 1])
        rest = rest[: high - 1]
    # Where one that cannot be installed without another hid what works, some are too many.
    for change in list(chosen):
        fewer = [item for item in chosen if item != change]
        if fewer and (yield put_back(fewer)) is Answer.WORKS:
            chosen = fewer
    return chosen


@dataclass(frozen=True, kw_only=True)
class Step(Generic[_Value]):
    """Two neighbours: the last that works and the first that does not."""

    good: _Value
    bad: _Value
    #: What lies between them and could not be tried.
    skipped: tuple[_Value, ...] = ()


def find_step(
    name: str, releases: Sequence[str], others: Mapping[str, str | None]
) -> Search[Step[str]]:
    """Return between which two releases of a package a script stops to work.

    `releases` lead from the one that works to the one that fails, both included; either may be the
    newer one. `others` are further packages to put back. Those that cannot be installed are left
    out. Where it stops to work more than once, one of the places is found.
    """
    low, high = 0, len(releases) - 1
    unusable: set[int] = set()
    while True:
        between = [number for number in range(low + 1, high) if number not in unusable]
        if not between:
            skipped = tuple(releases[low + 1 : high])
            return Step(good=releases[low], bad=releases[high], skipped=skipped)
        middle = between[len(between) // 2]
        answer = yield Question(versions={**others, name: releases[middle]})
        if answer is Answer.WORKS:
            low = middle
        elif answer is Answer.FAILS:
            high = middle
        else:
            unusable.add(middle)
