"""The searches: which of many changes break a script, and in which release it broke.

Both are generators. They yield what to try and are sent the answer, so that whoever drives them
decides where trials run, how many at once, and which are known already. The first is delta
debugging (Zeller and Hildebrandt, IEEE TSE 28(2), 2002) with suspects first.
"""

from __future__ import annotations

import enum
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
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
    each tried before and after; without one, 2 log2(n) more.
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
    """Return a part of changes that works when put back, and of which no share can be left out."""
    parts = 2
    while len(changes) > 1:
        chunks = _split(changes, parts)
        kept = None
        for chunk in chunks:
            if (yield put_back(chunk)) is Answer.WORKS:
                kept, parts = chunk, 2
                break
        if kept is None and parts > 2:
            for chunk in chunks:
                rest = [change for change in changes if change not in chunk]
                if (yield put_back(rest)) is Answer.WORKS:
                    kept, parts = rest, max(parts - 1, 2)
                    break
        if kept is not None:
            changes = kept
        elif parts >= len(changes):
            return changes
        else:
            parts = min(2 * parts, len(changes))
    return changes


def _split(changes: Sequence[_Value], parts: int) -> list[Sequence[_Value]]:
    ends = [round(number * len(changes) / parts) for number in range(parts + 1)]
    return [changes[start:end] for start, end in pairwise(ends)]


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
