"""Failures by signature: one name for the same thing going wrong in many places."""

from __future__ import annotations

import re
from collections.abc import Sequence

from calipertf.formats.records import Verdict
from calipertf.outcomes import OUTCOMES
from calipertf.reasons.last_words import parse_exception
from calipertf.reasons.messages import normalise_message


def sign_failure(verdict: Verdict, error: Sequence[str], package: str) -> str | None:
    """Return exception type and normalised message of a failure; None for what did not fail."""
    if not OUTCOMES[verdict.outcome].fails:
        return None
    if verdict.exception is not None:
        message = normalise_message(verdict.exception.message)
        return f"{verdict.exception.type}: {message}" if message else verdict.exception.type
    if verdict.outcome == "build_failed":
        line = verdict.detail or _find_line(error)
        return f"build of {package}: {normalise_message(line)}" if line else f"build of {package}"
    if verdict.reason == "timeout":
        return "ran out of time"
    if verdict.detail:
        return normalise_message(verdict.detail)
    return "failed" if verdict.reason is None else "exited without an exception"


def _find_line(error: Sequence[str]) -> str:
    """Return the line of an installer's last words that says why."""
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
