"""Records of a run on disk: which cells are done, which have to be run (again), and why."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from calipertf.config import Config
from calipertf.counterparts import settle_reasons
from calipertf.errors import RecordError
from calipertf.files import remove_partials, set_aside, write_json
from calipertf.layout import Layout
from calipertf.records import RECORD_NAME, Cell, Record, read_record, write_record
from calipertf.run.outcomes import judge_record

log = logging.getLogger("calipertf")
#: Keys of caliper.yaml that change what happens in a cell (tolerance only changes the verdict).
SETTINGS = (
    "timeout",
    "memory",
    "start",
    "network",
    "requirements",
    "import_name",
    "index_url",
    "sources",
    "data",
    "args",
)


def hash_file(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hash_support(mount: Path, scripts: Iterable[Path], extra: Path | None) -> str:
    """SHA-256 over what scripts may read beside themselves: modules and data under the mount."""
    excluded = {path.resolve() for path in scripts}
    folders = [mount / "data", *([extra] if extra else [])]
    paths = {path for folder in folders if folder.is_dir() for path in folder.rglob("*")}
    paths |= set(mount.glob("*.py"))
    digest = hashlib.sha256()
    for path in sorted(paths):
        if path.is_file() and path.resolve() not in excluded and "__pycache__" not in path.parts:
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def find_mount(root: Path, scripts: Sequence[str]) -> Path:
    """The folder that holds all scripts: their common top folder, or the configuration's own."""
    tops = {Path(script).parts[0] for script in scripts if len(Path(script).parts) > 1}
    single = len(tops) == 1 and all(len(Path(script).parts) > 1 for script in scripts)
    return root / tops.pop() if single else root


def make_fingerprint(
    config: Config, scripts: Sequence[str], kind: str, twice: Iterable[str]
) -> dict[str, Any]:
    """What a cell's result depends on, by name, so that a change can be told by name."""
    analysis = config.analysis
    mount = find_mount(config.root, scripts)
    extra = config.root / analysis.data if analysis.data else None
    settings = {name: getattr(analysis, name) for name in SETTINGS}
    if kind == "docker":
        settings["base_image"] = analysis.base_image
    return {
        "environment": kind,
        "settings": settings,
        "template": hashlib.sha256(config.template.encode()).hexdigest(),
        "scripts": {script: hash_file(config.root / script) for script in scripts},
        "support": hash_support(mount, [config.root / script for script in scripts], extra),
        "twice": sorted(twice),
    }


def list_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Names of what differs between two fingerprints; a script no longer asked for is none."""
    changes = [
        name for name in ("environment", "template", "support") if old.get(name) != new[name]
    ]
    before, after = old.get("settings") or {}, new["settings"]
    changes += [name for name in after if before.get(name) != after[name]]
    known = old.get("scripts") or {}
    for script, digest in new["scripts"].items():
        if script not in known:
            changes.append(f"{script} (new)")
        elif known[script] != digest:
            changes.append(script)
    if not set(new["twice"]) <= set(old.get("twice") or []):
        changes.append("baselines")
    return changes


@dataclass(kw_only=True)
class Store:
    """The records of one run, read once and written as cells end."""

    layout: Layout
    #: Whether the configuration has more than one resolve date: one folder a date then.
    dated: bool
    tolerance: float
    #: Script -> its suite; suite -> its home cell.
    suites: Mapping[str, str | None]
    homes: Mapping[str, Cell]
    records: dict[Cell, Record] = field(default_factory=dict)
    #: Records of the package's cells that this run does not plan: reasons are found beside them.
    others: dict[Cell, Record] = field(default_factory=dict)

    def load(self, cells: Iterable[Cell]) -> None:
        """Read the records of some cells, and their package's others; set aside what is none."""
        remove_partials(self.layout.data)
        wanted = set(cells)
        for cell in wanted:
            path = self.layout.find_record(cell)
            if path is not None:
                self._load_one(cell, path)
        for package in {cell.package for cell in wanted}:
            self.others |= self._read_others(package, wanted)

    def _read_others(self, package: str, wanted: Collection[Cell]) -> dict[Cell, Record]:
        """The package's other records, of any resolve date; what cannot be read is none of them."""
        known = {self.layout.find_record(cell) for cell in wanted}
        found: dict[Cell, Record] = {}
        for pattern in (f"pypi-{package}-*.json", f"*/pypi-{package}-*.json"):
            for path in self.layout.data.glob(pattern):
                if path in known or not RECORD_NAME.fullmatch(path.stem):
                    continue
                with contextlib.suppress(RecordError):
                    record = read_record(path)
                    if record.native and record.cell not in wanted:
                        found[record.cell] = record
        return found

    def _load_one(self, cell: Cell, path: Path) -> None:
        try:
            record = read_record(path)
            if record.native and record.cell == cell:
                self.records[cell] = record
                return
            whose = "another cell" if record.native else "the original tool"
            problem = f"{path} is a record of {whose}"
        except RecordError as error:
            problem = str(error)
        log.warning("%s; set aside as %s, its cell is run", problem, set_aside(path).name)

    def save(self, record: Record) -> Record:
        """The record with its verdicts, on disk; records that wait for it are judged again."""
        self.records[record.cell] = self._judge(record)
        self.others.pop(record.cell, None)
        self._failed_path(record.cell).unlink(missing_ok=True)
        if record.cell in self.homes.values():
            self._write(self.records[record.cell])
            self.judge_all()
            return self.records[record.cell]
        # What a cell's failure comes from shows beside those of the same version.
        version = (record.cell.package, record.cell.version)
        near = [cell for cell in self.records if (cell.package, cell.version) == version]
        for cell, settled in self._settle(self.records[cell] for cell in near).items():
            if cell == record.cell or settled != self.records[cell]:
                self.records[cell] = settled
                self._write(settled)
        return self.records[record.cell]

    def _settle(self, records: Iterable[Record]) -> dict[Cell, Record]:
        """The records with the reasons that all others show."""
        return settle_reasons(records, [*self.others.values(), *self.records.values()])

    def save_failure(self, cell: Cell, message: str) -> None:
        """What kept a cell from being run; never a verdict, gone once the cell has a record."""
        path = self._failed_path(cell)
        content = {"schema": 1, "outcome": "infrastructure_error", "message": message}
        write_json(path, {**content, "cell": cell.name, "resolve": cell.resolve})

    def judge_all(self) -> None:
        """Judge every record again, and write those whose verdicts changed."""
        anew = [self._judge(record) for record in self.records.values()]
        for cell, judged in self._settle(anew).items():
            if judged != self.records[cell]:
                self.records[cell] = judged
                self._write(judged)

    def _judge(self, record: Record) -> Record:
        homes = {suite: self.records.get(cell) for suite, cell in self.homes.items()}
        for suite, cell in self.homes.items():
            if cell == record.cell:
                homes[suite] = record
        return judge_record(record, self.suites, homes, self.tolerance)

    def _write(self, record: Record) -> None:
        write_record(self.layout.place_record(record.cell, dated=self.dated), record)

    def _failed_path(self, cell: Cell) -> Path:
        path = self.layout.place_record(cell, dated=self.dated)
        return path.with_name(f"{path.stem}.failed.json")
