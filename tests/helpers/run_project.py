"""A project as a user has one, and stage 1 run in it for real."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from calipertf.formats.record_files import read_record
from calipertf.formats.records import Record
from helpers import REPOSITORY

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


#: Write a project: the lines under `analysis:`, and scripts by path.
MakeProject: TypeAlias = Callable[[str, dict[str, str]], Project]
