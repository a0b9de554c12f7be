"""Failures by signature: one name for the same thing going wrong in many places."""

from __future__ import annotations

import re
from collections.abc import Sequence

from calipertf.exceptions import parse_exception
from calipertf.parse.texts import strip_controls
from calipertf.records import Verdict

_FAILED = frozenset({"build_failed", "import_failed", "run_failed"})

#: What differs from place to place although the failure is the same, and what stands for it.
_NORMALISE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"0x[0-9a-fA-F]+"), "<address>"),
    (re.compile(r"\bhttps?://[^\s'\"&]+"), "<address>"),
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


def normalise_message(message: str) -> str:
    """The message without addresses, paths, numbers and the places TensorFlow builds its API in."""
    message = strip_controls(message)
    for pattern, replacement in _NORMALISE:
        message = pattern.sub(replacement, message)
    message = message.strip()
    return message if len(message) <= _LONGEST else message[: _LONGEST - 1].rstrip() + "…"


def sign_failure(verdict: Verdict, error: Sequence[str], package: str) -> str | None:
    """Exception type and normalised message of a failure; None for what did not fail."""
    if verdict.outcome not in _FAILED:
        return None
    if verdict.exception is not None:
        message = normalise_message(verdict.exception.message)
        return f"{verdict.exception.type}: {message}" if message else verdict.exception.type
    if verdict.outcome == "build_failed":
        line = verdict.detail or _find_line(error)
        return f"build of {package}: {normalise_message(line)}" if line else f"build of {package}"
    words = verdict.detail or verdict.reason or "failed"
    return {"timeout": "ran out of time", "other": "exited without an exception"}.get(words, words)


def _find_line(error: Sequence[str]) -> str:
    """The line of an installer's last words that says why."""
    failure = parse_exception(error)
    lines = [line.strip(" \t\n╰─▶×│") for line in error if line.strip(" \t\n╰─▶×│")]
    telling = [
        line
        for line in lines
        if re.search(r"(?i)\berror\b|no solution|could not find|no matching|failed|because", line)
    ]
    if failure is not None and not telling:
        return f"{failure.type}: {failure.message}"
    return telling[0] if telling else lines[-1] if lines else ""
