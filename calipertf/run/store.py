"""Records of a run on disk: which cells are done, which have to be run (again), and why."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from calipertf import __version__
from calipertf.config.model import Config, list_settings
from calipertf.errors import RecordError
from calipertf.files.atomic import (
    remove_file,
    remove_partials,
    set_aside,
    write_json,
    write_text,
)
from calipertf.formats.locks import Lock, name_lock
from calipertf.formats.record_files import read_record, write_record
from calipertf.formats.records import RECORD_NAME, Cell, Observation, Record
from calipertf.paths import Layout
from calipertf.reasons.counterparts import settle_reasons
from calipertf.redact import redact, redact_all
from calipertf.run.cell import SCRIPT_ENVIRON
from calipertf.run.history import History
from calipertf.run.judge import judge_record
from calipertf.run.runner import PYTEST_RUNNER, pack_runner
from calipertf.run.sources import SourceTree, find_sources, hash_file
from calipertf.run.work import WORDS

log = logging.getLogger("calipertf")
Seen = TypeVar("Seen", bound=Observation)
#: Settings that are noted in another way: what they lead to is hashed, not where it lies.
_HASHED = {"dockerfile", "root", "environment"}
#: Settings that change what happens in a cell.
SETTINGS = tuple(name for name in list_settings("cell") if name not in _HASHED)


@cache
def hash_runner() -> str:
    """Return SHA-256 over the programs that run scripts in a cell, hexadecimal."""
    return hashlib.sha256(pack_runner() + PYTEST_RUNNER.read_bytes()).hexdigest()


def hash_environ() -> str:
    """Return SHA-256 over the variables that every script finds, hexadecimal."""
    return hashlib.sha256(json.dumps(dict(SCRIPT_ENVIRON), sort_keys=True).encode()).hexdigest()


def make_fingerprint(
    config: Config,
    scripts: Sequence[str],
    kind: str,
    twice: Iterable[str],
    sources: SourceTree | None = None,
) -> dict[str, Any]:
    """Return what a cell's result depends on, by name, so that a change can be named.

    `sources` are those of the configuration, which are looked up where they are not given.
    """
    analysis = config.analysis
    sources = sources or find_sources(config)
    settings = redact_all({name: getattr(analysis, name) for name in SETTINGS})
    if kind == "docker":
        settings |= {name: getattr(analysis, name) for name in list_settings("image")}
    return {
        "environment": kind,
        "settings": settings,
        "template": hashlib.sha256(config.template.encode()).hexdigest(),
        "scripts": {script: hash_file(config.root / script) for script in scripts},
        "support": sources.support,
        "runner": hash_runner(),
        "environ": hash_environ(),
        "twice": sorted(twice),
    }


def list_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the names of what differs between two fingerprints.

    A script no longer asked for does not count.

    A record from before a part was noted differs in it: a runner that was mended since does not
    keep the verdicts of the broken one.
    """
    changes = [name for name in WORDS if old.get(name) != new[name]]
    before, after = old.get("settings") or {}, new["settings"]
    changes += [name for name in after if before.get(name) != after[name]]
    known = old.get("scripts") or {}
    for script, digest in new["scripts"].items():
        if script not in known:
            changes.append(f"{script} (new)")
        elif known[script] != digest:
            changes.append(script)
    if not set(new["twice"]) & known.keys() <= set(old.get("twice") or []):
        changes.append("baselines")
    return changes


@dataclass(kw_only=True)
class Store:
    """The records of one run, read once and written as cells end."""

    layout: Layout
    #: Whether the configuration has more than one resolve date: one folder a date then.
    dated: bool
    tolerance: float
    #: Script -> its suite; suite -> its baseline cell.
    suites: Mapping[str, str | None]
    baselines: Mapping[str, Cell]
    #: Start of the run, UTC.
    started: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    records: dict[Cell, Record] = field(default_factory=dict)
    #: Records of the package's cells that this run does not plan: reasons are found beside them.
    others: dict[Cell, Record] = field(default_factory=dict)

    @property
    def history(self) -> History:
        """Return where the records go that this run replaces."""
        return History(layout=self.layout, started=self.started)

    def load(self, cells: Iterable[Cell]) -> None:
        """Read records of some cells and their package's others; set aside what is no record."""
        remove_partials(self.layout.data)
        wanted = set(cells)
        for cell in wanted:
            path = self.layout.find_record(cell)
            if path is not None:
                self._load_one(cell, path)
        for package in {cell.package for cell in wanted}:
            self.others |= self._read_others(package, wanted)

    def _read_others(self, package: str, wanted: Collection[Cell]) -> dict[Cell, Record]:
        """Return the package's other records, of any resolve date.

        What cannot be read is left out.
        """
        known = {self.layout.find_record(cell) for cell in wanted}
        found: dict[Cell, Record] = {}
        for pattern in (f"pypi-{package}-*.json", f"*/pypi-{package}-*.json"):
            for path in self.layout.data.glob(pattern):
                if path in known or not RECORD_NAME.fullmatch(path.stem):
                    continue
                with contextlib.suppress(RecordError):
                    record = read_record(path)
                    if not record.is_original and record.cell not in wanted:
                        found[record.cell] = record
        return found

    def _load_one(self, cell: Cell, path: Path) -> None:
        try:
            record = read_record(path)
            if not record.is_original and record.cell == cell:
                self.records[cell] = record
                return
            whose = "the original tool" if record.is_original else "another cell"
            problem = f"{path} is a record of {whose}"
        except RecordError as error:
            problem = str(error)
        log.warning("%s; set aside as %s, its cell is run", problem, set_aside(path).name)

    def save(self, seen: Observation, lock: Lock | None = None) -> Record:
        """Judge a cell, write its lock and record, and judge those anew that wait for it.

        Return the record.
        """
        place = self.layout.place_record(seen.cell, dated=self.dated)
        old = self.records.get(seen.cell)
        if old is not None and old.build is not None:
            self.history.keep(seen.cell, place)
        if lock is not None:
            path = place.with_name(name_lock(seen.cell))
            write_text(path, lock.text)
            digest = hashlib.sha256(lock.text.encode()).hexdigest()
            about = {"file": path.name, "sha256": digest, "left_out": list(lock.left_out)}
            seen = replace(seen, lock=about)
        self.records[seen.cell] = self._judge(_redact(seen))
        self.others.pop(seen.cell, None)
        self._write_all(seen.cell)
        remove_file(self._failed_path(seen.cell))
        return self.records[seen.cell]

    def _write_all(self, saved: Cell) -> None:
        """Write the saved record, and each record whose verdicts it changes."""
        if saved in self.baselines.values():
            self._write(self.records[saved])
            self.judge_all()
            return
        # What a cell's failure comes from shows beside those of the same version.
        version = (saved.package, saved.version)
        near = [cell for cell in self.records if (cell.package, cell.version) == version]
        for cell, settled in self._settle(self.records[cell] for cell in near).items():
            if cell == saved or settled != self.records[cell]:
                self.records[cell] = settled
                self._write(settled)

    def _settle(self, records: Iterable[Record]) -> dict[Cell, Record]:
        """Return the records with the reasons that all others show."""
        return settle_reasons(records, [*self.others.values(), *self.records.values()])

    def save_failure(self, cell: Cell, message: str) -> None:
        """Write why a cell could not run: never a verdict, removed once the cell has a record."""
        path = self._failed_path(cell)
        words = redact(message)
        content = {"schema": 1, "outcome": "infrastructure_error", "message": words}
        write_json(path, {**content, "cell": cell.name, "resolve": cell.resolve})

    def judge_all(self) -> None:
        """Judge every record again, and write those whose verdicts changed."""
        anew = [self._judge(record) for record in self.records.values()]
        for cell, judged in self._settle(anew).items():
            if judged != self.records[cell]:
                self.records[cell] = judged
                self._write(judged)

    def _judge(self, seen: Observation) -> Record:
        baselines: dict[str, Observation | None] = {
            suite: seen if cell == seen.cell else self.records.get(cell)
            for suite, cell in self.baselines.items()
        }
        return judge_record(seen, self.suites, baselines, self.tolerance)

    def _write(self, record: Record) -> None:
        write_record(self.layout.place_record(record.cell, dated=self.dated), record)

    def _failed_path(self, cell: Cell) -> Path:
        path = self.layout.place_record(cell, dated=self.dated)
        return path.with_name(f"{path.stem}.failed.json")


def _redact(seen: Seen) -> Seen:
    """Return what happened without credentials in all that is not a script's own output."""
    build = seen.build
    if build is not None:
        build = replace(build, output=redact_all(build.output), error=redact_all(build.error))
    if isinstance(seen, Record):
        seen = replace(seen, message=redact_all(seen.message))
    return replace(
        seen,
        build=build,
        requirements=redact_all(seen.requirements),
        inputs=redact_all(dict(seen.inputs)),
        environment=redact_all(dict(seen.environment)),
        caliper=seen.caliper or __version__,
    )
