"""The Python files of archives, over real HTTP from a server on the loopback."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import requests
from helpers.package_server import PackageServer, make_sdist, make_wheel
from packaging.tags import Tag
from packaging.version import Version

from calipertf.assess.api import archive as wheels
from calipertf.assess.api.archive import PythonFiles, hash_files, read_archive
from calipertf.errors import InfrastructureError
from calipertf.index import ranges
from calipertf.index.client import ReleaseFile

NAME = "x-1-py3-none-any.whl"
#: Does not compress: stands for the shared libraries of a wheel.
BALLAST = random.Random(7).randbytes(3_000_000)


@pytest.fixture
def server() -> Iterator[PackageServer]:
    with PackageServer() as running:
        yield running


def fetch(
    server: PackageServer, content: bytes, *, name: str = NAME, sha256: str | None = None
) -> PythonFiles:
    url = server.add(name, content)
    file = ReleaseFile(
        filename=name,
        url=url,
        version=Version("1"),
        tags=frozenset({Tag("py3", "none", "any")} if name.endswith(".whl") else ()),
        hashes={"sha256": sha256} if sha256 else {},
        size=len(content),
        uploaded=None,
        yanked=False,
        requires_python=None,
    )
    with requests.Session() as session:
        return read_archive(file, session)


FILES = {
    "p/__init__.py": "x = 1\n",
    "p/lib.so": BALLAST,
    "p/a.py": "y = 1\n",
    "p/b.py": "z = 1\n" * 1000,
    "p/data.txt": "no",
}
PYTHON = {path: str(text).encode() for path, text in FILES.items() if path.endswith(".py")}


def test_only_the_python_members_are_downloaded(server: PackageServer) -> None:
    wheel = make_wheel(FILES, requires=("six>=1", "numpy"))
    found = fetch(server, wheel)
    assert found.files == PYTHON
    assert found.requires == ("six>=1", "numpy")
    assert found.compiled == {"p.lib"}
    assert found.source.bytes_total == len(wheel)
    # The end of the file, asked for first, is most of it.
    assert found.source.bytes_read is not None
    assert found.source.bytes_read < ranges.TAIL + 10_000
    assert all(wanted for _, wanted in server.requests)


def test_a_server_without_ranges_gets_one_whole_download() -> None:
    wheel = make_wheel(FILES)
    with PackageServer(ranges=False) as server:
        found = fetch(server, wheel)
    assert found.files == PYTHON
    assert found.source.bytes_read == len(wheel)
    assert found.source.sha256 == hash_files(PYTHON)


def test_near_members_are_fetched_together(server: PackageServer) -> None:
    near = {f"p/m{number}.py": f"x = {number}\n" for number in range(50)}
    fetch(server, make_wheel({**near, "p/lib.so": BALLAST}))
    assert len(server.requests) == 2  # the end, and one range


def test_far_members_are_fetched_apart(server: PackageServer) -> None:
    far = BALLAST[: wheels.GAP + 1000]
    fetch(server, make_wheel({"a.py": "", "1.so": far, "b.py": "", "2.so": BALLAST}))
    assert len(server.requests) == 3


def test_small_wheels_are_read_whole_and_their_hash_checked(server: PackageServer) -> None:
    wheel = make_wheel({"p.py": "x = 1\n"})
    assert fetch(server, wheel).files == {"p.py": b"x = 1\n"}
    assert [wanted for _, wanted in server.requests] == [None]
    with pytest.raises(InfrastructureError, match="SHA-256"):
        fetch(server, wheel, sha256="0" * 64)


PLACES = [
    ("x-1.data/purelib/p/a.py", "p/a.py"),
    ("x-1.data/platlib/p/a.py", "p/a.py"),
    ("x-1.data/scripts/run.py", None),
    ("x-1.data/data/share/a.py", None),
    ("p/a.py", "p/a.py"),
]


@pytest.mark.parametrize(("member", "place"), PLACES)
def test_members_land_where_an_installer_puts_them(
    server: PackageServer, member: str, place: str | None
) -> None:
    assert set(fetch(server, make_wheel({member: ""})).files) == ({place} if place else set())


def test_stubs_come_with_their_compiled_module(server: PackageServer) -> None:
    files = {"p/c.cpython-38-x86_64-linux-gnu.so": "", "p/c.pyi": "", "p/d.pyi": "", "p/d.py": ""}
    found = fetch(server, make_wheel(files))
    assert set(found.files) == {"p/c.pyi", "p/d.pyi", "p/d.py"}
    assert set(fetch(server, make_wheel({"p/d.pyi": "", "p/d.py": ""})).files) == {"p/d.py"}
    assert found.compiled == {"p.c"}


def test_source_archives_are_read(server: PackageServer) -> None:
    content = make_sdist({"src/p/__init__.py": "x", "setup.py": "", "tests/t.py": "", "q.py": "y"})
    found = fetch(server, content, name="x-1.tar.gz")
    assert found.files == {"p/__init__.py": b"x", "q.py": b"y"}
    assert found.source.kind == "sdist"


def test_source_archive_tells_what_it_requires(server: PackageServer) -> None:
    files = {"x.egg-info/requires.txt": "real>=1\n\n[docs]\nsphinx\n", "test_x.py": "no part of it"}
    found = fetch(server, make_sdist(files), name="x-1.tar.gz")
    assert (found.files, found.requires) == ({}, ("real>=1",))


def test_a_passing_failure_of_the_server_is_tried_again(server: PackageServer) -> None:
    server.failures = 2
    assert fetch(server, make_wheel(FILES)).files == PYTHON


def test_a_file_that_is_not_there_is_one_clear_sentence(server: PackageServer) -> None:
    url = server.add(NAME, b"", hidden=True)
    file = ReleaseFile(
        filename=NAME,
        url=url,
        version=Version("1"),
        tags=frozenset({Tag("py3", "none", "any")}),
        hashes={},
        size=5_000_000,
        uploaded=None,
        yanked=False,
        requires_python=None,
    )
    with requests.Session() as session, pytest.raises(InfrastructureError, match=f"{NAME}.*404"):
        read_archive(file, session)


@pytest.mark.parametrize("cut", [100, 1_000_000, 2_999_000])
def test_a_truncated_wheel_is_one_clear_sentence(server: PackageServer, cut: int) -> None:
    with pytest.raises(InfrastructureError, match="damaged"):
        fetch(server, make_wheel(FILES)[:cut])


def test_a_changed_byte_is_noticed(server: PackageServer) -> None:
    wheel = bytearray(make_wheel({"p.py": "x = 1\n" * 50, "lib.so": BALLAST}))
    wheel[40] ^= 0xFF
    with pytest.raises(InfrastructureError, match="damaged"):
        fetch(server, bytes(wheel))
