"""A cell to run, for tests that run none."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from packaging.version import Version

from calipertf.config.model import Analysis
from calipertf.formats.records import Cell
from calipertf.index.client import ReleaseFile
from calipertf.run.spec import CellSpec

CELL = Cell(package="p", version="1.0", python="cp37")


SPEC = CellSpec(
    cell=CELL,
    analysis=Analysis(dependency="p", tests=["s"]),
    file=ReleaseFile(
        filename="p-1.0-py3-none-any.whl",
        url="",
        version=Version("1.0"),
        hashes={},
        size=1,
        uploaded=datetime(2020, 1, 1, tzinfo=timezone.utc),
        yanked=False,
        requires_python=None,
    ),
    cutoff=None,
    scripts=("s/a.py",),
    twice=frozenset(),
    folder=Path("s"),
    dockerfile="",
)
TASK = SPEC.place(Path())
