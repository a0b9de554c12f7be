"""Records without what differs from run to run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: Times of day, process numbers and addresses that programs print on stderr.
_VOLATILE = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?|\b[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+"
    r"|\b\d{10}\.\d+|0x[0-9a-f]{6,}|(?<=\[)pid \d+|\bI\d{4} \d\d:\d\d:\d\d"
)


def strip_timings(data: Mapping[str, Any]) -> dict[str, Any]:
    """A record's JSON without what differs from run to run: times, process numbers, addresses.

    Two runs of the same cell on the same machine compare equal by this.
    """
    stripped = {key: value for key, value in data.items() if key != "timings"}
    for name in ("tests", "import"):
        if name in stripped:
            stripped[name] = _strip_runs(stripped[name])
    return stripped


def _strip_runs(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: [_VOLATILE.sub("#", line) for line in item]
            if key == "error"
            else _strip_runs(item)
            for key, item in value.items()
            if key != "seconds"
        }
    return value
