"""Processes of a run: all of them end when it is stopped, and nobody else's."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.tasks import SPEC

from calipertf.formats.records import Run
from calipertf.run import processes as module
from calipertf.run import schedule
from calipertf.run.backends.base import Backend, Built, Python
from calipertf.run.processes import Processes, Stopped
from calipertf.run.spec import CellTask

ENVIRON = {"PATH": os.defpath}


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def comes_true(reached: Any) -> bool:
    deadline = time.monotonic() + 20
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(reached())


def test_stop_meets_a_process_that_is_just_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes()
    started: list[module.Process] = []

    class Late(module.Process):
        def __init__(self, command: Any, **options: Any) -> None:
            super().__init__(command, **options)
            started.append(self)
            processes.stop()  # in another thread, before this one is registered

    monkeypatch.setattr(module, "Process", Late)
    with pytest.raises(Stopped), processes.start(["sleep", "1000"], timeout=1000, environ=ENVIRON):
        pytest.fail("a process was handed out after the stop")
    assert started[0].returncode == -9


def test_what_a_process_leaves_in_its_group_ends_with_it() -> None:
    command = ["sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"]
    run = Processes().run(command, timeout=60, environ=ENVIRON)
    assert run.retval == 0
    assert comes_true(lambda: not is_running(int(run.output[0])))


def test_number_of_a_process_that_was_waited_for_is_not_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed: list[int] = []
    real = os.killpg

    def record_result(group: int, number: int) -> None:
        killed.append(group)
        real(group, number)

    with Processes().start(["true"], timeout=60, environ=ENVIRON) as (process, _):
        process.wait()
        monkeypatch.setattr(os, "killpg", record_result)
    process.kill_group()
    assert killed == []


def test_time_limit_beyond_all_clocks_is_none() -> None:
    run = Processes().run([sys.executable, "-c", ""], timeout=float("inf"), environ=ENVIRON)
    assert (run.retval, run.termination) == (0, "exit")


class HalfFrozen(Backend):
    """A place that refuses the first cell, and never answers for the others."""

    kind = description = "frozen"

    def __init__(self) -> None:
        self.asked = threading.Semaphore(1)

    def find_python(self, tag: str) -> Python | None:
        return None

    def explain_missing(self, tag: str) -> str:
        return tag

    def platforms(self) -> list[str]:
        return []

    @contextlib.contextmanager
    def build(self, task: CellTask) -> Iterator[Built]:
        if self.asked.acquire(blocking=False):
            raise OSError("refused")
        threading.Event().wait()
        yield Built(run=Run())


def test_cell_that_hangs_does_not_keep_the_run_from_its_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(schedule, "PATIENCE", 0.05)
    cells = schedule.LocalScheduler(
        HalfFrozen(), Processes(), root=Path(), run_id="run", jobs=2
    ).run([SPEC, SPEC, SPEC])
    assert next(cells).failure is not None
    cells.close()
    assert "1 cells do not end" in caplog.text or "2 cells do not end" in caplog.text
