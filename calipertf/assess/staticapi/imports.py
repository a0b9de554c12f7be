"""Import statements, with files that are not there."""

from __future__ import annotations

import ast

from calipertf.assess.staticapi.scope import (
    GuardedImportError,
    ImportGraph,
    MissingModuleError,
    Scope,
)
from calipertf.assess.staticapi.values import Attribute, ExternalName, Module, StringList, Value


def run_import(scope: Scope, node: ast.Import) -> None:
    """``import a.b``, with or without ``as``."""
    for alias in node.names:
        root = alias.name.partition(".")[0]
        name = scope.world.library.unify(alias.name)
        if not scope.world.is_inside(name):
            scope.bind(alias.asname or root, ExternalName(path=name if alias.asname else root))
            continue
        module = _load(scope, name)
        if alias.asname:
            scope.bind(alias.asname, module or Attribute(path=name))
        elif module is not None:
            scope.bind(root, scope.world.load(name.partition(".")[0]))


def _load(scope: Scope, name: str) -> Module | None:
    try:
        return scope.world.load(name)
    except MissingModuleError as error:
        if scope.guarded:
            raise GuardedImportError(name) from error
        scope.world.unanswered.append(f"{name} (in {scope.module.name})")
        return None


def run_import_from(scope: Scope, node: ast.ImportFrom) -> None:
    """``from a import b``, with stars and dots."""
    base = scope.world.library.unify(_absolute_name(scope.module, node))
    if not scope.world.is_inside(base):
        for alias in node.names:
            if alias.name != "*":
                scope.bind(alias.asname or alias.name, ExternalName(path=f"{base}.{alias.name}"))
        return
    module = _load(scope, base)
    for alias in node.names:
        if alias.name == "*":
            if module is not None:
                _bind_all(scope, module)
            continue
        value = None if module is None else scope.world.get_member(module, alias.name)
        if value is None:
            if scope.guarded:
                raise GuardedImportError(f"{base}.{alias.name}")
            value = Attribute(path=f"{base}.{alias.name}")
        scope.bind(alias.asname or alias.name, value)


def find_typed(world: ImportGraph, module: Module, name: str) -> Value | None:
    """What the imports for type checkers say that the module's ``__getattr__`` gives for a name."""
    for node in module.typed:
        base = world.library.unify(_absolute_name(module, node))
        for alias in node.names:
            if alias.name != "*" and (alias.asname or alias.name) != name:
                continue
            wanted = name if alias.name == "*" else alias.name
            if not world.is_inside(base):
                if alias.name != "*":
                    return ExternalName(path=f"{base}.{wanted}")
                continue
            found = world.find(base)
            source = None if found in {None, module.name} else world.load(base)
            if source is not None and (alias.name != "*" or wanted in source.names):
                return world.get_member(source, wanted)
    return None


def _absolute_name(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    up = node.level - 1 if module.is_package else node.level
    parts = parts[: len(parts) - up]
    return ".".join([*parts, node.module] if node.module else parts)


def _bind_all(scope: Scope, module: Module) -> None:
    scope.module.is_open |= module.is_compiled or module.is_open
    exported = module.names.get("__all__")
    if isinstance(exported, StringList):
        for name in exported.items:
            # What is listed exists, or the import would fail: compiled modules give such names.
            value = scope.world.get_member(module, name)
            scope.bind(name, value if value is not None else Attribute(f"{module.name}.{name}"))
        return
    for name, value in list(module.names.items()):
        if not name.startswith("_"):
            scope.bind(name, value)
