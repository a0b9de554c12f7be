"""The value of a call at the top of a module or class, where that is a definition or a module."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import Any

from calipertf.assess.api.model import Parameter
from calipertf.assess.staticapi.evaluate import CALLS, EVALUATORS, evaluate
from calipertf.assess.staticapi.expressions import evaluate_attribute
from calipertf.assess.staticapi.scope import Scope
from calipertf.assess.staticapi.syntax import name_called, show
from calipertf.assess.staticapi.values import (
    Attribute,
    Class,
    ExternalName,
    Function,
    LazyModule,
    Module,
    StringList,
    Value,
    find_member,
    list_ancestry,
)


def evaluate_call(scope: Scope, node: ast.Call) -> Value | None:
    """Return the value, or None where the source does not tell."""
    name = name_called(node)
    special = CALLS.get(name)
    if special is not None:
        value = special(scope, node)
        if value is not None:
            return value
    if name.endswith(("LazyLoader", "lazy_import", "LazyModule", "import_module")):
        return _find_lazy_module(scope, node)
    called = scope.world.resolve(evaluate(scope, node.func))
    if isinstance(called, Class):
        return _instantiate(scope, called)
    return _apply(scope, node, called)


def _instantiate(scope: Scope, cls: Class) -> Value:
    """An instance is an attribute, but for stand-ins of modules that import them on first use."""
    access = find_member(cls, "__getattr__")
    if isinstance(access, Function):
        for name in access.imports:
            if scope.world.find(scope.world.library.unify(name)) is not None:
                return LazyModule(name=scope.world.library.unify(name))
    ancestry = list_ancestry(cls)
    return Attribute(
        is_module=any(
            isinstance(base, ExternalName) and base.path == "types.ModuleType" for base in ancestry
        )
    )


def _apply(scope: Scope, node: ast.Call, called: Value | None) -> Value | None:
    """Return what a call of a function gives, where that is a function.

    Either the one that a factory defines and returns, or the definition that a wrapper is applied
    to, as in ``tf_export("nn.relu")(relu)``: a wrapper returns ``*args, **kwargs``, is itself the
    result of a call, or is named like a decorator. It is taken to keep the signature.
    """
    made = called.made if isinstance(called, Function) else None
    if made is not None and not made.is_catch_all():
        return replace(made)
    is_wrapper = made is not None or isinstance(node.func, ast.Call)
    if is_wrapper or _WRAPPERS.search(name_called(node)):
        for argument in node.args:
            value = evaluate(scope, argument)
            if isinstance(value, Class):
                return value
            if isinstance(value, Function):
                # Deprecated aliases are definitions of their own; other wrappers only export.
                return replace(value, path="") if "deprecat" in show(node.func) else value
    return Attribute()


_WRAPPERS = re.compile(
    r"dispatch|deprecat|export|wrap|decorat|to_raw_op|kwarg_only|do_not_|contextmanager|_cache$"
)


def _find_lazy_module(scope: Scope, node: ast.Call) -> Value | None:
    given = [*node.args, *(item.value for item in node.keywords)]
    names = [text for item in given if (text := _read_text(scope, item)) is not None]
    for name in sorted(map(scope.world.library.unify, names), key=len, reverse=True):
        if scope.world.find(name) is not None:
            return LazyModule(name=name)
    return Attribute()


def _read_text(scope: Scope, node: ast.expr) -> str | None:
    """Return the text that an expression makes of literals, names assigned at the top, and sums."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return scope.module.texts.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _read_text(scope, node.left), _read_text(scope, node.right)
        return None if left is None or right is None else left + right
    return None


def _call_named_tuple(scope: Scope, node: ast.Call) -> Value | None:
    if len(node.args) < 2 or not isinstance(node.args[0], ast.Constant):
        return None
    names: list[str] = []
    source = node.args[1]
    if isinstance(source, ast.Constant) and isinstance(source.value, str):
        names = source.value.replace(",", " ").split()
    elif isinstance(source, (ast.List, ast.Tuple)):
        for element in source.elts:
            if isinstance(element, (ast.Tuple, ast.List)) and element.elts:
                element = element.elts[0]  # typing.NamedTuple("T", [("field", type)])
            if isinstance(element, ast.Constant) and isinstance(element.value, str):
                names.append(element.value)
    path = f"{scope.path}.{node.args[0].value!s}"
    parameters = tuple(Parameter(name=name, kind="positional-or-keyword") for name in names)
    cls = Class(path=path, constructor=parameters, bases=(ExternalName(path="builtins.tuple"),))
    cls.names.update({name: Attribute(path=f"{path}.{name}") for name in names})
    return cls


def _call_type(scope: Scope, node: ast.Call) -> Value | None:
    """``type("Name", (bases,), {...})``."""
    if len(node.args) != 3 or not isinstance(node.args[0], ast.Constant):
        return None
    bases = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else []
    values = [evaluate(scope, base) for base in bases]
    return Class(
        path=f"{scope.path}.{node.args[0].value!s}",
        bases=tuple(value or ExternalName(path="unknown") for value in values),
    )


def _call_partial(scope: Scope, node: ast.Call) -> Value | None:
    inner = evaluate(scope, node.args[0]) if node.args else None
    if not isinstance(inner, Function) or inner.parameters is None:
        return Attribute()
    given = {item.arg for item in node.keywords}
    left = inner.parameters[len(node.args) - 1 :]
    parameters = []
    for item in left:
        if item.name in given:
            item = replace(item, kind="keyword-only", default=item.default or "...")
        parameters.append(item)
    return Function(path="", parameters=tuple(parameters), is_async=inner.is_async)


def _call_getattr(scope: Scope, node: ast.Call) -> Value | None:
    if len(node.args) >= 2 and isinstance(node.args[1], ast.Constant):
        stand_in = ast.Attribute(value=node.args[0], attr=str(node.args[1].value), ctx=ast.Load())
        return evaluate_attribute(scope, stand_in)
    return None


def _call_binding(scope: Scope, node: ast.Call) -> Value | None:
    """``staticmethod(f)`` and ``classmethod(f)``."""
    inner = evaluate(scope, node.args[0]) if node.args else None
    if isinstance(inner, Function):
        binding: Any = "static" if name_called(node) == "staticmethod" else "class"
        return replace(inner, binding=binding)
    return inner


def _call_dir(scope: Scope, node: ast.Call) -> Value | None:
    if node.args:
        owner = scope.world.resolve(evaluate(scope, node.args[0]))
        return StringList(items=sorted(owner.names)) if isinstance(owner, Module) else None
    return StringList(items=sorted(scope.names))


def _call_copy(scope: Scope, node: ast.Call) -> Value | None:
    """``list(names)``, ``set(names)``, ``sorted(names)``."""
    inner = evaluate(scope, node.args[0]) if node.args else StringList(items=[])
    return StringList(items=list(inner.items)) if isinstance(inner, StringList) else None


CALLS.update(
    {
        "namedtuple": _call_named_tuple,
        "NamedTuple": _call_named_tuple,
        "type": _call_type,
        "partial": _call_partial,
        "getattr": _call_getattr,
        "staticmethod": _call_binding,
        "classmethod": _call_binding,
        "property": lambda _scope, _node: Attribute(),
        "dir": _call_dir,
        "list": _call_copy,
        "tuple": _call_copy,
        "set": _call_copy,
        "frozenset": _call_copy,
        "sorted": _call_copy,
    }
)
EVALUATORS[ast.Call] = evaluate_call
