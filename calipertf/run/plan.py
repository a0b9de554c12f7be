"""The plan of a run: which cells, with which wheel, resolved against which state of the index."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timezone

from packaging.version import Version

from calipertf.config.model import Analysis, Baseline, Config
from calipertf.config.problems import Problems
from calipertf.errors import ConfigError, VersionError
from calipertf.formats.records import Cell
from calipertf.index.client import COMPANION_DELAY, Project, ReleaseFile
from calipertf.index.tags import choose_file, choose_sdist
from calipertf.versions import find_nearest, select_pythons, select_versions


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """A cell and what is known of it before anything is built."""

    cell: Cell
    #: The wheel or source archive; None where there is none (no_release).
    file: ReleaseFile | None
    #: UTC; None where nothing is hidden.
    cutoff: datetime | None
    #: Suites whose baseline this cell is.
    suites: tuple[str, ...] = ()
    #: Whether it is there only because it is a baseline.
    added: bool = False
    #: Why there is no file; None where there is one.
    missing: str | None = None


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What the command line takes out of the configured grid; empty takes all."""

    versions: Sequence[str] = ()
    pythons: Sequence[str] = ()
    resolves: Sequence[str] = ()
    tests: Sequence[str] = ()


def plan_grid(
    config: Config, project: Project, platforms: Iterable[str], selection: Selection
) -> list[PlannedCell]:
    """The cells of a run in the order to start them, baseline cells first, then the largest wheels.

    Raises VersionError or ConfigError where nothing is left to do.
    """
    analysis = config.analysis
    names = list(platforms)
    versions = choose_versions(config, project, selection)
    pythons = choose_pythons(analysis, project, selection)
    resolves = choose_resolves(analysis, selection)
    scripts = choose_scripts(config, selection)
    grid = {
        Cell(package=project.name, version=str(version), python=python, resolve=resolve): False
        for version in versions
        for python in pythons
        for resolve in resolves
    }
    baselines: dict[Cell, list[str]] = {}
    for suite, baseline in find_baselines(config, scripts).items():
        cell = baseline_cell(project.name, baseline)
        baselines.setdefault(cell, []).append(suite)
        grid.setdefault(cell, True)
    planned = [
        plan_cell(
            cell,
            project,
            names,
            suites=baselines.get(cell, ()),
            added=added,
            sources=analysis.sources == "auto",
        )
        for cell, added in grid.items()
    ]
    if not planned:
        raise ConfigError(
            "the grid is empty: versions, python_versions and resolve select no cell together"
        )
    return sorted(planned, key=_start_order)


def _start_order(planned: PlannedCell) -> tuple[object, ...]:
    size = planned.file.size or 0 if planned.file else 0
    cell = planned.cell
    # Cells of one wheel follow one another: they share its download.
    return (not planned.suites, -size, cell.version, cell.python, cell.resolve)


def choose_versions(config: Config, project: Project, selection: Selection) -> list[Version]:
    """Return versions of the grid: those configured (all where none are), cut down by --versions.

    Raises ConfigError for each version of the file that the index does not have.
    """
    known = project.all_versions()
    problems = Problems(config.file)
    configured: set[Version] = set()
    for number, selector in enumerate(config.analysis.versions or ["all"]):
        try:
            configured.update(select_versions([selector], known))
        except VersionError as error:
            problems.add(("analysis", "versions", number), f"versions: {error}")
    for suite, baseline in config.analysis.baselines.items():
        try:
            select_versions([baseline.version], known)
        except VersionError as error:
            problems.add(("analysis", "baselines", suite), f"baselines.{suite}: {error}")
    problems.check()
    if not selection.versions:
        return sorted(configured)
    try:
        return select_versions(selection.versions, configured)
    except VersionError:
        # A version named on the command line is meant, in the file or not.
        return select_versions(selection.versions, known)


def choose_pythons(analysis: Analysis, project: Project, selection: Selection) -> list[str]:
    """Return Python tags of the grid, cut down by --python.

    Where none are configured, the package's.
    """
    available = project.pythons()
    configured = select_pythons(analysis.python_versions or ["all"], available)
    return select_pythons(selection.pythons, configured) if selection.pythons else configured


def choose_resolves(analysis: Analysis, selection: Selection) -> list[str]:
    """Resolve dates of the grid, or those of --resolve."""
    return list(dict.fromkeys(selection.resolves or analysis.resolve))


def choose_scripts(config: Config, selection: Selection) -> tuple[str, ...]:
    """Return the scripts to run.

    Those configured, cut down by --tests (globs, folders, parts of a path).
    """
    if not selection.tests:
        return config.scripts
    chosen: list[str] = []
    for pattern in selection.tests:
        # A folder named whole is that folder alone, not each whose name begins like it.
        folder = f"{pattern.strip('/')}/"
        found = [script for script in config.scripts if script.startswith(folder)]
        found = found or [script for script in config.scripts if _fits(script, pattern)]
        if not found:
            nearest = find_nearest(pattern, config.scripts)
            hint = f"; did you mean {nearest}?" if nearest else ""
            raise ConfigError(f"--tests {pattern!r} fits no script of {config.path.name}{hint}")
        chosen.extend(found)
    return tuple(script for script in config.scripts if script in chosen)


def _fits(script: str, pattern: str) -> bool:
    part = pattern.strip("/")
    return fnmatch.fnmatch(script, pattern) or (part != "" and f"/{part}" in f"/{script}")


def find_baselines(config: Config, scripts: Sequence[str]) -> Mapping[str, Baseline]:
    """Return the suites that some script belongs to, and their baselines."""
    used = {config.find_suite(script) for script in scripts}
    return {
        suite: baseline for suite, baseline in config.analysis.baselines.items() if suite in used
    }


def baseline_cell(package: str, baseline: Baseline) -> Cell:
    """Return the cell that a baseline names."""
    return Cell(
        package=package, version=baseline.version, python=baseline.python, resolve=baseline.resolve
    )


def plan_cell(
    cell: Cell,
    project: Project,
    platforms: Sequence[str],
    *,
    suites: Iterable[str] = (),
    added: bool = False,
    sources: bool = True,
) -> PlannedCell:
    """Return one cell with its file and cut-off; `missing` says why where there is no file.

    Without `sources` it is never a source archive.
    """
    version = Version(cell.version)
    file = choose_file(project, version, cell.python, platforms, sources=sources)
    cutoff = find_cutoff(cell.resolve, file) if file else None
    missing = None
    if file is None:
        missing = explain_missing(cell, project, version)
    elif cutoff and file.uploaded and file.uploaded > cutoff:
        missing = f"{file.filename} was uploaded on {file.uploaded:%Y-%m-%d}, after the date"
        # On that day the version may have been there with fewer files.
        past = hide_newer(project, cutoff)
        file = choose_file(past, version, cell.python, platforms, sources=sources)
        missing = None if file else missing
    return PlannedCell(
        cell=cell, file=file, cutoff=cutoff, suites=tuple(suites), added=added, missing=missing
    )


def hide_newer(project: Project, cutoff: datetime) -> Project:
    """Return the package as it was on the index at a cut-off.

    Without an upload time a file stays.
    """
    files = (file for file in project.files if file.uploaded is None or file.uploaded <= cutoff)
    return replace(project, files=tuple(files))


def explain_missing(cell: Cell, project: Project, version: Version) -> str:
    """Return why no file of a version can be installed on a cell's Python."""
    files = project.release_files(version)
    excluding = [file for file in files if not file.allows_python(cell.python)]
    if files and len(excluding) == len(files):
        needed = excluding[0].requires_python
        return f"{cell.package} {version} requires Python {needed}, which {cell.python} is not"
    words = f"the index has no wheel of {cell.package} {version} for {cell.python}"
    if choose_sdist(project, version, cell.python):
        return f"{words}; its source archive is left out by sources: never"
    return f"{words}, and no source archive"


def find_cutoff(resolve: str, file: ReleaseFile) -> datetime | None:
    """Return the moment (UTC) after which uploads are hidden from a cell; None for today.

    A date means its end. Raises ConfigError for `release` where the index gives no upload times.
    """
    if resolve == "today":
        return None
    if resolve == "release":
        if file.uploaded is None:
            raise ConfigError(
                f"resolve: release needs upload times, which the index does not give for "
                f"{file.filename}; use today, a date, or an index with PEP 700"
            )
        return (file.uploaded + COMPANION_DELAY).replace(microsecond=0)
    if "T" in resolve:
        moment = datetime.fromisoformat(resolve.replace("Z", "+00:00"))
        return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return datetime.combine(date.fromisoformat(resolve), time(23, 59, 59), tzinfo=timezone.utc)
