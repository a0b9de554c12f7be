"""Calls that a function refuses: whose function it is."""

from __future__ import annotations

import re

from calipertf.reasons.owners import PACKAGE, PYTHON, SCRIPT, THIRD_PARTY
from calipertf.reasons.stdlib import is_called
from calipertf.reasons.witness import Blame, Witness

_CHANGED = re.compile(
    r"unexpected keyword|positional argument|required (?:positional|keyword)|multiple values"
    r"|takes (?:exactly|at least|at most|no|from)|missing \d+ required|Only call `"
    r"|should be used with named|Op has type \S+ that does not match|[Uu]nrecognized keyword"
    r"|[Kk]eyword argument not understood|invalid keyword argument|parameter of \w+ must be"
)
_TYPES = re.compile(r"(?:TypeError|ValueError|ParameterError)$")
_FUNCTION = re.compile(r"((?:[\w<>]+\.)*\w+)\(\) (?:got|takes|missing)")
_KEYWORD = re.compile(r"(?:unexpected keyword argument|keyword argument) '(\w+)'")


def blame_call(witness: Witness) -> Blame | None:
    """Return whose function does not take a call; None where the exception is of another kind."""
    if not _TYPES.search(witness.type) or not _CHANGED.search(witness.message):
        return None
    function = _FUNCTION.search(witness.message)
    if function and is_called(function[1]):
        return "python", None
    if function is None or witness.raised:
        # Not the interpreter but the function itself refuses what it was given.
        return _blame_owner(witness.raiser), None
    caller, source, through = witness.find_caller()
    if caller == SCRIPT:
        return _blame_owner(through or _find_called(witness, source)), None
    if caller == PYTHON:
        return ("python" if function and "." in function[1] else "other"), None
    keyword = _KEYWORD.search(witness.message)
    if keyword and witness.is_said_by_script(keyword[1]):
        return _blame_owner(caller), None
    # The package's own call is not taken any more: by another package, as it fits itself.
    return "dependency", None


def _blame_owner(owner: str) -> str:
    return {PACKAGE: "api_changed", PYTHON: "python", THIRD_PARTY: "dependency"}.get(
        owner, "api_changed"
    )


def _find_called(witness: Witness, source: str) -> str:
    """Return whose function the script's line calls.

    The judged package's where the line does not say.
    """
    for match in re.finditer(r"([A-Za-z_]\w*)(?:\.\w+)*\(", source):
        root = match[1]
        owner = witness.owners.find_owner(root)
        if (owner == PYTHON and "." in match[0]) or (
            owner == THIRD_PARTY and witness.owners.is_installed(root)
        ):
            return owner
    return PACKAGE
