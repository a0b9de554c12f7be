"""The paths of everything under .caliper/, and reading all records of a run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from calipertf.errors import RecordError
from calipertf.files.inputs import is_folder, load_json, read_file
from calipertf.formats.record_files import read_record
from calipertf.formats.records import RECORD_NAME, Cell, Record

#: Names of the folders that hold the records of one resolve date.
_RESOLVE = re.compile(r"today|release|\d{4}-\d\d-\d\d.*")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The paths of everything under .caliper/."""

    #: The .caliper folder.
    root: Path

    @property
    def lock(self) -> Path:
        """Return the lock file of the run of stage 1 that writes here."""
        return self.root / ".lock"

    @property
    def data(self) -> Path:
        """Return the folder of records, which stage 1 writes."""
        return self.root / "data"

    @property
    def history(self) -> Path:
        """Return the folder of records that runs replaced: one folder a run, laid out like this."""
        return self.root / "history"

    def list_history(self) -> list[Path]:
        """Return the folders of runs that replaced records, the oldest first."""
        return sorted(path for path in self.history.glob("*T*Z") if is_folder(path))

    @property
    def causes(self) -> Path:
        """Return the folder of causes that were proved, which stage 1 writes."""
        return self.root / "causes"

    @property
    def sims(self) -> Path:
        """Return the folder of similarities, which stage 2 writes."""
        return self.root / "sims"

    @property
    def functiondb(self) -> Path:
        """Return the cache of stage 2: function databases and APIs."""
        return self.root / "functiondb"

    @property
    def compiled(self) -> Path:
        """Return the folder of tables, which stage 3 writes."""
        return self.root / "compiled"

    @property
    def plots(self) -> Path:
        """Return the folder of stage 3's figures."""
        return self.root / "plots"

    @property
    def report(self) -> Path:
        """Return the file of the page to explore, which stage 3 writes."""
        return self.root / "report.html"

    def record_path(self, cell: Cell, *, dated: bool) -> Path:
        """Return where a cell's record is written; dated runs have one folder a resolve date."""
        folder = self.data / cell.resolve if dated else self.data
        return folder / f"{cell.name}.json"

    def find_record(self, cell: Cell) -> Path | None:
        """Return the file that holds a cell's record, dated or not; None where there is none."""
        dated = self.record_path(cell, dated=True)
        if dated.exists():
            return dated
        flat = self.record_path(cell, dated=False)
        return flat if flat.exists() and _read_resolve(flat) in {cell.resolve, None} else None

    def place_record(self, cell: Cell, *, dated: bool) -> Path:
        """Return the file to write a cell's record to.

        The one that holds it, else one that is free.

        Where a record of another resolve date has the name already, it goes to its date's folder.
        """
        found = self.find_record(cell)
        taken = found is None and self.record_path(cell, dated=False).exists()
        return found or self.record_path(cell, dated=dated or taken)

    def iter_record_paths(self) -> Iterator[Path]:
        """Yield every file that is named like a record, flat ones first, in order of name."""
        for path in (*sorted(self.data.glob("*.json")), *sorted(self.data.glob("*/*.json"))):
            if RECORD_NAME.fullmatch(path.stem):
                yield path

    def find_obstacles(self) -> list[Path]:
        """Return what has the name of a folder of records but is a file, a pipe or a lost link."""
        named = [path for path in self.data.glob("*") if _RESOLVE.fullmatch(path.name)]
        return [
            path
            for path in (self.data, *sorted(named))
            if os.path.lexists(path) and not is_folder(path)
        ]


def _read_resolve(path: Path) -> str | None:
    """Return the resolve date that a record was made with; None where the file does not say."""
    try:
        resolve = load_json(read_file(path))["cell"]["resolve"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    # What is no resolve date is no other date's record either: it is in the way.
    return resolve if isinstance(resolve, str) and resolve and "/" not in resolve else None


def read_records(layout: Layout) -> tuple[list[Record], list[RecordError]]:
    """Return all records of a run in table order, and an error for each file that is left out.

    That is a file that holds no record, or that of another cell than its name says. Where a cell
    has a record in its date's folder and a flat one, the former counts.
    """
    found: dict[Cell, tuple[Path, Record]] = {}
    errors = [
        RecordError(f"{path} is in the way of a folder of records: remove it", path=path)
        for path in layout.find_obstacles()
    ]
    for path in layout.iter_record_paths():
        try:
            record = read_record(path)
            _check_place(layout, path, record)
        except RecordError as error:
            errors.append(error)
            continue
        if record.cell in found:
            earlier, _ = found[record.cell]
            words = f"{earlier} is an undated record of {record.cell.label}, which has a dated one"
            errors.append(RecordError(words, path=earlier))
        found[record.cell] = path, record
    records = [record for _, record in found.values()]
    return sorted(records, key=lambda record: record.cell.sort_key()), errors


def _check_place(layout: Layout, path: Path, record: Record) -> None:
    """Raise RecordError for a record under another cell's name, such as a copy that was kept."""
    folder = path.parent
    misplaced = not record.is_original and folder not in {
        layout.data,
        layout.data / record.cell.resolve,
    }
    if path.stem != record.cell.name or misplaced:
        words = (
            f"{path} holds the record of another cell, {record.cell.label}: move it to its place"
        )
        raise RecordError(words, path=path)
