"""The names that a module hands out through its own ``__getattr__`` (PEP 562).

That is how packages deprecate names before they remove them. The function is followed for each
name that it speaks of, and those count for which it returns something: one for which it only
raises is not there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from calipertf.assess.staticapi import lookup_expressions  # noqa: F401 -- adds the kinds of expressions
from calipertf.assess.staticapi.lookup import (
    Closure,
    Frame,
    Missing,
    Raised,
    Trace,
    Unclear,
    evaluate,
    list_keys,
)
from calipertf.assess.staticapi.lookup_statements import run_function, run_import
from calipertf.assess.staticapi.scope import ImportGraph, Scope
from calipertf.assess.staticapi.syntax import AnyFunction
from calipertf.assess.staticapi.values import (
    Attribute,
    Class,
    ExternalName,
    Function,
    Handed,
    Module,
    StringList,
    Value,
)

#: Names that one function may hand out; a module that forwards to another can have many.
_MOST = 5_000
#: Functions whose names are looked for are followed this far.
_DEPTH = 3


def list_handed(world: ImportGraph, module: Module) -> dict[str, Handed]:
    """Return name -> what asking the module for it gives; found once a module.

    Names that the module binds itself are left out, and so are those of which following the
    function does not tell whether they are handed out.
    """
    if module.handed is None:
        module.handed = {}  # asked again by what it imports: nothing more is known then
        module.handed = dict(_find_handed(world, module))
    return module.handed


def _find_handed(world: ImportGraph, module: Module) -> Iterator[tuple[str, Handed]]:
    getter = module.names.get("__getattr__")
    if isinstance(getter, Class):
        # matplotlib's way: properties of a class of that name.
        for name in getter.names:
            if not name.startswith("_"):
                value = Attribute(path=f"{module.name}.{name}")
                yield name, Handed(value=value, is_deprecated=True)
        return
    scope = Scope(world=world, module=module, names=module.names, path=module.name, run=_run_none)
    frame = Frame(scope=scope, module=module)
    closure = _find_getter(frame)
    if closure is None:
        return
    for name in list(dict.fromkeys(_list_candidates(frame, closure)))[:_MOST]:
        if name not in module.names and name.isidentifier():
            handed = _ask(frame, closure, name)
            if handed is not None:
                yield name, handed


def _run_none(_scope: Scope, _body: list[ast.stmt]) -> None:
    """Nothing is run at the top of a module whose names are all bound."""


def _find_getter(frame: Frame) -> Closure | None:
    """Return the module's ``__getattr__``: defined there, or made by a function of the tree's."""
    node = frame.module.bodies.get("__getattr__")
    if node is not None:
        return Closure(node, {}, frame.module)
    made = frame.module.literals.get("__getattr__")
    value = _try_evaluate(frame, made[0]) if made else None
    return value if isinstance(value, Closure) else None


def _ask(frame: Frame, closure: Closure, name: str) -> Handed | None:
    """Return what the function gives for the name.

    None where it raises, or gives what only raises.
    """
    trace = Trace()
    inner = Frame(scope=frame.scope, module=closure.module, trace=trace)
    try:
        value = run_function(inner, closure, [name], 0)
    except (Raised, Missing, Unclear, RecursionError):
        return None
    if value is None or (isinstance(value, Closure) and _only_raises(value.node)):
        return None
    made = _make_value(value, f"{frame.module.name}.{name}")
    return Handed(value=made, is_deprecated=trace.warned)


def _only_raises(node: AnyFunction) -> bool:
    """Return whether a function ends with raising, and returns nowhere."""
    return isinstance(node.body[-1], ast.Raise) and not any(
        isinstance(item, ast.Return) for item in ast.walk(node)
    )


def _make_value(value: object, path: str) -> Value:
    """Return what the name stands for, as far as it is known."""
    if isinstance(value, ExternalName):
        return ExternalName(path=value.path, alias=path)
    if isinstance(value, (Class, Function, Module)):
        return value
    known = value.path if isinstance(value, (Attribute, StringList)) else ""
    return Attribute(path=known or path)


def _try_evaluate(frame: Frame, node: ast.expr) -> object:
    """Return the value of an expression at the top of a function's module.

    None where it is not known.
    """
    try:
        return evaluate(frame, node)
    except (Unclear, Missing, Raised, RecursionError):
        return None


# The names to ask for.


def _list_candidates(frame: Frame, closure: Closure, depth: int = _DEPTH) -> Iterator[str]:
    """Yield the names that the function and those that it calls speak of.

    To be asked for one by one.
    """
    inside = frame.enter(closure.module, closure.names)
    for node in ast.walk(closure.node):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            run_import(inside, node)
    for node in ast.walk(closure.node):
        yield from _list_spoken(node)
        if isinstance(node, ast.Name):
            for text in list_keys(_try_evaluate(inside, node)):
                # pydantic's tables are by "module:name".
                yield text.rpartition(":")[2].rpartition(".")[2]
        elif isinstance(node, ast.Call):
            yield from _list_forwarded(inside, node)
            called = _try_evaluate(inside, node.func)
            if isinstance(called, Closure) and called.node is not closure.node and depth:
                yield from _list_candidates(frame, called, depth - 1)


def _list_spoken(node: ast.AST) -> Iterator[str]:
    """Yield the texts that a name may be compared with."""
    parts: list[ast.expr | None] = []
    if isinstance(node, ast.Compare):
        parts = [node.left, *node.comparators]
    elif isinstance(node, ast.MatchValue):
        parts = [node.value]
    elif isinstance(node, ast.Dict):
        parts = node.keys
    for part in parts:
        for item in ast.walk(part) if part is not None else ():
            if isinstance(item, ast.Constant) and isinstance(item.value, str):
                yield item.value.rpartition(":")[2]


def _list_forwarded(frame: Frame, node: ast.Call) -> Iterator[str]:
    """The names of the module that ``getattr(module, name)`` forwards to, those of its own."""
    if not isinstance(node.func, ast.Name) or node.func.id != "getattr" or not node.args:
        return
    owner = _try_evaluate(frame, node.args[0])
    if not isinstance(owner, Module):
        return
    for name, value in owner.names.items():
        if name.startswith("_") or isinstance(value, (Module, ExternalName)):
            continue
        if owner.is_package or getattr(value, "path", "").startswith(f"{owner.name}."):
            yield name
