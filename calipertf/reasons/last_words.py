"""What a script's last words say: the exception that ended it, or its last line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from calipertf.formats.ansi import strip_controls
from calipertf.reasons.tracebacks import LONGEST, find_traceback

#: How command-line libraries print an exception that they caught, without a traceback.
_CAUGHT = re.compile(r"^(?:[\w.-]+: )?(?P<type>[Ee]rror|Fatal error): (?P<message>\S.*)$")
#: Lines that frame others: of rules, boxes and pytest's headings.
_RULE = re.compile(r"^[\W_]*$|^=+ .* =+$|^_+ .* _+$")
#: White space, and what boxes are drawn of.
_BOX = " \t\r\n│┃╭╮╰╯─"
#: Characters of a line that are looked at.
_LOOKED_AT = 4000


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The exception that ended a script."""

    #: Name of the exception's class.
    type: str
    #: Its message, up to LONGEST characters, with the ends of its lines.
    message: str

    def __post_init__(self) -> None:
        # What a record of another program holds is cut as well.
        if isinstance(self.message, str) and len(self.message) > LONGEST:
            object.__setattr__(self, "message", self.message[:LONGEST])


def parse_exception(error: Sequence[str], output: Sequence[str] = ()) -> Failure | None:
    """Return the exception that ended a script; None where it printed none.

    `error` are its lines of stderr, `output` those of stdout, where test runners print theirs.
    """
    traceback = find_traceback(error, output)
    if traceback:
        return Failure(type=traceback.type, message=traceback.message)
    for line in reversed(error):
        if match := _CAUGHT.match(line.strip()[:_LOOKED_AT]):
            return Failure(type=match["type"].capitalize(), message=match["message"][:LONGEST])
    return None


def find_last_line(error: Sequence[str], output: Sequence[str] = ()) -> str | None:
    """Return the last line of stderr, or else of stdout, that says something.

    None where none does.
    """
    for stream in (error, output):
        for line in reversed(stream):
            words = strip_controls(line[-_LOOKED_AT:]).strip(_BOX)
            if words and not _RULE.match(words):
                return words[:LONGEST]
    return None
