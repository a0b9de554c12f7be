"""One row a cell and script: what every table, figure and page of stage 3 begins with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from calipertf.formats.records import Cell, Record, Run, Verdict
from calipertf.outcomes import OUTCOMES, Outcome
from calipertf.parse.failures import sign_failure
from calipertf.versions import python_key, version_key


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one script in one cell."""

    cell: Cell
    #: Cut-off that dependencies were resolved against; None where none was in force.
    resolve_date: str | None
    #: Suite of examples; the script's first folder where no baseline names one.
    suite: str
    script: str
    verdict: Verdict
    #: Exception and normalised message; None where it did not fail.
    signature: str | None
    run: Run | None = field(repr=False)

    @property
    def outcome(self) -> str:
        """Return the outcome's name, a key of OUTCOMES."""
        return self.verdict.outcome

    @property
    def traits(self) -> Outcome:
        """Return all that is known of the outcome."""
        return OUTCOMES[self.verdict.outcome]

    @property
    def works(self) -> bool:
        """Return whether it ran and gave the result that it should."""
        return self.traits.works

    @property
    def fails(self) -> bool:
        """Return whether it did not run to its end, and that says something about the version."""
        return self.traits.fails

    @property
    def silent(self) -> bool:
        """Return whether it says nothing about the version."""
        return self.traits.silent

    @property
    def baseline_cell(self) -> Cell | None:
        """Return the cell that it was compared with; None where it was compared with none."""
        named = self.verdict.baseline
        if not named:
            return None
        where = {name: str(named.get(name)) for name in ("version", "python", "resolve")}
        return Cell(package=self.cell.package, **where)


def list_scripts(record: Record) -> list[str]:
    """Return the scripts that a cell was asked to run; the original tool wrote them as one text."""
    asked = record.inputs.get("tests") or ()
    names = asked.split("\n") if isinstance(asked, str) else [str(name) for name in asked]
    return sorted({name.strip() for name in names if name.strip()} | set(record.outcomes))


def find_suites(records: Iterable[Record]) -> dict[str, str]:
    """Return script -> suite; scripts that no baseline was named for go by their first folder."""
    suites: dict[str, str] = {}
    for record in records:
        for script in list_scripts(record):
            verdict = record.outcomes.get(script)
            if verdict and verdict.suite:
                suites[script] = verdict.suite
            else:
                folder, slash, _ = script.partition("/")
                suites.setdefault(script, folder if slash else "scripts")
    return suites


def make_results(records: Sequence[Record]) -> list[Result]:
    """Return a row for each cell and script, in the order of cells, suites and scripts.

    A cell without a wheel or whose build failed has its own outcome in all its scripts; one that
    does not say which scripts it was asked for has those of the package's other cells.
    """
    suites = find_suites(records)
    by_package: dict[str, set[str]] = {}
    for record in records:
        by_package.setdefault(record.cell.package, set()).update(list_scripts(record))
    results: list[Result] = []
    for record in records:
        scripts = list_scripts(record) or sorted(by_package[record.cell.package])
        results += [
            _make_result(record, script, suites[script])
            for script in sorted(scripts, key=lambda name: (suites[name], name))
        ]
    return results


def _make_result(record: Record, script: str, suite: str) -> Result:
    verdict = record.outcomes.get(script)
    if verdict is None:
        # Why a build failed is the cell's message; no script has one.
        why = record.message if record.outcome == "build_failed" else None
        verdict = Verdict(outcome=record.outcome, reason=record.reason, detail=why, suite=suite)
    run = record.runs.get(script)
    source = run if run is not None else record.build
    return Result(
        cell=record.cell,
        resolve_date=record.resolve_date,
        suite=suite,
        script=script,
        verdict=verdict,
        signature=sign_failure(verdict, source.error if source else (), record.cell.package),
        run=run,
    )


@dataclass(frozen=True, kw_only=True)
class Axes:
    """The values of each axis of the grid, in the order that tables and figures show them."""

    packages: tuple[str, ...]
    versions: Mapping[str, tuple[str, ...]]
    pythons: tuple[str, ...]
    resolves: tuple[str, ...]
    #: Suite -> its scripts.
    suites: Mapping[str, tuple[str, ...]]


def resolve_key(resolve: str) -> tuple[int, str]:
    """Order of resolve dates: release, then dates as they come, then today, then the original's."""
    order = {"release": 0, "today": 2, "original": 3}
    return order.get(resolve, 1), resolve


def find_axes(results: Iterable[Result]) -> Axes:
    """Return every value of every axis that the results take."""
    versions: dict[str, set[str]] = {}
    pythons: set[str] = set()
    resolves: set[str] = set()
    suites: dict[str, set[str]] = {}
    for result in results:
        versions.setdefault(result.cell.package, set()).add(result.cell.version)
        pythons.add(result.cell.python)
        resolves.add(result.cell.resolve)
        suites.setdefault(result.suite, set()).add(result.script)
    return Axes(
        packages=tuple(sorted(versions)),
        versions={
            package: tuple(sorted(names, key=version_key)) for package, names in versions.items()
        },
        pythons=tuple(sorted(pythons, key=python_key)),
        resolves=tuple(sorted(resolves, key=resolve_key)),
        suites={suite: tuple(sorted(suites[suite])) for suite in sorted(suites, key=_suite_key)},
    )


def _suite_key(suite: str) -> tuple[str, object]:
    """Return tensorflow_v0.11 before tensorflow_v1 before tensorflow_v10."""
    stem = suite.rstrip("0123456789.")
    return stem, version_key(suite[len(stem) :].strip(".") or "0")
