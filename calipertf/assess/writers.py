"""What is written while the APIs of a package's versions pass by, one after the other."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from calipertf import __version__
from calipertf.assess.api.model import Api, cache_path
from calipertf.assess.api.usage import Missing, measure_usage
from calipertf.assess.api.usage_visitor import Use, find_uses
from calipertf.assess.changelog import write_changelog
from calipertf.assess.changes import changes_to_json, find_changes
from calipertf.assess.tables import make_way
from calipertf.config.model import Config
from calipertf.errors import CaliperError
from calipertf.files.atomic import write_json, write_text
from calipertf.files.inputs import read_file
from calipertf.formats.changes import read_changes
from calipertf.paths import Layout


class ChangelogWriter:
    """Writes the changes between each two neighbours of the APIs that pass by."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._last: Api | None = None
        #: File of an API in the cache -> its hash.
        self._hashes: dict[Path, str] = {}
        self.written = 0
        self.kept = 0

    def add(self, api: Api) -> None:
        """Write what changed since the API before, unless that is what the file holds."""
        last, self._last = self._last, api
        if last is None:
            return
        name = f"{api.package}-{last.version}..{api.version}"
        page = self._layout.sims / "changes" / f"{name}.md"
        data = page.with_name(f"{name}.json")
        made_from = self._describe_making(last, api)
        if made_from is not None and _is_kept(data, page, made_from):
            self.kept += 1
            return
        changes = find_changes(last, api)
        text = write_changelog(last, api, changes)
        for path in (page, data):
            make_way(path)
        write_text(page, text)
        making = {**(made_from or {}), "page": _hash(text.encode("utf-8", "backslashreplace"))}
        # Written last, so that it speaks for both.
        write_json(data, {**changes_to_json(last, api, changes), "made_from": making})
        self.written += 1

    def _describe_making(self, last: Api, api: Api) -> dict[str, str] | None:
        """Return what the changes are made from and by.

        None where that is not in the cache to compare.
        """
        made = {"caliper": __version__}
        for side, version in (("a", last.version), ("b", api.version)):
            path = cache_path(self._layout.functiondb, api.package, version)
            if path not in self._hashes:
                try:
                    self._hashes[path] = _hash(read_file(path))
                except OSError:
                    return None
            made[side] = self._hashes[path]
        return made


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_kept(data: Path, page: Path, made_from: Mapping[str, str]) -> bool:
    """Whether both files are whole, and were made from these APIs by this version of the tool."""
    try:
        found = read_changes(data).made_from or {}
        return dict(found) == {**made_from, "page": _hash(read_file(page))}
    except (CaliperError, OSError):
        return False


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Scripts that were written for one version."""

    #: Version of the suite's baseline cell, as PEP 440 writes it.
    baseline: str
    #: Name that the scripts import the package by; None: the root of most of its names.
    root: str | None
    #: Script as caliper.yaml names it -> its text.
    scripts: Mapping[str, bytes]


def find_suites(config: Config) -> tuple[list[Suite], list[str]]:
    """The scripts of a configuration by their baseline version, and what keeps others out."""
    by_baseline: dict[str, dict[str, bytes]] = {}
    notes: list[str] = []
    lacking = 0
    for script in config.scripts:
        suite = config.find_suite(script)
        if suite is None:
            lacking += 1
            continue
        try:
            text = read_file(config.root / script)
        except OSError as error:
            notes.append(f"{script} cannot be read ({error.strerror}): its usage is left out")
            continue
        by_baseline.setdefault(config.analysis.baselines[suite].version, {})[script] = text
    if lacking:
        notes.append(
            f"{lacking} scripts of {config.path.name} have no baseline version under baselines: "
            "their usage is left out"
        )
    root = config.analysis.import_name
    return [
        Suite(baseline=baseline, root=root, scripts=by_baseline[baseline])
        for baseline in by_baseline
    ], notes


class UsageTable:
    """How much of what each script uses on its baseline version the versions that pass by have."""

    def __init__(self, package: str, suites: Sequence[Suite], baselines: Mapping[str, Api]) -> None:
        self._package = package
        self._baselines = baselines
        #: Scripts that could not be read, a sentence each.
        self.notes: list[str] = []
        #: One row a script and version.
        self.rows: list[dict[str, object]] = []
        self._uses: dict[str, tuple[str, tuple[Use, ...]]] = {}
        for suite in suites:
            root = suite.root or find_root(baselines[suite.baseline])
            for script, text in suite.scripts.items():
                try:
                    self._uses[script] = suite.baseline, find_uses(text, root)
                except CaliperError as error:
                    self.notes.append(f"{script}: {error}")
                except (RecursionError, MemoryError):
                    self.notes.append(f"{script}: nested too deep, its uses cannot be seen")

    def add(self, api: Api) -> None:
        """A row for each script on this version."""
        for script, (baseline, uses) in self._uses.items():
            usage = measure_usage(uses, self._baselines[baseline], api)
            self.rows.append(
                {
                    "package": self._package,
                    "script": script,
                    "baseline": baseline,
                    "version": api.version,
                    "used": usage.used,
                    "compatible": usage.compatible,
                    "share": round(usage.share, 6),
                    "missing": "; ".join(describe_missing(item) for item in usage.missing),
                    "defaults": "; ".join(describe_missing(item) for item in usage.defaults),
                }
            )


def find_root(api: Api) -> str:
    """Return the import name that most public paths begin with."""
    roots = Counter(path.partition(".")[0] for path in api.symbols)
    return max(roots, key=lambda root: (roots[root], root), default=api.package)


def describe_missing(item: Missing) -> str:
    """Return what a version lacks, and where the script needs it."""
    return f"{item.path} (line {item.line}): {item.reason}"
