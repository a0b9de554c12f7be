"""Why a build failed: the line that says so, found in all that installer and backend printed.

A backend prints hundreds of lines, and installers put their own around them. The last line that
says something definite counts: an optional part of a package may fail before, and what comes after
is the installers' own summary.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from packaging.utils import canonicalize_name

from calipertf.formats.records import Run
from calipertf.reasons.stdlib import has_method, is_stdlib
from calipertf.reasons.tracebacks import LONGEST
from calipertf.run.builds.rules import PKG_CONFIG, PROGRAM, RULES, WHAT, Reason

#: Lines of a backend that begin with what matters.
_SHORT = 20
#: Between the output of two tries at one build, the first of which counts.
AGAIN = "Built once more, with the newest build tools:"


@dataclass(frozen=True, kw_only=True)
class BuildFailure:
    """What is known of a failed build."""

    #: One sentence or line for a person; None where nothing was printed.
    message: str | None
    reason: Reason


#: Any other line that says why.
_PLAIN = re.compile(
    r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Required|NotFound|Warning\b(?=: .*error))\b"
    r"|^(?:[a-z_]\w*\.)+[A-Z]\w+: |^(?:[Ee]rror|ERROR)(?:\[E\d+\])?:? |\bERROR \d+: "
    r"|(?<!\w)(?:fatal )?error: |^CMake Error"
)
#: What only says that a command failed, which printed the reason before.
_SUMMARY = re.compile(
    r"CalledProcessError|DistutilsExecError|CompileError: command|LinkError: command"
    r"|exit (?:code|status)|^[Ee]rror: [Cc]ommand |SystemExit|^error: could not compile"
    r"|Failed to compile with cargo|maturin failed|Setup script exited|Compile failed"
    r"|failed with code \d+$|^warning|DeprecationWarning"
)
#: What installers say around a backend's output.
_INSTALLER = re.compile(
    r"^(?:hint|Hint|note|cause): |Command errored out|Failed (?:to build|building|cleaning)"
    r"|subprocess-exited-with-error|metadata-generation-failed|failed-wheel-build"
    r"|did not run successfully|Could not build wheels|This error originates"
    r"|^ERROR: Could not find a version|Failed to (?:download|prepare)|BackendUnavailable"
    r"|build backend returned"
)
#: What shells say of programs that setup scripts try.
_SHELL = re.compile(rf"(?:^|: ){WHAT}: (?:command )?not found$")
#: A compiler's command, which begins what that prints.
_COMMAND = re.compile(r"^(?:\S*[/-])?(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+|gfortran)(?:-\d+)? ")
_COMPILER = re.compile(r"^[^\s:]+:\d+(?::\d+)?: (?:fatal )?error: ")
#: Whose build failed, as uv and pip say it.
_FAILED = re.compile(
    r"(?:Failed to (?:download and )?build `|Failed building wheel for )([\w.-]+(?:==[^`\s]+)?)"
)
_RESOLVER = re.compile(r"No solution found|ResolutionImpossible|No matching distribution found")
_BACKEND = re.compile(r"^\[std(?:err|out)\]$|lines of output\]|Complete output")
_END = re.compile(r"^(?:hint|note):|^\[end of output\]|^-{10,}$")
_FRAME = re.compile(r'^File "(.*)", line \d+')
_MODULE = re.compile(
    r"(?:No module named |module |from |import error: )"
    r"'?(?P<what>\w+)(?:\.\w+)*'?(?:$| has no| \(|\W*$)"
)
_METHOD = re.compile(r"^AttributeError: '(\w+)' object has no attribute '(\w+)'")
#: How setup scripts ask for a library.
_ASKED = re.compile(r"\bpkg-config (?:--[\w-]+ )+'?([A-Za-z][\w+.-]*)")
_MISSING_FILE = re.compile(
    r"(?:FileNotFoundError|OSError|IOError): \[Errno 2\][^:]*"
    r"(?:: (?:'(?:\S*/)?(?P<what>[\w+-]+)'|.*))?$"
)


def explain_build(run: Run, package: str | None = None) -> BuildFailure:
    """Return why a build failed: the line that says so, the reason, and a hint.

    Where it was not the build of `package` (a normal name), the message begins with what it was.
    """
    failure = _explain(run)
    names = (match[1] for line in (*run.output, *run.error) if (match := _FAILED.search(line)))
    built = next(names, None)
    own = built is None or package is None or canonicalize_name(built.split("==")[0]) == package
    if own or failure.message is None:
        return failure
    return replace(failure, message=f"build of {built}: {failure.message}"[:LONGEST])


def _explain(run: Run) -> BuildFailure:
    lines = [line.strip() for line in (*run.output, *run.error)]
    lines = [line for line in lines[: _find_second(lines)] if line]
    resolver = [line for line in lines if _RESOLVER.search(line)]
    if resolver and not any(_BACKEND.search(line) for line in lines):
        causes = [line for line in lines if line.startswith(("cause:", "Because", "╰─▶"))]
        words = " ".join([resolver[0], *causes[:1]])
        return BuildFailure(message=words[:LONGEST], reason="dependency")
    number = _find_last(lines)
    if number is not None:
        return _explain_line(lines, number)
    shell = next((match for line in lines if (match := _SHELL.search(line))), None)
    if shell:
        words = f"{shell[0].removeprefix(': ')}; {PROGRAM.format(what=shell['what'])}"
        return BuildFailure(message=words[:LONGEST], reason="system")
    return BuildFailure(message=_join_summary(lines), reason="other")


def _join_summary(lines: Sequence[str]) -> str | None:
    """What the installer says of a failure, and what the backend said where that is short."""
    end = next((n for n, line in enumerate(lines) if _END.search(line)), len(lines))
    summary = (line for line in lines[:end] if _INSTALLER.search(line) or _SUMMARY.search(line))
    first = next(summary, "")
    start = max((n for n in range(end) if _BACKEND.search(lines[n])), default=-1)
    said = [line for line in lines[start + 1 : end] if "warn" not in line.lower() and line != first]
    short = start >= 0 and len(said) <= _SHORT
    words = [first, *(said[:1] if short else said[-1:])]
    return " ".join(filter(None, words))[:LONGEST] or None


def is_lack_of_machine(run: Run) -> bool:
    """Whether a build failed for want of a compiler, header, library or program of this machine."""
    return explain_build(run).reason == "system"


def _find_second(lines: Sequence[str]) -> int:
    return lines.index(AGAIN) if AGAIN in lines else len(lines)


def _find_last(lines: Sequence[str]) -> int | None:
    """Return the last definite line; of what one compiler's call printed, the first error."""
    definite = [
        number
        for number, line in enumerate(lines)
        if not _INSTALLER.search(line) and _is_definite(line)
    ]
    if not definite:
        return None
    last = definite[-1]
    if not _COMPILER.search(lines[last]):
        return last
    start = max((n for n in range(last) if _COMMAND.search(lines[n])), default=0)
    return next(n for n in definite if n >= start and _COMPILER.search(lines[n]))


def _is_definite(line: str) -> bool:
    if any(rule.pattern.search(line) for rule in RULES):
        return True
    return bool(_PLAIN.search(line)) and not _SUMMARY.search(line)


def _explain_line(lines: Sequence[str], number: int) -> BuildFailure:
    line = lines[number]
    for rule in RULES:
        match = rule.pattern.search(line)
        if match:
            names = match.groupdict()
            if rule.hint == PKG_CONFIG:
                names = {"what": _list_asked(lines[:number]) or "what it looks for"}
            hint = rule.hint.format(**names) if rule.hint else None
            return _make(_add_rest(lines, number), rule.reason, hint)
    missing = _MISSING_FILE.search(line)
    before = lines[max(0, number - 12) : number]
    if missing:
        started = any("_execute_child" in text or "subprocess.py" in text for text in before)
        what = missing["what"] or "that the package's setup calls"
        return _make(line, "system", PROGRAM.format(what=what)) if started else _make(line, "other")
    module = _MODULE.search(line)
    if module and is_stdlib(module["what"]):
        return _make(line, "python")
    method = _METHOD.search(line)
    if method and has_method(*method.groups()):
        return _make(line, "python")
    frame = next((found[1] for text in reversed(before) if (found := _FRAME.match(text))), "")
    blames_tool = "site-packages" in frame and not line.startswith(("Import", "ModuleNotFound"))
    return _make(_add_rest(lines, number), "dependency" if blames_tool else "other")


def _list_asked(lines: Sequence[str]) -> str:
    """Return what pkg-config was asked for, in words; empty where no line shows it."""
    found = (match[1] for line in lines if (match := _ASKED.search(line)))
    return " or ".join(dict.fromkeys(found))


def _add_rest(lines: Sequence[str], number: int) -> str:
    """Return a line, with the next where CMake says only there what is wrong."""
    line = lines[number]
    bare = line.startswith("CMake Error") and line.endswith(":")
    return " ".join([line, *lines[number + 1 : number + 2]]) if bare else line


def _make(line: str, reason: Reason, hint: str | None = None) -> BuildFailure:
    room = LONGEST - len(hint) - 2 if hint else LONGEST
    return BuildFailure(message=f"{line[:room]}; {hint}" if hint else line[:room], reason=reason)
