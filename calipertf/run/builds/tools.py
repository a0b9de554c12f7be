"""How installers say that a build failed, and what it was made with."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: How uv and pip say that it was a build that failed, not the resolution or a download.
_FAILED_BUILD = re.compile(
    r"Failed to build|[Bb]uild backend returned an error|Failed building wheel|setup\.py egg_info"
    r"|Getting requirements to build wheel|[Pp]reparing metadata|metadata-generation-failed"
)
#: uv's log of what it puts into the environment of a build.
_INSTALLED = re.compile(r"DEBUG Installing (`.*`) in `.*builds-v\d+.*`")


def is_failed_build(lines: Iterable[str]) -> bool:
    """Return whether an installer failed over building a source archive."""
    return any(_FAILED_BUILD.search(line) for line in lines)


def split_log(lines: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What uv printed without its log, and name==version of all that builds were made with."""
    kept: list[str] = []
    tools: set[str] = set()
    for line in lines:
        match = _INSTALLED.match(line)
        if match:
            tools.update(part for part in match[1].split("`") if "==" in part)
        elif not line.startswith("DEBUG "):
            kept.append(line)
    return tuple(kept), tuple(sorted(tools))
