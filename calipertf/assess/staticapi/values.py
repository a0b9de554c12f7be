"""What a name can be bound to, as far as reading the source tells."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from calipertf.assess.api.model import Parameter


@dataclass(slots=True, eq=False)
class Module:
    """A module of the tree; its names fill as its statements are followed."""

    name: str
    is_package: bool
    #: Compiled: its names cannot be seen.
    is_compiled: bool = False
    docstring: str = ""
    #: Name -> text, of texts assigned at the top.
    texts: dict[str, str] = field(default_factory=dict)
    names: dict[str, Value] = field(default_factory=dict)
    #: Takes all names of a compiled module, which cannot be seen.
    is_open: bool = False
    #: Removed undocumented names by TensorFlow's old helper: what is left is public.
    curated: bool = False
    #: Imports for type checkers alone: what they name is what ``__getattr__`` gives.
    typed: list[ast.ImportFrom] = field(default_factory=list)
    #: Name -> what was assigned to it and added to it: tables that a ``__getattr__`` may look in.
    literals: dict[str, list[ast.expr]] = field(default_factory=dict)
    #: Name -> function that may look names up, with its body.
    bodies: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)
    #: Names that its ``__getattr__`` hands out; None where nobody has asked yet.
    handed: dict[str, Handed] | None = None


@dataclass(slots=True, eq=False)
class Function:
    """A function or method."""

    path: str
    parameters: tuple[Parameter, ...] | None
    is_async: bool = False
    binding: Literal["plain", "static", "class"] = "plain"
    #: What calling it gives, where it defines and returns a function; ``path`` is empty there.
    made: Function | None = None
    #: Of ``__getattr__``: the modules that it imports by name.
    imports: tuple[str, ...] = ()

    def is_catch_all(self) -> bool:
        """Return whether it takes ``*args, **kwargs`` alone, as wrappers do."""
        kinds = [item.kind for item in self.parameters or ()]
        return kinds in (["var-positional", "var-keyword"], ["var-positional"])


@dataclass(slots=True, eq=False)
class Class:
    """A class with the names of its own body; bases in order."""

    path: str
    names: dict[str, Value] = field(default_factory=dict)
    bases: tuple[Value, ...] = ()
    #: Of classes whose constructor is made rather than written: named tuples, data classes.
    constructor: tuple[Parameter, ...] | None = None
    #: Fields of a data class in order, for those that inherit them.
    fields: tuple[Parameter, ...] = ()


@dataclass(slots=True, eq=False)
class Attribute:
    """Anything else that belongs to the tree: constants, properties, results of calls."""

    path: str = ""
    #: An object that stands for a module, such as six.moves: its names are not known.
    is_module: bool = False


@dataclass(slots=True, eq=False)
class ExternalName:
    """A name of another package or of Python itself."""

    path: str
    #: The name that an assignment gave it (``text_type = str``); empty where it is only imported.
    alias: str = ""


@dataclass(slots=True, eq=False)
class StringList:
    """A list, tuple or set of texts, such as ``__all__``."""

    items: list[str]
    path: str = ""


@dataclass(slots=True, eq=False)
class LazyModule:
    """A module that is imported on first use."""

    name: str


@dataclass(slots=True, eq=False)
class Handed:
    """What a module's ``__getattr__`` gives for a name."""

    value: Value
    #: Whether it warns when it is asked for the name.
    is_deprecated: bool


Value: TypeAlias = Module | Function | Class | Attribute | ExternalName | StringList | LazyModule


def list_ancestry(cls: Class) -> list[Class | ExternalName | Attribute]:
    """Return the class and its bases in method resolution order (C3.

    Depth first where C3 has none).
    """
    try:
        return _linearize(cls, frozenset())
    except ValueError:
        return list(dict.fromkeys(_depth_first(cls, frozenset())))


def _linearize(cls: Class, seen: frozenset[int]) -> list[Class | ExternalName | Attribute]:
    if id(cls) in seen:
        raise ValueError(cls.path)
    seen |= {id(cls)}
    sequences: list[list[Class | ExternalName | Attribute]] = []
    direct: list[Class | ExternalName | Attribute] = []
    for base in cls.bases:
        if isinstance(base, Class):
            sequences.append(_linearize(base, seen))
            direct.append(base)
        elif isinstance(base, (ExternalName, Attribute)):
            direct.append(base)
    sequences.append(direct)
    return [cls, *_merge(sequences)]


def _merge(
    sequences: list[list[Class | ExternalName | Attribute]],
) -> list[Class | ExternalName | Attribute]:
    merged: list[Class | ExternalName | Attribute] = []
    sequences = [list(sequence) for sequence in sequences if sequence]
    while sequences:
        for sequence in sequences:
            head = sequence[0]
            if not any(head in other[1:] for other in sequences):
                break
        else:
            raise ValueError("no consistent order")
        merged.append(head)
        for sequence in sequences:
            if sequence[0] is head:
                del sequence[0]
        sequences = [sequence for sequence in sequences if sequence]
    return merged


def _depth_first(cls: Class, seen: frozenset[int]) -> Iterator[Class | ExternalName | Attribute]:
    yield cls
    for base in cls.bases:
        if isinstance(base, Class):
            if id(base) not in seen:
                yield from _depth_first(base, seen | {id(cls)})
        elif isinstance(base, (ExternalName, Attribute)):
            yield base


def find_member(cls: Class, name: str) -> Value | None:
    """Return the class's own or inherited member; None where no class of the tree has it."""
    for ancestor in list_ancestry(cls):
        if isinstance(ancestor, Class) and name in ancestor.names:
            return ancestor.names[name]
    return None
