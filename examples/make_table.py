"""Writes the table of examples/README.md: each script against releases of TensorFlow.

Reads the records that stage 1 made of grids/examples.yaml.

    python 1.run_analysis.py --config grids/examples.yaml --dir .caliper/examples
    python examples/make_table.py --dir .caliper/examples
"""

from __future__ import annotations

import argparse
import collections
import itertools
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # run from a checkout, calipertf is not installed

from calipertf.config.model import Config, load_config  # noqa: E402
from calipertf.outcomes import OUTCOMES  # noqa: E402
from calipertf.paths import Layout, read_records  # noqa: E402
from calipertf.formats.records import Record, Verdict  # noqa: E402
from calipertf.parse.requirements import name_companions, parse_requirements  # noqa: E402
from calipertf.versions import python_version, version_key  # noqa: E402

BEGIN = "<!-- made by make_table.py: begin -->"
END = "<!-- made by make_table.py: end -->"
#: Characters of an exception's message that a row shows.
SHOWN = 80
#: Between these minor releases the discriminating power is counted.
FROM, TO = "2.4", "2.20"


def choose_records(records: Sequence[Record], config: Config, suite: str) -> dict[str, Record]:
    """One record a version, oldest first: the suite's baseline where it is one, else the grid's."""
    baseline = config.analysis.baselines[suite]
    chosen: dict[str, Record] = {}
    for record in sorted(records, key=lambda record: version_key(record.cell.version)):
        cell = record.cell
        if record.outcome == "no_release":
            continue
        is_baseline = (cell.version, cell.python) == (baseline.version, baseline.python)
        if is_baseline or (cell.version not in chosen and in_grid(record, config)):
            chosen[cell.version] = record
    return chosen


def in_grid(record: Record, config: Config) -> bool:
    """Whether the file's own lists name the cell (baseline cells are added to them)."""
    return record.cell.python in (config.analysis.python_versions or [record.cell.python])


def find_outcome(record: Record, script: str) -> str:
    """The script's outcome in a cell, or the cell's own where nothing could run."""
    verdict = record.outcomes.get(script)
    return verdict.outcome if verdict else record.outcome


def describe_break(record: Record, script: str) -> str:
    """The version and the exception that ended the script there, on one line of Markdown."""
    verdict = record.outcomes.get(script)
    cause = verdict.exception if verdict else None
    words = f"{cause.type}: {cause.message}" if cause else describe_reason(verdict)
    words = " ".join(words.split())
    short = words if len(words) <= SHOWN else words[: SHOWN - 3] + "..."
    return f"{record.cell.version}: `{short.replace('`', chr(39)).replace('|', '/')}`"


def describe_reason(verdict: Verdict | None) -> str:
    """What is known of a failure without an exception."""
    if verdict is None:
        return "the cell could not be built"
    return verdict.detail or verdict.reason or verdict.outcome.replace("_", " ")


def find_break(records: Mapping[str, Record], script: str, baseline: str) -> str:
    """The first version after the baseline where the script does not run; `none` if there is none."""
    later = [version for version in records if version_key(version) > version_key(baseline)]
    for version in sorted(later, key=version_key):
        if OUTCOMES[find_outcome(records[version], script)].fails:
            return describe_break(records[version], script)
    return "none"


def make_suite(suite: str, config: Config, records: Sequence[Record]) -> Iterator[str]:
    """The lines of one suite's table."""
    baseline = config.analysis.baselines[suite]
    chosen = choose_records(records, config, suite)
    scripts = [script for script in config.scripts if config.find_suite(script) == suite]
    minors = [".".join(version.split(".")[:2]) for version in chosen]
    yield f"### {Path(suite).name}, written for {baseline.version}, Python {python_version(baseline.python)}"
    yield ""
    yield f"| script | {' | '.join(minors)} | changes | first break after the baseline |"
    yield f"| --- |{' :-: |' * len(minors)} --: | --- |"
    for script in scripts:
        marks = [OUTCOMES[find_outcome(record, script)].mark for record in chosen.values()]
        name = Path(script).relative_to(suite).with_suffix("").as_posix()
        found = find_break(chosen, script, baseline.version)
        power = count_changes(marks[list(chosen).index(baseline.version) :])
        yield f"| {name} | {' | '.join(marks)} | {power} | {found} |"
    counts = [
        sum(find_outcome(record, script) == "same_result" for script in scripts)
        for record in chosen.values()
    ]
    yield f"| same result, of {len(scripts)} | {' | '.join(map(str, counts))} | | |"
    yield ""
    yield from describe_power(suite, scripts, chosen)


def count_changes(marks: Sequence[str]) -> int:
    """How often a script's outcome changes from one version to the next: its power to tell."""
    return sum(one != other for one, other in itertools.pairwise(marks))


def describe_power(
    suite: str, scripts: Sequence[str], chosen: Mapping[str, Record]
) -> Iterator[str]:
    """How many scripts change their outcome at least once between two minor releases."""
    lowest, highest = version_key(FROM), version_key(f"{TO}.99")
    within = [r for v, r in chosen.items() if lowest <= version_key(v) <= highest]
    if len(within) < 2:
        return
    changing = [s for s in scripts if len({find_outcome(r, s) for r in within}) > 1]
    share = round(100 * len(changing) / len(scripts))
    yield (
        f"Between {FROM} and {TO}, {len(changing)} of {len(scripts)} scripts of "
        f"{Path(suite).name} ({share} %) change their outcome at least once."
    )
    yield ""


def name_cause(record: Record, script: str) -> str:
    """A failure's exception without what varies; a difference is its script's own."""
    verdict = record.outcomes.get(script)
    cause = verdict.exception if verdict else None
    if cause is None:
        return f"{find_outcome(record, script)} of {script}"
    return re.sub(r"[0-9]+|'[^']*/[^']*'", "#", f"{cause.type}: {cause.message}")[:SHOWN]


def describe_causes(suites: Sequence[str], config: Config, records: Sequence[Record]) -> list[str]:
    """Per version: how many scripts do not give the same result, and the commonest cause."""
    found: dict[str, collections.Counter[str]] = {}
    for suite in suites:
        scripts = [script for script in config.scripts if config.find_suite(script) == suite]
        for version, record in choose_records(records, config, suite).items():
            if version_key(FROM) < version_key(version):
                causes = found.setdefault(version, collections.Counter())
                causes.update(
                    name_cause(record, script)
                    for script in scripts
                    if find_outcome(record, script) != "same_result"
                )
    names = " and ".join(Path(suite).name for suite in suites)
    lines = [
        f"What keeps scripts of {names} from the same result, by the words of the exception; each "
        "difference counts as a cause of its own:",
        "",
        "| version | scripts | causes | scripts of the commonest cause |",
        "| --- | --: | --: | --- |",
    ]
    for version in sorted(found, key=version_key):
        if causes := found[version]:
            name, most = causes.most_common(1)[0]
            words = f"{most}: `{name.replace('`', chr(39)).replace('|', '/')}`" if most > 1 else "1"
            lines.append(f"| {version} | {causes.total()} | {len(causes)} | {words} |")
    return [*lines, ""]


def make_table(config: Config, records: Sequence[Record]) -> str:
    """All suites' tables and what their marks mean."""
    suites = config.analysis.baselines
    lines = [line for suite in suites for line in make_suite(suite, config, records)]
    built = [record for record in records if record.outcome != "no_release"]
    shown = {find_outcome(record, script) for record in built for script in config.scripts}
    legend = ", ".join(
        f"`{outcome.mark}` {outcome.count}" for outcome in OUTCOMES.values() if outcome.name in shown
    )
    cells: dict[str, Record] = {}
    for record in sorted(built, key=lambda record: version_key(record.cell.version)):
        if in_grid(record, config):
            cells.setdefault(record.cell.version, record)
    listed = ", ".join(
        f"{version} on Python {python_version(record.cell.python)}"
        for version, record in cells.items()
    )
    companions = [
        f"- {version}: {words}"
        for version, record in cells.items()
        if (words := name_companions(record.cell.package, parse_requirements(record.requirements)))
    ]
    told = ["What decides results beside TensorFlow itself:", "", *companions, ""]
    modern = [s for s in suites if version_key(suites[s].version) >= version_key("1.15")]
    causes = describe_causes(modern, config, records) if modern else []
    head = [f"Marks: {legend}. Cells: {listed}.", "", *(told if companions else [])]
    return "\n".join([*head, *lines, *causes]).strip()


def replace_table(text: str, table: str) -> str:
    """The text with the table between its two markers; ValueError where they are not there."""
    if BEGIN not in text or END not in text:
        raise ValueError(f"the file needs the lines {BEGIN} and {END}")
    before, rest = text.split(BEGIN, 1)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.split(END, 1)[1]}"


def main(argv: Sequence[str] | None = None) -> int:
    """0, once the table is written; 2 where there are no records to make it of."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--config", type=Path, default=HERE.parent / "grids" / "examples.yaml")
    parser.add_argument("--dir", type=Path, default=Path(".caliper/examples"))
    parser.add_argument("--readme", type=Path, default=HERE / "README.md")
    arguments = parser.parse_args(argv)
    records, errors = read_records(Layout(root=arguments.dir))
    for error in errors:
        print(error, file=sys.stderr)
    if errors or not records:
        print(f"{arguments.dir} holds no whole run; run stage 1 first", file=sys.stderr)
        return 2
    table = make_table(load_config(arguments.config), records)
    text = arguments.readme.read_text(encoding="utf-8")
    arguments.readme.write_text(replace_table(text, table), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
