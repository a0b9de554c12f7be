"""What pip freeze printed, as names and versions, and how two cells differ in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from calipertf.formats.requirements import Installed, read_freeze
from calipertf.reasons.owners import COMPANION_REQUIREMENTS


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One package that differs between two cells."""

    name: str
    #: Version here and there; None where it is not installed.
    here: str | None
    there: str | None


def parse_requirements(lines: Iterable[str]) -> list[Installed]:
    """Return the packages that lines of pip freeze name, in order of name."""
    return sorted(read_freeze(lines).installed, key=lambda item: item.name)


def compare_requirements(here: Sequence[Installed], there: Sequence[Installed]) -> list[Difference]:
    """Return the packages that are not the same in two cells, in order of name."""
    left = {item.name: item.version for item in here}
    right = {item.name: item.version for item in there}
    return [
        Difference(name=name, here=left.get(name), there=right.get(name))
        for name in sorted(left.keys() | right.keys())
        if (name in left, left.get(name)) != (name in right, right.get(name))
    ]


def name_companions(package: str, requirements: Iterable[Installed]) -> str:
    """Return the companions' versions, such as "keras 3.4.1, numpy 1.26.4"; empty for none.

    What was installed from an address has no version to name.
    """
    pins = {item.name: item.version for item in requirements if item.version}
    names = COMPANION_REQUIREMENTS.get(package, ())
    known = [(name, pins[name]) for name in names if name in pins]
    return ", ".join(f"{name} {version}" for name, version in known if ":" not in version)
