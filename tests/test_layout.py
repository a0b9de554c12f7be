"""The layout of the code: no circle of modules, and every library that it imports is declared."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import REPOSITORY

PACKAGE = REPOSITORY / "calipertf"
#: Distribution -> the name that it is imported by, where the two differ.
IMPORTED_AS = {
    "pyyaml": "yaml",
    "jinja2": "jinja2",
    "pypi-simple": "pypi_simple",
    "requests-cache": "requests_cache",
    "vl-convert-python": "vl_convert",
    "scikit-learn": "sklearn",
    "tomli-w": "tomli_w",
}


def list_modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def list_imports(path: Path, modules: dict[str, Path]) -> Iterator[str]:
    """Modules of the package that a module imports, wherever in its text."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("calipertf"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules else str(node.module)


def test_no_module_imports_itself_by_way_of_others() -> None:
    modules = list_modules()
    graph = {name: set(list_imports(path, modules)) for name, path in modules.items()}
    assert find_circle(graph) == []
    assert find_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    """The first circle among imports, its start named twice; empty where there is none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_every_library_is_in_requirements_txt() -> None:
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    names = [match[0].lower() for line in lines if (match := re.match(r"[A-Za-z][\w.-]*", line))]
    declared = {IMPORTED_AS.get(name, name) for name in names}
    used = set()
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name == "runner":
            continue  # what runs in a cell has that cell's own libraries
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                used |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                used.add((node.module or "").partition(".")[0])
    assert used - declared - sys.stdlib_module_names <= {"calipertf", "keyring"}


@pytest.mark.parametrize("script", ["1.run_analysis.py", "2.assess_change.py", "3.parse_data.py"])
def test_help_loads_no_library_that_takes_long(script: str) -> None:
    command = [sys.executable, "-X", "importtime", str(REPOSITORY / script), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "argparse" in loaded
    assert not loaded & {"altair", "dask", "docker", "numpy", "pandas", "pydantic", "requests"}
