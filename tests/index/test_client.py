from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from calipertf.errors import IndexUnavailableError, VersionError
from calipertf.index.client import Index, Project
from calipertf.index.tags import choose_sdist, choose_wheel, linux_platforms

MakeIndex = Callable[[dict[str, list[dict[str, Any]]]], Path]
ServeFolder = Callable[[Path], str]

FILES = [
    {"filename": "demo-1.0-cp36-cp36m-manylinux1_x86_64.whl"},
    {"filename": "demo-1.0-cp37-cp37m-manylinux1_x86_64.whl"},
    {"filename": "demo-1.0-cp37-cp37m-macosx_10_9_x86_64.whl"},
    {"filename": "demo-1.1-cp310-cp310-manylinux2014_x86_64.whl"},
    {"filename": "demo-1.1-cp310-cp310-win_amd64.whl"},
    {"filename": "demo-1.2-cp38-abi3-manylinux2014_x86_64.whl", "requires-python": ">=3.8"},
    {"filename": "demo-1.3-py3-none-any.whl", "requires-python": ">=3.6.2"},
    {"filename": "demo-1.4-py2.py3-none-any.whl"},
    {"filename": "demo-1.5-py3-none-any.whl", "yanked": True},
    {"filename": "demo-1.6.tar.gz", "requires-python": ">=3.8"},
    {"filename": "demo-1.7-cp27-cp27mu-manylinux1_x86_64.whl"},
    {"filename": "demo-1.7-cp27-cp27m-manylinux1_x86_64.whl"},
    {"filename": "demo-1.8-1-py3-none-any.whl"},
    {"filename": "demo-1.8-py3-none-any.whl"},
    {"filename": "demo-1.9-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"},
    {"filename": "demo-1.10-cp313-cp313t-manylinux2014_x86_64.whl"},
    {"filename": "demo-1.11.tar.bz2"},
    {"filename": "demo-1.12.zip"},
    {"filename": "demo-1.12.tar.gz"},
    {"filename": "demo-nonsense.exe"},
]


@pytest.fixture
def project(make_index: MakeIndex, serve_folder: ServeFolder) -> Project:
    with Index(serve_folder(make_index({"demo": FILES}))) as index:
        return index.fetch_project("Demo")


@pytest.mark.parametrize(
    ("version", "python", "expected"),
    [
        ("1.0", "cp37", "demo-1.0-cp37-cp37m-manylinux1_x86_64.whl"),
        ("1.0", "cp38", None),
        ("1.1", "cp310", "demo-1.1-cp310-cp310-manylinux2014_x86_64.whl"),
        ("1.1", "cp31", None),
        ("1.1", "cp311", None),
        ("1.2", "cp311", "demo-1.2-cp38-abi3-manylinux2014_x86_64.whl"),
        ("1.2", "cp37", None),
        ("1.3", "cp36", "demo-1.3-py3-none-any.whl"),
        ("1.3", "cp35", None),
        ("1.3", "cp27", None),
        ("1.4", "cp27", "demo-1.4-py2.py3-none-any.whl"),
        ("1.5", "cp38", "demo-1.5-py3-none-any.whl"),
        ("1.6", "cp38", None),
        ("1.7", "cp27", "demo-1.7-cp27-cp27mu-manylinux1_x86_64.whl"),
        ("1.8", "cp38", "demo-1.8-1-py3-none-any.whl"),
        ("1.9", "cp39", "demo-1.9-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
        ("1.10", "cp313", None),
    ],
)
def test_wheel_of_a_python(
    project: Project, version: str, python: str, expected: str | None
) -> None:
    chosen = choose_wheel(project, Version(version), python, linux_platforms())
    assert (chosen.filename if chosen else None) == expected


@pytest.mark.parametrize(
    ("version", "python", "expected"),
    [
        ("1.6", "cp38", "demo-1.6.tar.gz"),
        ("1.6", "cp37", None),
        ("1.0", "cp38", None),
        ("1.11", "cp38", "demo-1.11.tar.bz2"),
        ("1.12", "cp38", "demo-1.12.tar.gz"),
    ],
)
def test_source_archive_of_a_python(
    project: Project, version: str, python: str, expected: str | None
) -> None:
    chosen = choose_sdist(project, Version(version), python)
    assert (chosen.filename if chosen else None) == expected


@pytest.mark.parametrize(
    ("files", "pythons"),
    [
        (["demo-1.0-cp37-cp37m-win32.whl", "demo-1.0-cp27-cp27m-win32.whl"], "cp27 cp37"),
        # A wheel for PyPy says nothing of CPython.
        (["demo-1.0-pp39-pypy39_pp73-win32.whl", "demo-1.0-cp38-cp38-win32.whl"], "cp38"),
        (["demo-1.0-cp312-abi3-win32.whl"], "cp312 cp313 cp314"),
        (["demo-1.0-py2-none-any.whl"], "cp27"),
        (["demo-1.0-py312-none-any.whl"], "cp312 cp313 cp314"),
        (["demo-1.0-cp313-cp313t-win32.whl", "demo-1.0-cp312-cp312-win32.whl"], "cp312"),
        (["demo-1.0-cp315-cp315-win32.whl"], "cp315"),
        # The archive is for Pythons without a wheel; which those are, wheels say.
        (["demo-1.0-cp38-cp38-win32.whl", "demo-1.0.tar.gz"], "cp38"),
        (["demo-1.0.tar.gz"], "cp313 cp314"),
        ([], ""),
    ],
)
def test_pythons_of_a_package(
    make_index: MakeIndex, serve_folder: ServeFolder, files: list[str], pythons: str
) -> None:
    described = [
        {"filename": name, **({"requires-python": ">=3.13"} if name.endswith(".gz") else {})}
        for name in files
    ]
    with Index(serve_folder(make_index({"demo": described}))) as index:
        found = index.fetch_project("demo").pythons()
    assert found == pythons.split()


def test_yanked_version_is_reached_by_its_pin_only(project: Project) -> None:
    assert Version("1.5") not in project.versions()
    assert Version("1.5") in project.all_versions()


def test_pages_of_the_index_are_kept_for_days_without_network(
    make_index: MakeIndex, serve_folder: ServeFolder, tmp_path: Path
) -> None:
    folder = make_index({"demo": FILES})
    url = serve_folder(folder)
    cache = tmp_path / "cache"
    with Index(url, cache) as index:
        assert not index.fetch_project("demo").stale
    (folder / "demo" / "index.html").rename(tmp_path / "away")
    time.sleep(1.1)
    with Index(url, cache, offline=True) as index:
        kept = index.fetch_project("demo")
    assert kept.stale
    assert len(kept.files) == len(FILES) - 1
    with (
        Index("http://127.0.0.1:9/", cache) as index,
        pytest.raises(IndexUnavailableError, match="cannot be reached"),
    ):
        index.fetch_project("demo")


def test_what_the_index_has_not_is_told(
    make_index: MakeIndex, serve_folder: ServeFolder, tmp_path: Path
) -> None:
    folder = make_index({"demo": FILES})
    (folder / "odd").mkdir()
    (folder / "odd" / "index.html").write_text('{"hello": 1}')
    with Index(serve_folder(folder)) as index:
        with pytest.raises(VersionError, match="no package 'nothere'"):
            index.fetch_project("nothere")
        with pytest.raises(IndexUnavailableError, match="no simple index page"):
            index.fetch_project("odd")
