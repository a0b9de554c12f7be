"""What a script's last words say: the exception that ended it, and the reason behind it."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

#: Reasons of build_failed, import_failed and run_failed; CONTRIBUTING.md says what each means.
REASONS = (
    "api_missing",
    "api_changed",
    "dependency",
    "python",
    "system",
    "script",
    "data",
    "timeout",
    "killed",
    "other",
)

_FINAL = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$")
_FRAME = re.compile(r'^\s+File "(?P<file>[^"]+)", line \d+')
_TRACEBACK = "Traceback (most recent call last)"
_MISSING = re.compile(
    r"has no attribute|cannot import name|No module named|has been removed|was removed|is removed"
    r"|is not available|no longer (?:supported|available)"
)
_CHANGED = re.compile(
    r"unexpected keyword|positional argument|required (?:positional|keyword)|multiple values"
    r"|takes (?:exactly|at least|at most|no|from)|missing \d+ required|Only call `"
    r"|should be used with named|Op has type \S+ that does not match"
)
_FOREIGN = re.compile(
    r"Descriptors cannot (?:not )?be created|numpy\.core|_ARRAY_API|numpy\.dtype size"
)
_MODULE = re.compile(r"(?:[Mm]odule|named|from) '([\w.]+)'|No module named ([\w.]+)")
_DATA = frozenset({"FileNotFoundError", "URLError", "HTTPError", "ConnectionError", "gaierror"})
_CALLS = frozenset({"TypeError", "ValueError"})
_LOOKUPS = frozenset({"AttributeError", "ImportError", "ModuleNotFoundError", "NameError"})


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The exception that ended a script."""

    #: Name of the exception's class.
    type: str
    #: Its message, first line.
    message: str


def parse_exception(lines: Sequence[str]) -> Failure | None:
    """The exception of the last traceback among lines of stderr; None where there is no traceback.

    Its message is what stands on the line of the exception's name; of a message that begins on the
    next line, that one.
    """
    start = _last_traceback(lines)
    if start is None:
        return _parse_syntax_error(lines)
    for number in range(start + 1, len(lines)):
        line = lines[number].rstrip("\n")
        if line.startswith((" ", "\t")) or not line:
            continue
        match = _FINAL.match(line)
        if match:
            message = (match["message"] or "").strip()
            if not message and line.endswith(":") and number + 1 < len(lines):
                message = lines[number + 1].strip()
            return Failure(type=match["type"].rpartition(".")[2], message=message[:500])
        # A name with a colon and nothing behind it: the message begins on the next line.
        if re.fullmatch(r"[A-Za-z_][\w.]*:\s*", line):
            following = lines[number + 1].strip() if number + 1 < len(lines) else ""
            return Failure(type=line.rstrip(": ").rpartition(".")[2], message=following[:500])
    return None


def _last_traceback(lines: Sequence[str]) -> int | None:
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].startswith(_TRACEBACK):
            return number
    return None


def _parse_syntax_error(lines: Sequence[str]) -> Failure | None:
    """A SyntaxError in the script itself: Python prints it without a traceback."""
    for line in reversed(lines):
        match = re.match(r"^(SyntaxError|IndentationError|TabError): (.*)$", line.rstrip("\n"))
        if match:
            return Failure(type=match[1], message=match[2][:500])
    return None


def find_last_frame(lines: Sequence[str]) -> str | None:
    """File name of the innermost frame of the last traceback; None where there is none."""
    start = _last_traceback(lines)
    frames = [_FRAME.match(line) for line in lines[start or 0 :]] if start is not None else []
    files = [match["file"] for match in frames if match]
    return files[-1] if files else None


def classify_failure(
    retval: int | None,
    ended: str,
    error: Sequence[str],
    *,
    import_name: str = "tensorflow",
    importing: bool = False,
) -> tuple[str, str | None]:
    """Reason (one of REASONS) and detail of a script that did not end with 0.

    `importing` says that the bare import of the package failed: then whatever another package
    raised is that package's doing.
    """
    if ended == "timeout":
        return "timeout", None
    if ended == "memory":
        return "killed", "out of memory"
    if retval is not None and retval < 0:
        return "killed", name_signal(-retval)
    failure = parse_exception(error)
    if failure is None:
        return "other", None
    if failure.type == "MemoryError":
        return "killed", "out of memory"
    owner = find_owner(error, import_name)
    return _classify_exception(failure, owner, import_name, importing=importing), None


def _classify_exception(failure: Failure, owner: str, import_name: str, *, importing: bool) -> str:
    if failure.type in _DATA:
        return "data"
    if _FOREIGN.search(failure.message) or (importing and owner == "foreign"):
        return "dependency"
    if failure.type in _LOOKUPS or _MISSING.search(failure.message):
        return _blame_lookup(failure, owner, import_name)
    if failure.type in _CALLS and _CHANGED.search(failure.message):
        return "dependency" if owner == "foreign" else "api_changed"
    return "other"


def _blame_lookup(failure: Failure, owner: str, import_name: str) -> str:
    """api_missing where a name of the package is gone, dependency where another package's is."""
    match = _MODULE.search(failure.message)
    root = (match[1] or match[2]).split(".")[0] if match else None
    if root and root.startswith(import_name):
        return "api_missing"
    if root in sys.stdlib_module_names or (failure.type == "NameError" and owner == "script"):
        return "other"
    if root or owner == "foreign":
        return "dependency"
    return "api_missing"


def find_owner(error: Sequence[str], import_name: str) -> str:
    """Whose code raised the last exception: script, package or foreign (another package)."""
    frame = (find_last_frame(error) or "").replace("\\", "/")
    for folder in ("/site-packages/", "/dist-packages/"):
        _, found, inside = frame.rpartition(folder)
        if found:
            root = inside.split("/")[0]
            return "package" if root.startswith((import_name, "keras", "tf_keras")) else "foreign"
    return "script"


def name_signal(number: int) -> str:
    """Name of a signal: 11 gives SIGSEGV; a number without a name stays a number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
