"""Unexpected errors, reported in one line, never with the exit code of a regression.

Imports nothing but the standard library, so that it can report that something else is missing.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Callable

from calipertf.errors import (
    EXIT_FAULT,
    EXIT_INFRASTRUCTURE,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    describe_fault,
)

#: What a machine lacks or forbids, which no report to us would mend.
_MACHINE = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EIO,
        errno.EROFS,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EACCES,
        errno.EPERM,
    }
)


def run_script(main: Callable[[], int]) -> int:
    """Return a script's exit code, also where its modules cannot be loaded: never 1 by accident."""
    if sys.version_info < (3, 10):  # noqa: UP036 -- for whoever starts it with an old one
        _say(f"error: Python 3.10 or later is needed, this is {sys.version.split()[0]}")
        return EXIT_USAGE
    open_streams()
    try:
        return main()
    except KeyboardInterrupt:  # while modules were still being loaded: nothing has begun
        return EXIT_INTERRUPTED
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "calipertf":
            return tell_fault(error)
        _say(
            f"error: {error.name} is not installed for {sys.executable}: run `make`, or "
            f"`{sys.executable} -m pip install -r requirements.txt`"
        )
        return EXIT_USAGE
    except Exception as error:  # noqa: BLE001 -- whatever is left has its own exit code
        return tell_fault(error)


def open_streams() -> None:
    """Open what the shell closed (`>&-`) on nothing: else the next file takes its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, this one
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def tell_fault(error: Exception, *, verbose: bool = False) -> int:
    """Report an unexpected exception in one sentence, and return its exit code.

    The traceback is printed with --verbose, and else kept in a file to report it with.
    """
    if isinstance(error, MemoryError):
        _say("error: there is not enough memory; use fewer --jobs, or a machine with more")
        return EXIT_INFRASTRUCTURE
    if isinstance(error, OSError) and error.errno in _MACHINE:
        where = f"{error.filename}: " if error.filename else ""
        _say(f"error: {where}{error.strerror}")
        return EXIT_INFRASTRUCTURE
    words = "".join(traceback.format_exception(error))
    if verbose:
        _say(words)
    place = "" if verbose else _keep(words)
    _say(f"error: {describe_fault(error)}{place}")
    return EXIT_FAULT


def _keep(words: str) -> str:
    """Return where the traceback is, for the end of a sentence; printed where it cannot be kept."""
    try:
        with tempfile.NamedTemporaryFile(
            "w",
            prefix="caliper-fault-",
            suffix=".txt",
            delete=False,
            encoding="utf-8",
            errors="replace",
        ) as file:
            file.write(words)
    except OSError:
        _say(words)
        return " with the traceback above"
    return f" with the traceback in {file.name}"


def _say(words: str) -> None:
    """Print on stderr, whose reader may have gone away."""
    try:
        print(words.encode("utf-8", "backslashreplace").decode(), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return
