"""What a build printed, without what chance named in it: two runs of a cell print the same."""

from __future__ import annotations

import re
from dataclasses import replace

from calipertf.formats.records import Run
from calipertf.redact import mask_host

#: The address of the time machine: its port, and the token, or the day and Python, of one build.
_DRIVER = re.compile(
    r"https?://[\w.\[\]:-]+:\d+/(?:[0-9a-f]{16}|\d{4}-\d\d-\d\dT[\d:]+Z/[^/\s]+)"
    r"(?=/(?:simple|files)/)"
)
#: Folders that pip, setuptools and Python's tempfile make, each with a random end.
_FOLDER = re.compile(
    r"(?<=/)(pip-(?:[a-z]+-)+|tmp|easy_install-)(?!metadata\b)[A-Za-z0-9_]{6,8}(?![A-Za-z0-9_])"
)


def hide_chance(run: Run) -> Run:
    """The run of a build without ports, tokens, random folders, and the name of this machine."""
    return replace(
        run,
        output=tuple(_hide(line) for line in run.output),
        error=tuple(_hide(line) for line in run.error),
    )


def _hide(line: str) -> str:
    return mask_host(_FOLDER.sub(r"\1#", _DRIVER.sub("http://index", line)))
