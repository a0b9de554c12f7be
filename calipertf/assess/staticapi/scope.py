"""Where statements run, and how names are bound there."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from calipertf.assess.api.model import Parameter
from calipertf.assess.staticapi.library import SourceFiles
from calipertf.assess.staticapi.values import Attribute, Class, Module, StringList, Value


class MissingModuleError(Exception):
    """An import of the package itself that no file answers."""


class GuardedImportError(Exception):
    """The same inside ``try``: its handlers take over."""


class ImportGraph(Protocol):
    """The modules that statements may import; ``world`` has the one there is."""

    library: SourceFiles
    #: The Python that the wheel is for.
    python: tuple[int, int]
    #: Modules by their names, once they were imported.
    loaded: dict[str, Module]
    #: Imports of the tree's own modules that find no file.
    unanswered: list[str]

    def is_inside(self, name: str) -> bool:
        """Return whether a dotted name starts at one of the tree's root packages."""

    def find(self, name: str) -> str | None:
        """Return the name under which a module exists; None where no file answers."""

    def load(self, name: str) -> Module:
        """Return the module, its statements followed; raise MissingModuleError."""

    def get_member(self, module: Module, name: str) -> Value | None:
        """Return what ``from module import name`` gives; None where nothing answers."""

    def resolve(self, value: Value | None) -> Value | None:
        """Return the value itself, a lazy module loaded."""


@dataclass(slots=True)
class Scope:
    """Where statements run: a module, or a class body in it."""

    world: ImportGraph
    module: Module
    #: The names being filled: the module's or the class's.
    names: dict[str, Value]
    #: Dotted path of what is being filled.
    path: str
    #: Follows statements in a scope: of ``statements``, which knows all kinds.
    run: Callable[[Scope, list[ast.stmt]], None]
    #: Inside ``try`` with handlers: an import of a file that is not there jumps to them.
    guarded: bool = False
    fields: list[Parameter] = field(default_factory=list)

    def look_up(self, name: str) -> Value | None:
        """Return what the name means here; None where it is unknown."""
        if name in self.names:
            return self.names[name]
        return self.module.names.get(name)

    def bind(self, name: str, value: Value) -> None:
        """Bind a name; values that have no path of their own yet get it from the name."""
        if isinstance(value, (Attribute, StringList)) and not value.path:
            value.path = f"{self.path}.{name}"
        self.names[name] = value


def set_member(owner: Value | None, name: str, value: Value | None) -> None:
    """Bind an attribute of a module or class from outside its own body."""
    if not isinstance(owner, (Module, Class)):
        return
    path = owner.name if isinstance(owner, Module) else owner.path
    if value is None:
        value = Attribute()
    if isinstance(value, (Attribute, StringList)) and not value.path:
        value.path = f"{path}.{name}"
    owner.names[name] = value
