"""Cells as images against the original tool's way, on the same engine and cells, in the same run.

The original's way, cell after cell: an image of the base image with the whole working tree added,
the wheel fetched in one step and installed in the next; pip freeze in a container of it; then one
container a script. Three things are made easier for it: only what git tracks is added, the wheel
comes by Python's urllib (the base images here have no wget), and pip is told the versions that our
run found, so that both install the same. Prints seconds a phase and the ratio of wall times.

    python benchmarks/docker.py --cells 1.13.2/3.7 2.4.4/3.8 --tests examples/tensorflow_v1 ...
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import docker

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from calipertf.layout import Layout, read_records  # noqa: E402
from calipertf.records import Record  # noqa: E402
from calipertf.releases import Index  # noqa: E402
from calipertf.run.environments.docker_engine import connect  # noqa: E402
from calipertf.versions import python_version  # noqa: E402

FETCH = "import urllib.request as u; u.urlretrieve('{url}', '/tmp/{name}')"
DOCKERFILE = """\
FROM python:{python}
ADD . /code
RUN python -c "{fetch}"
RUN pip install --quiet --no-cache-dir -c /code/constraints.txt /tmp/{name}
WORKDIR /code
"""


def run_ours(cells: list[tuple[str, str]], tests: list[str], folder: Path) -> float:
    """Wall seconds of stage 1 on the cells."""
    started = time.monotonic()
    versions, pythons = ([*dict.fromkeys(part)] for part in zip(*cells, strict=True))
    command = [sys.executable, REPOSITORY / "1.run_analysis.py", "--environment", "docker"]
    command += ["--config", REPOSITORY / "caliper.yaml", "--dir", folder, "--resolve", "release"]
    command += ["--versions", *versions, "--python", *pythons, "--tests", *tests]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def find_wheel(record: Record) -> tuple[str, str]:
    """Address and name of the wheel that our run used."""
    name = str(record.environment["wheel"])
    with Index() as index:
        project = index.fetch_project(record.cell.package)
    return next((file.url, file.filename) for file in project.files if file.filename == name)


def run_theirs(client: docker.DockerClient, record: Record, scripts: list[str]) -> Counter[str]:
    """Seconds of each phase of one cell, the original's way."""
    seconds: Counter[str] = Counter()
    url, name = find_wheel(record)
    folder = Path(tempfile.mkdtemp(prefix="bench-docker-"))
    image = None
    try:
        started = time.monotonic()
        tracked = subprocess.run(
            ["git", "archive", "HEAD"], cwd=REPOSITORY, check=True, capture_output=True
        )
        subprocess.run(["tar", "x", "-C", folder], input=tracked.stdout, check=True)
        pins = [line for line in record.requirements if not line.startswith(record.cell.package)]
        (folder / "constraints.txt").write_text("".join(pins))
        fetch = FETCH.format(url=url, name=name)
        python = python_version(record.cell.python)
        text = DOCKERFILE.format(python=python, fetch=fetch, name=name)
        (folder / "Dockerfile").write_text(text)
        image, _ = client.images.build(path=str(folder), nocache=True, network_mode="host")
        seconds["build"] = time.monotonic() - started
        started = time.monotonic()
        client.containers.run(image, ["pip", "freeze"], remove=True)
        seconds["freeze"] = time.monotonic() - started
        started = time.monotonic()
        for script in scripts:
            container = client.containers.run(image, ["python", script], detach=True)
            seconds["failed"] += container.wait()["StatusCode"] != 0
            container.remove(force=True)
        seconds["scripts"] = time.monotonic() - started
    finally:
        shutil.rmtree(folder)
        if image is not None:
            client.images.remove(image.id, force=True)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", nargs="+", default=["1.13.2/3.7", "2.4.4/3.8"])
    default = ["examples/tensorflow_v1", "examples/tensorflow_v2"]
    parser.add_argument("--tests", nargs="+", default=default)
    arguments = parser.parse_args()
    cells = [
        (version, python) for version, _, python in (c.partition("/") for c in arguments.cells)
    ]
    folder = Path(tempfile.mkdtemp(prefix="bench-docker-records-"))
    try:
        ours = run_ours(cells, arguments.tests, folder)
        records, _ = read_records(Layout(root=folder))
    finally:
        shutil.rmtree(folder)
    done = [record for record in records if record.runs]
    client = connect(600)
    theirs: Counter[str] = Counter()
    started = time.monotonic()
    for record in done:
        theirs += run_theirs(client, record, sorted(record.runs))
        print(f"  {record.cell.label} at {time.monotonic() - started:.0f} s", flush=True)
    wall = time.monotonic() - started
    phases = ("build", "freeze", "scripts")
    result = {
        "cells": len(done),
        "scripts_in_cells": sum(len(record.runs) for record in done),
        "ours_seconds": round(ours, 1),
        "ours_by_phase": {
            name: round(sum(record.timings.get(name) or 0 for record in done), 1) for name in phases
        },
        "original_seconds": round(wall, 1),
        "original_by_phase": {name: round(theirs[name], 1) for name in phases},
        "original_over_ours": round(wall / ours, 2),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
