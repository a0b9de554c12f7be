"""What pip freeze printed, as names and versions."""

from __future__ import annotations

from collections.abc import Iterable

from calipertf.formats.requirements import Installed, read_freeze
from calipertf.reasons.owners import COMPANION_REQUIREMENTS


def parse_requirements(lines: Iterable[str]) -> list[Installed]:
    """Return the packages that lines of pip freeze name, in order of name."""
    return sorted(read_freeze(lines).installed, key=lambda item: item.name)


def name_companions(package: str, requirements: Iterable[Installed]) -> str:
    """Return the companions' versions, such as "keras 3.4.1, numpy 1.26.4"; empty for none.

    What was installed from an address has no version to name.
    """
    pins = {item.name: item.version for item in requirements if item.version}
    names = COMPANION_REQUIREMENTS.get(package, ())
    known = [(name, pins[name]) for name in names if name in pins]
    return ", ".join(f"{name} {version}" for name, version in known if ":" not in version)
