"""One exception with what its frames say: who raised it, and who asked for what is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from calipertf.reasons.owners import PYTHON, SCRIPT, Owners
from calipertf.reasons.tracebacks import STARTERS, Frame, Traceback

#: A reason and its detail.
Blame = tuple[str, str | None]

_HOOKS = frozenset({"__getattr__", "__getattribute__"})
#: A call that passes on whatever it got, as decorators and callbacks do.
_PASSED_ON = re.compile(r"\((?:\w+, )?\*(?:\w+\.)*\w+(?:, \*\*(?:\w+\.)*\w+)?\)")
_IMPORT = re.compile(r"^(?:from\s+[\w.]+\s+import|import)\s")


class Witness:
    """What can be read from one traceback, given who owns which module."""

    def __init__(self, traceback: Traceback, owners: Owners) -> None:
        self.traceback = traceback
        self.owners = owners
        self.type = traceback.type
        self.message = traceback.message
        found = [
            (frame, owner)
            for frame in traceback.frames
            if (owner := owners.find_file_owner(frame.file, frame.function)) is not None
        ]
        self._frames: Sequence[tuple[Frame, str]] = found
        #: Whose the innermost line is, Python's own library included.
        self.innermost: str = found[-1][1] if found else SCRIPT
        #: Whose code raised the exception, the standard library left out.
        self.raiser: str = self._find_last(found)[1]
        left, self.hook = self._strip_hooks(found)
        asking, self.asker = self._find_last(left)
        #: The line of source that asked for the name, or that made the call.
        self.source: str = asking.source if asking else ""

    @staticmethod
    def _find_last(frames: Sequence[tuple[Frame, str]]) -> tuple[Frame | None, str]:
        for frame, owner in reversed(frames):
            if owner != PYTHON:
                return frame, owner
        return None, SCRIPT

    @staticmethod
    def _strip_hooks(
        frames: Sequence[tuple[Frame, str]],
    ) -> tuple[Sequence[tuple[Frame, str]], str | None]:
        """The frames without those of __getattr__, and whose object or module has the hook."""
        hook: str | None = None
        while True:
            places = [n for n, (frame, _) in enumerate(frames) if frame.function in _HOOKS]
            if not places:
                return frames, hook
            owner = frames[places[-1]][1]
            if any(other not in {owner, PYTHON} for _, other in frames[places[-1] :]):
                return frames, hook
            hook = hook or owner
            frames = frames[: places[-1]]

    @property
    def is_import(self) -> bool:
        """Return whether the line that failed imports something."""
        return bool(_IMPORT.match(self.source))

    @property
    def script_imports(self) -> bool:
        """Return whether the script's own last line imports something."""
        own = [frame for frame, owner in self._frames if owner == SCRIPT]
        return bool(own and _IMPORT.match(own[-1].source))

    @property
    def started_program(self) -> bool:
        """Return whether the exception was raised where another program is started."""
        frames = self.traceback.frames
        return bool(frames) and frames[-1].function in STARTERS

    @property
    def raised(self) -> bool:
        """Return whether the innermost line is a raise statement.

        The code there refuses on purpose.
        """
        return bool(self._frames) and self._frames[-1][0].source.startswith("raise")

    def find_caller(self) -> tuple[str, str, str | None]:
        """Who made the call that failed, its line, and whose function took it where that is known.

        Lines that only pass on what they were given are not who called.
        """
        frames = list(self._frames)
        through: str | None = None
        while frames and _PASSED_ON.search(frames[-1][0].source):
            if "super()" in frames[-1][0].source:
                break
            through = frames[-1][1] if frames[-1][1] != PYTHON else through
            frames.pop()
        if not frames:
            return SCRIPT, "", through
        return frames[-1][1], frames[-1][0].source, through

    def is_said_by_script(self, word: str) -> bool:
        """Whether a line of the script that the traceback quotes has the word as a keyword."""
        pattern = re.compile(rf"\b{re.escape(word)}\s*=(?!=)|['\"]{re.escape(word)}['\"]")
        return any(
            owner == SCRIPT and pattern.search(frame.source) for frame, owner in self._frames
        )

    def is_hidden_by_script(self, module: str) -> bool:
        """Whether a file of the script's is named like a module, so that it is imported instead."""
        return any(
            owner == SCRIPT and re.search(rf"(?:^|[\\/]){re.escape(module)}\.py$", frame.file)
            for frame, owner in self._frames
        )

    def is_own_file(self, file: str) -> bool:
        """Return whether a file is the script's or beside it."""
        return self.owners.find_file_owner(file) == SCRIPT
