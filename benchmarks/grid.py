"""Stage 1 against the plain way of doing it, on the same cells, in the same run.

The plain way: for each cell `python -m venv`, `pip install` from the index as of the cell's date,
then each script in a process of its own, one after the other. Both start from cold caches. Prints
seconds and ratios, and the share of stage 1's CPU time that is neither the scripts' own nor that of
the imports they need. With --starts it runs all cells cold as well, and prints where that changes
an outcome.

    python benchmarks/grid.py --config caliper.yaml [--versions 1.15.5 ...] [--python 3.7 ...]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from variant import vary_config

from calipertf.config.model import load_config
from calipertf.index.client import Index
from calipertf.index.snapshot import serve_past
from calipertf.index.tags import local_platforms
from calipertf.paths import Layout, read_records
from calipertf.run.backends.venv.interpreters import find_interpreter
from calipertf.run.cell import SCRIPT_ENVIRON
from calipertf.run.plan import Selection, plan_grid
from calipertf.run.processes import clean_environ

REPOSITORY = Path(__file__).resolve().parent.parent


def run_plain(config_path: Path, selection: Selection, folder: Path) -> dict[str, float]:
    """What the plain way took and did."""
    config = load_config(config_path)
    environ = {
        **clean_environ(),
        **SCRIPT_ENVIRON,
        "PIP_CACHE_DIR": str(folder / "pip"),
        # A machine's own pip.conf may name wheels that no date hides.
        "PIP_CONFIG_FILE": os.devnull,
    }
    started = time.monotonic()
    cells = built = scripts = 0
    with Index(config.analysis.index_url) as index, serve_past(index) as machine:
        project = index.fetch_project(config.analysis.dependency)
        for plan in plan_grid(config, project, local_platforms(), selection):
            python = find_interpreter(plan.cell.python)
            if plan.file is None or python is None or python.tag == "cp27":
                continue
            cells += 1
            url = config.analysis.index_url
            if plan.cutoff:
                url = machine.url(plan.cutoff, plan.cell.python)
            environment = folder / "env"
            subprocess.run([python.source, "-m", "venv", environment], check=True, env=environ)
            command = [environment / "bin" / "python", "-m", "pip", "install", "--quiet"]
            requirement = f"{plan.cell.package}=={plan.cell.version}"
            done = subprocess.run(
                [*command, "--index-url", url, requirement],
                env=environ,
                check=False,
                capture_output=True,
            )
            if done.returncode != 0:
                print(f"  plain: {plan.cell.label}: {done.stderr.decode().strip()[-300:]}")
            else:
                built += 1
                for script in config.scripts:
                    scripts += 1
                    work = folder / "work"
                    work.mkdir()
                    subprocess.run(
                        [environment / "bin" / "python", config.root / script],
                        cwd=work,
                        env=environ,
                        capture_output=True,
                        check=False,
                    )
                    shutil.rmtree(work)
            shutil.rmtree(environment)
            print(f"  plain: {plan.cell.label} at {time.monotonic() - started:.0f} s", flush=True)
    return {
        "cells": cells,
        "cells_built_plainly": built,
        "scripts_run_plainly": scripts,
        "plain_seconds": round(time.monotonic() - started, 1),
    }


def read_outcomes(folder: Path) -> dict[str, str]:
    """Cell and script -> outcome."""
    records, _ = read_records(Layout(root=folder))
    return {
        f"{record.cell.label} {script}": verdict.outcome
        for record in records
        for script, verdict in record.outcomes.items()
    }


def compare_starts(config_path: Path, flags: list[str], folder: Path) -> None:
    """Run the same cells with start: cold and print the outcomes that differ."""
    with vary_config(config_path, "cold", lambda text: f"{text.rstrip()}\n  start: cold\n") as cold:
        wall, _, _ = run_caliper(["--config", str(cold), *flags], folder, "cold")
    warm_outcomes = read_outcomes(folder / "warm")
    cold_outcomes = read_outcomes(folder / "cold")
    changed = [name for name in warm_outcomes if warm_outcomes[name] != cold_outcomes.get(name)]
    print(f"start: cold takes {wall:.0f} s; {len(changed)} of {len(warm_outcomes)} outcomes differ")
    for name in changed:
        print(f"  {name}: {warm_outcomes[name]} warm, {cold_outcomes.get(name)} cold")


def run_caliper(flags: list[str], folder: Path, name: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds of all processes, and of these the scripts' and imports' own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    command = [sys.executable, REPOSITORY / "1.run_analysis.py", "--dir", folder / name, *flags]
    environ = {**os.environ, "CALIPER_CACHE": str(folder / "cache")}
    subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    records, _ = read_records(Layout(root=folder / name))
    own = sum(record.timings.get("scripts_cpu", 0.0) for record in records)
    return wall, cpu, own


def main() -> None:
    """Run both ways and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", default=str(REPOSITORY / "caliper.yaml"))
    parser.add_argument("--versions", nargs="+", default=[])
    parser.add_argument("--python", nargs="+", default=[])
    parser.add_argument("--where", default=None, help="a folder on a disk with room")
    parser.add_argument("--starts", action="store_true", help="compare warm with cold starts")
    arguments = parser.parse_args()
    selection = Selection(versions=arguments.versions, pythons=arguments.python)
    flags = ["--environment", "venv"]
    flags += ["--versions", *arguments.versions] if arguments.versions else []
    flags += ["--python", *arguments.python] if arguments.python else []
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=arguments.where))
    try:
        wall, cpu, own = run_caliper(["--config", arguments.config, *flags], folder, "warm")
        print(f"stage 1: {wall:.0f} s wall, {cpu:.0f} s CPU, scripts' own {own:.0f} s", flush=True)
        if arguments.starts:
            compare_starts(Path(arguments.config), flags, folder)
        plain = run_plain(Path(arguments.config), selection, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result = {
        **plain,
        "stage_1_seconds": round(wall, 1),
        "plain_over_stage_1": round(plain["plain_seconds"] / wall, 2),
        "share_of_cpu_not_the_scripts": round(1 - own / cpu, 3),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
