"""Why a script failed, as far as its own last words say; see CONTRIBUTING.md for each reason."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Sequence

from calipertf.reasons.calls import blame_call
from calipertf.reasons.last_words import find_last_line, parse_exception
from calipertf.reasons.lookups import blame_lookup
from calipertf.reasons.network import NO_NETWORK, lacks_network
from calipertf.reasons.owners import PACKAGE, PYTHON, SCRIPT, THIRD_PARTY, Owners
from calipertf.reasons.tracebacks import Traceback, find_traceback
from calipertf.reasons.witness import Blame, Witness

_CHILD_SIGNAL = re.compile(r"died with <Signals\.(\w+): \d+>")
#: A package that was built against another version of the one it calls.
_BINARY = re.compile(
    r"Descriptors cannot (?:not )?be created|numpy\._?core\.\w+ failed to import|_ARRAY_API"
    r"|dtype size changed|binary incompatib|compiled (?:using|against) |undefined symbol"
    r"|API version (?:0x)?\w+ but this version of numpy"
)
#: A package that was built, or whose bytecode was made, for another Python.
_OTHER_PYTHON = re.compile(
    r"undefined symbol: _?Py[A-Z_]|bad magic number in|unknown opcode|PY_SSIZE_T_CLEAN macro"
)
_PROVIDER = re.compile(r"\b(numpy|protobuf|google)\b|_ARRAY_API|Descriptors", re.IGNORECASE)
_LIBRARY = re.compile(r"\b(lib[\w.+-]+\.so[\w.]*|\S+\.so[\w.]*): cannot open shared object file")
_SYSTEM = re.compile(
    r"cannot open shared object file|version .?GLIBC(?:XX)?_[\d.]+.? not found"
    r"|(?i:not found in (?:the |your )?(?:system )?path\b)|on your systems?'? ?PATH"
    r"|in your (?:system )?PATH|no display name"
    r"|couldn't connect to display|could not connect to (?:any )?(?:X )?display"
    r"|[Ff]ailed to find lib\w+"
    r"|Can't find (?:a usable )?\w+\.tcl|libtk|Unable to find .* shared library"
    r"|shared library was not found|executable (?:was |is )?not found"
)
#: The way out where no library is named.
_INSTALL = "this machine does not have a program or library that it needs: install it"
_DATA_TYPES = re.compile(
    r"^(?:FileNotFoundError|\w*URLError|HTTPError|Connection\w*Error|ProxyError)$"
)
_DATA = re.compile(
    rf"{NO_NETWORK}|Can't find model|Resource .{{1,40}} not found|Errno 2\] No such file", re.DOTALL
)
#: Syntax and operators of types that older Pythons do not have.
_NEW_SYNTAX = re.compile(
    r"^'(?:type|ABCMeta|_SpecialForm|builtin_function_or_method)' object is not subscriptable"
    r"|unsupported operand type\(s\) for \|: '(?:type|NoneType|_GenericAlias|_UnionGenericAlias"
    r"|ABCMeta|EnumMeta|str)' and '\w+'"
)
#: What the library of newer Pythons refuses, or asks for, that older ones did not.
_REFUSED = re.compile(
    r"^mutable default .* for field \w+ is not allowed|global flags not at the start"
    r"|There is no current event loop|Population must be a sequence|required field .* missing from"
    r"|code(?:\(\))? (?:expected at least|takes at least|argument) \d+"
)
_VERSION_TYPES = frozenset(
    {"ContextualVersionConflict", "DistributionNotFound", "PackageNotFoundError", "VersionConflict"}
)
#: Words of a package that finds another in a version that it cannot use.
_VERSION = re.compile(
    r"\bbut found [\w.-]+\s?[=<>]|requires? version .* (?:or newer|of )|currently installed\b"
    r"|[Ii]ncompatible version of|requires? [\w.-]+ ?(?:[<>~!]=?|==) ?\d"
)
#: Syntax of Python 2 in what Python 3 says of it.
_OLD_SYNTAX = re.compile(
    r"Missing parentheses in call|multiple exception types must be parenthesized"
    r"|leading zeros in decimal integer|inconsistent use of tabs"
)


def classify_failure(
    retval: int | None,
    ended: str,
    error: Sequence[str],
    output: Sequence[str] = (),
    *,
    owners: Owners,
    importing: bool = False,
) -> Blame:
    """Return reason (one of REASONS) and detail of a script that did not end with 0.

    `error` and `output` are its lines of stderr and stdout; `owners` knows whose a module is.
    `importing` says that the bare import of the package fails: then no name of its API is why, and
    whatever another package raised is that package's doing.
    """
    if ended == "timeout":
        return "timeout", None
    if ended == "memory":
        return "killed", "out of memory"
    if retval is not None and retval < 0:
        return "killed", name_signal(-retval)
    traceback = find_traceback(error, output)
    if traceback is None:
        failure = parse_exception(error, output)
        if failure:
            reason = _blame_words(failure.message)
            return reason, _INSTALL if reason == "system" else None
        return "other", find_last_line(error, output)
    blame = _blame(traceback, owners, importing=importing)
    root = traceback.context
    # An exception that wraps another says less than that; one of a second try does not.
    if blame[0] == "other" and root and Witness(traceback, owners).raised:
        inner = _blame(root, owners, importing=importing)
        return blame if inner[0] == "script" else inner
    return blame


def _blame_words(text: str) -> str:
    """Return the reason that a line without an exception gives."""
    if _SYSTEM.search(text):
        return "system"
    return "data" if _DATA.search(text) else "other"


def _blame(traceback: Traceback, owners: Owners, *, importing: bool) -> Blame:
    witness = Witness(traceback, owners)
    for find in _FINDERS:
        blame = find(witness)
        if blame:
            return _without_script(blame, witness) if importing else blame
    # The import of one of its modules asks for no more than that of the package does.
    imports = importing or witness.script_imports
    if imports and (blame := _blame_library(witness)):
        return blame
    return ("dependency" if imports and witness.raiser == THIRD_PARTY else "other"), None


def _without_script(blame: Blame, witness: Witness) -> Blame:
    """Return the blame, where the bare import fails.

    It asks for no name, and is not the script's.
    """
    if blame[0] in {"api_missing", "api_changed"}:
        return ("dependency" if witness.raiser == THIRD_PARTY else "other"), None
    return ("dependency", None) if blame[0] == "script" else blame


def _blame_process(witness: Witness) -> Blame | None:
    if witness.type.endswith("MemoryError"):
        return "killed", "out of memory"
    match = _CHILD_SIGNAL.search(witness.message)
    return ("killed", match[1]) if match else None


def _blame_binary(witness: Witness) -> Blame | None:
    if _OTHER_PYTHON.search(witness.message):
        return "python", None
    match = _BINARY.search(witness.message)
    if match is None or (witness.raiser == SCRIPT and not witness.is_import):
        return None
    provider = _PROVIDER.search(witness.message)
    root = (provider[1] or "numpy").lower() if provider else None
    if root and witness.owners.find_owner(root) == PACKAGE and witness.raiser == THIRD_PARTY:
        return "api_changed", None
    return "dependency", None


def _blame_system(witness: Witness) -> Blame | None:
    if not _SYSTEM.search(witness.message):
        program = witness.type == "FileNotFoundError" and witness.started_program
        return ("system", _INSTALL) if program else None
    match = _LIBRARY.search(witness.message)
    if match is None:
        return "system", _INSTALL
    stem = re.sub(r"^lib|[._-].*$", "", match[1].rpartition("/")[2])
    if len(stem) > 3 and any(stem in name for name in witness.owners.installed or ()):
        # The library is one of another package's: of another version than this was built with.
        return "dependency", f"{match[1]} is not in the version that is installed"
    return "system", f"this machine has no {match[1]}"


def _blame_syntax(witness: Witness) -> Blame | None:
    if witness.type in {"SyntaxError", "IndentationError", "TabError"}:
        if witness.raiser != SCRIPT or _OLD_SYNTAX.search(witness.message):
            return "python", None
        return "script", "this Python cannot read the script"
    found = _NEW_SYNTAX.search(witness.message) or _REFUSED.search(witness.message)
    return ("python", None) if found else None


def _blame_version(witness: Witness) -> Blame | None:
    """Return what a package says of the version of another that is installed."""
    if witness.type in _VERSION_TYPES:
        return "dependency", None
    found = witness.raiser != SCRIPT and _VERSION.search(witness.message)
    return ("dependency", None) if found else None


def _blame_library(witness: Witness) -> Blame | None:
    """Return what Python's library refuses while a package is imported: no script gave it to it."""
    refused = witness.innermost == PYTHON and witness.raised
    return ("python", None) if refused else None


def _blame_data(witness: Witness) -> Blame | None:
    found = (
        _DATA_TYPES.match(witness.type)
        or _DATA.search(witness.message)
        or lacks_network(witness.type, witness.message)
    )
    return ("data", None) if found else None


#: What is removed, in the words of those who remove it.
_REMOVED = re.compile(
    r"(?:has been|have been|was|were|is|are|has) (?:deprecated and |now )?(?:removed|moved)\b"
    r"|(?:is|are) no longer\b|\bno longer (?:supported|available|exists?)"
)


def _blame_removal(witness: Witness) -> Blame | None:
    """Return what the package's own message says was removed, whatever the exception's class."""
    if not _REMOVED.search(witness.message):
        return None
    if witness.innermost == PYTHON and witness.raised:
        return "python", None
    if witness.raiser == PACKAGE:
        called = witness.type.endswith(("TypeError", "ValueError")) and not witness.hook
        return ("api_changed" if called else "api_missing"), None
    if witness.raiser == THIRD_PARTY:
        return "dependency", None
    return None


def _blame_own_class(witness: Witness) -> Blame | None:
    """An exception of the package's own class where the script only asked for a name."""
    if witness.hook == PACKAGE and witness.asker == SCRIPT:
        return "api_missing", None
    if witness.raiser != PACKAGE or "." not in witness.traceback.qualified:
        return None
    if witness.owners.find_owner(witness.traceback.qualified) != PACKAGE:
        return None
    if witness.script_imports:
        return "api_missing", None
    refused = re.search(r"(?:Argument|Parameter)Error$", witness.type)
    wanted = re.search(r"\bexpected\b.*\bgot\b", witness.message, re.DOTALL)
    return ("api_changed", None) if refused and wanted else None


#: Asked in this order; the first that knows something says it.
_FINDERS: Sequence[Callable[[Witness], Blame | None]] = (
    _blame_process,
    _blame_binary,
    _blame_system,
    _blame_syntax,
    _blame_version,
    blame_lookup,
    _blame_data,
    _blame_removal,
    blame_call,
    _blame_own_class,
)


def name_signal(number: int) -> str:
    """Return the name of a signal: 11 gives SIGSEGV; a number without a name stays a number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
