"""Stage 1 run for real, as a user runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from helpers import REPOSITORY

from calipertf.formats.record_files import read_record
from calipertf.formats.records import Record

STAGE = REPOSITORY / "1.run_analysis.py"


@dataclass(kw_only=True)
class Project:
    """A folder with a caliper.yaml, its scripts and its records."""

    root: Path
    cache: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.root / ".caliper" / "data"

    def command(self, *flags: str) -> list[str]:
        folder = str(self.root / ".caliper")
        config = str(self.root / "caliper.yaml")
        return [sys.executable, str(STAGE), "--config", config, "--dir", folder, *flags]

    def environment(self) -> dict[str, str]:
        cells = str(self.cache / "cells")
        own = {"CALIPER_CACHE": str(self.cache), "CALIPER_CELLS": cells}
        return {**os.environ, **own, **self.environ}

    def run(self, *flags: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*prefix, *self.command(*flags)],
            capture_output=True,
            text=True,
            env=self.environment(),
            timeout=900,
            check=False,
        )

    def start(self, *flags: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*prefix, *self.command(*flags)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(),
        )

    def records(self) -> dict[str, Record]:
        paths = sorted(self.data.rglob("pypi-*.json"))
        return {
            str(path.relative_to(self.data).with_suffix("")): read_record(path)
            for path in paths
            if not path.stem.endswith(".failed")
        }


@pytest.fixture(autouse=True)
def _heed_interrupts() -> Iterator[None]:
    """What tests start heeds Ctrl-C, although a shell has made what it put in the background deaf.

    Children inherit that (`nohup make test &` in a script).
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache of wheels for all tests; CALIPER_CACHE keeps it between runs of the tests."""
    chosen = os.environ.get("CALIPER_CACHE")
    return Path(chosen) if chosen else tmp_path_factory.mktemp("cache")


@pytest.fixture
def make_project(tmp_path: Path, shared_cache: Path) -> Callable[..., Project]:
    """Write a project: the lines under `analysis:`, and scripts by path."""

    def make(analysis: str, scripts: dict[str, str]) -> Project:
        root = tmp_path / "project"
        for name, source in scripts.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        (root / "Dockerfile").write_text((REPOSITORY / "Dockerfile").read_text())
        indented = "".join(f"  {line}\n" for line in analysis.strip().splitlines())
        (root / "caliper.yaml").write_text(f"analysis:\n{indented}")
        return Project(root=root, cache=shared_cache)

    return make


@pytest.fixture
def quick_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no index longer than its faults need."""
    monkeypatch.setenv("CALIPER_HTTP_TIMEOUT", "1")
    monkeypatch.setenv("CALIPER_HTTP_RETRIES", "0")
