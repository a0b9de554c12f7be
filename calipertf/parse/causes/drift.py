"""The requirements that two cells do not have in common, as the cause of a failure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from calipertf.formats.records import Cell
from calipertf.formats.requirements import Difference, Installed, compare_requirements
from calipertf.parse.causes.declared import Declared
from calipertf.parse.causes.packages import find_owner, find_suspects
from calipertf.parse.results import Result
from calipertf.reasons.distributions import find_distribution
from calipertf.versions import python_version

#: The most requirements that a cause lists where nothing tells them apart.
_LISTED = 6
#: What installs packages: it drifts in every environment, and few packages use it.
_INSTALLERS = frozenset({"pip", "setuptools", "wheel"})
#: What rate_change gives for a change that may break what uses the requirement.
_BREAKS = 3
#: A first number from here on is a year, and says nothing of what changed.
_YEAR = 1990


#: Where stage 2 has not said anything.
NOTHING_DECLARED = Declared()


class Drift:
    """The differences of one failing cell from one where the script works."""

    def __init__(
        self,
        result: Result,
        working: Cell,
        requirements: Mapping[Cell, Sequence[Installed]],
        declared: Declared = NOTHING_DECLARED,
    ) -> None:
        self._result = result
        self._working = working
        self._declared = declared
        here, there = requirements.get(result.cell, ()), requirements.get(working, ())
        own = canonicalize_name(result.cell.package)
        #: Whether the requirements of both cells are known.
        self.known = bool(here and there)
        found = compare_requirements(here, there) if self.known else []
        self._differences = {item.name: item for item in found if item.name != own}
        self._installed = {item.name: item.version or "" for item in here}

    @property
    def names(self) -> Collection[str]:
        """Return the normalised names of the requirements that differ."""
        return self._differences.keys()

    def find_suspect(self, *evidence: str) -> str | None:
        """Return the requirement that differs and that the failure points at.

        None where it does not.

        `evidence` are the kinds that count, see Suspect; all of them where none is given.
        """
        suspects = find_suspects(self._result, self.names)
        return next(
            (item.name for item in suspects if not evidence or item.evidence in evidence), None
        )

    def describe(self, name: str, works: str = "it works") -> str:
        """Return one sentence.

        Protobuf is 4.0 here and 3.0 where it works (1.0 on Python 3.7, today).
        """
        item = self._differences[name]
        return f"{name} is {item.here or 'not installed'} here and {self._say_there(item, works)}"

    def _say_there(self, item: Difference, works: str) -> str:
        cell = self._working
        where = f"{cell.version} on Python {python_version(cell.python)}"
        return f"{item.there or 'not installed'} where {works} ({where}, {cell.resolve})"

    def describe_all(self, works: str = "it works") -> str | None:
        """Return all that differ, the likeliest first; None where none do."""
        ranked = self.rank()
        if not ranked:
            return None
        if len(ranked) == 1:
            return f"{self.describe(ranked[0], works)}; no other requirement differs"
        first = [self.say_both(name) for name in ranked[:_LISTED]]
        more = len(ranked) - _LISTED
        listed = ", ".join([*first, *([f"and {more} more"] if more > 0 else [])])
        cell = self._working
        where = f"{cell.version} on Python {python_version(cell.python)}, {cell.resolve}"
        return f"one of the requirements that differ from where {works} ({where}): {listed}"

    def say_both(self, name: str) -> str:
        """Return the versions here and there: protobuf (4.0, not 3.0)."""
        item = self._differences[name]
        return f"{item.name} ({item.here or 'not installed'}, not {item.there or 'installed'})"

    def rank(self) -> list[str]:
        """Return the names, the likeliest first.

        First those whose change may break what uses them; of these, what the script imports comes
        before what the package requires whose code failed, then what the judged package requires.
        """
        return sorted(self._differences, key=lambda name: (*self._rank_one(name), name))

    def _rank_one(self, name: str) -> tuple[bool, int, int]:
        rate = 0 if name in _INSTALLERS else rate_change(self._differences[name])
        cell, requires = self._result.cell, self._declared.requires
        owner = find_owner(self._result) or ""
        own = canonicalize_name(cell.package)
        imported = self._declared.imports.get(self._result.script, ())
        users = (
            any(find_distribution(module, {name}) for module in imported),
            name in requires.get((owner, self._installed.get(owner, "")), ()),
            name in requires.get((own, cell.version), ()),
            True,
        )
        return rate < _BREAKS, users.index(True), -rate


def rate_change(item: Difference) -> int:
    """Return how much a requirement changed: 3 what may break (major.

    Minor of 0.x), 2 minor, 1 less.

    One that is not there any more counts 3, one that is only here 1; so does a year for a major
    number that went up, which says nothing.
    """
    if item.here is None or item.there is None:
        return _BREAKS if item.here is None else 1
    try:
        here, there = Version(item.here), Version(item.there)
    except InvalidVersion:
        return 2
    left, right = ((*version.release, 0, 0)[:3] for version in (here, there))
    if left[0] != right[0]:
        return 1 if min(left[0], right[0]) >= _YEAR else _BREAKS
    if left[1] != right[1]:
        return _BREAKS if left[0] == 0 else 2
    return 1
