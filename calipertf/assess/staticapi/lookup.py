"""What a function that looks a name up works on: its names, tables, and what it ends with."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from calipertf.assess.staticapi.scope import Scope
from calipertf.assess.staticapi.syntax import AnyFunction
from calipertf.assess.staticapi.values import Module


class Unclear(Exception):  # noqa: N818  an answer, not an error
    """The source does not tell what happens."""


class Missing(Exception):  # noqa: N818  Python's KeyError or AttributeError
    """A key or attribute that is not there."""


class Raised(Exception):  # noqa: N818
    """The function raises."""


class Returned(Exception):  # noqa: N818
    """The function returns; the first argument is what."""


@dataclass(frozen=True)
class Known:
    """A value of which the source shows only that it exists."""


#: A value that is there, whatever it is.
SOMETHING = Known()


@dataclass(frozen=True, eq=False)
class Table:
    """A dictionary with texts as keys; a value may be Late."""

    items: Mapping[str, object]


@dataclass(frozen=True, eq=False)
class Late:
    """An expression that is evaluated when asked for, among the names around it."""

    node: ast.expr
    names: Mapping[str, object]


@dataclass(frozen=True, eq=False)
class Closure:
    """A function with the names around it."""

    node: AnyFunction
    names: Mapping[str, object]
    module: Module


@dataclass(slots=True)
class Trace:
    """What is noted on the way through a call and those inside of it."""

    warned: bool = False


@dataclass(slots=True)
class Frame:
    """The names of one call."""

    scope: Scope
    #: The module that the function was defined in.
    module: Module
    names: dict[str, object] = field(default_factory=dict)
    trace: Trace = field(default_factory=Trace)
    #: How many calls it is inside of.
    depth: int = 0

    def enter(self, module: Module, names: Mapping[str, object]) -> Frame:
        """Return a frame inside this one, with names of its own."""
        return Frame(
            scope=self.scope, module=module, names=dict(names), trace=self.trace, depth=self.depth
        )


def list_keys(value: object) -> list[str]:
    """Return the texts that a table or set has; none of anything else."""
    if isinstance(value, Table):
        return list(value.items)
    return [item for item in value if isinstance(item, str)] if isinstance(value, tuple) else []


#: Kind of expression -> what evaluates it in a frame; lookup_expressions adds them.
EXPRESSIONS: dict[type[ast.expr], Callable[[Frame, Any], object]] = {}


def evaluate(frame: Frame, node: ast.expr) -> object:
    """Return the value: a text, number, tuple, Table, Closure, module or the like.

    Else SOMETHING.
    """
    handler = EXPRESSIONS.get(type(node))
    return SOMETHING if handler is None else handler(frame, node)


def settle(frame: Frame, value: object) -> object:
    """Return the value of an expression that was left for later."""
    if isinstance(value, Late):
        return evaluate(frame.enter(frame.module, {**frame.names, **value.names}), value.node)
    return value
