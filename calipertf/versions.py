"""Package versions, Python tags and the selectors that pick some of them.

Versions are PEP 440 (``packaging.version``). A Python tag is CPython's short form in wheel names:
``cp27``, ``cp310`` (https://packaging.python.org/specifications/platform-compatibility-tags/).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from calipertf.errors import VersionError

LATEST_PATCHES = "latest patch of each minor"
#: CPython releases that a wheel without a CPython tag (py3-none-any, abi3, sdist) can be tried on.
CPYTHONS = ("cp27", *(f"cp3{minor}" for minor in range(5, 15)))

_TAG = re.compile(r"cp([23])([0-9]{1,3})")
_DOTTED = re.compile(r"(?:python)?([23])\.([0-9]{1,3})(?:\.[0-9]+)?")
#: Characters of the longest word that is compared with others: beyond, it takes minutes.
_LONGEST_WORD = 300


def parse_python(text: str) -> str:
    """Return Python tag for ``cp310``, ``3.10``, ``3.10.4`` or ``python3.10``: always ``cp310``.

    Raises VersionError for anything else, ``py3`` and PyPy included.
    """
    match = _TAG.fullmatch(text.strip().lower()) or _DOTTED.fullmatch(text.strip().lower())
    if not match:
        raise VersionError(
            f"'{text}' is not a Python version; write it as cp310 or 3.10", value=text
        )
    return f"cp{match[1]}{match[2]}"


def python_version(tag: str) -> str:
    """Return dotted version of a Python tag: ``cp310`` gives ``3.10``, ``cp27`` gives ``2.7``."""
    match = _TAG.fullmatch(tag)
    if not match:
        raise VersionError(f"'{tag}' is not a CPython tag such as cp310", value=tag)
    return f"{match[1]}.{match[2]}"


def python_key(tag: str) -> tuple[int, int]:
    """Sort key of a Python tag: ``cp310`` comes after ``cp39``."""
    major, minor = python_version(tag).split(".")
    return int(major), int(minor)


def parse_version(text: str) -> Version:
    """Return PEP 440 version; raises VersionError with the text that is not one."""
    try:
        return Version(text.strip())
    except ValueError as error:  # InvalidVersion, or a number without end
        raise VersionError(
            f"'{text}' is not a PEP 440 version such as 1.15.5", value=text
        ) from error


@lru_cache(maxsize=65_536)
def version_key(text: str) -> tuple[int, Version, str]:
    """Sort key that puts what PEP 440 cannot parse first, in order of spelling."""
    try:
        return 1, Version(text), text
    except ValueError:  # InvalidVersion, or a number without end
        return 0, Version("0"), text


def find_nearest(word: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed word most like the one given, or None where nothing is near."""
    if len(word) > _LONGEST_WORD:
        return None
    matches = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return matches[0] if matches else None


def keep_latest_patches(versions: Iterable[Version]) -> list[Version]:
    """Return the highest version of each (epoch, major, minor), ascending.

    Pre-releases left out.
    """
    latest: dict[tuple[int, int, int], Version] = {}
    for version in versions:
        if version.is_prerelease:
            continue
        minor = (version.epoch, version.major, version.minor)
        latest[minor] = max(version, latest.get(minor, version))
    return sorted(latest.values())


def select_versions(selectors: Sequence[str], available: Iterable[Version]) -> list[Version]:
    """Return the versions that any of the selectors picks, ascending, each once.

    A selector is one version (``1.15.5``), a PEP 440 specifier (``>=2.4,<2.9``), ``all``,
    ``latest``, or ``latest patch of each minor`` alone or followed by a specifier. Pre-releases
    are picked only by naming one (``2.0.0rc1``). Raises VersionError, with the nearest version,
    for a selector that cannot be read or that picks nothing.
    """
    pool = sorted(set(available))
    picked: set[Version] = set()
    for selector in selectors:
        found = _select_one(selector.strip(), pool)
        if not found:
            nearest = find_nearest(selector, (str(version) for version in pool))
            hint = f"; did you mean {nearest}?" if nearest else ""
            bounds = f"{pool[0]} to {pool[-1]}" if pool else "none at all"
            raise VersionError(
                f"'{selector}' selects no version: known are {bounds}{hint}", value=selector
            )
        picked.update(found)
    return sorted(picked)


def _select_one(selector: str, pool: Sequence[Version]) -> list[Version]:
    final = [version for version in pool if not version.is_prerelease]
    if selector == "all":
        return final
    if selector == "latest":
        return final[-1:]
    if selector.startswith(LATEST_PATCHES):
        rest = selector.removeprefix(LATEST_PATCHES).strip()
        return keep_latest_patches(_filter(rest, final) if rest else final)
    if re.match(r"[<>=!~]", selector):
        return _filter(selector, final)
    wanted = parse_selector_version(selector)
    return [version for version in pool if version == wanted]


def parse_selector_version(selector: str) -> Version:
    """Return the one version that a selector names.

    Raises VersionError that lists what is understood.
    """
    try:
        return Version(selector)
    except ValueError as error:  # InvalidVersion, or a number without end
        raise VersionError(
            f"'{selector}' is not a version selector; write 1.15.5, \">=2.4,<2.9\", all, latest "
            f'or "{LATEST_PATCHES}"',
            value=selector,
        ) from error


def _filter(specifier: str, pool: Iterable[Version]) -> list[Version]:
    try:
        return sorted(SpecifierSet(specifier).filter(pool))
    except ValueError as error:  # InvalidSpecifier, or a number without end
        raise VersionError(
            f"'{specifier}' is not a PEP 440 specifier such as >=2.4,<2.9", value=specifier
        ) from error


def check_selector(selector: str) -> None:
    """Nothing for a selector of select_versions that can be read; else raises VersionError."""
    _select_one(selector.strip(), [])


def select_pythons(selectors: Sequence[str], available: Iterable[str]) -> list[str]:
    """Return Python tags that any of the selectors picks, ascending.

    A selector is one Python (``cp37``, ``3.7``), which is taken whether available or not (a cell
    without a release is a finding), or a specifier or ``all``, which pick from those available.
    """
    pool = {Version(python_version(tag)): tag for tag in available}
    picked: set[str] = set()
    for selector in selectors:
        text = selector.strip()
        if text in {"all", "latest"} or re.match(r"[<>=!~]", text):
            found = _select_one(text, sorted(pool))
            if not found:
                known = ", ".join(str(version) for version in sorted(pool)) or "none"
                raise VersionError(
                    f"'{selector}' selects no Python of the grid: {known}", value=selector
                )
            picked.update(pool[version] for version in found)
        else:
            picked.add(parse_python(text))
    return sorted(picked, key=python_key)
