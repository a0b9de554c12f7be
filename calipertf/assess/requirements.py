"""How alike two environments are, by the requirements that were installed in them.

R is the set of installed requirements by PEP 503 name, the package itself left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from calipertf.assess.similarity import (
    Floats,
    Vocabulary,
    count_common,
    dice,
    dice_of,
    jaccard,
    jaccard_of,
)
from calipertf.formats.requirements import read_freeze

#: Score of two releases by the first place in which they differ: major, minor, patch.
_STEPS = (0.0, 0.5, 0.75)
_SUFFIX_DIFFERS = 0.9

Pins: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What was installed in one environment."""

    #: PEP 503 name -> version as written; where the line tells none: what it was installed from.
    pins: Pins = field(default_factory=dict)
    #: Lines that no name could be read from.
    unread: tuple[str, ...] = ()

    def odd_versions(self) -> list[str]:
        """Return those whose version PEP 440 cannot parse: they score 1 where equal, else 0."""
        return [f"{name} {text}".strip() for name, text in self.pins.items() if not _parse(text)]


def parse_freeze(lines: Iterable[str], package: str) -> Requirements:
    """Return the requirements that `pip freeze` printed, without the package itself."""
    own = canonicalize_name(package)
    freeze = read_freeze(lines)
    pins = {item.name: item.version or "" for item in freeze.installed if item.name != own}
    return Requirements(pins=pins, unread=freeze.unread)


def semver_score(left: str, right: str) -> float:
    """Return how near two versions of one requirement are, 0.0 to 1.0.

    0 epoch or major differs, 0.5 minor, 0.75 patch, 0.9 only pre/post/dev, 1 equal; the local part
    does not count. Where the major is 0, each place counts as the one to its left. What PEP 440
    cannot parse scores 1 where equal, else 0.
    """
    a, b = _parse(left), _parse(right)
    if a is None or b is None:
        return float(left == right)
    if a.epoch != b.epoch:
        return 0.0
    place = next((i for i, (x, y) in enumerate(_pad(a, b)) if x != y), None)
    if place is None:
        return 1.0 if (a.pre, a.post, a.dev) == (b.pre, b.post, b.dev) else _SUFFIX_DIFFERS
    shift = 1 if a.major == 0 else 0
    # Any place after the patch is as harmless as the patch.
    return _STEPS[min(max(0, place - shift), 2)]


def _pad(a: Version, b: Version) -> Iterable[tuple[int, int]]:
    """Return the places of both releases side by side: 1.2 is 1.2.0."""
    width = max(len(a.release), len(b.release))
    padded = [(*v.release, *[0] * (width - len(v.release))) for v in (a, b)]
    return zip(*padded, strict=True)


def _parse(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def semver_similarity(left: Pins, right: Pins) -> float:
    """Return the mean semver score over the names of both, 0 for a name that only one has.

    1 for none.
    """
    names = left.keys() | right.keys()
    common = left.keys() & right.keys()
    if not names:
        return 1.0
    return sum(semver_score(left[name], right[name]) for name in common) / len(names)


def score_requirements(left: Pins, right: Pins) -> dict[str, float]:
    """Return every score of requirements for two environments.

    The matrix below gives the same numbers.
    """
    return {
        "set_jaccard": jaccard(left.keys(), right.keys()),
        "set_dice": dice(left.keys(), right.keys()),
        "pin_jaccard": jaccard(left.items(), right.items()),
        "pin_dice": dice(left.items(), right.items()),
        "semver": semver_similarity(left, right),
    }


def score_all_requirements(environments: Sequence[Pins]) -> dict[str, Floats]:
    """Return every score of requirements as an n x n array: all pairs of n environments at once."""
    names, pins = Vocabulary(), Vocabulary()
    by_name = [names.number(environment) for environment in environments]
    by_pin = [pins.number(environment.items()) for environment in environments]
    common_names = count_common(by_name, len(names))
    common_pins = count_common(by_pin, len(pins))
    sizes = np.diag(common_names)
    union = sizes[:, None] + sizes[None, :] - common_names
    total = _sum_semver(environments)
    return {
        "set_jaccard": jaccard_of(common_names),
        "set_dice": dice_of(common_names),
        "pin_jaccard": jaccard_of(common_pins),
        "pin_dice": dice_of(common_pins),
        "semver": np.divide(total, union, out=np.ones_like(total), where=union > 0),
    }


def _sum_semver(environments: Sequence[Pins]) -> Floats:
    """Return the sum of the semver scores of common names, for each two environments.

    For each name its few versions are scored once against one another; those scores are then
    looked up by the number of the version.
    """
    total = np.zeros((len(environments), len(environments)))
    for name in sorted({name for environment in environments for name in environment}):
        holders = np.array([i for i, pins in enumerate(environments) if name in pins])
        versions = Vocabulary()
        number = versions.number(environments[i][name] for i in holders)
        spelt = [str(text) for text in versions.terms()]
        scores = np.array([[semver_score(a, b) for b in spelt] for a in spelt])
        total[np.ix_(holders, holders)] += scores[np.ix_(number, number)]
    return total
