"""Where everything lies under .caliper/, and all records of a run at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from calipertf.errors import RecordError
from calipertf.records import RECORD_NAME, Cell, Record, read_record


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where everything lies under .caliper/."""

    #: The .caliper folder.
    root: Path

    @property
    def lock(self) -> Path:
        """Held by the run of stage 1 that writes here."""
        return self.root / ".lock"

    @property
    def data(self) -> Path:
        """Records, stage 1."""
        return self.root / "data"

    @property
    def sims(self) -> Path:
        """Similarities, stage 2."""
        return self.root / "sims"

    @property
    def functiondb(self) -> Path:
        """Function databases and APIs, stage 2's cache."""
        return self.root / "functiondb"

    @property
    def compiled(self) -> Path:
        """Tables, stage 3."""
        return self.root / "compiled"

    @property
    def plots(self) -> Path:
        """Figures, stage 3."""
        return self.root / "plots"

    @property
    def report(self) -> Path:
        """The page to explore, stage 3."""
        return self.root / "report.html"

    def record_path(self, cell: Cell, *, dated: bool) -> Path:
        """Where a cell's record is written; dated runs have one folder a resolve date."""
        folder = self.data / cell.resolve if dated else self.data
        return folder / f"{cell.name}.json"

    def find_record(self, cell: Cell) -> Path | None:
        """The file that holds a cell's record, dated or not; None where there is none."""
        dated = self.record_path(cell, dated=True)
        if dated.exists():
            return dated
        flat = self.record_path(cell, dated=False)
        return flat if flat.exists() and _read_resolve(flat) in {cell.resolve, None} else None

    def place_record(self, cell: Cell, *, dated: bool) -> Path:
        """The file to write a cell's record to: the one that holds it, else one that is free.

        Where a record of another resolve date has the name already, it goes to its date's folder.
        """
        found = self.find_record(cell)
        taken = found is None and self.record_path(cell, dated=False).exists()
        return found or self.record_path(cell, dated=dated or taken)

    def iter_record_paths(self) -> Iterator[Path]:
        """Every file that is named like a record, flat ones first, in order of name."""
        for path in (*sorted(self.data.glob("*.json")), *sorted(self.data.glob("*/*.json"))):
            if RECORD_NAME.fullmatch(path.stem):
                yield path


def _read_resolve(path: Path) -> str | None:
    """The resolve date that a record was made with; None where the file does not say."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["cell"]["resolve"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_records(layout: Layout) -> tuple[list[Record], list[RecordError]]:
    """All records of a run in table order, and an error for each file that holds none."""
    records: list[Record] = []
    errors: list[RecordError] = []
    for path in layout.iter_record_paths():
        try:
            records.append(read_record(path))
        except RecordError as error:
            errors.append(error)
    return sorted(records, key=lambda record: record.cell.sort_key()), errors
