"""What programs print for terminals, as text to read elsewhere."""

from __future__ import annotations

import re

#: Colours and movements of the cursor (ECMA-48), and titles of windows.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
#: The rest of what has no shape, but for tabs and ends of lines.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def strip_controls(text: str) -> str:
    """Return the text without colours, cursor movements and control characters."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))
