"""What a run knows of a cluster's workers, and where a cell goes on to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from helpers.tasks import CELL, SPEC

from calipertf.errors import ConfigError, InfrastructureError
from calipertf.formats.records import Observation
from calipertf.run.cluster.attempts import CellAttempts
from calipertf.run.cluster.worker import Reply
from calipertf.run.cluster.workers import WorkerRegistry
from calipertf.run.retry import FAILURE_STREAK, MAX_REJECTIONS

DONE = Reply(address="a", label="w1", seen=Observation(cell=CELL))
FAILED = Reply(address="a", label="w1", failure=InfrastructureError("disk full"))
AWAY = Reply(address="a", label="w1", elsewhere="no Python 3.7")


def make_registry(**pythons: list[str]) -> WorkerRegistry:
    workers = WorkerRegistry()
    for address, tags in pythons.items():
        said: dict[str, Any] = {"address": address, "label": address, "cells": 2}
        workers.register({**said, "pythons": tags, "trouble": None})
    return workers


@pytest.mark.parametrize(
    ("left", "failing", "expected"),
    [
        (set(), set(), None),
        ({"a"}, set(), ["b"]),
        (set(), {"a"}, ["b"]),
        ({"a"}, {"b"}, ["b"]),
        ({"a", "b"}, set(), None),
        (set(), {"a", "b"}, ["a", "b"]),
        ({"gone"}, set(), None),
    ],
)
def test_a_cell_goes_to_those_that_have_not_failed(
    left: set[str], failing: set[str], expected: list[str] | None
) -> None:
    workers = make_registry(a=["cp37"], b=["cp37"], c=["cp38"])
    for address in failing:
        for _ in range(FAILURE_STREAK):
            workers.record_result(address, address, failed=True)
    assert workers.list_others("cp37", left) == expected
    assert workers.count_cells("cp37") == 4


def test_a_worker_that_does_a_cell_is_trusted_again() -> None:
    workers = make_registry(a=["cp37"], b=["cp37"])
    for _ in range(FAILURE_STREAK):
        workers.record_result("a", "a", failed=True)
    workers.record_result("a", "a", failed=False)
    assert workers.list_others("cp37", set()) is None


@pytest.mark.parametrize(
    ("replies", "again"),
    [
        ([DONE], False),
        ([FAILED], True),
        ([FAILED, FAILED], False),
        ([AWAY] * MAX_REJECTIONS, True),
        ([AWAY] * (MAX_REJECTIONS + 1), False),
        ([AWAY, FAILED], True),
        ([replace(FAILED, failure=ConfigError("no such key"))], False),
    ],
)
def test_a_cell_goes_on_a_few_times(replies: list[Reply], again: bool) -> None:
    attempts = CellAttempts(spec=SPEC, number=0)
    assert [attempts.record(reply) for reply in replies][-1] is again


def test_the_history_names_each_worker() -> None:
    attempts = CellAttempts(spec=SPEC, number=0)
    for reply in (FAILED, replace(FAILED, label="w2", address="b")):
        attempts.record(reply)
    done = attempts.make_result(reply, [])
    assert str(done.failure) == "w1: disk full; w2: disk full"
    assert CellAttempts(spec=SPEC, number=0).make_result(DONE, []).seen == DONE.seen
