"""Stage 2 from beginning to end: records, sources, similarities, changes, closing summary."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from packaging.utils import canonicalize_name

from calipertf.assess.cells import CellScores, score_cells
from calipertf.assess.changelog import write_changelog
from calipertf.assess.changes import find_changes
from calipertf.assess.collect import Collection, Collector, Settings
from calipertf.assess.funcdb.export import Exporter
from calipertf.assess.requires import clear_requires, list_wanted, update_requires
from calipertf.assess.select import choose_packages, choose_versions
from calipertf.assess.similarity import Floats
from calipertf.assess.summary import count_versions, list_missing, summarise
from calipertf.assess.tables import make_pairs, make_way, update_table, write_pairs
from calipertf.assess.writers import ChangelogWriter, UsageTable, find_suites
from calipertf.config.model import Config, load_config
from calipertf.config.values import check_name, check_url
from calipertf.errors import EXIT_OK, CaliperError, ConfigError, InfrastructureError
from calipertf.files.atomic import remove_partials, write_json
from calipertf.formats.records import RECORD_NAME, Record
from calipertf.formats.scores import DIRECTED
from calipertf.formats.similarities import is_version
from calipertf.imports import list_modules
from calipertf.index import DEFAULT_INDEX
from calipertf.index.credentials import lend_credentials
from calipertf.paths import Layout, read_records
from calipertf.scripts import read_source
from calipertf.versions import parse_version, version_key

log = logging.getLogger("calipertf")


@dataclass(kw_only=True)
class Session:
    """What the parts of a run share."""

    layout: Layout
    settings: Settings
    records: list[Record]
    #: Where function databases are written in caliper-metrics' layout; None: nowhere.
    export: Path | None = None
    #: Names the scripts whose usage is measured; None: there is none.
    config: Config | None = None
    #: What went wrong; the exit code is the gravest's.
    errors: list[CaliperError] = field(default_factory=list)

    def tell(self, error: CaliperError, about: str = "") -> None:
        """One sentence now, and the exit code later."""
        log.error("%s%s", f"{about}: " if about else "", error)
        self.errors.append(error)


def run_stage(arguments: argparse.Namespace) -> int:
    """Return the exit code of stage 2.

    0, or that of the gravest error of those that it went on after.
    """
    if arguments.index_url is not None:
        check_flag("--index-url", arguments.index_url, check_url)
    for name in arguments.package:
        check_flag("--package", name, check_name)
    layout = Layout(root=arguments.dir)
    remove_partials(layout.sims, layout.functiondb)
    if arguments.export is not None:
        remove_partials(arguments.export / "pypi")
    records, errors = read_records(layout)
    session = Session(
        layout=layout,
        records=records,
        export=arguments.export,
        settings=Settings(
            cache=layout.functiondb,
            funcdb=arguments.funcdb,
            published=arguments.published,
            index_url=arguments.index_url or DEFAULT_INDEX,
            jobs=arguments.jobs,
            offline=arguments.offline,
            scheduler=arguments.scheduler,
        ),
    )
    for error in errors:
        log.warning("left out: %s", error)
    session.config = read_config(session, arguments.config)
    if session.config and not arguments.index_url:
        # The very index that stage 1 took the packages from.
        index_url = session.config.analysis.index_url
        session.settings = replace(session.settings, index_url=index_url)
    packages = choose_packages(arguments.package, records)
    with lend_credentials(session.settings.index_url):
        assess_packages(session, packages, arguments)
    if errors:
        count = "1 file" if len(errors) == 1 else f"{len(errors)} files"
        log.warning("%s of records left out, each named above with the reason", count)
    return max((error.exit_code for error in session.errors), default=EXIT_OK)


def check_flag(flag: str, value: str, check: Callable[[str], object]) -> None:
    """Raise ConfigError where caliper.yaml would not take the value either."""
    try:
        check(value)
    except ValueError as error:
        raise ConfigError(f"{flag} {value[:80]!r}: {error}", value=value) from error


def assess_packages(
    session: Session, packages: Sequence[str], arguments: argparse.Namespace
) -> None:
    """Assess each package, or print what changed between two versions of one."""
    if arguments.between:
        if len(packages) > 1:
            words = f"--between compares versions of one package, not of {', '.join(packages)}"
            raise ConfigError(f"{words}: name one with --package")
        print_between(session, packages[0], arguments.between)
        return
    for package in packages:
        try:
            assess_package(session, package, arguments.versions)
        except CaliperError as error:
            session.tell(error, package)


def read_config(session: Session, path: Path | None) -> Config | None:
    """Return the configuration that names the scripts.

    None where there is none or it has problems.
    """
    default = Path("caliper.yaml")
    if path is None and not default.exists():
        return None
    try:
        return load_config(path or default)
    except CaliperError as error:
        session.tell(error)
        return None


def print_between(session: Session, package: str, versions: Sequence[str]) -> None:
    """The changelog between two versions on stdout; raises what keeps it from being made."""
    wanted = [str(parse_version(text)) for text in versions]
    collector = Collector(package, session.settings)
    apis = collector.collect_apis(wanted)
    for error in collector.collection.missing.values():
        raise error
    old, new = (apis[version] for version in wanted)
    print(write_changelog(old, new, find_changes(old, new)), end="")


def assess_package(session: Session, package: str, selectors: Sequence[str]) -> None:
    """Every file about one package."""
    records = choose_records(package, session.records)
    cells = score_cells(package, records)
    for note in cells.notes:
        log.warning("%s: %s", package, note)
    write_cells(session.layout, package, cells)
    versions = choose_versions(package, selectors, records, session.settings)
    log.info("%s: comparing %s", package, count_versions(len(versions)))
    changelogs, usage = ChangelogWriter(session.layout), open_usage(session, package)
    exporter = Exporter(session.export, package)
    collector = Collector(package, session.settings)
    for api in collector.iter_apis(versions):
        changelogs.add(api)
        usage.add(api)
        exporter.add(api)
    exporter.close()
    collected = collector.collection
    names, tables = merge_versions(collected, cells)
    write_versions(session.layout, package, names, tables)
    write_sources(session.layout, package, collected)
    write_usage(session.layout, package, usage)
    write_requires(session, package, records)
    for line in list_missing(package, collected.missing):
        log.warning("%s", line)
    for error in collected.missing.values():
        if isinstance(error, InfrastructureError):
            session.errors.append(error)
    changes = f"{changelogs.written} written, {changelogs.kept} kept"
    for line in summarise(package, versions, collected, len(cells.cells), changes):
        log.info("%s", line)


def choose_records(package: str, records: Sequence[Record]) -> list[Record]:
    """Return the package's records; those of no valid version are left out, with a warning."""
    found = [item for item in records if canonicalize_name(item.cell.package) == package]
    odd = [item for item in found if not is_version(item.cell.version)]
    for record in odd:
        log.warning("left out: %s has no version as PEP 440 has them", record.cell.label)
    return [item for item in found if is_version(item.cell.version)]


def open_usage(session: Session, package: str) -> UsageTable:
    """The scripts of the configuration that use the package, with their baseline versions' APIs."""
    config = session.config
    if config is None or config.analysis.dependency != package:
        return UsageTable(package, [], {})
    suites, notes = find_suites(config)
    baselines = sorted({suite.baseline for suite in suites}, key=version_key)
    collector = Collector(package, session.settings)
    apis = collector.collect_apis(baselines)
    for version, error in collector.collection.missing.items():
        session.tell(error, f"the usage of scripts whose baseline is {version} is left out")
    table = UsageTable(package, [suite for suite in suites if suite.baseline in apis], apis)
    for note in (*notes, *table.notes):
        log.warning("%s", note)
    return table


def merge_versions(collected: Collection, cells: CellScores) -> tuple[list[str], dict[str, Floats]]:
    """Return all scores of versions over the same names: those with an API and those with cells."""
    known = [item.profile.version for item in collected.entries]
    names = sorted({*known, *cells.versions}, key=version_key)
    tables = {}
    compared = collected.corpus.compare([item.profile for item in collected.entries])
    for score, table in compared.items():
        tables[score] = _spread(table, known, names)
    for score, table in cells.by_version.items():
        tables[f"requirements_{score}"] = _spread(table, cells.versions, names)
    return names, tables


def _spread(table: Floats, held: Sequence[str], names: Sequence[str]) -> Floats:
    """Return the table over more names; NaN where it has none."""
    places = [names.index(name) for name in held]
    result = np.full((len(names), len(names)), np.nan)
    result[np.ix_(places, places)] = table
    return result


def write_cells(layout: Layout, package: str, cells: CellScores) -> None:
    """The similarities of cells, in the original's shape and as a table."""
    path = layout.sims / f"pypi-{package}-requirements-sims.json"
    write_pairs(path, cells.cells, cells.by_cell)

    def replaces(rows: pd.DataFrame) -> pd.Series:
        names = rows["cell_a"].str.rpartition("/")[2].str.extract(RECORD_NAME)
        return names["package"].map(lambda name: canonicalize_name(str(name))) == package

    table = make_pairs(cells.cells, cells.by_cell, (), ("cell_a", "cell_b"))
    update_table(layout.sims / "cells", table, replaces)


def write_versions(
    layout: Layout, package: str, names: Sequence[str], tables: dict[str, Floats]
) -> None:
    """The similarities of versions, in the original's shape and as a table."""
    write_pairs(layout.sims / f"pypi-{package}-sims.json", names, tables, DIRECTED)
    table = make_pairs(names, tables, DIRECTED, ("a", "b"))
    table.insert(0, "package", package)
    update_table(layout.sims / "versions", table, lambda rows: rows["package"] == package)


def write_sources(layout: Layout, package: str, collected: Collection) -> None:
    """Where each version came from, what looks dirty, and how many names each API has."""
    sources = {item.profile.version: item.to_json() for item in collected.entries}
    missing = {version: str(error) for version, error in collected.missing.items()}
    path = layout.sims / f"pypi-{package}-sources.json"
    make_way(path)
    write_json(
        path,
        {"schema": 1, "package": package, "versions": sources, "missing": missing},
    )
    rows = [
        {
            "package": package,
            "version": item.profile.version,
            "modules": item.counts["module"],
            "classes": item.counts["class"],
            "functions": item.counts["function"],
            "methods": item.counts["method"],
            "symbols": sum(item.counts.values()),
        }
        for item in collected.entries
        if item.counts
    ]
    columns = ["package", "version", "modules", "classes", "functions", "methods", "symbols"]
    table = pd.DataFrame(rows, columns=columns)
    update_table(layout.sims / "api", table, lambda rows: rows["package"] == package)


def write_usage(layout: Layout, package: str, usage: UsageTable) -> None:
    """What each script uses, and how much of that each version has."""
    if usage.rows:
        table = pd.DataFrame(usage.rows)
        update_table(layout.sims / "usage", table, lambda rows: rows["package"] == package)


def write_requires(session: Session, package: str, records: Sequence[Record]) -> None:
    """What the packages in failures that drift may explain require, and what scripts import."""
    clear_requires(session.layout.sims)
    wanted = list_wanted(records)
    if not wanted:
        return
    config, scripts = session.config, {}
    if config is not None and config.analysis.dependency == package:
        for script in config.scripts:
            scripts[script] = list_modules(read_source(config.root / script))
    notes = update_requires(
        session.layout.sims,
        wanted,
        scripts,
        index_url=session.settings.index_url,
        cache=session.settings.cache,
        offline=session.settings.offline,
    )
    for note in notes:
        log.warning("%s: %s", package, note)
