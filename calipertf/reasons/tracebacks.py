"""Tracebacks and the like, as programs print them: exceptions with their frames and messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from calipertf.formats.ansi import strip_controls

_START = re.compile(r"(?:^|\s)Traceback \(most recent call last\):")
_FRAME = re.compile(r'^\s+File "(?P<file>[^"]+)", line \d+(?:, in (?P<function>.+))?')
_FINAL = re.compile(r"^(?P<type>[A-Za-z_][\w.<>]*)(?P<colon>:(?: (?P<message>.*))?)?$")
_SYNTAX_ERROR = re.compile(r"^(?:SyntaxError|IndentationError|TabError): ")
#: What ends a message: the next traceback, or a line that another part of the program logged.
_AFTER = re.compile(
    r"Traceback \(most recent call last\)|^During handling of the above exception"
    r'|^The above exception was|^"""$|^Exception ignored|^Exception in thread'
    r"|^Error in (?:sys|atexit)|^[IWEF]\d{4} |^\[?\d{4}-\d\d-\d\d"
    r"|^\[?(?:WARNING|INFO|ERROR|DEBUG|CRITICAL)\b|^\S+:\d+: \w*Warning\b"
)
_CHAINED = re.compile(r"^(?:During handling of the above|The above exception was the direct)")
#: Exceptions that say no more than that another process failed.
_OF_CHILDREN = frozenset({"CalledProcessError", "ChildFailedError", "ProcessRaisedException"})
#: Before each line that pytest prints of an error in itself or in a plugin.
_INTERNAL = "INTERNALERROR> "
#: pytest: the lines of an exception, and where it was raised.
_PYTEST_WORDS = re.compile(r"^E   (?P<text>.*)$")
_PYTEST_PLACE = re.compile(r"^(?P<file>\S[^:]*\.py):\d+: (?:in (?P<function>.+)|(?P<type>\w+))?$")
#: How libraries for the terminal draw a frame of a traceback, and how they end it.
_DRAWN_FRAME = re.compile(r"^\W*\s(?P<file>/\S+\.py):\d+ in (?P<function>\S+)")
_DRAWN_FINAL = re.compile(r"^(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Warning|Exit|Fault): \S")
#: Functions of Python's library that start another program, which may be what is missing.
STARTERS = ("_execute_child", "posix_spawn", "posix_spawnp", "_execvpe", "execvp", "execvpe")
#: Characters of a message, and of a line of source, that are kept.
LONGEST = 500
#: Characters of a text that are looked at.
_LOOKED_AT = 4000


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One line of a traceback."""

    file: str
    #: Name of the function; empty where the traceback does not say it.
    function: str = ""
    #: The line of source that it quotes; empty where there is none.
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Traceback:
    """An exception that a program printed."""

    #: The exception's class with its module, as far as it was printed.
    qualified: str
    #: All lines of the message, up to LONGEST characters.
    message: str = ""
    #: Outermost first.
    frames: tuple[Frame, ...] = ()
    #: The exception that was being handled, or that is the direct cause; None where there is none.
    context: Traceback | None = None

    @property
    def type(self) -> str:
        """Return the exception's class without its module."""
        return self.qualified.rpartition(".")[2]


def find_traceback(error: Sequence[str], output: Sequence[str] = ()) -> Traceback | None:
    """Return the exception that ended a program, from its stderr or else its stdout.

    None without one.

    Of several the last counts. Where that says no more than that a child failed, the child's own
    counts; where it passes on an exception that a worker process raised, the worker's.
    """
    return _find_traceback(tuple(error)) or _find_traceback(tuple(output))


# The type and the message of an exception are asked for one after the other.
@lru_cache(maxsize=4)
def _find_traceback(stream: tuple[str, ...]) -> Traceback | None:
    lines = _split_lines(stream)
    found = _read_tracebacks(lines)
    if found:
        return _choose(found)
    return _read_pytest(lines) or _read_syntax_error(lines) or _read_drawn(lines)


def _split_lines(lines: Sequence[str]) -> list[str]:
    whole = [line.rstrip("\r\n") for line in lines]
    internal = [line.removeprefix(_INTERNAL) for line in whole if line.startswith(_INTERNAL)]
    return internal or whole


def _choose(found: Sequence[Traceback]) -> Traceback:
    last = found[-1]
    if last.type in _OF_CHILDREN:
        chained = {id(item) for item in _list_contexts(last)}
        children = [item for item in found if id(item) not in chained]
        return children[-1] if children else last
    context = last.context
    if context and (context.qualified, context.message) == (last.qualified, last.message):
        return context
    return last


def _list_contexts(traceback: Traceback) -> Iterator[Traceback]:
    current: Traceback | None = traceback
    while current is not None:
        yield current
        current = current.context


def _read_tracebacks(lines: Sequence[str]) -> list[Traceback]:
    """Return every traceback, in the order printed; each knows the one that it was chained to."""
    starts = [n for n, line in enumerate(lines) if "Traceback" in line and _START.search(line)]
    found: list[Traceback] = []
    chained = False
    for start, stop in pairwise([*starts, len(lines)]):
        traceback, end = _read_one(lines[start:stop])
        if traceback is None:
            continue
        if found and chained:
            traceback = replace(traceback, context=found[-1])
        found.append(traceback)
        chained = any(_CHAINED.match(line) for line in lines[start + end : stop])
    return found


def _read_one(lines: Sequence[str]) -> tuple[Traceback | None, int]:
    """Return the traceback that lines begin with, and how many of them it takes."""
    first = _START.sub("", lines[0], count=1)
    if "Exception Group" in lines[0]:
        lines = [re.sub(r"^\s*[|+] ?", "", line) for line in lines]
    # NumPy prints its first frame on the line of the head.
    body = [first, *lines[1:]]
    frames: list[Frame] = []
    for number, line in enumerate(body):
        if match := _FRAME.match(line):
            frames.append(_read_frame(match, body[number + 1 : number + 2]))
        elif line and not line.startswith((" ", "\t")) and (match := _FINAL.match(line)):
            message, taken = _read_message(match["message"] or "", body[number + 1 :])
            made = Traceback(qualified=match["type"], message=message, frames=tuple(frames))
            return made, number + 1 + taken
    return None, len(body)


def _read_frame(match: re.Match[str], following: Sequence[str]) -> Frame:
    quoted = following[0] if following and following[0].startswith("    ") else ""
    return Frame(
        file=match["file"],
        function=(match["function"] or "").strip(),
        source=quoted.strip()[:LONGEST],
    )


def _read_message(first: str, following: Sequence[str]) -> tuple[str, int]:
    """The message that begins on a line and goes on below it, and how many lines that are."""
    lines = [first]
    for line in following:
        if _AFTER.search(line) or re.match(r"^-?\+-+", line):
            break
        lines.append(line)
    return clean_message("\n".join(lines)), len(lines) - 1


#: The folder of the interpreter's own library on the machine that ran the script.
_LIBRARY = re.compile(
    r"(?<![\w.])/(?:[\w.+~-]+/)*[\w.+~-]+(?=/lib/python\d+\.\d+/(?!(?:site|dist)-packages/))"
)


def clean_message(text: str) -> str:
    """Return the message as it is kept.

    Cut, without white space around, and without a machine's paths.
    """
    return _LIBRARY.sub("", strip_controls(text[:_LOOKED_AT])).strip()[:LONGEST].rstrip()


def _read_syntax_error(lines: Sequence[str]) -> Traceback | None:
    """Return a SyntaxError in the program itself: Python prints it without a head."""
    for number in range(len(lines) - 1, -1, -1):
        if not _SYNTAX_ERROR.match(lines[number]):
            continue
        name, _, message = lines[number].partition(": ")
        above = [
            (match, place)
            for place in range(max(0, number - 4), number)
            if (match := _FRAME.match(lines[place]))
        ]
        frames = tuple(_read_frame(match, lines[place + 1 : place + 2]) for match, place in above)
        return Traceback(qualified=name, message=clean_message(message), frames=frames[-1:])
    return None


def _read_drawn(lines: Sequence[str]) -> Traceback | None:
    """Return the exception in the last line, where a library drew its traceback or printed none."""
    last = next((line for line in reversed(lines) if line.strip()), "")
    if not _DRAWN_FINAL.match(last[:_LOOKED_AT]):
        return None
    name, _, message = last.partition(": ")
    found = (_DRAWN_FRAME.match(line[:_LOOKED_AT]) for line in lines)
    frames = [Frame(file=match["file"], function=match["function"]) for match in found if match]
    return Traceback(qualified=name, message=clean_message(message), frames=tuple(frames))


def _read_pytest(lines: Sequence[str]) -> Traceback | None:
    """Return the exception of the first test that failed, as pytest prints it."""
    frames: list[Frame] = []
    words: list[str] = []
    source = ""
    for number, line in enumerate(lines):
        if match := _PYTEST_WORDS.match(line):
            words.append(match["text"].removeprefix("    "))
        elif line.startswith(">   "):
            source = line[1:].strip()
        elif match := _PYTEST_PLACE.match(line):
            below = lines[number + 1 : number + 2]
            quoted = below[0].strip() if below and below[0].startswith("    ") else source
            frames.append(
                Frame(file=match["file"], function=match["function"] or "", source=quoted)
            )
            if words and not match["function"]:
                return _make_pytest(words, frames, match["type"])
        elif line.startswith(("____", "====")):
            if words:
                break
            frames = []
    return _make_pytest(words, frames, None) if words else None


def _make_pytest(words: Sequence[str], frames: Sequence[Frame], kind: str | None) -> Traceback:
    match = _FINAL.match(words[0])
    named = match is not None and (kind is None or match["type"].rpartition(".")[2] == kind)
    if match and named and match["colon"]:
        message = "\n".join([match["message"] or "", *words[1:]])
        return Traceback(
            qualified=match["type"], message=clean_message(message), frames=tuple(frames)
        )
    return Traceback(
        qualified=kind or "AssertionError",
        message=clean_message("\n".join(words)),
        frames=tuple(frames),
    )
