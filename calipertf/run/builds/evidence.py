"""What a failed build depended on, so that it is tried again when the index has changed its mind.

A record of a failed build holds, for each project that the build's message names, a hash of what
the index had of it at the cell's date. A run compares them with the index of the day.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from packaging.utils import canonicalize_name

from calipertf.errors import CaliperError, VersionError
from calipertf.formats.records import Record, Run
from calipertf.index.client import Index, Project
from calipertf.index.snapshot import describe_view

#: Key of `inputs` in a record.
KEY = "index"
_WORD = re.compile(r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?")
_PINNED = re.compile(r"([A-Za-z0-9][\w.-]*)==\d")


def find_named(run: Run, always: Iterable[str], among: Iterable[str] | None = None) -> set[str]:
    """Return the projects that a failed build's message names, and those that count in any case.

    `among` are those that it asked for; None where that is not known. Where it asked for some and
    names none of them, all count.
    """
    text = "".join((*run.output, *run.error))
    named: set[str] = {canonicalize_name(name) for name in always}
    if among is None:
        found: set[str] = {canonicalize_name(name) for name in _PINNED.findall(text)}
    else:
        words = {canonicalize_name(word) for word in _WORD.findall(text)}
        # pip looks whether there is a newer pip.
        asked = {str(canonicalize_name(name)) for name in among} - {"pip"}
        found = (asked & words) - named or asked
    return (named | found) - {"pip"}


def collect_evidence(
    index: Index, names: Iterable[str], cutoff: datetime | None, python: str
) -> dict[str, str]:
    """Return project -> hash of what the index has of it, as far as it can be asked."""
    found = {}
    for name in sorted(names):
        with contextlib.suppress(CaliperError):
            found[name] = describe_view(_find_project(index, name), cutoff, python)
    return found


def _find_project(index: Index, name: str) -> Project | None:
    try:
        return index.fetch_project(name)
    except VersionError:
        return None


class Memory:
    """Looks up what the index has now, each project once a run."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._projects: dict[str, Project | None] = {}

    def find_change(self, old: Record, cutoff: datetime | None) -> str | None:
        """Return why a record of a failed build is not believed any more; None where it is.

        Where the index cannot be asked, it is.
        """
        if old.outcome != "build_failed":
            return None
        known = old.inputs.get(KEY)
        if not isinstance(known, Mapping) or not known:
            return "a build that failed and was never confirmed"
        for name, seen in known.items():
            try:
                if name not in self._projects:
                    self._projects[name] = _find_project(self._index, name)
            except CaliperError:
                continue
            if describe_view(self._projects[name], cutoff, old.cell.python) != seen:
                return f"what the index has of {name}"
        return None
