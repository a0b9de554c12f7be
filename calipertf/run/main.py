"""Stage 1 from beginning to end: configuration, plan, cells, records, closing table."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from calipertf.cli import ResultConsole
from calipertf.config.model import Config, load_config
from calipertf.config.paths import resolve
from calipertf.errors import (
    EXIT_FAULT,
    EXIT_INFRASTRUCTURE,
    EXIT_OK,
    CaliperError,
    ConfigError,
    FaultError,
)
from calipertf.files.atomic import hold_lock, make_folder
from calipertf.formats.causes import describe_explanation
from calipertf.formats.locks import Lock
from calipertf.formats.records import Cell, Observation, Record
from calipertf.index import DEFAULT_INDEX
from calipertf.index.client import Index, ReleaseFile
from calipertf.index.credentials import lend_credentials, needs_credentials
from calipertf.paths import Layout, read_records
from calipertf.reasons.messages import name_some
from calipertf.run.advice import describe_conditions, list_advice
from calipertf.run.backends.base import Capabilities
from calipertf.run.backends.registry import open_backend
from calipertf.run.backends.venv.folders import open_cache
from calipertf.run.baselines import explain_baselines
from calipertf.run.builds.evidence import Memory
from calipertf.run.cpus import count_jobs
from calipertf.run.dockerfile import check_template, render_plan
from calipertf.run.experiments.drive import Budget, CellSearch, begin_search, drive
from calipertf.run.experiments.main import (
    find_pairs,
    list_releases,
    name_file,
    read_known,
    sign_pair,
    write_explanation,
)
from calipertf.run.experiments.trials import Request, TrialFolder
from calipertf.run.judge import judge_record
from calipertf.run.kept import Kept, find_kept, keep_runs
from calipertf.run.locking import find_base, list_moves, list_pins, lock_cell
from calipertf.run.options import RunOptions, read_options
from calipertf.run.plan import (
    PlannedCell,
    baseline_cell,
    choose_scripts,
    find_baselines,
    plan_grid,
)
from calipertf.run.processes import Processes
from calipertf.run.progress import Progress
from calipertf.run.requirements import check_requirements, describe_unlisted, find_unlisted
from calipertf.run.runner.isolation import tell_missing
from calipertf.run.runner.pytest_files import explain_pytest
from calipertf.run.schedule import Done, LocalScheduler, Scheduler
from calipertf.run.selection import make_selection
from calipertf.run.sources import SourceTree, find_sources
from calipertf.run.spec import CellSpec
from calipertf.run.store import Store, list_changes, make_fingerprint
from calipertf.run.summary import (
    describe_plan,
    explain_failures,
    explain_missing_baselines,
    make_legend,
    make_table,
)
from calipertf.run.work import Work, name_changes

log = logging.getLogger("calipertf")


@dataclass(frozen=True, kw_only=True)
class Session:
    """What the parts of a run share."""

    config: Config
    options: RunOptions
    #: What the place offers where the cells run.
    capabilities: Capabilities
    scripts: tuple[str, ...]
    baselines: Mapping[str, Cell]
    store: Store
    #: The scripts of the configuration and what they may read beside themselves.
    sources: SourceTree
    #: What the index has, for records of failed builds.
    memory: Memory
    index: Index
    #: Platform tags of the wheels that cells install, the best first.
    platforms: Sequence[str]
    #: Whether the run was planned from an old page of the index.
    stale: bool


def run_stage(arguments: argparse.Namespace) -> int:
    """Return the exit code of stage 1; see calipertf.cli for the errors that it ends with."""
    from pathlib import Path

    config = load_config(Path(arguments.config))
    options = read_options(arguments, config)
    selection = make_selection(arguments)
    scripts = choose_scripts(config, selection)
    analysis = config.analysis
    for line in explain_pytest(config, scripts):
        log.warning(line)
    with contextlib.ExitStack() as stack:
        stack.enter_context(lend_credentials(analysis.index_url))
        index = stack.enter_context(Index(analysis.index_url, open_cache()))
        project = index.fetch_releases(analysis.dependency)
        if project.stale:
            log.warning(
                "the index cannot be reached: planning from its page in the cache, which may be old"
            )
        place = stack.enter_context(open_place(config, options, index))
        capabilities = place.capabilities
        refuse_credentials(capabilities, analysis.index_url)
        platforms = capabilities.platforms()
        planned = plan_grid(config, project, platforms, selection)
        check_template(config, planned)
        missing = find_missing(planned, capabilities)
        check_requirements(config, index)
        advice = describe_unlisted(config, find_unlisted(config, scripts, planned))
        advice += list_advice(config, scripts)
        layout = Layout(root=options.dir)
        baselines = {
            suite: baseline_cell(project.name, baseline)
            for suite, baseline in find_baselines(config, scripts).items()
        }
        session = Session(
            config=config,
            options=options,
            capabilities=capabilities,
            scripts=scripts,
            baselines=baselines,
            store=make_store(config, layout, baselines),
            sources=find_sources(config, [options.dir]),
            memory=Memory(index),
            index=index,
            platforms=platforms,
            stale=project.stale,
        )
        if options.dry_run:
            print_plan(session, planned, missing)
            print("\n".join([*advice, describe_conditions(config)]))
            return EXIT_OK
        tell_beginning(config, options, advice)
        stack.enter_context(hold_lock(layout.lock))
        make_folder(layout.data)
        return judge_grid(session, planned, missing, place.make_scheduler())


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a run's cells are built and run: this machine, or the workers of a cluster."""

    capabilities: Capabilities
    make_scheduler: Callable[[], Scheduler]


@contextlib.contextmanager
def open_place(config: Config, options: RunOptions, index: Index) -> Iterator[Place]:
    """Open the place that the options ask for."""
    if options.cluster is None:
        processes = Processes()
        with open_backend(config.analysis, options, processes, index) as backend:
            yield Place(
                capabilities=backend,
                make_scheduler=lambda: LocalScheduler(
                    backend,
                    processes,
                    root=config.root,
                    run_id=options.run_id,
                    jobs=count_jobs(options.jobs),
                ),
            )
        return
    # Dask takes half a second to import.
    from calipertf.run.cluster.backend import open_cluster
    from calipertf.run.cluster.driver import DaskScheduler

    with open_cluster(options.cluster, config.analysis, options) as cluster:
        yield Place(
            capabilities=cluster,
            make_scheduler=lambda: DaskScheduler(
                cluster, root=config.root, leave_out=[options.dir], jobs=options.jobs
            ),
        )


def make_store(config: Config, layout: Layout, baselines: Mapping[str, Cell]) -> Store:
    """Return the store of a run's records, which are yet to be loaded."""
    analysis = config.analysis
    return Store(
        layout=layout,
        dated=len({*analysis.resolve, *(cell.resolve for cell in baselines.values())}) > 1,
        tolerance=analysis.tolerance,
        suites={script: config.find_suite(script) for script in config.scripts},
        baselines=baselines,
    )


def print_plan(
    session: Session, planned: Sequence[PlannedCell], missing: Mapping[str, str]
) -> None:
    """Print what a run would do, given the records that are there; nothing is written."""
    records, errors = read_records(session.store.layout)
    for error in errors:
        log.warning("left out: %s", error)
    known = {record.cell: record for record in records if not record.is_original}
    work: dict[Cell, Work | None] = {
        plan.cell: find_work(session, plan, known.get(plan.cell))
        for plan in planned
        if plan.file is not None and plan.cell.python not in missing
    }
    lines = describe_plan(planned, missing, work)
    print("\n".join(lines + explain_missing_baselines(planned, missing, known)))


def tell_beginning(config: Config, options: RunOptions, advice: Iterable[str]) -> None:
    """Say what a new user may trip over, and where records go if that is not beside the file."""
    for line in advice:
        log.warning(line)
    log.info(describe_conditions(config))
    folder = resolve(options.dir)
    if folder.parent != config.path.parent:
        log.info("records go to %s; --dir names another folder", folder)


def refuse_credentials(capabilities: Capabilities, index_url: str) -> None:
    """Raise ConfigError where images would have to be built from an index that asks for a login."""
    if (
        capabilities.kind == "docker"
        and index_url != DEFAULT_INDEX
        and needs_credentials(index_url)
    ):
        raise ConfigError(
            f"{index_url} is asked with credentials, which builds of images are not given: they "
            "would stay in the image; use environment: venv"
        )


def find_missing(planned: Iterable[PlannedCell], capabilities: Capabilities) -> dict[str, str]:
    """Return Python tag -> how to get it, for those that cells need and are not there."""
    wanted = {plan.cell.python for plan in planned if plan.file}
    return {
        tag: capabilities.explain_missing(tag)
        for tag in wanted
        if capabilities.find_python(tag) is None
    }


def judge_grid(
    session: Session,
    planned: Sequence[PlannedCell],
    missing: Mapping[str, str],
    scheduler: Scheduler,
) -> int:
    """Run what has no record yet, judge everything, print the tables; the exit code."""
    store = session.store
    store.load(plan.cell for plan in planned)
    kept = len(store.records)
    todo = [cell for plan in planned if (cell := prepare_cell(session, plan, missing))]
    store.judge_all()
    lacking = explain_missing_baselines(planned, missing, store.records)
    for line in lacking:
        log.warning(line)
    kept = min(kept, len(planned) - len(todo))
    if kept:
        log.info("%d of %d cells have their record already", kept, len(planned))
    if empty := len(planned) - len(todo) - kept:
        log.info("%d of %d cells have no release, or no interpreter here", empty, len(planned))
    for line in list_failed_baselines(session):
        log.warning(line)
    failures = run_cells(session, todo, scheduler, total=len(planned))
    store.judge_all()  # whether a script works anywhere is known now
    found = {plan.cell: store.records[plan.cell] for plan in planned if plan.cell in store.records}
    print_tables(session.config.analysis.dependency, found)
    for line in (*lacking, *list_failed_baselines(session)):
        print(line)
    for tag in sorted(missing):
        print(missing[tag])
    for done in failures:
        print(f"not judged, tried again by the next run: {done.spec.cell.label}: {done.failure}")
    for line in find_causes(session, planned, found, scheduler):
        print(line)
    print(f"{len(found)} records in {store.layout.data}")
    if any(isinstance(done.failure, FaultError) for done in failures):
        return EXIT_FAULT
    return EXIT_INFRASTRUCTURE if failures else EXIT_OK


def list_failed_baselines(session: Session) -> list[str]:
    """Return a line for each baseline that was run and failed."""
    store = session.store
    return explain_baselines(session.baselines, store.records, store.suites)


def find_causes(
    session: Session,
    planned: Sequence[PlannedCell],
    records: Mapping[Cell, Record],
    scheduler: Scheduler,
) -> list[str]:
    """Search for the packages that break cells, where that is asked for; return lines on it.

    What was found is written beside the records.
    """
    if not session.options.find_causes:
        return []
    folder = session.store.layout.causes
    plans = {plan.cell: plan for plan in planned}
    lines: list[str] = []
    searches: dict[tuple[str, str], list[CellSearch]] = {}
    signatures: dict[Cell, str] = {}
    shared = make_fingerprint(
        session.config, session.config.scripts, session.capabilities.kind, (), session.sources
    )
    for failing, reference in find_pairs(records):
        plan = plans[failing.cell]
        if plan.file is None:
            continue
        conditions = {**shared, **_list_conditions(session, plan)}
        signature = sign_pair(failing, reference, conditions)
        known = read_known(name_file(folder, failing.cell), signature)
        if known is not None:
            lines += describe_explanation(known)
            continue
        signatures[failing.cell] = signature
        between = list_releases(session.index, session.platforms, failing.cell.python)
        search = begin_search(failing, reference, conditions, between)
        searches.setdefault((plan.file.filename, plan.cell.python), []).append(search)
    if not searches and not lines:
        return ["no cell fails whose version works with packages of another date"]
    for group in searches.values():
        # Cells of one wheel share its download.
        for search in group:
            log.info("%s: looking for the packages that break it", search.cell.label)
        drive(
            group,
            TrialFolder(folder=folder / "trials"),
            scheduler,
            make_spec=lambda failing, request: _make_trial(session, plans[failing.cell], request),
            judge=lambda seen: _judge_trial(session, seen),
            budget=Budget(),
        )
        for search in group:
            path = name_file(folder, search.cell)
            lines += describe_explanation(write_explanation(path, search, signatures[search.cell]))
    return lines


def _list_conditions(session: Session, plan: PlannedCell) -> dict[str, Any]:
    """Return what a trial's result depends on beside its request and the cell's fingerprint."""
    python = session.capabilities.find_python(plan.cell.python)
    return {
        "tolerance": session.config.analysis.tolerance,
        "file": plan.file.filename if plan.file else None,
        "python": python.version if python else None,
        # What is resolved comes out otherwise on another day, and at another date.
        "day": f"{session.store.started:%Y-%m-%d}" if plan.cutoff is None else str(plan.cutoff),
    }


def _make_trial(session: Session, plan: PlannedCell, request: Request) -> CellSpec:
    """Return the cell that a trial builds and runs."""
    assert plan.file is not None  # noqa: S101 -- cells without a file are not searched
    analysis = session.config.analysis
    if request.requirements:
        wanted = [*analysis.requirements, *request.requirements]
        analysis = analysis.model_copy(update={"requirements": wanted})
    # Pins need no index of the past, which would hide those that were put there.
    cutoff = None if request.pins else plan.cutoff
    config = replace(session.config, analysis=analysis)
    url = session.capabilities.index_url(cutoff, analysis.index_url)
    return replace(
        make_spec(session, plan, plan.file, request.scripts),
        analysis=analysis,
        cutoff=cutoff,
        dockerfile=render_plan(config, plan, url, request.pins),
        pins=request.pins,
        keep_wheel=True,
    )


def _judge_trial(session: Session, seen: Observation) -> Record:
    store = session.store
    baselines = {suite: store.records.get(cell) for suite, cell in store.baselines.items()}
    return judge_record(seen, store.suites, baselines, store.tolerance)


@dataclass(frozen=True, kw_only=True)
class PreparedCell:
    """A cell that has to be run, and what its record will say that its result depends on."""

    plan: PlannedCell
    spec: CellSpec
    fingerprint: Mapping[str, Any]


def prepare_cell(
    session: Session, plan: PlannedCell, missing: Mapping[str, str]
) -> PreparedCell | None:
    """Return what to run of a planned cell; None where its record says it all."""
    store = session.store
    old = store.records.get(plan.cell)
    if plan.file is None or plan.cell.python in missing:
        reason = plan.missing or missing[plan.cell.python]
        outcome = "no_release" if plan.file is None else "no_interpreter"
        # What an earlier run found on a machine that had the interpreter is not lost.
        if old is None or (
            plan.file is None and (old.outcome == "no_interpreter" or is_left_out(session, old))
        ):
            store.save(make_blank(session, plan, outcome, reason))
        return None
    work = find_work(session, plan, old)
    if work is None:
        return None
    if work.changes:
        subject = f"{plan.cell.label} is"
        if work.kept is not None:
            subject = f"{work.count} of {len(work.scripts)} scripts of {plan.cell.label} are"
        log.info("%s run again, for a change of %s", subject, name_changes(work.changes))
    spec = replace(
        make_spec(session, plan, plan.file, work.scripts),
        kept=work.kept,
        twice=frozenset(work.twice),
    )
    return PreparedCell(plan=plan, spec=spec, fingerprint=work.fingerprint)


def make_spec(
    session: Session, plan: PlannedCell, file: ReleaseFile, scripts: tuple[str, ...]
) -> CellSpec:
    """Return a planned cell, which has a file, as it is built and runs scripts."""
    return CellSpec(
        cell=plan.cell,
        analysis=session.config.analysis,
        file=file,
        cutoff=plan.cutoff,
        scripts=scripts,
        twice=frozenset(),
        folder=session.sources.mount.relative_to(session.config.root),
        sources=session.sources.names,
        dockerfile=render(session, plan),
    )


def find_work(session: Session, plan: PlannedCell, old: Record | None) -> Work | None:
    """Return what is to be run in a cell that can be built; None where its record says it all."""
    config = session.config
    scripts = choose_cell_scripts(session, old)
    twice = tuple(name for name in session.scripts if config.find_suite(name) in plan.suites)
    fingerprint = make_fingerprint(
        config, scripts, session.capabilities.kind, twice, session.sources
    )
    kept: Kept | None = None
    changes: list[str] = []
    if old is not None and not session.options.force:
        changes = find_changes(old, fingerprint, session.scripts)
        change = None if changes else session.memory.find_change(old, plan.cutoff)
        if change:
            changes = [change]
        if not changes:
            return None
        kept = find_kept(old, fingerprint, changes)
    return Work(
        scripts=scripts,
        twice=twice,
        fingerprint=fingerprint,
        kept=kept,
        changes=tuple(changes),
        forced=old is not None and session.options.force,
    )


def is_left_out(session: Session, old: Record) -> bool:
    """Return whether a record is of a source archive, which caliper.yaml now leaves out."""
    file = str(old.environment.get("wheel") or ".whl")
    return session.config.analysis.sources == "never" and not file.endswith(".whl")


def find_changes(
    old: Record, fingerprint: Mapping[str, object], scripts: Sequence[str]
) -> list[str]:
    """Return why a cell with a record has to be run again; nothing where it has not."""
    if old.outcome in {"no_interpreter", "no_release"}:
        return [f"what was {old.outcome}"]
    known = old.inputs.get("fingerprint") or {}
    asked = {**fingerprint, "scripts": _pick(fingerprint["scripts"], scripts)}
    return list_changes(known, asked)


def _pick(hashes: object, scripts: Sequence[str]) -> dict[str, str]:
    return {name: digest for name, digest in dict(hashes).items() if name in scripts}  # type: ignore[call-overload]


def choose_cell_scripts(session: Session, old: Record | None) -> tuple[str, ...]:
    """Return the scripts to run in a cell.

    Those asked for, and those that its old record would lose.
    """
    keep = set(session.scripts) | (set(old.runs) if old else set())
    return tuple(script for script in session.config.scripts if script in keep)


def render(session: Session, plan: PlannedCell, seen: Observation | None = None) -> str:
    """Return the Dockerfile of a cell; once it is built, the one that builds it again."""
    index_url = session.config.analysis.index_url
    pins = list_pins(seen) if seen else ()
    # Pins need no index of the past.
    cutoff = None if pins else plan.cutoff
    base = find_base(seen) if seen else None
    url = session.capabilities.index_url(cutoff, index_url)
    return render_plan(session.config, plan, url, pins, base)


def find_lock(session: Session, seen: Observation) -> Lock | None:
    """Return the lock of a cell; None, with a warning, where the index cannot be asked for it."""
    try:
        return lock_cell(session.index, seen, session.platforms)
    except CaliperError as error:
        log.warning("%s has no lock: %s", seen.cell.label, error)
        return None


def make_blank(session: Session, plan: PlannedCell, outcome: str, reason: str) -> Record:
    """Return the record of a cell in which nothing was built."""
    return Record(
        cell=plan.cell,
        outcome=outcome,
        message=reason,
        resolve_date=f"{plan.cutoff:%Y-%m-%dT%H:%M:%SZ}" if plan.cutoff else None,
        environment={"kind": session.capabilities.kind},
        inputs={
            "name": plan.cell.name,
            "dependency": plan.cell.package,
            "dockerfile": render(session, plan),
            "tests": list(session.scripts),
        },
    )


def run_cells(
    session: Session, todo: Sequence[PreparedCell], scheduler: Scheduler, total: int
) -> list[Done]:
    """Run cells, write each record as its cell ends; return those that failed by our fault."""
    failures: list[Done] = []
    prepared = {item.spec.cell: item for item in todo}
    bar = Progress(total=total, kept=total - len(todo))
    # Closed here, so that cells still running are ended before what they run in.
    ending = contextlib.closing(scheduler.run([cell.spec for cell in todo]))
    with bar as progress, ending as ended:
        for done in ended:
            cell = done.spec.cell
            if done.seen is None:
                failures.append(done)
                session.store.save_failure(cell, str(done.failure))
                progress.fail(cell, done.failure)
                continue
            tell_missing(done.seen.environment)
            inputs = {**done.seen.inputs, "fingerprint": prepared[cell].fingerprint}
            if session.stale:
                inputs["stale_index"] = True
            seen = replace(done.seen, inputs=inputs)
            built = seen.is_built
            old = session.store.records.get(cell)
            if old is not None and built and len(seen.runs) < len(done.spec.scripts):
                seen = keep_runs(old, seen, done.spec.scripts)
            moves = list_moves(old, seen) if built and old is not None else []
            if moves:
                log.info("packages of %s have moved: %s", cell.label, name_some(moves, 10))
            lock = find_lock(session, seen)
            if lock is not None and not lock.left_out:
                try:
                    inputs["dockerfile"] = render(session, prepared[cell].plan, seen)
                except ConfigError as error:  # the template filled in before, without pins
                    log.warning("the Dockerfile of %s has no pins: %s", cell.label, error)
            record = session.store.save(seen, lock)
            progress.advance(record)
            if record.cell in session.baselines.values():
                own = {
                    suite: cell for suite, cell in session.baselines.items() if cell == record.cell
                }
                for line in explain_baselines(own, session.store.records, session.store.suites):
                    log.warning(line)
    return failures


def print_tables(package: str, records: Mapping[Cell, Record]) -> None:
    """The closing tables on stdout, one a resolve date, and the commonest reasons."""
    width = None if sys.stdout.isatty() else 120
    console = ResultConsole(highlight=False, width=width)
    for date in dict.fromkeys(cell.resolve for cell in records):
        console.print(f"\n{package}, dependencies of: {date}", style="bold")
        console.print(make_table(package, date, records))
    if records:
        console.print(make_legend(records.values()))
    for line in explain_failures(records.values()):
        console.print(f"  {line}", markup=False, soft_wrap=True)
