"""Messages without their accidents: one text for one failure, on every machine and Python."""

from __future__ import annotations

import re
from collections.abc import Sequence

from calipertf.formats.ansi import strip_controls

#: What differs from place to place although the failure is the same, and what replaces it.
_NORMALISE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"0x[0-9a-fA-F]+"), "<address>"),
    (re.compile(r"\bhttps?://[^\s'\"&]+"), "<address>"),
    # From Python 3.10 on with a guess, from 3.7 on with the file that a name was looked for in.
    (re.compile(r"\.?\s+Did you (?:mean|forget to import):? ?['\"]?.+?['\"]?\?(?=\s|$)"), ""),
    (re.compile(r" \((?:[^()\s]*[\\/][^()\s]+\.(?:pyc?|so|pyd)|unknown location)\)"), ""),
    (re.compile(r" \((?:most likely due to a circular import|consider renaming [^()]*)\)"), ""),
    (re.compile(r"\bpartially initialized module\b"), "module"),
    (re.compile(r"\b(No module named|cannot import name) ([\w.]+)(?![\w.'])"), r"\1 '\2'"),
    # From Python 3.10 on with the classes that a function is defined in.
    (re.compile(r"(?:[\w<>]+\.)+(\w+\(\)) (?=got|takes|missing)"), r"\1 "),
    (re.compile(r"(?<![\w.])(?:[A-Za-z]:)?(?:[\\/][\w.+~-]+){2,}[\\/]?"), "<path>"),
    # protobuf's message lost a word from 4.21 on.
    (re.compile(r"\bcannot not be\b"), "cannot be"),
    (re.compile(r"\._api(?:\.v\d)+"), ""),
    (re.compile(r"\btensorflow_core\b"), "tensorflow"),
    (re.compile(r"(?<![\w.])\d+(?:\.\d+)*(?:[eE][-+]?\d+)?(?![\w])"), "<number>"),
    (re.compile(r"\[(?:<number>(?:, ?)?)+\]|\((?:<number>(?:, ?)?)+\)"), "<numbers>"),
    (re.compile(r"\s+"), " "),
)
#: A message longer than this adds nothing to its name.
_LONGEST = 160
#: Characters of a message that are looked at.
_LOOKED_AT = 4000


def normalise_message(message: str) -> str:
    """The message without addresses, paths, numbers, guesses and a Python's own way to say it."""
    message = strip_controls(message[:_LOOKED_AT])
    for pattern, replacement in _NORMALISE:
        message = pattern.sub(replacement, message)
    return shorten(message.strip(), _LONGEST)


def name_some(words: Sequence[str], most: int) -> str:
    """Return the first words as a sentence has them, and how many are left."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def shorten(text: str, longest: int) -> str:
    """Return the text on one line, cut where it is longer."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
