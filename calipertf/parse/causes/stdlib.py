"""What a failure says of the standard library: names that this Python does not have."""

from __future__ import annotations

import re
from collections.abc import Sequence

from calipertf.parse.causes.symbols import name_symbol
from calipertf.reasons.last_words import Failure
from calipertf.reasons.stdlib import has_method, is_stdlib
from calipertf.versions import python_version

#: A frame in the standard library: lib/python3.9/random.py, and not what was installed below it.
_FRAME = re.compile(
    r'^\s+File "[^"]*[\\/]lib(?:64)?[\\/]python[23]\.\d+[\\/](?P<file>[^"]+\.py)", line \d+'
)
_INSTALLED = re.compile(r"(?:site|dist)-packages[\\/]")
#: The file of a message's module: "cannot import name 'x' from 'types' (/home/types.py)".
_PLACE = re.compile(r"\(([^()]*\.(?:py|so))\)")
_STANDARD = re.compile(r"[\\/]lib(?:64)?[\\/]python[23]\.\d+[\\/](?!site-|dist-)")
_SYNTAX = frozenset({"SyntaxError", "IndentationError", "TabError"})


def describe_standard(failure: Failure | None, error: Sequence[str], python: str) -> str | None:
    """Return what this Python lacks, as the message says.

    A clause, or None where it says nothing of it.

    `python` is a tag such as cp39; `error` are the lines of stderr.
    """
    number = python_version(python)
    place = _PLACE.search(failure.message) if failure else None
    if place and not _STANDARD.search(place[1]):
        return None  # a module of the user's that is named like one of Python's
    symbol = name_symbol(failure, error)
    if symbol is None or symbol.called:
        return None
    kind, _, name = symbol.path.rpartition(".")
    if is_stdlib(symbol.path) if symbol.rooted else has_method(kind, name):
        lack = f"the module {symbol.path}" if symbol.module else symbol.path
        return f"{lack} is not in the standard library of Python {number}"
    return None


def describe_raiser(failure: Failure | None, error: Sequence[str], python: str) -> str | None:
    """Return where in Python itself it failed, a clause: its syntax, or a module that raised it."""
    number = python_version(python)
    if failure is not None and failure.type in _SYNTAX:
        return f"this is not the syntax of Python {number}"
    frames = [line for line in error if line.lstrip().startswith('File "')]
    match = _FRAME.match(frames[-1]) if frames else None
    if match and not _INSTALLED.search(match["file"]):
        module = re.sub(r"(?:[\\/]__init__)?\.py$", "", match["file"])
        name = re.sub(r"[\\/]", ".", module)
        if is_stdlib(name):
            return f"{name} of its standard library raised it"
    return None
