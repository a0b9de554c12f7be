"""What was read from a file, checked against what the types promise."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

#: Whole numbers beyond this are no counts, sizes or exit codes.
_MOST = 2**63
#: Lists in lists: no file of this tool has more than a handful.
_DEEPEST = 40

_Check = Callable[[Any], bool]


def find_wrong(value: Any) -> str | None:
    """Return which field of a dataclass is not what its annotation says; None where all are.

    Numbers have to be finite. Fields of dataclasses in it are looked at as well.
    """
    kind: Any = type(value)
    for name, check in _list_checks(kind):
        if not check(getattr(value, name)):
            return f"{name} is {repr(getattr(value, name))[:80]}"
    return None


def find_odd(value: Any, left: int = _DEEPEST) -> str | None:
    """Return what is odd about JSON data, in words: too deep, or a number without end."""
    if isinstance(value, Mapping | list):
        if not left:
            return "nested too deep"
        items = value.values() if isinstance(value, Mapping) else value
        return next((odd for item in items if (odd := find_odd(item, left - 1))), None)
    if isinstance(value, int | float) and not -_MOST < value < _MOST:
        return f"{str(value)[:20]}, which is no number to work with"
    return None


@cache
def _list_checks(kind: Any) -> tuple[tuple[str, _Check], ...]:
    hints = get_type_hints(kind)
    return tuple((field.name, _make_check(hints[field.name])) for field in fields(kind))


def _make_check(hint: Any) -> _Check:
    """Return the test that a value of an annotation has to pass."""
    if hint is Any:
        return lambda _: True
    origin, inner = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return _check_union(inner)
    if origin is tuple and inner[1:] == (...,):
        return _check_tuple(inner[0])
    if origin in {Mapping, dict}:
        return _check_mapping(_make_check(inner[1]))
    if is_dataclass(hint) and isinstance(hint, type):
        return _check_dataclass(hint)
    if origin is Literal:
        return lambda value: value in inner
    return _PLAIN[hint]


def _check_union(inner: tuple[Any, ...]) -> _Check:
    """Return the test for one of several kinds; those that need no more than a look come first."""
    kinds = {kind for kind in inner if kind in _BY_KIND}
    checks = [_make_check(kind) for kind in inner if kind not in kinds]
    if not checks:
        return lambda value: type(value) in kinds
    if len(checks) == 1:
        (only,) = checks
        return lambda value: type(value) in kinds or only(value)
    return lambda value: type(value) in kinds or any(check(value) for check in checks)


def _check_tuple(hint: Any) -> _Check:
    if hint in _BY_KIND:
        kinds = {hint}
        return lambda value: type(value) is tuple and kinds.issuperset(map(type, value))
    check = _make_check(hint)
    return lambda value: type(value) is tuple and all(map(check, value))


def _check_mapping(check: _Check) -> _Check:
    return lambda value: (
        isinstance(value, Mapping)
        and _ONE_KIND.issuperset(map(type, value))
        and all(map(check, value.values()))
    )


def _check_dataclass(kind: type) -> _Check:
    return lambda value: isinstance(value, kind) and find_wrong(value) is None


#: Kinds of which every value will do.
_ONE_KIND = frozenset({str})
_BY_KIND = frozenset({str, bool, type(None)})
_PLAIN: Mapping[Any, _Check] = {
    str: lambda value: type(value) is str,
    bool: lambda value: type(value) is bool,
    int: lambda value: type(value) is int and -_MOST < value < _MOST,
    # NaN and what is infinite compare as outside.
    float: lambda value: type(value) in {int, float} and -_MOST < value < _MOST,
    type(None): lambda value: value is None,
}
