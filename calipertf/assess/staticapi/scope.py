"""Where statements run, and how names are bound there."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from calipertf.assess.api.model import Parameter
from calipertf.assess.staticapi.values import Attribute, Class, Module, Strings, Value

if TYPE_CHECKING:
    from calipertf.assess.staticapi.world import World


class MissingModuleError(Exception):
    """An import of the package itself that no file answers."""


class GuardedImportError(Exception):
    """The same inside ``try``: its handlers take over."""


@dataclass(slots=True)
class Scope:
    """Where statements run: a module, or a class body in it."""

    world: World
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
        """What the name means here; None where it is unknown."""
        if name in self.names:
            return self.names[name]
        return self.module.names.get(name)

    def bind(self, name: str, value: Value) -> None:
        """Bind a name; values that have no path of their own yet get it from the name."""
        if isinstance(value, (Attribute, Strings)) and not value.path:
            value.path = f"{self.path}.{name}"
        self.names[name] = value


def set_member(owner: Value | None, name: str, value: Value | None) -> None:
    """Bind an attribute of a module or class from outside its own body."""
    if not isinstance(owner, (Module, Class)):
        return
    path = owner.name if isinstance(owner, Module) else owner.path
    if value is None:
        value = Attribute()
    if isinstance(value, (Attribute, Strings)) and not value.path:
        value.path = f"{path}.{name}"
    owner.names[name] = value
