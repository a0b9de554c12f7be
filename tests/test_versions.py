from __future__ import annotations

import pytest
from packaging.version import Version

from calipertf.errors import VersionError
from calipertf.versions import (
    parse_python,
    python_key,
    python_version,
    select_pythons,
    select_versions,
)

POOL = [
    Version(text)
    for text in (
        *("0.12.1", "1.0.0", "1.0.1", "1.15.0", "1.15.5", "2.0.0rc1"),
        *("2.0.0", "2.4.0", "2.4.4", "2.10.0", "2.10.1"),
    )
]


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("cp310", "cp310"),
        ("3.10", "cp310"),
        ("3.1", "cp31"),
        ("python3.7", "cp37"),
        ("3.10.4", "cp310"),
        ("CP27", "cp27"),
    ],
)
def test_python_is_understood(text: str, tag: str) -> None:
    assert parse_python(text) == tag


@pytest.mark.parametrize("text", ["py3", "pp39", "3", "cp3.7", "", "4.0"])
def test_what_is_no_cpython_is_refused(text: str) -> None:
    with pytest.raises(VersionError, match="cp310"):
        parse_python(text)


@pytest.mark.parametrize(
    ("tag", "dotted"), [("cp310", "3.10"), ("cp27", "2.7"), ("cp39", "3.9"), ("cp31", "3.1")]
)
def test_tag_reads_as_the_python_it_means(tag: str, dotted: str) -> None:
    assert python_version(tag) == dotted


def test_pythons_sort_as_versions() -> None:
    assert sorted(["cp310", "cp39", "cp27"], key=python_key) == ["cp27", "cp39", "cp310"]


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        (["1.15.5"], "1.15.5"),
        (["2.10"], "2.10.0"),
        ([">=2.4,<2.9"], "2.4.0 2.4.4"),
        (["latest patch of each minor"], "0.12.1 1.0.1 1.15.5 2.0.0 2.4.4 2.10.1"),
        (["latest patch of each minor >=1.1,<2.5"], "1.15.5 2.0.0 2.4.4"),
        (["latest"], "2.10.1"),
        (["2.0.0rc1"], "2.0.0rc1"),
        (["all"], "0.12.1 1.0.0 1.0.1 1.15.0 1.15.5 2.0.0 2.4.0 2.4.4 2.10.0 2.10.1"),
        (["2.4.4", "1.0.1", "2.4.4"], "1.0.1 2.4.4"),
        (["<1.0"], "0.12.1"),
    ],
)
def test_selectors(selectors: list[str], expected: str) -> None:
    assert [str(version) for version in select_versions(selectors, POOL)] == expected.split()


@pytest.mark.parametrize(
    ("selector", "words"),
    [("2.4.5", "did you mean 2.4.4"), (">=9", "0.12.1 to 2.10.1"), ("frog", "selector")],
)
def test_selector_that_picks_nothing_says_what_there_is(selector: str, words: str) -> None:
    with pytest.raises(VersionError, match=words):
        select_versions([selector], POOL)


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        (["3.7", "cp310"], ["cp37", "cp310"]),
        ([">=3.9"], ["cp39", "cp310"]),
        (["all"], ["cp27", "cp39", "cp310"]),
        (["3.13"], ["cp313"]),
    ],
)
def test_python_selectors(selectors: list[str], expected: list[str]) -> None:
    assert select_pythons(selectors, ["cp27", "cp310", "cp39"]) == expected
