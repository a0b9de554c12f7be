"""The spelling of printed values, which is not part of a result.

NumPy 2 prints `[np.float64(1.0), np.True_]` where NumPy 1 printed `[1.0, True]`, and each Python
prints the members of a set in an order of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_QUOTED = r"""[bu]?'(?:[^'\\]|\\.)*'|[bu]?"(?:[^"\\]|\\.)*\""""
_PREFIX = r"(?<![\w.])(?:np|numpy)\."
#: Names of NumPy's scalar types, as their reprs begin.
_TYPES = (
    r"bool_?|u?int(?:8|16|32|64|c|p)?|u?(?:byte|short|long|longlong)|float(?:16|32|64|96|128)"
    r"|half|single|double|longdouble|complex(?:64|128|192|256)|csingle|cdouble|clongdouble"
    r"|str_|bytes_|unicode_|string_"
)
_SCALAR = re.compile(rf"{_PREFIX}(?P<type>{_TYPES})\((?P<value>{_QUOTED}|[-+\w.]*)\)")
_TRUTH = re.compile(rf"{_PREFIX}(?P<value>True|False)_\b")
#: Scalars that NumPy 1 spelt with their type as well: only the module's name is left out.
_TYPED = re.compile(rf"{_PREFIX}(?=(?:datetime64|timedelta64|void)\()")
#: The types that an array of Python's own numbers has.
_DTYPE = re.compile(r",\s*dtype=(?P<type>float64|int64|complex128|bool)(?=[,)])")
#: NumPy 2.2 and later say it where they leave out the middle of an array.
_SHAPE = re.compile(r",\s*shape=(?P<shape>\([\d, ]*\))(?=[,)])")
_MEMBER = rf"(?:{_QUOTED}|[-+]?[0-9][\w.+-]*)"
#: A set of texts and numbers, as Python 3 and Python 2 print it.
_SET = re.compile(rf"(?:\{{|\bset\(\[)(?P<members>{_MEMBER}(?:, {_MEMBER})*)(?:\}}|\]\))")
_WORD = re.compile(r"(?<![\w.])(?:np|numpy)\.|dtype=|shape=|\{|\bset\(\[")


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """A line without the spelling of its values, and what that spelling said."""

    text: str
    #: Types of scalars, types of arrays, shapes of arrays: in the order of the line.
    said: tuple[tuple[str, ...], ...]

    def agrees(self, other: Spelling) -> bool:
        """Return whether neither line says of its numbers what the other denies.

        Silence is no denial.
        """
        return all(a == b or not a or not b for a, b in zip(self.said, other.said, strict=True))


def read_spelling(line: str) -> Spelling | None:
    """Return the line with its values as Python spells them.

    None where there is only one spelling.
    """
    if not _WORD.search(line):
        return None
    scalars: list[str] = []

    def unwrap(match: re.Match[str]) -> str:
        scalars.append(match["type"].rstrip("_"))
        return _unwrap_value(match["type"], match["value"])

    def unwrap_truth(match: re.Match[str]) -> str:
        scalars.append("bool")
        return match["value"]

    text = _TYPED.sub("", _TRUTH.sub(unwrap_truth, _SCALAR.sub(unwrap, line)))
    said = (
        tuple(scalars),
        tuple(match["type"] for match in _DTYPE.finditer(text)),
        tuple(match["shape"] for match in _SHAPE.finditer(text)),
    )
    text = _SHAPE.sub("", _DTYPE.sub("", text))
    return Spelling(text=_SET.sub(_sort_members, text), said=said)


def _sort_members(match: re.Match[str]) -> str:
    members = [member[0] for member in re.finditer(_MEMBER, match["members"])]
    return f"{{{', '.join(sorted(members))}}}"


def _unwrap_value(name: str, value: str) -> str:
    if name.startswith(("long", "clong")):
        value = value.strip("'\"")
    # NumPy 1, like Python, puts a complex number of two parts in brackets.
    if name.startswith("c") and re.search(r"(?<=[\w.])(?<![eE])[-+]", value):
        return f"({value})"
    return value
