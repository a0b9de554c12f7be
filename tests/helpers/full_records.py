"""Records in which every field is set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from calipertf.formats.records import Cell, Record, Run, Verdict
from calipertf.reasons.last_words import Failure

CELL = Cell(package="six", version="1.10.0", python="cp38", resolve="today")


GOOD = replace(CELL, version="1.16.0")


FINGERPRINT = {
    "environment": "venv",
    "settings": {"timeout": 20.0, "args": {}},
    "template": "0",
    "scripts": {"s/a.py": "0"},
    "support": "0",
    "runner": "0",
    "environ": "0",
    "twice": ["s/a.py"],
}


RECORD = Record(
    cell=CELL,
    outcome="run_failed",
    reason="api_missing",
    message="why",
    resolve_date="2021-01-13",
    outcomes={
        "s/a.py": Verdict(
            outcome="run_failed",
            reason="api_missing",
            exception=Failure(type="AttributeError", message="x"),
            suite="s",
            baseline={"version": "1.16.0", "python": "cp38", "resolve": "today"},
            differences=("line 1",),
        )
    },
    runs={
        "s/a.py": Run(
            output=("1.0\n",), error=("Traceback (most recent call last):\n", "E: x\n"), retval=1,
            seconds=0.5, repeat=Run(output=("1.0\n",), retval=0), start="cold"
        )
    },
    build=Run(output=("b\n",), retval=0, seconds=1.5),
    bare_import=Run(retval=0),
    requirements=("six==1.10.0\n", "numpy==1.0\n"),
    environment={"kind": "venv", "isolation": ["network"], "import_name": "six"},
    inputs={"name": CELL.name, "tests": ["s/a.py"], "fingerprint": FINGERPRINT},
    timings={"started": "2026-11-23T12:00:00Z", "build": 3.2},
)  # fmt: skip


ORIGINAL = {
    "inputs": {"name": CELL.name, "tests": "s/a.py\ns/b.py", "dockerfile": "FROM x"},
    "tests": {
        "build": {"retval": 0, "output": [], "error": []},
        "s/a.py": {"retval": 1, "output": [], "error": ["ImportError: x\n"], "seconds": 0.2},
    },
    "requirements.txt": ["six==1.10.0\n"],
}


def nest(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value
