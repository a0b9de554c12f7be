"""From what pip freeze printed to a lock that an installer reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import tomli
from packaging.pylock import Pylock, is_valid_pylock_path
from packaging.tags import parse_tag
from packaging.version import Version

from calipertf.errors import IndexUnavailableError, VersionError
from calipertf.formats.locks import name_lock
from calipertf.formats.records import Cell, Observation, Run
from calipertf.index.client import Project, ReleaseFile
from calipertf.reasons.messages import name_some
from calipertf.run.locking import find_base, list_moves, list_pins, lock_cell

CELL = Cell(package="p", version="1.0", python="cp38", resolve="release")
DAY = datetime(2021, 1, 1, tzinfo=timezone.utc)


def make_file(filename: str, **hashes: str) -> ReleaseFile:
    version = re.split(r"-|\.tar", filename)[1]
    wheel = filename.endswith(".whl")
    return ReleaseFile(
        filename=filename,
        url=f"https://files.example/{filename}",
        version=Version(version),
        tags=frozenset(parse_tag("-".join(filename[:-4].split("-")[2:]))) if wheel else frozenset(),
        hashes=hashes or {"sha256": "a" * 64},
        size=10,
        uploaded=DAY,
        yanked=False,
        requires_python=None,
    )


@dataclass
class SmallIndex:
    """An index that has these files, by project."""

    files: Mapping[str, tuple[ReleaseFile, ...]]
    url: str = "https://index.example/simple/"

    def fetch_version(self, name: str, version: Version) -> Project:
        if name == "lost":
            raise IndexUnavailableError("away")
        if name not in self.files:
            raise VersionError(f"no package {name} {version}")
        return Project(name=name, files=self.files[name])


INDEX: Any = SmallIndex(
    {
        "p": (
            make_file("p-1.0-cp38-cp38-linux_x86_64.whl"),
            make_file("p-1.0-cp39-cp39-linux_x86_64.whl"),
        ),
        "q": (make_file("q-2.0-py3-none-any.whl"), make_file("q-2.0.tar.gz")),
        "only-source": (make_file("only_source-3.1.tar.gz"),),
        "unhashed": (make_file("unhashed-1.0-py3-none-any.whl", md5="b" * 32),),
    }
)


def see(*requirements: str, retval: int = 0, **environment: Any) -> Observation:
    return Observation(
        cell=CELL,
        build=Run(retval=retval),
        requirements=tuple(f"{line}\n" for line in requirements),
        environment=environment,
    )


def read(text: str) -> Pylock:
    return Pylock.from_dict(tomli.loads(text))


def test_lock_names_the_file_of_each_requirement() -> None:
    lock = lock_cell(INDEX, see("only-source==3.1", "p==1.0", "q==2.0"), ["linux_x86_64"])
    assert lock is not None
    assert lock.left_out == ()
    packages = {str(package.name): package for package in read(lock.text).packages}
    assert list(packages) == ["only-source", "p", "q"]
    assert [wheel.name for wheel in packages["p"].wheels or ()] == [
        "p-1.0-cp38-cp38-linux_x86_64.whl"
    ]
    assert packages["q"].sdist is None
    assert packages["only-source"].wheels is None
    source = packages["only-source"].sdist
    assert source is not None
    assert (source.url, source.hashes) == (
        "https://files.example/only_source-3.1.tar.gz",
        {"sha256": "a" * 64},
    )


@pytest.mark.parametrize(
    "line",
    ["unknown==1.0", "q==9.9", "q @ https://x.example/q.zip", "unhashed==1.0", "q==2004d"],
)
def test_what_the_index_has_no_file_of_is_left_out(line: str) -> None:
    lock = lock_cell(INDEX, see("p==1.0", line), ["linux_x86_64"])
    assert lock is not None
    assert lock.left_out == (line,)
    locked = read(lock.text)
    assert [package.name for package in locked.packages] == ["p"]
    assert locked.tool is not None
    assert locked.tool["caliper-tensorflow"]["left-out"] == [line]


def test_lock_says_what_source_archives_were_built_with() -> None:
    tools = {"as_of": "2021-01-01", "used": ["setuptools==51.1.2"]}
    lock = lock_cell(INDEX, see("only-source==3.1", build_tools=tools), [])
    assert lock is not None
    assert (read(lock.text).tool or {})["caliper-tensorflow"]["build-tools"] == tools["used"]


def test_cell_that_was_not_built_has_no_lock() -> None:
    assert lock_cell(INDEX, see("p==1.0", retval=1), ["linux_x86_64"]) is None


def test_index_that_is_away_gives_no_half_lock() -> None:
    with pytest.raises(IndexUnavailableError):
        lock_cell(INDEX, see("p==1.0", "lost==1.0"), ["linux_x86_64"])


def test_name_is_one_that_installers_take() -> None:
    assert is_valid_pylock_path(Path(name_lock(CELL)))
    assert name_lock(CELL) == "pylock.pypi-p-1-0-python-cp38.toml"


def test_pins_are_the_lines_without_comments() -> None:
    assert list_pins(see("# Editable install (x==1)", "p==1.0")) == ("p==1.0",)


@pytest.mark.parametrize(
    ("image", "base"),
    [
        ("python@sha256:ab", "python@sha256:ab"),
        ("sha256:ab", None),  # an id, which only the engine that made the image knows
        (None, None),
    ],
)
def test_base_image_is_named_by_a_digest_that_others_can_pull(
    image: str | None, base: str | None
) -> None:
    assert find_base(see("p==1.0", base_image=image)) == base


def test_moves_name_each_package_that_differs() -> None:
    before = see("gone==1.0", "protobuf==4.25.3", "same==1.0")
    now = see("new==2.0", "Protobuf==5.26.0", "same==1.0")
    moves = ["gone 1.0 -> absent", "new absent -> 2.0", "protobuf 4.25.3 -> 5.26.0"]
    assert list_moves(before, now) == moves
    assert list_moves(see(), now) == []
    assert name_some(moves, 2) == "gone 1.0 -> absent, new absent -> 2.0 and 1 more"
    assert name_some(moves[:2], 2) == "gone 1.0 -> absent, new absent -> 2.0"
