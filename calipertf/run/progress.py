"""A live display of a run on a terminal; in a log, one line a cell."""

from __future__ import annotations

import logging
import time
from collections import Counter

import rich.progress as bars

from calipertf.cli import console
from calipertf.formats.records import Cell, Record
from calipertf.outcomes import OUTCOMES
from calipertf.run.summary import describe_cell

log = logging.getLogger("calipertf")


class Progress:
    """Counts cells as they end; use it in a with block."""

    def __init__(self, *, total: int, kept: int) -> None:
        self._total = total
        self._done = kept
        self._started = time.monotonic()
        self._outcomes: Counter[str] = Counter()
        self._bar = bars.Progress(
            bars.TextColumn("cells"),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TimeElapsedColumn(),
            bars.TextColumn("left:"),
            bars.TimeRemainingColumn(elapsed_when_finished=False),
            bars.TextColumn("{task.fields[outcomes]}"),
            console=console,
            disable=not console.is_terminal or kept == total,
        )
        self._task = self._bar.add_task("cells", total=total, completed=kept, outcomes="")

    def __enter__(self) -> Progress:  # noqa: PYI034 -- Self needs Python 3.11
        """Show it."""
        self._bar.start()
        return self

    def __exit__(self, *details: object) -> None:
        """Remove the bar; the closing table follows."""
        self._bar.stop()

    def advance(self, record: Record) -> None:
        """Another cell is done."""
        self._done += 1
        self._outcomes[record.outcome] += 1
        log.info(describe_cell(record, self._done, self._total, record.seconds))
        self._show()

    def fail(self, cell: Cell, failure: Exception | None) -> None:
        """Another cell could not be judged."""
        self._done += 1
        self._outcomes["infrastructure_error"] += 1
        log.warning("[%d/%d] %s: not judged: %s", self._done, self._total, cell.label, failure)
        self._show()

    def _show(self) -> None:
        words = ", ".join(
            f"{count} {OUTCOMES[name].count}" for name, count in self._outcomes.items()
        )
        self._bar.update(self._task, completed=self._done, outcomes=words)
