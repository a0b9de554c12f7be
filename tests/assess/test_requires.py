"""What stage 2 keeps of the packages in failures that drift may explain."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from helpers.grids import make_cell
from helpers.package_server import PackageServer, make_wheel

from calipertf.assess.requires import FILE_NAME, clear_requires, list_wanted, update_requires
from calipertf.formats.records import Record, Run, Verdict
from calipertf.imports import list_modules

FRAMES = ['  File "/e/site-packages/p/a.py", line 1\n', '  File "/e/site-packages/dep/b.py"\n']


def make_failed(resolve: str, python: str = "cp37") -> Record:
    return Record(
        cell=make_cell(python=python, resolve=resolve),
        outcome="run_failed",
        outcomes={"s/a.py": Verdict(outcome="run_failed")},
        runs={"s/a.py": Run(error=tuple(FRAMES), retval=1)},
        requirements=("dep==1.0\n", "other==2.0\n", "p==1.0\n"),
    )


def test_packages_of_a_failure_are_wanted_where_another_date_was_tried() -> None:
    alone, today, release = (
        make_failed("today", "cp38"),
        make_failed("today"),
        make_failed("release"),
    )
    assert list_wanted([alone]) == []
    assert list_wanted([alone, today, release]) == [("p", "1.0"), ("dep", "1.0")]


def test_imports_of_a_script() -> None:
    source = "import a.b, c as d\nfrom e.f import g\nfrom . import h\ndef f():\n    import i\n"
    assert list_modules(source) == ["a.b", "c", "e.f", "i"]
    assert list_modules("print 'x'") == []
    assert list_modules("\x00") == []


def test_requirements_come_from_the_index_once(tmp_path: Path) -> None:
    metadata = b"Metadata-Version: 2.1\nName: dep\nRequires-Dist: httpx<1\n\nRequires-Dist: no\n"
    wanted = [("dep", "1.0"), ("plain", "1.0"), ("nowhere", "1.0")]
    path = tmp_path / FILE_NAME
    with PackageServer() as server:
        for name in ("dep", "plain"):
            server.add(f"{name}-1.0-py3-none-any.whl", make_wheel({f"{name}.py": ""}))
        server.add("dep-1.0-py3-none-any.whl.metadata", metadata)

        def update(*, offline: bool = False) -> list[str]:
            return update_requires(
                tmp_path,
                wanted,
                {"s/a.py": ["httpx"]},
                index_url=server.index_url,
                cache=tmp_path,
                offline=offline,
            )

        assert update(offline=True) == []
        assert json.loads(path.read_text())["packages"] == {}
        notes = update()
        asked = sum(path.startswith("/files/") for path, _ in server.requests)
        update()
        assert sum(path.startswith("/files/") for path, _ in server.requests) == asked
    assert len(notes) == 1
    assert notes[0].startswith("what nowhere 1.0 requires is not known: ")
    data = json.loads(path.read_text())
    # Of plain the index has no metadata, so nothing is known that it requires.
    assert data["packages"] == {"dep": {"1.0": ["httpx<1"]}, "plain": {"1.0": []}}
    assert data["scripts"] == {"s/a.py": ["httpx"]}


def test_damaged_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    for text in ("{", "[]", '{"schema": 1, "packages": 3}', "[" * 9000):
        path.write_text(text)
        update_requires(
            tmp_path, [], {"s/a.py": ["b"]}, index_url="x", cache=tmp_path, offline=True
        )
        assert json.loads(path.read_text()) == {
            "schema": 1,
            "packages": {},
            "scripts": {"s/a.py": ["b"]},
        }


@pytest.mark.parametrize("what", ["pipe", "folder", "loop", "deep", "list", "good", "nothing"])
def test_broken_file_is_set_aside(tmp_path: Path, what: str) -> None:
    path = tmp_path / FILE_NAME
    texts = {
        "deep": "[" * 100_000,
        "list": "[1]",
        "good": '{"schema": 1, "packages": {}, "scripts": {}}',
    }
    if what in {"pipe", "folder", "loop"}:
        {"pipe": os.mkfifo, "folder": Path.mkdir, "loop": lambda x: x.symlink_to(x)}[what](path)
    elif what in texts:
        path.write_text(texts[what])
    clear_requires(tmp_path)
    aside = os.path.lexists(tmp_path / f"{FILE_NAME}.aside-1")
    assert (os.path.lexists(path), aside) == (what == "good", what not in {"good", "nothing"})
