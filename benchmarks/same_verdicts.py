"""Whether two runs of a grid agree: verdicts, installed requirements, printed results.

Made to compare cells as images with cells as virtual environments. Prints each cell that one run
lacks or that differs, and the lines that scripts printed otherwise; exits with 1 where a verdict or
a requirement does.

    python benchmarks/same_verdicts.py .caliper-docker .caliper-venv
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from packaging.utils import canonicalize_name

from calipertf.formats.records import Record, Verdict
from calipertf.paths import Layout, read_records
from calipertf.run.judge import compare_outputs

REPOSITORY = Path(__file__).resolve().parent.parent

#: Relative difference of printed numbers that verdicts look over, as in caliper.yaml.
TOLERANCE = 1e-3
#: Lines of one script's output that are shown.
SHOWN = 3


def read_run(folder: str) -> dict[str, Record]:
    """Label of each cell -> its record."""
    return {record.cell.label: record for record in read_records(Layout(root=Path(folder)))[0]}


def describe_verdict(verdict: Verdict | None) -> str:
    """What has to be alike: outcome, reason, its detail, the type of the exception."""
    if verdict is None:
        return "no verdict"
    failure = verdict.exception.type if verdict.exception else None
    return ", ".join(filter(None, (verdict.outcome, verdict.reason, verdict.detail, failure)))


def normalize(line: str) -> str:
    """A requirement with its name as indexes have it: pip freeze keeps the spelling of a wheel."""
    name, separator, rest = line.strip().partition("==")
    return f"{canonicalize_name(name)}{separator}{rest}"


def compare_cells(left: Record, right: Record) -> Iterator[str]:
    """What differs in verdicts and requirements of one cell, in words."""
    if (left.outcome, left.reason) != (right.outcome, right.reason):
        yield f"{left.outcome} ({left.reason}) | {right.outcome} ({right.reason})"
    here, there = (set(map(normalize, record.requirements)) for record in (left, right))
    for requirement in sorted(here ^ there):
        yield f"{requirement} in the {'first' if requirement in here else 'second'} only"
    for script in sorted({*left.outcomes, *right.outcomes}):
        one, other = (describe_verdict(item.outcomes.get(script)) for item in (left, right))
        if one != other:
            yield f"{script}: {one} | {other}"


def compare_prints(left: Record, right: Record, counts: Counter[str]) -> Iterator[str]:
    """Scripts that printed something else, with their first lines that differ."""
    for script in sorted({*left.runs} & {*right.runs}):
        here, there = left.runs[script], right.runs[script]
        counts["scripts"] += 1
        if here.output == there.output:
            counts["printed the same"] += 1
            continue
        alike = not compare_outputs(here.output, there.output, TOLERANCE)
        counts["printed the same within the tolerance" if alike else "printed otherwise"] += 1
        outcome = left.outcomes[script].outcome if script in left.outcomes else "not judged"
        yield f"{script} ({outcome}){', within the tolerance' if alike else ''}"
        pairs = zip_longest(here.output, there.output, fillvalue="")
        differing = [(a, b) for a, b in pairs if a != b]
        for a, b in differing[:SHOWN]:
            yield f"    {a.rstrip()[:90]} | {b.rstrip()[:90]}"
        yield f"    {len(differing)} of {len(here.output)} lines"


def main() -> int:
    """Print what differs; 1 where verdicts or requirements do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", nargs=2, metavar="DIR", help="a run's folder: .caliper")
    first, second = (read_run(folder) for folder in parser.parse_args().folders)
    counts: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    differing = 0
    for label in sorted({*first, *second}):
        if label not in first or label not in second:
            print(f"{label}: in the {'first' if label in first else 'second'} run only")
            differing += 1
            continue
        left, right = first[label], second[label]
        outcomes.update(verdict.outcome for verdict in left.outcomes.values())
        found = list(compare_cells(left, right))
        differing += len(found)
        printed = list(compare_prints(left, right, counts))
        print(f"{label}: {left.outcome}, {len(left.outcomes)} scripts, {len(found)} differ")
        for line in [*found, *printed]:
            print(f"  {line}")
    print(", ".join(f"{number} {name}" for name, number in counts.items()))
    print("first run: " + ", ".join(f"{number} {name}" for name, number in outcomes.most_common()))
    print(f"{differing} differences in verdicts and requirements")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
