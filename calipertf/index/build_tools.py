"""The build tools for a source archive: those of its day, or else the newest.

setuptools takes things away: `Feature` in 46, `use_2to3` in 58, pkg_resources in 82. So a cell with
a resolve date builds with the tools of that date, and where that fails once more with the newest.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from calipertf.versions import python_key


def _after(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=timezone.utc)


#: Build tool -> first Python (major, minor) -> the day after the upload of the oldest version that
#: makes PEP 517 builds there. Tried with uv on 3.6 to 3.13 and a module in C, version by version:
#: setuptools 40.8.0, 41.1.0 from 3.9 on (HTMLParser.unescape), 66.1.0 from 3.12 on (ImpImporter);
#: wheel 0.31.0 (older ones fail over a license_file in setup.cfg), 0.33.6 from 3.12 on (imp);
#: pip 19.0, 23.1.2 from 3.12 on. Not tried, and as of that Python's own release: 3.14.
OLDEST_TOOLS: Mapping[str, Mapping[tuple[int, int], datetime]] = {
    "setuptools": {
        (2, 7): _after(2019, 2, 6),
        (3, 9): _after(2019, 8, 14),
        (3, 12): _after(2023, 1, 21),
        (3, 14): _after(2025, 10, 8),
    },
    "wheel": {
        (2, 7): _after(2018, 4, 2),
        (3, 12): _after(2019, 8, 19),
        (3, 14): _after(2025, 10, 8),
    },
    "pip": {
        (2, 7): _after(2019, 1, 23),
        (3, 12): _after(2023, 4, 27),
        (3, 14): _after(2025, 10, 8),
    },
}
#: What a second try has at its newest: nothing that packages need when they run.
BUILD_TOOLS = (
    *OLDEST_TOOLS,
    "cython",
    "flit-core",
    "hatchling",
    "meson",
    "meson-python",
    "pdm-backend",
    "poetry-core",
    "scikit-build",
    "scikit-build-core",
    "setuptools-scm",
)
#: What find_limit gives where nothing is hidden.
NO_LIMIT = datetime.max.replace(tzinfo=timezone.utc)
_NEWEST = "+newest"


def with_newest(python: str) -> str:
    """Return a Python's tag as find_limit takes it where build tools are to be the newest."""
    return python + _NEWEST


def find_limit(name: str, cutoff: datetime, python: str) -> datetime:
    """The moment after which a project's files are hidden from a Python (a tag) at a cut-off.

    Build tools are exempt from the cut-off as far as the Python needs them, and for a tag that
    with_newest made they have no limit.
    """
    tag = python.removesuffix(_NEWEST)
    if tag != python and name in BUILD_TOOLS:
        return NO_LIMIT
    since = OLDEST_TOOLS.get(name, {})
    oldest = [moment for first, moment in since.items() if first <= python_key(tag)]
    return max([cutoff, *oldest])
