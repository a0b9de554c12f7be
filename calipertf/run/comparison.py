"""Two printed results compared: words, numbers within a tolerance, and output that was cut."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from calipertf.formats.records import Run
from calipertf.run.spelling import Spelling, read_spelling

#: Numbers whose distance is below this are equal, whatever their size: sums that should be zero.
ABSOLUTE = 1e-6

_UNSIGNED = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_PART = rf"(?:{_UNSIGNED}|nan|inf)"
#: A number, or a complex one of two parts. What goes on with a letter or with a further point and
#: digit (2.5s, 1.2.3) is a word.
_NUMBER = re.compile(rf"(?<![\w.])(?:[-+]?{_PART}[-+]{_PART}j|[-+]?{_UNSIGNED}j?)(?!\w|\.[0-9])")
_COMPLEX = re.compile(rf"(?P<real>[-+]?{_PART}(?=[-+]))?(?P<imaginary>[-+]?{_PART})j")
#: How long a test runner says that it took: `2 passed in 0.12s`, `Ran 3 tests in 0.002s`.
_ELAPSED = re.compile(
    r"(\b(?:x?passed|x?failed|skipped|deselected|errors?|warnings?|tests?|tests ran) in )"
    r"\d+(?:\.\d+)? ?s(?:econds)?\b(?: \(\d+:\d\d:\d\d\))?"
)
#: In a stream, in the place of what was not kept of it; see Capture in run/runner/cell_runner.
_CUT = re.compile(r"^\[\.\.\. \d+ bytes cut \.\.\.\]$")


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What two printed results have in common."""

    #: The first differences and the rest of them, in words; empty where they agree.
    differences: tuple[str, ...] = ()
    #: The first line whose equal values are written otherwise, in words; None where there is none.
    respelt: str | None = None
    #: Why nothing can be said although what was kept agrees; None where all was compared.
    unknown: str | None = None


def compare_runs(
    here: Run, there: Run, tolerance: float, other: str = "the baseline"
) -> Comparison:
    """Return what two runs of a script printed, compared.

    `other` names the second one in sentences.

    Output that was cut is the same where the hash of the whole is. Otherwise what was kept is
    compared; where that agrees, what was not kept may still differ.
    """
    if not (is_cut(here) or is_cut(there)):
        return compare_lines(here.output, there.output, tolerance, other)
    if here.sha256 and here.sha256 == there.sha256:
        return Comparison()
    (head, tail), (other_head, other_tail) = _split_kept(here), _split_kept(there)
    found = list(_compare_pairs(head, other_head, tolerance, other, "line"))
    backwards = _compare_pairs(tail[::-1], other_tail[::-1], tolerance, other, "line -")
    if differences := [words for _, words in (*found, *backwards) if words]:
        return Comparison(differences=tuple(differences))
    if here.sha256 and there.sha256:
        why = f"and differs from {other} somewhere in what was cut"
    elif is_cut(here) and is_cut(there):
        why = "and this record does not say what was cut; --force runs the cell again"
    else:
        why = f"and only one of it and {other} was cut"
    cut = max(here.truncated_bytes, there.truncated_bytes)
    return Comparison(unknown=f"it prints more than is kept ({cut:,} bytes were cut), {why}")


def is_cut(run: Run) -> bool:
    """Return whether some of a run's standard output was not kept."""
    marked = run.truncated_bytes > 0 and any(_CUT.match(line.rstrip("\n")) for line in run.output)
    return run.sha256 is not None or marked


def _split_kept(run: Run) -> tuple[list[str], list[str]]:
    """Return whole lines before and after what was cut; those of output that was not cut, twice."""
    lines = [line.rstrip("\n") for line in run.output]
    marks = [number for number, line in enumerate(lines) if _CUT.match(line)]
    if not (marks and is_cut(run)):
        whole = _strip_end(run.output)
        return whole, whole
    # The lines next to the mark were cut themselves.
    head, tail = lines[: max(marks[0] - 1, 0)], lines[marks[-1] + 2 :]
    return [_fold(line) for line in head], _strip_end([f"{line}\n" for line in tail])


def compare_lines(
    here: Sequence[str], there: Sequence[str], tolerance: float, other: str = "the baseline"
) -> Comparison:
    """Return two printed results, compared line by line.

    Words have to be equal, whole numbers as well; other numbers within a relative tolerance. White
    space at the ends of lines and empty lines at the end do not count, nor does how values are
    spelt.
    """
    left, right = _strip_end(here), _strip_end(there)
    pairs = list(_compare_pairs(left, right, tolerance, other, "line"))
    differences = [words for _, words in pairs if words]
    if len(left) != len(right):
        differences.append(f"{len(left)} lines here, {len(right)} in {other}")
    respelt = next((words for words, difference in pairs if not difference), None)
    return Comparison(differences=tuple(differences), respelt=respelt)


def _compare_pairs(
    left: Sequence[str], right: Sequence[str], tolerance: float, other: str, line: str
) -> Iterator[tuple[str, str | None]]:
    """Yield for each pair of lines that are spelt otherwise.

    Both in words, and again if they differ.
    """
    separator = "" if line.endswith("-") else " "
    for number, (a, b) in enumerate(zip(left, right, strict=False), start=1):
        if not _texts_agree(a, b, tolerance):
            place = f"{line}{separator}{number}"
            words = f"{place}: {_shorten(a)} here, {_shorten(b)} in {other}"
            yield words, None if _spellings_agree(a, b, tolerance) else words


def _strip_end(lines: Sequence[str]) -> list[str]:
    return [_fold(line) for line in "".join(lines).rstrip().splitlines()]


def _fold(line: str) -> str:
    return _ELAPSED.sub(r"\1some time", " ".join(line.split()))


def _shorten(line: str) -> str:
    return repr(line if len(line) <= 120 else line[:117] + "...")


def _texts_agree(a: str, b: str, tolerance: float) -> bool:
    if a == b:
        return True
    # White space around numbers is layout: numpy aligns its columns by the widest number.
    words, others = ([word.strip() for word in _NUMBER.split(line)] for line in (a, b))
    if words != others:
        return False
    pairs = zip(_NUMBER.findall(a), _NUMBER.findall(b), strict=True)
    return all(_numbers_agree(x, y, tolerance) for x, y in pairs)


def _spellings_agree(a: str, b: str, tolerance: float) -> bool:
    """Return whether two lines say the same once their values are spelt as Python spells them."""
    found = read_spelling(a), read_spelling(b)
    if found == (None, None):
        return False
    blank = Spelling(text="", said=((), (), ()))
    left, right = found[0] or blank, found[1] or blank
    texts = (found[0].text if found[0] else a, found[1].text if found[1] else b)
    return left.agrees(right) and _texts_agree(*texts, tolerance)


def _numbers_agree(x: str, y: str, tolerance: float) -> bool:
    if x.endswith("j") or y.endswith("j"):
        pairs = zip(_split_complex(x), _split_complex(y), strict=True)
        return all(_numbers_agree(a, b, tolerance) for a, b in pairs)
    if _is_whole(x) and _is_whole(y):
        return _spell_whole(x) == _spell_whole(y)
    a, b = float(x), float(y)
    both_nan = math.isnan(a) and math.isnan(b)
    return both_nan or math.isclose(a, b, rel_tol=tolerance, abs_tol=ABSOLUTE)


def _split_complex(text: str) -> tuple[str, str]:
    """Return real and imaginary part of a number; "0" for the one that is not there."""
    match = _COMPLEX.fullmatch(text)
    return (match["real"] or "0", match["imaginary"]) if match else (text, "0")


def _spell_whole(text: str) -> str:
    # Not int(): Python refuses to read a number of more than 4300 digits.
    digits = text.lstrip("+-").lstrip("0")
    return f"-{digits}" if digits and text.startswith("-") else digits


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"[-+]?[0-9]+", text) is not None
