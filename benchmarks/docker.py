"""Cells as images against the original tool's way, on the same engine and cells, in the same run.

The original's way (caliper-analysis, run_analysis.py of 2021): an image with all of the working
tree added and the wheel fetched and installed by pip, `pip freeze` and the bare import in a
container each, then one `docker run` a script: serially, cell after cell. Two things are not as it
had them: urllib fetches the wheel, as not every base image has wget; and pip is given our record's
frozen versions as constraints, without which it would install what is newest today. Its working
tree is a fresh clone of this repository, without environments and records. Each cell is judged by
its exit codes. Ours goes first, so that what gets warm on the way serves the original's.

With --once the configuration is read without its baselines: the original compares no results, so it
runs no script twice, and then neither does stage 1.

    python benchmarks/docker.py [--once] [--versions 1.13.2 ...] [--python 3.7 ...] [--tests x ...]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from variant import vary_config

from calipertf.config.model import load_config
from calipertf.formats.records import Record
from calipertf.index.client import Index, ReleaseFile
from calipertf.index.tags import linux_platforms
from calipertf.paths import Layout, read_records
from calipertf.run.plan import Selection, plan_grid
from calipertf.versions import python_version

REPOSITORY = Path(__file__).resolve().parent.parent

PHASES = ("build", "freeze", "scripts")
#: Exit code of `docker run` where the container could not be started.
ENGINE_FAILED = 125
LABEL = "calipertf.benchmark"
DOCKERFILE = """\
FROM python:{python}
LABEL {label}
ADD . /code
WORKDIR /code
RUN python -c "import urllib.request as r; r.urlretrieve('{url}', '{name}')"
RUN python -m pip install --no-cache-dir -c constraints.txt {name}
"""


@dataclass(kw_only=True)
class Way:
    """What one way of running the cells took and gave."""

    #: Seconds from start to end.
    wall: float = 0.0
    #: Phase -> seconds, summed over cells, which may overlap.
    phases: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))
    #: Cell and script -> whether the exit code was 0.
    passed: dict[str, bool] = field(default_factory=dict)

    @contextmanager
    def measure(self, phase: str) -> Iterator[None]:
        """Add what the block takes to a phase."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.phases[phase] += time.monotonic() - started


def run_ours(flags: list[str], folder: Path) -> tuple[Way, list[Record]]:
    """Stage 1 with environment: docker, and its records."""
    command = [sys.executable, REPOSITORY / "1.run_analysis.py", "--environment", "docker"]
    environ = {**os.environ, "CALIPER_CACHE": str(folder / "cache")}
    way = Way()
    started = time.monotonic()
    subprocess.run([*command, "--dir", folder / "ours", *flags], env=environ, check=True)
    way.wall = time.monotonic() - started
    records, _ = read_records(Layout(root=folder / "ours"))
    built = [record for record in records if record.runs]
    for record in built:
        for phase in PHASES:
            way.phases[phase] += record.timings[phase]
        for script, run in record.runs.items():
            way.passed[f"{record.cell.label} {script}"] = run.retval == 0
    return way, built


def leave_out_baselines(text: str) -> str:
    """The text of a configuration in which no suite has a baseline."""
    return re.sub(r"(?m)^  baselines:\n(?:    .*\n?)+", "", text)


def find_wheels(config_path: Path) -> dict[str, ReleaseFile]:
    """Label of each cell of the grid -> its wheel."""
    config = load_config(config_path)
    with Index(config.analysis.index_url) as index:
        project = index.fetch_project(config.analysis.dependency)
    plans = plan_grid(config, project, linux_platforms(), Selection())
    return {plan.cell.label: plan.file for plan in plans if plan.file is not None}


def run_original(records: list[Record], wheels: dict[str, ReleaseFile], folder: Path) -> Way:
    """The same cells and scripts as the original tool ran them; what it leaves goes untimed."""
    tree = folder / "tree"
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, tree], check=True)
    way = Way()
    label = f"{LABEL}={uuid.uuid4().hex}"
    started = time.monotonic()
    try:
        for record in records:
            run_cell(way, record, wheels[record.cell.label], tree, label)
            spent = time.monotonic() - started
            print(f"  original: {record.cell.label} at {spent:.0f} s", flush=True)
        way.wall = time.monotonic() - started
    finally:
        remove_labelled(label)
    return way


def run_cell(way: Way, record: Record, file: ReleaseFile, tree: Path, label: str) -> None:
    """One cell of the original: build, freeze, import, scripts."""
    (tree / "constraints.txt").write_text("".join(record.requirements), encoding="utf-8")
    python = python_version(record.cell.python)
    dockerfile = DOCKERFILE.format(python=python, label=label, url=file.url, name=file.filename)
    (tree / "Dockerfile.caliper").write_text(dockerfile, encoding="utf-8")
    image = f"calipertf-benchmark:{python}"
    build = ["build", "--network", "host", "-f", "Dockerfile.caliper", "-t", image, "."]
    with way.measure("build"):
        call_docker(build, tree).check_returncode()
    run = ["run", "--label", label, image]
    with way.measure("freeze"):
        frozen = call_docker([*run, "pip", "freeze"], tree).stdout.splitlines()
    # The package itself is listed with the path of its wheel, by newer pips.
    own = f"{record.cell.package} @ "
    here = {line for line in frozen if not line.startswith(own)}
    for line in sorted(here ^ {line.rstrip() for line in record.requirements}):
        if not line.startswith(f"{record.cell.package}=="):
            side = "the original" if line in here else "stage 1"
            print(f"  {record.cell.label}: {line} installed by {side} only")
    with way.measure("scripts"):
        call_docker([*run, "python", "-c", f"import {record.cell.package}"], tree)
        for script in record.runs:
            done = call_docker([*run, "python", script], tree)
            way.passed[f"{record.cell.label} {script}"] = done.returncode == 0


def call_docker(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The engine's command line, without the builder that not every engine has.

    Raises RuntimeError where the engine failed, and not what ran in a container: it runs nothing in
    no time.
    """
    done = subprocess.run(
        ["docker", *arguments],
        cwd=folder,
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == ENGINE_FAILED:
        raise RuntimeError(done.stderr)
    return done


def remove_labelled(label: str) -> None:
    """Remove the containers and images that this run of the benchmark made, and no others."""
    here = Path.cwd()
    filters = ["--filter", f"label={label}", "--quiet", "--all"]
    for listing, removal in ((["ps"], ["rm"]), (["images"], ["rmi"])):
        found = call_docker([*listing, *filters], here).stdout.split()
        if found:
            call_docker([*removal, "--force", *dict.fromkeys(found)], here)


def main() -> None:
    """Read the flags."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default=str(REPOSITORY / "grids" / "docker_check.yaml"))
    parser.add_argument("--versions", nargs="+", default=["1.13.2", "2.4.4"])
    parser.add_argument("--python", nargs="+", default=["3.7"])
    parser.add_argument("--resolve", nargs="+", default=["release"])
    parser.add_argument("--tests", nargs="+", default=["examples/tensorflow_v2"])
    parser.add_argument("--where", default=None, help="a folder on a disk with room")
    parser.add_argument("--once", action="store_true", help="no baselines: each script runs once")
    arguments = parser.parse_args()
    config = Path(arguments.config)
    if not arguments.once:
        compare(config, arguments)
        return
    with vary_config(config, "once", leave_out_baselines) as varied:
        compare(varied, arguments)


def compare(config: Path, arguments: argparse.Namespace) -> None:
    """Run both ways and print what they took."""
    flags = ["--config", str(config)]
    for name in ("versions", "python", "resolve", "tests"):
        flags += [f"--{name}", *getattr(arguments, name)]
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=arguments.where))
    try:
        ours, records = run_ours(flags, folder)
        original = run_original(records, find_wheels(config), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    differ = [name for name, passed in ours.passed.items() if original.passed[name] != passed]
    for name in differ:
        print(f"  {name}: exit code 0 by {'stage 1' if ours.passed[name] else 'the original'} only")
    for way, name in ((ours, "stage 1"), (original, "original")):
        phases = ", ".join(f"{phase} {way.phases[phase]:.0f} s" for phase in PHASES)
        print(f"{name}: {way.wall:.0f} s wall; all cells' {phases}")
    result = {
        "cells": len(records),
        "scripts": len(ours.passed),
        "scripts_with_another_exit": len(differ),
        "stage_1_seconds": round(ours.wall, 1),
        "original_seconds": round(original.wall, 1),
        "original_over_stage_1": round(original.wall / ours.wall, 2),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
