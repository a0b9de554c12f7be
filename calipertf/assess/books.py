"""What is written while the APIs of a package's versions pass by, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from calipertf.assess.changelog import write_changelog
from calipertf.assess.changes import changes_to_json, find_changes
from calipertf.assess.model import Api, cache_path
from calipertf.assess.script import Use, find_uses
from calipertf.assess.usage import Missing, measure_usage
from calipertf.config import Config
from calipertf.errors import CaliperError
from calipertf.files import write_json, write_text
from calipertf.layout import Layout


class ChangeBook:
    """Writes the changes between each two neighbours of the APIs that pass by."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._last: Api | None = None
        self.written = 0
        self.kept = 0

    def turn(self, api: Api) -> None:
        """Write what changed since the API before; what is newer than both is kept."""
        last, self._last = self._last, api
        if last is None:
            return
        name = f"{api.package}-{last.version}..{api.version}"
        page = self._layout.sims / "changes" / f"{name}.md"
        data = page.with_name(f"{name}.json")
        if self._is_fresh(page, last, api) and data.exists():
            self.kept += 1
            return
        changes = find_changes(last, api)
        write_json(data, changes_to_json(last, api, changes))
        write_text(page, write_changelog(last, api, changes))
        self.written += 1

    def _is_fresh(self, page: Path, *apis: Api) -> bool:
        """Whether the page, which is written last, is newer than the APIs that it is made from."""
        if not page.exists():
            return False
        made = page.stat().st_mtime
        paths = [cache_path(self._layout.functiondb, api.package, api.version) for api in apis]
        return all(path.exists() and path.stat().st_mtime < made for path in paths)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Scripts that were written for one version."""

    #: Version of the suite's home cell, as PEP 440 writes it.
    home: str
    #: Name that the scripts import the package by; None: the root of most of its names.
    root: str | None
    #: Script as caliper.yaml names it -> its text.
    scripts: Mapping[str, bytes]


def find_suites(config: Config) -> tuple[list[Suite], list[str]]:
    """The scripts of a configuration by their home version, and what keeps others out."""
    by_home: dict[str, dict[str, bytes]] = {}
    notes: list[str] = []
    homeless = 0
    for script in config.scripts:
        suite = config.find_suite(script)
        if suite is None:
            homeless += 1
            continue
        try:
            text = (config.root / script).read_bytes()
        except OSError as error:
            notes.append(f"{script} cannot be read ({error.strerror}): its usage is left out")
            continue
        by_home.setdefault(config.analysis.baselines[suite].version, {})[script] = text
    if homeless:
        notes.append(
            f"{homeless} scripts of {config.path.name} have no home version under baselines: "
            "their usage is left out"
        )
    root = config.analysis.import_name
    return [Suite(home=home, root=root, scripts=by_home[home]) for home in by_home], notes


class UsageBook:
    """How much of what each script uses on its home version the versions that pass by have."""

    def __init__(self, package: str, suites: Sequence[Suite], homes: Mapping[str, Api]) -> None:
        self._package = package
        self._homes = homes
        #: Scripts that could not be read, a sentence each.
        self.notes: list[str] = []
        #: One row a script and version.
        self.rows: list[dict[str, object]] = []
        self._uses: dict[str, tuple[str, tuple[Use, ...]]] = {}
        for suite in suites:
            root = suite.root or find_root(homes[suite.home])
            for script, text in suite.scripts.items():
                try:
                    self._uses[script] = suite.home, find_uses(text, root)
                except CaliperError as error:
                    self.notes.append(f"{script}: {error}")

    def turn(self, api: Api) -> None:
        """A row for each script on this version."""
        for script, (home, uses) in self._uses.items():
            usage = measure_usage(uses, self._homes[home], api)
            self.rows.append(
                {
                    "package": self._package,
                    "script": script,
                    "home": home,
                    "version": api.version,
                    "used": usage.used,
                    "compatible": usage.compatible,
                    "share": round(usage.share, 6),
                    "missing": "; ".join(describe_missing(item) for item in usage.missing),
                    "defaults": "; ".join(describe_missing(item) for item in usage.defaults),
                }
            )


def find_root(api: Api) -> str:
    """The import name that most public paths begin with."""
    roots = Counter(path.partition(".")[0] for path in api.symbols)
    return max(roots, key=lambda root: (roots[root], root), default=api.package)


def describe_missing(item: Missing) -> str:
    """What a version lacks, and where the script needs it."""
    return f"{item.path} (line {item.line}): {item.reason}"
