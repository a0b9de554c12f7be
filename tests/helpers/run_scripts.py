"""The script runner run for real, by this Python or another, on scripts given as text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from calipertf.run.runner import PYTEST_RUNNER, write_runner


def start_runner(
    tmp_path: Path,
    sources: dict[str, str],
    *,
    python: str = sys.executable,
    prefix: tuple[str, ...] = (),
    **job: Any,
) -> subprocess.Popen[str]:
    """A runner that was handed its job: the scripts, and what `job` changes of the rest."""
    folder = tmp_path / "scripts"
    scratch = tmp_path / "scratch"
    scratch.mkdir(parents=True)
    folder.mkdir()
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(source))
    complete = {
        "scripts": [{"name": name, "path": str(folder / f"{name}.py")} for name in sources],
        "import_name": "json",
        "start": "warm",
        "timeout": 30,
        "memory": 2 << 30,
        "limit": 4000,
        "scratch": str(scratch),
        "read_only": [str(folder)],
        "writable": [],
        "network": False,
        "cpus": None,
        "environ": {"PYTHONHASHSEED": "0"},
        "pytest": PYTEST_RUNNER.read_text(),
        **job,
    }
    inherited = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    process = subprocess.Popen(
        [*prefix, python, "-u", str(write_runner(scratch.parent))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # As the drivers start it: what Python reads as it starts is there before.
        env={**inherited, **complete["environ"]},
        start_new_session=True,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(complete) + "\n")
    process.stdin.flush()
    return process


def run(tmp_path: Path, sources: dict[str, str], **job: Any) -> dict[str, Any]:
    """Events by script name ("again" and others by their kind)."""
    process = start_runner(tmp_path, sources, **job)
    try:
        output, error = process.communicate(timeout=120)
    finally:
        process.kill()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args, output, error)
    events = [json.loads(line) for line in output.splitlines()]
    return {
        event.get("name", "") + ("!" * (event["event"] == "again")) or event["event"]: event
        for event in events
    }
