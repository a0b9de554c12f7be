"""Delta debugging and halving, on answers that are made up: who is found, in how many trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from typing import TypeVar

import pytest

from calipertf.run.experiments.search import (
    MOST_SUSPECTS,
    Answer,
    Change,
    Ending,
    Question,
    find_culprits,
    find_step,
)

Value = TypeVar("Value")
Oracle = Callable[[Question], Answer]


def drive(search: Generator[Question, Answer, Value], oracle: Oracle) -> tuple[Value, int]:
    """Return what a search finds, and how many trials it took that were not known."""
    known: dict[tuple[tuple[str, str | None], ...], Answer] = {}
    trials = 0
    try:
        question = next(search)
        while True:
            key = tuple(sorted(question.versions.items()))
            if key not in known or question.again:
                trials += 1
                known[key] = oracle(question)
            question = search.send(known[key])
    except StopIteration as end:
        return end.value, trials


def make_changes(count: int) -> list[Change]:
    return [Change(name=f"p{number}", bad="2", good="1") for number in range(count)]


def works_with(*names: str) -> Oracle:
    """Return the answers of a script that these packages break, each on its own."""
    wanted = set(names)
    return lambda question: Answer.WORKS if wanted <= question.versions.keys() else Answer.FAILS


@pytest.mark.parametrize("place", [0, 1, 7, 20, 39])
def test_one_culprit_of_forty_takes_a_logarithm_of_trials(place: int) -> None:
    found, trials = drive(find_culprits(make_changes(40)), works_with(f"p{place}"))
    assert [change.name for change in found.changes] == [f"p{place}"]
    assert trials <= 2 * math.ceil(math.log2(40)) + 4


def test_a_right_suspect_takes_no_halving() -> None:
    found, trials = drive(find_culprits(make_changes(40), suspects=1), works_with("p0"))
    assert [change.name for change in found.changes] == ["p0"]
    assert trials == 5


def test_wrong_suspects_cost_no_more_than_their_number() -> None:
    found, trials = drive(find_culprits(make_changes(40), suspects=9), works_with("p33"))
    assert [change.name for change in found.changes] == ["p33"]
    assert trials <= MOST_SUSPECTS + 2 * math.ceil(math.log2(40)) + 4


@pytest.mark.parametrize("pair", [("p0", "p1"), ("p3", "p30"), ("p38", "p39")])
def test_two_that_have_to_go_back_together(pair: tuple[str, str]) -> None:
    found, _ = drive(find_culprits(make_changes(40), suspects=2), works_with(*pair))
    assert {change.name for change in found.changes} == set(pair)


def test_either_of_two_is_enough() -> None:
    """Put back, a or b mends it: one of them is named, never both."""

    def oracle(question: Question) -> Answer:
        return Answer.WORKS if {"p3", "p30"} & question.versions.keys() else Answer.FAILS

    found, _ = drive(find_culprits(make_changes(40)), oracle)
    assert [change.name for change in found.changes] == ["p3"]


def test_one_that_cannot_be_installed_without_another() -> None:
    def oracle(question: Question) -> Answer:
        if ("p5" in question.versions) != ("p6" in question.versions):
            return Answer.UNUSABLE
        return works_with("p5")(question)

    found, _ = drive(find_culprits(make_changes(12), suspects=0), oracle)
    assert {change.name for change in found.changes} == {"p5", "p6"}


def test_not_the_packages() -> None:
    found, trials = drive(find_culprits(make_changes(40), 1), lambda _: Answer.FAILS)
    assert found.ending is Ending.NOT_PACKAGES
    assert trials == 2
    found, trials = drive(find_culprits([]), lambda _: Answer.FAILS)
    assert found.ending is Ending.NOT_PACKAGES
    assert trials == 1


def test_what_works_now_has_no_culprit() -> None:
    found, trials = drive(find_culprits(make_changes(40), 1), lambda _: Answer.WORKS)
    assert found.ending is Ending.NOT_REPEATABLE
    assert trials == 1


def test_a_script_that_fails_now_and_then_has_no_culprit() -> None:
    said: Mapping[bool, Answer] = {True: Answer.FAILS, False: Answer.WORKS}
    count = iter(range(100))

    def oracle(question: Question) -> Answer:
        if not question.versions:
            return Answer.FAILS
        return said[next(count) % 2 == 1]

    found, _ = drive(find_culprits(make_changes(2), 1), oracle)
    assert found.ending is Ending.NOT_REPEATABLE


RELEASES = [f"1.{number}" for number in range(33)]


@pytest.mark.parametrize("first_bad", [1, 2, 16, 31, 32])
def test_first_bad_release(first_bad: int) -> None:
    def oracle(question: Question) -> Answer:
        assert question.versions["other"] == "1"
        number = RELEASES.index(str(question.versions["p"]))
        return Answer.FAILS if number >= first_bad else Answer.WORKS

    step, trials = drive(find_step("p", RELEASES, {"other": "1"}), oracle)
    assert (step.good, step.bad) == (RELEASES[first_bad - 1], RELEASES[first_bad])
    assert step.skipped == ()
    assert trials <= 5


def test_releases_that_cannot_be_installed_are_left_out_and_named() -> None:
    def oracle(question: Question) -> Answer:
        number = RELEASES.index(str(question.versions["p"]))
        if 14 <= number <= 18:
            return Answer.UNUSABLE
        return Answer.FAILS if number >= 17 else Answer.WORKS

    step, _ = drive(find_step("p", RELEASES, {}), oracle)
    assert (step.good, step.bad) == ("1.13", "1.19")
    assert step.skipped == tuple(RELEASES[14:19])


def test_a_break_that_was_mended_and_came_back_gives_two_neighbours() -> None:
    def oracle(question: Question) -> Answer:
        number = RELEASES.index(str(question.versions["p"]))
        return Answer.FAILS if number == 20 or number >= 30 else Answer.WORKS

    step, _ = drive(find_step("p", RELEASES, {}), oracle)
    assert (step.good, step.bad) in {("1.19", "1.20"), ("1.29", "1.30")}
