"""Connecting to a cluster: what is compared and refused; tasks on a real scheduler."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask
import pytest
from distributed import Client, LocalCluster

from calipertf.config.model import Analysis, load_config
from calipertf.dask import connect as cluster
from calipertf.dask import tasks as task_queue
from calipertf.dask.tasks import TaskQueue, map_cluster
from calipertf.dask.versions import Package, Software, compare_package, compare_software
from calipertf.errors import CaliperError, ConfigError, EngineError
from calipertf.run.backends.venv import folders
from calipertf.run.cluster.backend import open_cluster
from calipertf.run.cluster.capabilities import count_cells, count_cells_here, move_cache
from calipertf.run.options import RunOptions, find_cluster

HERE = Software(python="3.11.7", dask="2026.8.0", distributed="2026.8.0")
PACKAGE = Package(digest="a" * 64)


@pytest.mark.parametrize(
    ("changed", "errors", "warnings"),
    [
        ({}, 0, 0),
        ({"python": "3.11.9"}, 0, 1),
        ({"python": "3.12.1"}, 1, 0),
        ({"dask": "2026.7.1", "distributed": "2026.7.1"}, 2, 0),
        ({"dask": "2026.8.1"}, 0, 1),
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
    ("there", "errors", "warnings"),
    [
        (PACKAGE, 0, 0),
        (Package(digest="b" * 64), 1, 0),
        (Package(digest=None, trouble="No module named 'uv'"), 1, 0),
        (Package(digest="a" * 64, may_hang=True), 0, 1),
    ],
)
def test_another_state_of_this_package_is_named(there: Package, errors: int, warnings: int) -> None:
    wrong, harmless = compare_package("worker w1", PACKAGE, there)
    assert (len(wrong), len(harmless)) == (errors, warnings)
    assert all("w1" in line and (there.trouble or "") in line for line in (*wrong, *harmless))


@pytest.mark.parametrize(
    ("written", "flag", "expected"),
    [
        (None, None, None),
        ("tcp://head:8786", None, "tcp://head:8786"),
        ("local", None, "local"),
        ("scheduler.json", None, "{root}/scheduler.json"),
        ("scheduler.json", "other.json", "other.json"),
        ("local", "none", None),
        ("local", "", ""),
    ],
)
def test_a_scheduler_file_is_relative_to_where_it_is_named(
    written: str | None, flag: str | None, expected: str | None, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").touch()
    (tmp_path / "a.py").touch()
    line = f"  scheduler: {written}\n" if written else ""
    (tmp_path / "caliper.yaml").write_text(f"analysis:\n  dependency: six\n  tests: [a.py]\n{line}")
    config = load_config(tmp_path / "caliper.yaml")
    chosen = find_cluster(flag, config)
    assert chosen == (expected and expected.format(root=config.root))


@pytest.mark.parametrize(
    ("threads", "limit", "cells"),
    [(4, None, 4), (4, 0, 4), (4, 16, 4), (4, 9, 2), (4, 1, 1), (1, 16, 1)],
)
def test_a_worker_takes_what_its_memory_holds(threads: int, limit: int | None, cells: int) -> None:
    assert count_cells(threads, limit, 4) == cells


def test_what_an_earlier_run_declared_is_not_taken_for_the_users_number() -> None:
    state = SimpleNamespace(nthreads=8, total_resources={})
    memory = SimpleNamespace(memory_limit=8 * 1024**3)
    worker: Any = SimpleNamespace(address="tcp://test:1", state=state, memory_manager=memory)
    large, small = (Analysis(dependency="p", tests=["s"], memory=m) for m in ("4GB", "1GB"))
    assert count_cells_here(worker, large) < 4
    state.total_resources["CELL"] = 2
    assert count_cells_here(worker, small) == 8


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("tcp:/nowhere", ConfigError),
        ("missing.json", ConfigError),
        ("", ConfigError),
        ("nonsense://127.0.0.1:1", ConfigError),
        ("tcp://127.0.0.1", ConfigError),
        ("tls://127.0.0.1:1", ConfigError),
        ("tcp://127.0.0.1:1", EngineError),
    ],
)
def test_an_address_that_is_none_is_refused(address: str, error: type[CaliperError]) -> None:
    with pytest.raises(error) as caught, connect(address):
        pass
    assert address in str(caught.value)


@contextmanager
def connect(address: str) -> Iterator[Client]:
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        cluster.connect(address, needs="calipertf.dask.versions") as client,
    ):
        yield client


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 400 Bad Request\r\n\r\n", b"\0" * 64])
def test_another_server_at_the_address_is_told(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "WAIT_ANSWER", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = server.accept()
                    peers.append(peer)
                    peer.sendall(answer)

        peers: list[socket.socket] = []
        threading.Thread(target=serve, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(EngineError, match="no Dask scheduler answers"), connect(address):
            pass
        server.shutdown(socket.SHUT_RDWR)
    for peer in peers:
        peer.close()


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
    assert taken <= 2 * 2 + task_queue.PREFETCH


def test_a_cluster_without_workers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_queue, "NO_WORKER_TIMEOUT", 0.5)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as local,
        Client(local, set_as_default=False) as client,
        pytest.raises(EngineError, match="no worker for"),
    ):
        list(map_cluster(client, half, [1, 2]))


def test_a_recalled_task_gives_nothing(client: Client) -> None:
    tasks: TaskQueue[str] = TaskQueue(client)
    tasks.submit("kept", half, 2, key="kept")
    tasks.submit("recalled", half, 4, key="recalled")
    tasks.cancel("recalled")
    assert [tasks.wait(10), tasks.wait(0.2)] == [[("kept", 0.5)], []]


def test_a_restarted_cluster_is_told(tmp_path: Path, client: Client) -> None:
    tasks: TaskQueue[str] = TaskQueue(client)
    tasks.submit("one", half, 2, key="one", resources={"nobody": 1})
    client.cancel(list(tasks._futures), force=True)
    with pytest.raises(EngineError, match="what was finished is kept"):
        tasks.wait(10)


def test_a_connection_leaves_nothing_of_this_process_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CALIPER_CACHE", raising=False)
    dask_log = logging.getLogger("distributed.client")

    def look() -> tuple[object, ...]:
        profile = dask.config.get("distributed.worker.profile.enabled", None)
        return dict(os.environ), dask_log.level, list(warnings.filters), profile

    before = look()
    options = RunOptions(dir=tmp_path, jobs=1, run_id="test")
    analysis = Analysis(dependency="six", tests=["s"])
    with pytest.raises(ConfigError), open_cluster("tcp://", analysis, options):
        pytest.fail("there is no such address")
    assert look() == before


def test_a_worker_keeps_its_cache_without_changing_its_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(folders, "_preferred", [])
    monkeypatch.delenv("CALIPER_CACHE", raising=False)
    move_cache(SimpleNamespace(local_directory=str(tmp_path)))
    assert folders.cache_folder() == tmp_path / "caliper-cache"
    assert "CALIPER_CACHE" not in os.environ
    monkeypatch.setenv("CALIPER_CACHE", "/elsewhere")
    assert folders.cache_folder() == Path("/elsewhere")


@pytest.mark.parametrize("address", ["tcp://x:0", "tcp://x:99999", "tls://[::1]:65536"])
def test_port_that_there_cannot_be_is_refused_at_once(address: str) -> None:
    with pytest.raises(ConfigError, match="ports are from 1 to 65535"):
        cluster.probe_scheduler(address)


@pytest.mark.parametrize(
    ("text", "words"),
    [("{}", "it names no address"), ("[]", "it names no address"), ("x", "it is no JSON")],
)
def test_scheduler_file_that_is_none_is_told(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "scheduler.json"
    path.write_text(text)
    with (
        pytest.raises(ConfigError, match=words),
        cluster.connect(str(path), needs="calipertf"),
    ):
        pass
