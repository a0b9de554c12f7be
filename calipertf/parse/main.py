"""Stage 3 from beginning to end: records and similarities in; tables, figures, a page out."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from calipertf.errors import EXIT_OK, EXIT_REGRESSION, ConfigError, RecordError
from calipertf.files.atomic import remove_partials, write_json
from calipertf.files.generated import note_made, remove_old
from calipertf.parse.analysis import Analysis, analyse
from calipertf.parse.compare import Comparison, compare_runs, count_statuses, find_regressions
from calipertf.parse.figures.all import draw_figures, write_figures
from calipertf.parse.figures.base import render_svg
from calipertf.parse.findings import list_findings
from calipertf.parse.legacy import make_results_by_python
from calipertf.parse.load import STAGE_1, read_inputs
from calipertf.parse.page.render import write_report
from calipertf.parse.results import Result, make_results
from calipertf.parse.tables import write_table
from calipertf.paths import Layout, read_records
from calipertf.versions import python_version

log = logging.getLogger("calipertf")

#: The most regressions that the closing words list; the page and the table have all.
_LISTED = 20


def run_stage(arguments: argparse.Namespace) -> int:
    """Return the exit code of stage 3: 0, or 1 for a regression where --fail-on asks for it."""
    if arguments.fail_on and arguments.compare is None:
        raise ConfigError("--fail-on needs --compare FOLDER: the run to compare with")
    layout = Layout(root=arguments.dir)
    remove_partials(layout.compiled, layout.plots)
    remove_partials(layout.root, below=False)
    inputs = read_inputs(layout)
    for note in inputs.notes:
        log.warning("%s", note)
    comparisons = None
    if arguments.compare is not None:
        comparisons = compare_with(layout, arguments.compare, make_results(inputs.records))
        check_overlap(comparisons, arguments)
    analysis = analyse(inputs, comparisons)
    write_all(layout, analysis, comparisons, arguments.formats)
    for line in summarise(layout, analysis, comparisons, arguments.formats):
        print(line)
    failed = arguments.fail_on and comparisons and find_regressions(comparisons)
    return EXIT_REGRESSION if failed else EXIT_OK


def compare_with(layout: Layout, folder: Path, now: Sequence[Result]) -> list[Comparison]:
    """Return the results beside those of another run; `last` is what a run replaced last.

    Raises RecordError where there is nothing to compare with.
    """
    if folder != Path("last") or folder.is_dir():
        return compare_runs(read_other(folder), now)
    history = layout.list_history()
    if not history:
        raise RecordError(
            f"--compare last: no run has replaced a record yet, so {layout.history} has none; name "
            "the .caliper folder of an earlier run",
            path=layout.history,
        )
    log.info("compared with the records that a run replaced last, in %s", history[-1])
    before = read_other(history[-1])
    cells = {result.cell for result in before}
    return compare_runs(before, [result for result in now if result.cell in cells])


def read_other(folder: Path) -> list[Result]:
    """Return the results of another run. Raises RecordError where the folder holds none."""
    layout = Layout(root=folder)
    records, errors = read_records(layout)
    for error in errors:
        log.warning("left out of the comparison: %s", error)
    if not records:
        raise RecordError(
            f"--compare {folder}: there are no records under {layout.data}; name the .caliper "
            f"folder of an earlier run, which `{STAGE_1} --dir FOLDER` makes",
            path=folder,
        )
    return make_results(records)


def check_overlap(comparisons: Sequence[Comparison], arguments: argparse.Namespace) -> None:
    """Tells where two runs share nothing; raises RecordError where --fail-on relies on them."""
    if any(item.before and item.now for item in comparisons):
        return
    text = (
        f"--compare {arguments.compare}: the two runs have no script in a cell in common (package, "
        "version, Python and resolve date), so nothing could be compared"
    )
    if arguments.fail_on:
        raise RecordError(text, path=arguments.compare)
    log.warning("%s", text)


def write_all(
    layout: Layout,
    analysis: Analysis,
    comparisons: Sequence[Comparison] | None,
    formats: Sequence[str],
) -> None:
    """Every file of stage 3 that the formats ask for."""
    for name, table in analysis.tables.items():
        write_table(layout.compiled, name, table, formats)
    comparison = [f"comparison.{ending}" for ending in ("csv", "parquet")]
    if comparisons is None:
        # That of an earlier run would stand beside tables that it has nothing to do with.
        remove_old(layout.compiled, comparison)
    else:
        note_made(layout.compiled, comparison)
    if {"csv", "parquet"} & set(formats):
        by_python = make_results_by_python(analysis.inputs.records)
        write_json(layout.compiled / "test-results-by-python.json", by_python)
    if not {"html", "png", "svg"} & set(formats):
        return
    figures = draw_figures(analysis)
    svgs = {figure.name: render_svg(figure) for figure in figures}
    write_figures(layout, svgs, formats)
    if "html" in formats:
        write_report(layout, analysis, figures, svgs, comparisons)


def summarise(
    layout: Layout,
    analysis: Analysis,
    comparisons: Sequence[Comparison] | None,
    formats: Sequence[str],
) -> Iterator[str]:
    """Yield the closing lines: what was found, and where the files are."""
    yield from list_findings(analysis)
    yield from analysis.sentences
    if lost := sum(note.left_out for note in analysis.inputs.notes):
        files = "1 file or table was" if lost == 1 else f"{lost} files or tables were"
        yield f"{files} left out, in part or whole: each is named above, with the reason"
    if comparisons is not None:
        yield from _tell_comparison(comparisons)
    if {"csv", "parquet"} & set(formats):
        yield f"tables:  {layout.compiled}"
    if {"png", "svg"} & set(formats):
        yield f"figures: {layout.plots}"
    if "html" in formats:
        yield f"page:    {layout.report.resolve().as_uri()}"


def _tell_comparison(comparisons: Sequence[Comparison]) -> Iterator[str]:
    counts = count_statuses(comparisons)
    yield "compared with the other run: " + ", ".join(f"{n:,} {name}" for name, n in counts.items())
    broken = find_regressions(comparisons)
    for item in broken[:_LISTED]:
        cell = item.cell
        where = f"{cell.package} {cell.version}, Python {python_version(cell.python)}"
        why = f": {item.signature_now}" if item.signature_now else ""
        yield f"  broken: {item.script} on {where} ({cell.resolve}), now {item.now}{why}"
    if len(broken) > _LISTED:
        yield f"  and {len(broken) - _LISTED} more"
