from __future__ import annotations

from datetime import datetime, timezone

import pytest

from calipertf.index.build_tools import with_newest
from calipertf.run.backends.venv.installers import (
    describe_tools,
    hide_installers,
    hide_newer,
    merge_extras,
)


@pytest.mark.parametrize(
    ("year", "python", "tools"),
    [
        (2014, "cp37", "2019-02-06"),
        (2014, "cp39", "2019-08-14"),
        (2014, "cp312", "2023-01-21"),
        (2014, "cp314", "2025-10-08"),
    ],
)
def test_build_tools_are_as_new_as_a_python_needs(year: int, python: str, tools: str) -> None:
    cutoff = datetime(year, 1, 1, tzinfo=timezone.utc)
    flags = hide_newer(cutoff, python)
    assert flags[:2] == ["--exclude-newer", f"{year}-01-01T00:00:00+00:00"]
    assert any(flag.startswith(f"setuptools={tools}T") for flag in flags)
    assert describe_tools(cutoff, python) == tools


@pytest.mark.parametrize(("year", "python"), [(2025, "cp312"), (2022, "cp37")])
def test_build_tools_are_those_of_the_day_where_they_will_do(year: int, python: str) -> None:
    cutoff = datetime(year, 1, 1, tzinfo=timezone.utc)
    assert hide_newer(cutoff, python) == ["--exclude-newer", f"{year}-01-01T00:00:00+00:00"]
    assert describe_tools(cutoff, python) == f"{year}-01-01"


def test_second_try_has_the_newest_build_tools_and_nothing_else() -> None:
    cutoff = datetime(2014, 1, 1, tzinfo=timezone.utc)
    flags = hide_newer(cutoff, with_newest("cp37"))
    assert flags[:2] == ["--exclude-newer", "2014-01-01T00:00:00+00:00"]
    assert {"setuptools=false", "wheel=false", "cython=false"} < set(flags)
    assert not any(flag.startswith("numpy") for flag in flags)
    assert describe_tools(cutoff, with_newest("cp37")) == "newest"


def test_today_hides_nothing() -> None:
    assert hide_newer(None, "cp312") == []
    assert describe_tools(None, "cp312") == "newest"


@pytest.mark.parametrize(
    ("python", "kept"),
    [
        ("cp311", ["setuptools==65.5.0", "six==1.0"]),
        ("cp312", ["setuptools==65.5.0", "six==1.0", "wheel==1"]),
    ],
)
def test_setuptools_is_a_requirement_like_others(python: str, kept: list[str]) -> None:
    lines = ["pip==23.0", "setuptools==65.5.0", "six==1.0", "wheel==1"]
    assert list(hide_installers(lines, python)) == kept


@pytest.mark.parametrize(
    ("pins", "merged"),
    [
        (["celery==4.4.7", "celery[redis]"], ["celery[redis]==4.4.7"]),
        (["celery==4.4.7", "six", "Celery[a,b]"], ["celery[a,b]==4.4.7", "six"]),
        (["six==1.16.0", "six<1"], ["six==1.16.0", "six<1"]),
        (["six==1.16.0"], ["six==1.16.0"]),
    ],
)
def test_extras_of_the_package_are_part_of_its_pin(pins: list[str], merged: list[str]) -> None:
    assert merge_extras(pins) == merged
