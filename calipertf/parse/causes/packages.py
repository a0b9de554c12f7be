"""The requirements that a failure points at: named in its message, or whose code raised it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from calipertf.parse.results import Result
from calipertf.reasons.distributions import (
    find_distribution,
    guess_distribution,
    list_installed_modules,
    split_words,
)
from calipertf.reasons.stdlib import is_stdlib

_SPOKEN = re.compile(
    r"(?:No module named|cannot import name '?\w+'? from|[Mm]odule) '?([\w.]+)'?"
    r"|\b(numpy|protobuf)\b"
)
#: A class's whole name on the last line of a traceback: xlrd.biffh.XLRDError.
_RAISED = re.compile(r"^([A-Za-z_]\w*)\.[\w.]+(?::|$)")
#: The first names of a quoted line: what it imports from, and what is before a dot.
_IMPORTED = re.compile(r"^\s*(?:from|import) ([A-Za-z_][\w.]*)")
_ROOT = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\.")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_WORD = re.compile(r"[A-Za-z_][\w-]*")
#: A part of an identifier that is shorter is rarely a package's name.
_SHORTEST = 4


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """One requirement that a failure points at."""

    #: As PEP 503 normalises it.
    name: str
    #: named: the message has it; raised: its code raised the exception; quoted: a line that the
    #: traceback quotes uses it, or it only called the next.
    evidence: str

    @property
    def direct(self) -> bool:
        """Return whether the message names it or its code raised the exception."""
        return self.evidence != "quoted"


def find_suspects(result: Result, names: Collection[str]) -> list[Suspect]:
    """Return which of some requirements a failure points at, the best evidence first.

    `names` are those that two cells do not have in common. In this order: the message names the
    module; the package's code raised the exception, or made its class; a quoted line uses the
    module, the innermost line first; the package's code is further out in the traceback; the
    message or anything else on stderr has its name.
    """
    lines = list_lines(result)
    own = canonicalize_name(result.cell.package)
    found: dict[str, str] = {}

    def note(modules: Iterator[str] | Sequence[str], evidence: str) -> None:
        for module in modules:
            name = find_distribution(module, names)
            if name is not None and name != own:
                found.setdefault(name, evidence)

    last = _cut_last_traceback(lines)
    folders = list(list_installed_modules(reversed(last)))
    note(_list_spoken(result), "named")
    note(folders[:1], "raised")
    note(_list_raised(last), "raised")
    # Where the package's own code raised it, the next that is not the package's called it.
    note(_list_quoted(last, names), "quoted")
    note(folders, "quoted")
    note([word for word in _list_mentioned(result) if word in names], "quoted")
    earlier = lines[: len(lines) - len(last)]
    note([*_list_said(earlier), *list_installed_modules(reversed(earlier))], "raised")
    return [Suspect(name=name, evidence=evidence) for name, evidence in found.items()]


def find_absent(result: Result) -> str | None:
    """Return the package that the message says is not there; None where it names no package.

    A module inside of one, or one of Python's own or of the judged package, does not count.
    """
    failure = result.verdict.exception
    match = re.search(r"No module named '?(\w+)'?(?![\w.])", failure.message) if failure else None
    if match is None or is_stdlib(match[1]):
        return None
    own = canonicalize_name(result.cell.package)
    return None if find_distribution(match[1], {own}) else match[1]


def find_owner(result: Result) -> str | None:
    """Return the normalised name of the package whose code the innermost installed frame is in."""
    folders = list_installed_modules(reversed(_cut_last_traceback(list_lines(result))))
    return next((guess_distribution(path) for path in folders), None)


def list_lines(result: Result) -> Sequence[str]:
    """Return what a failed script said.

    Stderr, or stdout where only that has a traceback or errors.
    """
    run = result.run
    if run is None:
        return ()
    enough = any(line.startswith(("Traceback", '  File "')) for line in run.error)
    return run.error if enough or not run.output else [*run.output, *run.error]


def _cut_last_traceback(lines: Sequence[str]) -> Sequence[str]:
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].startswith("Traceback"):
            return lines[number:]
    return lines


def _list_spoken(result: Result) -> Iterator[str]:
    """Yield the modules that the exception's message names."""
    message = result.verdict.exception.message if result.verdict.exception else ""
    yield from _list_said([message])


def _list_said(lines: Sequence[str]) -> Iterator[str]:
    for line in reversed(lines):
        for match in _SPOKEN.finditer(line):
            yield match[1] or match[2]
        if "_ARRAY_API" in line or "NumPy" in line:
            yield "numpy"


def _list_raised(lines: Sequence[str]) -> Iterator[str]:
    """Yield the module that defines the exception's class."""
    for line in reversed(lines):
        if line.startswith((" ", "\t")):
            return
        if match := _RAISED.match(line):
            yield match[1]


def _list_quoted(lines: Sequence[str], names: Collection[str]) -> Iterator[str]:
    """Yield the modules that quoted lines use, the innermost line first."""
    modules = {word: name for name in names for word in name.split("-") if len(word) >= _SHORTEST}
    for line in reversed(lines):
        if not line.startswith("    ") or not line.strip(" ~^\n"):
            continue
        if match := _IMPORTED.match(line):
            yield match[1]
        yield from _ROOT.findall(line)
        # SyncHttpxClientWrapper speaks of httpx.
        for identifier in _IDENTIFIER.findall(line):
            for word in split_words(identifier):
                if word != identifier and modules.get(word) == word:
                    yield word


def _list_mentioned(result: Result) -> Iterator[str]:
    """Yield the words of the message, which may be the names of distributions."""
    failure = result.verdict.exception
    for word in _WORD.findall(failure.message) if failure else ():
        if len(word) >= _SHORTEST:
            yield canonicalize_name(word)
