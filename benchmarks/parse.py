"""Stage 3 on a synthetic full grid: what reading, analysing, tables, figures and page cost.

Makes records of 40 versions on 4 Pythons (160 cells) with 69 scripts and 40 requirements, for two
resolve dates, and stage 2's tables and changes for them: three suites whose scripts each lose a
name at some version, printing as much as TensorFlow's do. Prints for each step its seconds (of a
busy machine those of CPU tell more) and the peak of memory until its end, and the whole against the
limit of 2 minutes and 2 GB.

    python benchmarks/parse.py [--versions 40] [--scripts 69] [--changes 10000] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from calipertf.files.atomic import write_json
from calipertf.formats.record_files import write_record
from calipertf.formats.records import Cell, Record, Run, Verdict
from calipertf.parse.analysis import analyse
from calipertf.parse.figures.all import draw_figures, write_figures
from calipertf.parse.figures.base import render_svg
from calipertf.parse.legacy import make_results_by_python
from calipertf.parse.load import SIMS_COLUMNS, read_inputs
from calipertf.parse.page.render import write_report
from calipertf.parse.tables import write_table
from calipertf.paths import Layout
from calipertf.reasons.last_words import Failure

REPOSITORY = Path(__file__).resolve().parent.parent

PYTHONS = ("cp36", "cp37", "cp38", "cp310")
RESOLVES = ("release", "today")
LIMIT_SECONDS, LIMIT_GIGABYTES = 120, 2
CHATTER = "2026-11-23 14:10:00.123456: I tensorflow/core/platform/cpu_feature_guard.cc:142] {}\n"


def list_versions(count: int) -> list[str]:
    """1.0.0, 1.1.0, ...: ten of each major."""
    return [f"{1 + number // 10}.{number % 10}.0" for number in range(count)]


def make_verdict(version: int, script: int, count: int, *, resolve: str) -> tuple[Verdict, Run]:
    """Each script works on about half of the versions; today breaks the older ones."""
    home = (script % 3) * count // 3
    suite = f"examples/v{script % 3 + 1}"
    output = tuple(f"epoch {line}: loss {1 / (line + 1):.6f}\n" for line in range(20))
    error = tuple(CHATTER.format(line) for line in range(5))
    failure: Failure | None = None
    outcome, reason = "same_result", None
    trace: tuple[str, ...] = (
        "Traceback (most recent call last):\n",
        f'  File "/x/{suite}/s{script}.py", line 9, in <module>\n',
    )
    if resolve == "today" and version < count // 3:
        outcome, reason = "import_failed", "dependency"
        failure = Failure(type="TypeError", message="Descriptors cannot be created directly.")
        trace += ('  File "/e/lib/site-packages/google/protobuf/descriptor.py", line 1, in f\n',)
    elif not home <= version < home + count // 2:
        outcome, reason = "run_failed", "api_missing"
        name = f"m{script}.n{script}"
        text = f"module 'tensorflow.m{script}' has no attribute '{name.split('.')[1]}'"
        failure = Failure(type="AttributeError", message=text)
        trace += (f"    tf.{name}(x)\n",)
    elif (version + script) % 17 == 0:
        outcome = "different_result"
    if failure:
        error += (*trace, f"{failure.type}: {failure.message}\n")
    verdict = Verdict(outcome=outcome, reason=reason, exception=failure, suite=suite)
    return verdict, Run(
        output=output, error=error, retval=int(failure is not None), seconds=0.5, start="warm"
    )


def write_records(layout: Layout, versions: list[str], scripts: int) -> None:
    """One record a cell, in a folder of its date."""
    for (place, version), python, resolve in itertools.product(
        enumerate(versions), PYTHONS, RESOLVES
    ):
        cell = Cell(package="tensorflow", version=version, python=python, resolve=resolve)
        made = {
            f"examples/v{script % 3 + 1}/s{script}.py": make_verdict(
                place, script, len(versions), resolve=resolve
            )
            for script in range(scripts)
        }
        age = place if resolve == "release" else len(versions)
        pins = [f"package-{number}==1.{age // (1 + number % 7)}\n" for number in range(38)]
        record = Record(
            cell=cell,
            outcome="run_failed",
            outcomes={name: verdict for name, (verdict, _) in made.items()},
            runs={name: run for name, (_, run) in made.items()},
            build=Run(retval=0),
            requirements=(*pins, f"protobuf==3.{age}\n", f"tensorflow=={version}\n"),
            inputs={"name": cell.name, "tests": sorted(made), "dockerfile": "FROM x\n" * 30},
        )
        write_record(layout.record_path(cell, dated=True), record)


def write_sims(layout: Layout, versions: list[str], scripts: int, changes: int) -> None:
    """Stage 2's tables and the changes between neighbours."""
    draw = random.Random(1)
    layout.sims.mkdir(parents=True)
    count = len(versions)
    scores = ("api_jaccard", "requirements_set_jaccard", "requirements_semver", "module_dice")
    pairs = [
        ("tensorflow", versions[a], versions[b], score, 1 - abs(a - b) / count)
        for a, b in itertools.combinations(range(count), 2)
        for score in scores
    ]
    pairs += [
        ("tensorflow", versions[a], versions[b], score, 1 - abs(a - b) / count)
        for a, b in itertools.permutations(range(count), 2)
        for score in ("containment", "compatibility")
    ]
    cells = [
        (f"{resolve}/pypi-tensorflow-{version}-python-{python}", place)
        for (place, version), python, resolve in itertools.product(
            enumerate(versions), PYTHONS, RESOLVES
        )
    ]
    cell_scores = ("set_jaccard", "set_dice", "pin_jaccard", "pin_dice", "semver")
    tables: dict[str, list[tuple[Any, ...]]] = {
        "versions": pairs,
        "cells": [
            (a, b, score, 1 - abs(x - y) / count * draw.random())
            for (a, x), (b, y) in itertools.combinations(cells, 2)
            for score in cell_scores
        ],
        "usage": [
            list_usage(script, place, version, versions)
            for script in range(scripts)
            for place, version in enumerate(versions)
        ],
        "api": [
            ("tensorflow", version, 300, 2000 + place, 4000, 9000, 40000 + 100 * place)
            for place, version in enumerate(versions)
        ],
    }
    for name, rows in tables.items():
        table = pd.DataFrame(rows, columns=list(SIMS_COLUMNS[name]))
        table.to_csv(layout.sims / f"{name}.csv", index=False)
        table.to_parquet(layout.sims / f"{name}.parquet", index=False)
    for place, (a, b) in enumerate(itertools.pairwise(versions), 1):
        data = {"schema": 1, "package": "tensorflow", "a": a, "b": b}
        items = list_changes(place, count, scripts, changes)
        write_json(layout.sims / f"changes/tensorflow-{a}..{b}.json", {**data, "changes": items})


def list_usage(script: int, place: int, version: str, versions: list[str]) -> tuple[Any, ...]:
    home = (script % 3) * len(versions) // 3
    lost = not home <= place < home + len(versions) // 2
    missing = f"tensorflow.m{script}.n{script} (line 9): function removed" if lost else ""
    name = f"examples/v{script % 3 + 1}/s{script}.py"
    return ("tensorflow", name, versions[home], version, 20, 20 - lost, 1 - lost / 20, missing, "")


def list_changes(place: int, count: int, scripts: int, changes: int) -> list[dict[str, Any]]:
    """What scripts lose or gain at this place, and as much again that nobody uses."""
    both = {"object": "function", "to": None, "severity": 1.0, "old": "(x, name=None)"}
    items: list[dict[str, Any]] = []
    for script in range(scripts):
        home = (script % 3) * count // 3
        path = f"tensorflow.m{script}.n{script}"
        if place == home:
            items.append({**both, "kind": "added", "path": path, "new": "(x)", "details": []})
        if place == home + count // 2:
            items.append({**both, "kind": "removed", "path": path, "new": None, "details": []})
    kinds = ("added", "removed", "changed")
    for number in range(changes):
        path = f"tensorflow.contrib.module{number % 50}.Class{number % 600}.name{number}"
        details = ["parameter name removed"]
        items.append(
            {**both, "kind": kinds[number % 3], "path": path, "new": "(x)", "details": details}
        )
    return items


def measure(name: str, step: Callable[[], Any], results: dict[str, Any]) -> Any:
    """What the step gives; its seconds and the peak until then are printed and kept."""
    started, cpu = time.monotonic(), time.process_time()
    found = step()
    seconds, cpu = round(time.monotonic() - started, 1), round(time.process_time() - cpu, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name}: {seconds} s ({cpu} s of CPU), peak {peak} MB", flush=True)
    results[name] = {"seconds": seconds, "cpu_seconds": cpu, "peak_megabytes": peak}
    return found


def run_stage(layout: Layout) -> dict[str, Any]:
    """Every step of stage 3, one after the other in this process."""
    results: dict[str, Any] = {}
    inputs = measure("reading", lambda: read_inputs(layout), results)
    analysis = measure("analysing", lambda: analyse(inputs), results)

    def write_tables() -> None:
        for name, table in analysis.tables.items():
            write_table(layout.compiled, name, table, ["csv", "parquet"])
        path = layout.compiled / "test-results-by-python.json"
        write_json(path, make_results_by_python(inputs.records))

    measure("tables", write_tables, results)
    figures = measure("drawing", lambda: draw_figures(analysis), results)

    def write_pictures() -> dict[str, str]:
        svgs = {figure.name: render_svg(figure) for figure in figures}
        write_figures(layout, svgs, ["png", "svg"])
        return svgs

    svgs = measure("figures", write_pictures, results)
    measure("page", lambda: write_report(layout, analysis, figures, svgs), results)
    results["page"]["megabytes"] = round(layout.report.stat().st_size / 1e6, 1)
    results["rows"] = {name: len(table) for name, table in analysis.tables.items()}
    return results


def main() -> None:
    """Make the grid, run the stage on it, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", type=int, default=40, help="default: 40")
    parser.add_argument("--scripts", type=int, default=69, help="default: 69")
    parser.add_argument("--changes", type=int, default=10_000, help="a pair of neighbours")
    parser.add_argument("--keep", type=Path, help="make the grid here, and leave it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        layout = Layout(root=arguments.keep or Path(name))
        if not layout.data.exists():
            versions = list_versions(arguments.versions)
            write_records(layout, versions, arguments.scripts)
            write_sims(layout, versions, arguments.scripts, arguments.changes)
        results = run_stage(layout)
    seconds = sum(step.get("seconds", 0) for step in results.values())
    peak = max(step.get("peak_megabytes", 0) for step in results.values())
    results["whole"] = {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(sum(step.get("cpu_seconds", 0) for step in results.values()), 1),
        "peak_megabytes": peak,
        "share_of_time_limit": round(seconds / LIMIT_SECONDS, 2),
        "share_of_memory_limit": round(peak / 1024 / LIMIT_GIGABYTES, 2),
    }
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
