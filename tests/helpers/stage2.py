"""Stage 2 on APIs that were saved beforehand."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from calipertf.assess.api.model import Api, Parameter, Source, Symbol, save_api
from calipertf.formats.record_files import write_record
from calipertf.formats.records import Cell, Record, Run
from helpers import REPOSITORY


def run(*flags: object) -> int:
    spec = importlib.util.spec_from_file_location(
        "assess_change", REPOSITORY / "2.assess_change.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return int(module.main([str(flag) for flag in flags]))


def save_version(folder: Path, version: str, functions: dict[str, str], package: str = "p") -> None:
    """A cached version whose API has these functions: name -> parameter names."""
    symbols = {
        f"{package}.{name}": Symbol(
            path=f"{package}.{name}",
            kind="function",
            target=f"{package}.{name}",
            parameters=tuple(
                Parameter(name=word, kind="positional-or-keyword") for word in words.split()
            ),
        )
        for name, words in functions.items()
    }
    save_api(
        Api(
            package=package,
            version=version,
            sources=(Source(kind="wheel", filename=f"{package}-{version}.whl", url="x"),),
            symbols=symbols,
            functions={package: {name: words.split() for name, words in functions.items()}},
        ),
        folder / "functiondb",
    )


def save_record(
    folder: Path, version: str, python: str, requirements: list[str], resolve: str = "today"
) -> None:
    cell = Cell(package="p", version=version, python=python, resolve=resolve)
    record = Record(
        cell=cell, outcome="same_result", build=Run(retval=0), requirements=tuple(requirements)
    )
    place = folder / "data" if resolve == "today" else folder / "data" / resolve
    write_record(place / f"{cell.name}.json", record)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two versions of p in the cache, three in records."""
    save_version(tmp_path, "1.0", {"run": "x y", "stop": ""})
    save_version(tmp_path, "1.10", {"run": "x"})
    save_record(tmp_path, "1.0", "cp37", ["p==1.0\n", "six==1.0\n"])
    save_record(tmp_path, "1.10", "cp37", ["p==1.10\n", "six==1.1\n"])
    save_record(tmp_path, "1.10", "cp38", ["p==1.10\n", "six==1.0\n", "numpy==1.0\n"])
    return tmp_path


def read_json(path: Path) -> dict[str, object]:
    data: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return data
