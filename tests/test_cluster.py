"""Connecting to a cluster: what is compared and refused; tasks on a real scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from calipertf import cluster
from calipertf.cluster import Flight, map_cluster
from calipertf.errors import CaliperError, ConfigError, EngineError
from calipertf.run.offers import count_cells
from calipertf.software import Software, compare_software

HERE = Software(python="3.11.7", calipertf="a" * 64, dask="2026.8.0", distributed="2026.8.0")


@pytest.mark.parametrize(
    ("changed", "errors", "warnings"),
    [
        ({}, 0, 0),
        ({"python": "3.11.9"}, 0, 1),
        ({"python": "3.12.1"}, 1, 0),
        ({"calipertf": "b" * 64}, 1, 0),
        ({"calipertf": None}, 1, 0),
        ({"dask": "2026.7.1", "distributed": "2026.7.1"}, 2, 0),
        ({"dask": "2026.8.1"}, 0, 1),
        ({"may_hang": True}, 0, 1),
    ],
)
def test_software_that_differs_is_named_on_both_sides(
    changed: dict[str, Any], errors: int, warnings: int
) -> None:
    there = replace(HERE, **changed)
    wrong, harmless = compare_software("worker w1", HERE, there)
    assert (len(wrong), len(harmless)) == (errors, warnings)
    assert all("w1" in line for line in (*wrong, *harmless))
    if changed.get("python"):
        assert "3.11.7" in (wrong + harmless)[0]
        assert str(changed["python"]) in (wrong + harmless)[0]


@pytest.mark.parametrize(
    ("threads", "limit", "cells"),
    [(4, None, 4), (4, 0, 4), (4, 16, 4), (4, 9, 2), (4, 1, 1), (1, 16, 1)],
)
def test_a_worker_takes_what_its_memory_holds(threads: int, limit: int | None, cells: int) -> None:
    assert count_cells(threads, limit, 4) == cells


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("tcp:/nowhere", ConfigError),
        ("missing.json", ConfigError),
        ("nonsense://127.0.0.1:1", EngineError),
    ],
)
def test_an_address_that_is_none_is_refused(address: str, error: type[CaliperError]) -> None:
    with pytest.raises(error) as caught, cluster.connect(address):
        pass
    assert address in str(caught.value)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A real scheduler and a worker, as threads of this process."""
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0"
        ) as local,
        Client(local, set_as_default=False) as client,
    ):
        yield client


def half(number: int) -> float:
    return 1 / number


def test_every_item_is_answered_once(client: Client) -> None:
    answers = list(map_cluster(client, half, range(40)))
    assert sorted(answer.item for answer in answers) == list(range(40))
    assert {a.item: a.result for a in answers if not a.failure} == {n: 1 / n for n in range(1, 40)}
    assert [(a.item, type(a.failure)) for a in answers if a.failure] == [(0, ZeroDivisionError)]


def test_items_are_taken_only_as_workers_come_free(client: Client) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(1, 1000):
            taken = number
            yield number

    answers = map_cluster(client, half, items())
    next(answers)
    answers.close()
    assert taken <= 2 * 2 + cluster.AHEAD


def test_a_recalled_task_gives_nothing(client: Client) -> None:
    flight: Flight[str] = Flight(client)
    flight.send("kept", half, 2, key="kept")
    flight.send("recalled", half, 4, key="recalled")
    flight.recall("recalled")
    assert [flight.receive(10), flight.receive(0.2)] == [[("kept", 0.5)], []]


def test_a_restarted_cluster_is_told(tmp_path: Path, client: Client) -> None:
    flight: Flight[str] = Flight(client)
    flight.send("one", half, 2, key="one", resources={"nobody": 1})
    client.cancel(list(flight._futures), force=True)
    with pytest.raises(EngineError, match="what was finished is kept"):
        flight.receive(10)
