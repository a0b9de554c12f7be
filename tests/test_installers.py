from __future__ import annotations

from datetime import datetime, timezone

import pytest

from calipertf.run.environments.installers import hide_newer


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
