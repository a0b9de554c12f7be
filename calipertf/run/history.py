"""Records that a run replaces are kept: nothing that was judged once is lost."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from calipertf.files.atomic import write_bytes
from calipertf.formats.locks import name_lock
from calipertf.formats.records import Cell
from calipertf.paths import Layout

#: Runs whose replaced records are kept; the oldest goes first.
KEPT = 10


@dataclass(frozen=True, kw_only=True)
class History:
    """What one run replaces, in a folder named after its start."""

    layout: Layout
    #: Start of the run, UTC.
    started: datetime

    def keep(self, cell: Cell, record: Path) -> None:
        """Copy a cell's record that is about to be replaced, and its lock."""
        folder = self.layout.history / f"{self.started:%Y-%m-%dT%H-%M-%SZ}"
        old = Layout(root=folder)
        for path in (record, record.with_name(name_lock(cell))):
            if not path.is_file():
                continue
            copy = old.data / path.relative_to(self.layout.data)
            if not copy.exists():  # a cell that runs twice keeps what was there first
                write_bytes(copy, path.read_bytes())
        for oldest in self.layout.list_history()[:-KEPT]:
            shutil.rmtree(oldest, ignore_errors=True)
