"""The public paths of a package: what a user reaches from its root, with signatures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from calipertf.assess.api.model import Parameter, Symbol
from calipertf.assess.staticapi.expressions import BUILTINS
from calipertf.assess.staticapi.handed import list_handed
from calipertf.assess.staticapi.scope import MissingModuleError
from calipertf.assess.staticapi.values import (
    Attribute,
    Class,
    ExternalName,
    Function,
    LazyModule,
    Module,
    StringList,
    Value,
    list_ancestry,
)
from calipertf.assess.staticapi.world import ModuleLoader


@dataclass(frozen=True, kw_only=True)
class PublicApiRules:
    """Which of a package's names count as public, where its own conventions need saying."""

    #: Whether modules that no statement of the package binds are public as well: they are in
    #: most packages (``import requests.adapters``); TensorFlow's interface is what the root binds.
    submodules: bool = True
    #: Packages in which all submodules are public in any case, at any depth: TensorFlow's contrib
    #: does not import all its parts, and users do (``from tensorflow.contrib import rate``).
    open_packages: tuple[str, ...] = ()
    #: Whether ``__all__`` decides. TensorFlow adds names to its modules after it is set.
    honours_all: bool = True
    #: Public paths that are left out with all below them.
    hidden: frozenset[str] = frozenset()
    #: Names of modules that are left out wherever they stand.
    hidden_names: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Walk:
    world: ModuleLoader
    public: PublicApiRules
    symbols: dict[str, Symbol] = field(default_factory=dict)
    #: Class -> its members, found once for all its public paths.
    members: dict[int, list[tuple[str, Value]]] = field(default_factory=dict)


def list_public(world: ModuleLoader, root: str, public: PublicApiRules) -> dict[str, Symbol]:
    """Return the public path -> symbol, for everything reachable from the root package."""
    walk = _Walk(world=world, public=public)
    try:
        module = world.load(root)
    except MissingModuleError:
        return {}
    _visit_module(walk, module, root, ())
    return walk.symbols


def _visit_module(walk: _Walk, module: Module, path: str, above: tuple[str, ...]) -> None:
    walk.symbols[path] = Symbol(path=path, kind="module", target=module.name)
    if module.name in above:
        return
    above = (*above, module.name)
    for name, value in _list_names(walk, module):
        inner = f"{path}.{name}"
        if inner in walk.public.hidden:
            continue
        _visit(walk, value, inner, above)
    _visit_handed(walk, module, path, above)


def _visit_handed(walk: _Walk, module: Module, path: str, above: tuple[str, ...]) -> None:
    """The names that the module hands out when it is asked for them (PEP 562)."""
    if "__getattr__" not in module.names:
        return
    for name, handed in sorted(list_handed(walk.world, module).items()):
        inner = f"{path}.{name}"
        if name.startswith("_") or name in walk.public.hidden_names or inner in walk.public.hidden:
            continue
        if inner not in walk.symbols:
            _visit(walk, handed.value, inner, above)
        known = walk.symbols.get(inner)
        if known is not None and handed.is_deprecated:
            walk.symbols[inner] = replace(known, is_deprecated=True)


def _visit(walk: _Walk, value: Value, path: str, above: tuple[str, ...]) -> None:
    resolved = walk.world.resolve(value)
    if isinstance(resolved, Module):
        if resolved.name not in above:
            _visit_module(walk, resolved, path, above)
    elif isinstance(resolved, Class):
        _visit_class(walk, resolved, path, ())
    elif isinstance(resolved, Function):
        walk.symbols[path] = Symbol(
            path=path,
            kind="function",
            parameters=resolved.parameters,
            target=resolved.path or path,
            is_async=resolved.is_async,
        )
    elif isinstance(resolved, ExternalName):
        target = resolved.alias or resolved.path
        walk.symbols[path] = Symbol(path=path, kind="attribute", target=target)
    elif isinstance(resolved, (Attribute, StringList)):
        walk.symbols[path] = Symbol(path=path, kind="attribute", target=resolved.path or path)
        if isinstance(resolved, Attribute) and resolved.is_module:
            made = resolved.path or path
            walk.world.note(f"{made} is a module made at run time: its names are not known")


def _list_names(walk: _Walk, module: Module) -> Iterator[tuple[str, Value]]:
    """Yield the module's public names in alphabetical order."""
    exported = module.names.get("__all__")
    named = set(exported.items) if isinstance(exported, StringList) else set()
    listed = named if isinstance(exported, StringList) and walk.public.honours_all else None
    names = dict(module.names)
    if listed is not None:
        for name in sorted(listed - set(names)):
            value = walk.world.get_member(module, name)
            names[name] = value if value is not None else Attribute(f"{module.name}.{name}")
    if module.is_package and (walk.public.submodules or _is_open(walk.public, module)):
        names = {**_list_submodules(walk.world, module), **names}
    for name in sorted(names):
        if name.startswith("_") or name in walk.public.hidden_names:
            continue
        value = names[name]
        if _is_public(walk, module, name, value, listed) or _is_named(value, name in named):
            yield name, value


def _is_public(
    walk: _Walk, module: Module, name: str, value: Value, listed: set[str] | None
) -> bool:
    if isinstance(value, ExternalName):
        if listed is not None:
            return name in listed
        return walk.public.submodules and value.alias == f"{module.name}.{name}"
    if isinstance(value, (Module, LazyModule)) and walk.public.submodules and module.is_package:
        if "." not in value.name:
            return False  # ``import torch`` inside one of the wheel's other packages
        return value.name == f"{module.name}.{name}" or listed is None or name in listed
    if listed is not None:
        # numpy.max: left out of __all__ only lest a wildcard import hide Python's own.
        is_shadow = module.is_package and name in BUILTINS
        return name in listed or (is_shadow and isinstance(value, (Function, Class, Attribute)))
    if module.is_package or module.curated:
        return True
    return _is_defined_in(value, module)


def _is_open(public: PublicApiRules, module: Module) -> bool:
    return any(f"{module.name}.".startswith(f"{name}.") for name in public.open_packages)


def _is_named(value: Value, is_named: bool) -> bool:
    """Return whether ``__all__`` makes an object of another of the package's modules public."""
    return is_named and not isinstance(value, (Module, ExternalName, LazyModule))


def _is_defined_in(value: Value, module: Module) -> bool:
    if isinstance(value, (Module, ExternalName, LazyModule)):
        return False
    return value.path.startswith(f"{module.name}.") or not value.path


def _list_submodules(world: ModuleLoader, module: Module) -> dict[str, Value]:
    return {
        last: LazyModule(name=f"{module.name}.{last}")
        for last in world.list_children(module.name)
        if not last.startswith("_")
    }


# Classes.


def _visit_class(walk: _Walk, cls: Class, path: str, above: tuple[int, ...]) -> None:
    walk.symbols[path] = Symbol(
        path=path,
        kind="class",
        parameters=find_constructor(cls),
        bases=tuple(_name_base(base) for base in cls.bases),
        target=cls.path or path,
    )
    if id(cls) in above:
        return
    for name, value in _list_members(walk, cls):
        inner = f"{path}.{name}"
        if isinstance(value, Function):
            walk.symbols[inner] = Symbol(
                path=inner,
                kind="method",
                parameters=value.parameters,
                target=value.path or inner,
                is_async=value.is_async,
            )
        elif isinstance(value, Class):
            _visit_class(walk, value, inner, (*above, id(cls)))
        elif isinstance(value, (Attribute, StringList)):
            walk.symbols[inner] = Symbol(path=inner, kind="attribute", target=value.path or inner)


def _name_base(base: Value) -> str:
    return base.name if isinstance(base, (Module, LazyModule)) else base.path


def _list_members(walk: _Walk, cls: Class) -> list[tuple[str, Value]]:
    """Return the class's public members, inherited ones of the tree's classes included."""
    known = walk.members.get(id(cls))
    if known is None:
        merged: dict[str, Value] = {}
        for ancestor in reversed(list_ancestry(cls)):
            if isinstance(ancestor, Class):
                merged.update(ancestor.names)
        known = [(name, merged[name]) for name in sorted(merged) if not name.startswith("_")]
        walk.members[id(cls)] = known
    return known


def find_constructor(cls: Class) -> tuple[Parameter, ...] | None:
    """Return the parameters to call the class with, ``self`` left out.

    None where they cannot be seen.
    """
    for ancestor in list_ancestry(cls):
        if not isinstance(ancestor, Class):
            if isinstance(ancestor, ExternalName) and ancestor.path in _TRANSPARENT:
                continue
            return None
        for name in ("__init__", "__new__"):
            made = ancestor.names.get(name)
            if isinstance(made, Function) and made.parameters is not None:
                return _drop_first(made.parameters)
        if ancestor.constructor is not None:
            return ancestor.constructor
    return ()


#: Bases of other origin that add no constructor of their own.
_TRANSPARENT = frozenset(
    {"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol", "enum34"}
)


def _drop_first(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    if parameters and parameters[0].kind in {"positional-only", "positional-or-keyword"}:
        return parameters[1:]
    return parameters
