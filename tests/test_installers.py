from __future__ import annotations

from datetime import datetime, timezone

import pytest

from calipertf.run.environments.installers import hide_newer, merge_extras


@pytest.mark.parametrize(
    ("year", "python", "tools"),
    [(2014, "cp37", 2021), (2014, "cp312", 2023), (2025, "cp312", 2025), (2022, "cp37", 2022)],
)
def test_build_tools_are_as_new_as_a_python_needs(year: int, python: str, tools: int) -> None:
    flags = hide_newer(datetime(year, 1, 1, tzinfo=timezone.utc), python)
    assert flags[:2] == ["--exclude-newer", f"{year}-01-01T00:00:00+00:00"]
    assert any(flag.startswith(f"setuptools={tools}-") for flag in flags)


def test_today_hides_nothing() -> None:
    assert hide_newer(None, "cp312") == []


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
