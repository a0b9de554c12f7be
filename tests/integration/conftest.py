"""Stage 1 run for real, as a user runs it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import REPOSITORY
from helpers.run_project import MakeProject, Project


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
def make_project(tmp_path: Path, shared_cache: Path) -> MakeProject:
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
