"""What a person sees of a run: the plan, a line a cell, and the closing table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from calipertf.formats.records import Cell, Record, Verdict
from calipertf.outcomes import OUTCOMES, rank_worst
from calipertf.reasons.messages import normalise_message, shorten
from calipertf.run.plan import PlannedCell
from calipertf.run.work import Work, name_changes
from calipertf.versions import python_key, python_version, version_key


def count_scripts(record: Record) -> str:
    """Return how many of a cell's scripts have which outcome, best first: "29 same, 4 failed"."""
    counts = Counter(verdict.outcome for verdict in record.outcomes.values())
    if not counts:
        return OUTCOMES[record.outcome].count
    ordered = sorted(counts, key=rank_worst, reverse=True)
    return ", ".join(f"{counts[outcome]} {OUTCOMES[outcome].count}" for outcome in ordered)


def describe_cell(record: Record, number: int, total: int, seconds: float) -> str:
    """Return the line that a log gets for a cell."""
    return f"[{number}/{total}] {record.cell.label}: {count_scripts(record)}, {seconds:.0f} s"


def make_table(package: str, resolve: str, records: Mapping[Cell, Record]) -> Table:
    """Return versions down, Pythons across; each cell its worst outcome's mark and its counts."""
    cells = [cell for cell in records if cell.resolve == resolve]
    pythons = sorted({cell.python for cell in cells}, key=python_key)
    versions = sorted({cell.version for cell in cells}, key=version_key)
    table = Table()
    table.add_column(package, no_wrap=True)
    for python in pythons:
        table.add_column(f"Python {python_version(python)}")
    by_place = {(cell.version, cell.python): records[cell] for cell in cells}
    for version in versions:
        row = [by_place.get((version, python)) for python in pythons]
        table.add_row(version, *(_draw(record) for record in row))
    return table


def _draw(record: Record | None) -> Text:
    if record is None:
        return Text("")
    outcome = OUTCOMES[record.outcome]
    return Text(f"{outcome.mark} {count_scripts(record)}", style=outcome.style)


def make_legend(records: Iterable[Record]) -> str:
    """Return the marks that the tables above it use."""
    used = {record.outcome for record in records}
    marks = [f"{outcome.mark} {name}" for name, outcome in OUTCOMES.items() if name in used]
    return f"a cell's mark is its worst outcome: {', '.join(marks)}"


def escape_controls(text: str) -> str:
    """Return the text with control characters as escapes: scripts do not speak to our terminal."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def explain_failures(records: Iterable[Record], limit: int = 12) -> list[str]:
    """Return the commonest failures, each with how many cells have it.

    Each shown as it was first seen.

    A cell counts once for each distinct failure of its scripts.
    """
    counts: Counter[str] = Counter()
    shown: dict[str, str] = {}
    for record in records:
        if not _needs_words(record.outcome):
            continue
        found = {
            f"{outcome}: {normalise_message(text)}": (outcome, text)
            for outcome, text in _list_failures(record)
        }
        counts.update(found.keys())
        for key, (outcome, text) in found.items():
            shown.setdefault(key, f"{outcome}: {shorten(text, 150)}" if text else outcome)
    lines = [f"{count} x {escape_controls(shown[key])}" for key, count in counts.most_common(limit)]
    if len(counts) > limit:
        lines.append(f"and {len(counts) - limit} more: stage 3 lists them all")
    return lines


def _needs_words(outcome: str) -> bool:
    """Return whether an outcome needs an explanation."""
    return not OUTCOMES[outcome].clean and outcome != "no_release"


def _list_failures(record: Record) -> Iterator[tuple[str, str]]:
    """Yield outcome and words of each failure in a cell; a cell without scripts has its own."""
    verdicts = record.outcomes.values()
    failed = [verdict for verdict in verdicts if _needs_words(verdict.outcome)]
    if not failed:
        yield record.outcome, record.message or record.reason or ""
    for verdict in failed:
        yield verdict.outcome, _describe(verdict)


def _describe(verdict: Verdict) -> str:
    if OUTCOMES[verdict.outcome].differs:
        return ""
    failure = verdict.exception
    if failure is None:
        words = verdict.detail or verdict.reason or ""
        ended = verdict.detail and verdict.reason in {"other", "script"}
        return f"it ended without an exception: {words}" if ended else words
    return f"{failure.type}: {failure.message}" if failure.message else failure.type


def describe_plan(
    planned: Sequence[PlannedCell], missing: Mapping[str, str], work: Mapping[Cell, Work | None]
) -> list[str]:
    """Return the lines of --dry-run.

    Cells, files with their sizes, what is run and why, interpreters that are missing. `work` has
    each cell that can be built: None where its record says it all.
    """
    lines = [_describe_planned(plan, missing, work) for plan in sorted(planned, key=_table_order)]
    wanted = [plan.file for plan in planned if plan.file and work.get(plan.cell)]
    files = {file.filename: file for file in wanted}.values()
    wheels = sum(file.is_wheel for file in files)
    archives = (
        f" and {_count(len(files) - wheels, 'source archive')}" if wheels < len(files) else ""
    )
    total = format_size(sum(file.size or 0 for file in files))
    cells, words = _count(len(planned), "cell"), _count(wheels, "wheel")
    lines.append(f"{cells}, {words}{archives} to download, {total}")
    todo = [item for item in work.values() if item is not None]
    if done := len(work) - len(todo):
        scripts = _count(sum(item.count for item in todo), "script")
        lines.append(
            f"{_count(done, 'cell')} done already; to do: {_count(len(todo), 'cell')}, {scripts}"
        )
    lines.extend(missing[python] for python in sorted(missing, key=python_key))
    return lines


def explain_missing_baselines(
    planned: Sequence[PlannedCell], missing: Mapping[str, str], records: Mapping[Cell, Record]
) -> list[str]:
    """Return a line for each baseline cell that has no result, and gets none."""
    lines = []
    for plan in planned:
        if plan.cell in records and records[plan.cell].runs:
            continue  # judged by an earlier run, perhaps on another machine
        if plan.suites and (plan.file is None or plan.cell.python in missing):
            why = plan.missing or f"there is no Python {python_version(plan.cell.python)} here"
            lines.append(
                f"{', '.join(plan.suites)}: nothing to compare results with, as the baseline cell "
                f"{plan.cell.label} cannot be run: {why}; name another one under baselines"
            )
    return lines


def _table_order(plan: PlannedCell) -> tuple[object, ...]:
    return plan.cell.sort_key()


def _describe_planned(
    plan: PlannedCell, missing: Mapping[str, str], work: Mapping[Cell, Work | None]
) -> str:
    words = plan.missing or ""
    if plan.file:
        kind = "" if plan.file.is_wheel else ", source archive"
        words = f"{plan.file.filename}{kind}, {format_size(plan.file.size or 0)}"
        if plan.cutoff:
            words += f", dependencies of {plan.cutoff:%Y-%m-%d}"
        if plan.cell.python in missing:
            words += ", no interpreter"
    if plan.suites:
        words += f", baseline of {', '.join(plan.suites)}"
    if plan.cell in work:
        item = work[plan.cell]
        words += f"; {_describe_work(item)}" if item else "; done already"
    return f"{plan.cell.label}: {words}"


def _describe_work(work: Work) -> str:
    scripts = _count(len(work.scripts), "script")
    if work.kept is not None:
        scripts = f"{work.count} of {scripts} (all of them where its packages have moved)"
    why = "no record yet"
    if work.forced:
        why = "--force"
    elif work.changes:
        why = f"for a change of {name_changes(work.changes)}"
    return f"to run: {scripts}, {why}"


def format_size(size: int) -> str:
    """Return bytes in words: 475 MB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"
