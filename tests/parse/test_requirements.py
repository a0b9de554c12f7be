"""What pip freeze printed, and what of it decides results beside the judged package."""

from __future__ import annotations

import pytest

from calipertf.parse.requirements import name_companions, parse_requirements


@pytest.mark.parametrize(
    ("package", "lines", "words"),
    [
        (
            "tensorflow",
            ["numpy==1.26.4\n", "keras==3.4.1\n", "six==1\n"],
            "keras 3.4.1, numpy 1.26.4",
        ),
        ("tensorflow", ["numpy @ file:///numpy.whl\n"], ""),
        ("tensorflow", [], ""),
        ("six", ["numpy==1.26.4\n"], ""),
    ],
)
def test_companions_are_named_with_their_versions(
    package: str, lines: list[str], words: str
) -> None:
    assert name_companions(package, parse_requirements(lines)) == words
