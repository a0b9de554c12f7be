"""Functions and classes as their definitions and decorators present them."""

from __future__ import annotations

import ast
from dataclasses import replace

from calipertf.assess.staticapi.evaluate import evaluate
from calipertf.assess.staticapi.scope import Scope
from calipertf.assess.staticapi.syntax import AnyFunction, may_look_up, read_parameters, show
from calipertf.assess.staticapi.values import (
    Attribute,
    Class,
    ExternalName,
    Function,
    Value,
    list_ancestry,
)


def run_function(scope: Scope, node: AnyFunction) -> None:
    """Bind a function, as its decorators leave it."""
    value: Value = _make_function(f"{scope.path}.{node.name}", node)
    if may_look_up(node) and scope.names is scope.module.names:
        scope.module.bodies[node.name] = node
    for decorator in reversed(node.decorator_list):
        decorated = _decorate(scope, value, decorator, scope.names.get(node.name))
        if decorated is None:
            return
        value = decorated
    scope.bind(node.name, value)


def _make_function(path: str, node: AnyFunction) -> Function:
    made = node.body[0] if node.body else None
    is_factory = isinstance(made, (ast.FunctionDef, ast.AsyncFunctionDef))
    return Function(
        path=path,
        parameters=read_parameters(node.args),
        is_async=isinstance(node, ast.AsyncFunctionDef),
        made=_make_function("", made) if is_factory else None,  # type: ignore[arg-type]
        imports=_list_imports(node) if node.name == "__getattr__" else (),
    )


def _list_imports(node: ast.AST) -> tuple[str, ...]:
    """Return the modules that the body imports with ``importlib.import_module("name")``."""
    return tuple(
        str(call.args[0].value)
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and show(call.func).endswith("import_module")
        and call.args
        and isinstance(call.args[0], ast.Constant)
    )


def _decorate(
    scope: Scope, value: Value, decorator: ast.expr, earlier: Value | None
) -> Value | None:
    """Return the decorated value.

    None for overloads beside an implementation, which only types see.

    A decorator of the tree that returns a function with parameters of its own gives those; any
    other keeps the signature: that is how TensorFlow's decorators (tf_export, deprecation,
    dispatch), functools and wrapt present themselves to inspect.
    """
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    if name == "staticmethod" and isinstance(value, Function):
        value.binding = "static"
    elif name == "classmethod" and isinstance(value, Function):
        value.binding = "class"
    elif name == "overload":
        return None if earlier is not None else value
    elif name in {"setter", "getter", "deleter"} or name.lower().endswith("property"):
        return earlier if isinstance(earlier, Attribute) else Attribute(_path_of(value))
    elif isinstance(value, Function):
        known = evaluate(scope, decorator)
        made = known.made if isinstance(known, Function) else None
        if made is not None and not made.is_catch_all():
            return replace(value, parameters=made.parameters, made=made.made)
    return value


def _path_of(value: Value) -> str:
    return value.path if isinstance(value, (Function, Class, Attribute)) else ""


def run_class(scope: Scope, node: ast.ClassDef) -> None:
    """Bind a class, its body followed."""
    cls = Class(path=f"{scope.path}.{node.name}")
    bases = []
    for base in _list_bases(node):
        value = scope.world.resolve(evaluate(scope, base))
        bases.append(value if value is not None else ExternalName(path=show(base)))
    cls.bases = tuple(bases)
    inner = replace(scope, names=cls.names, path=cls.path, fields=[])
    inner.run(inner, node.body)
    if _is_data_class(node) or _is_named_tuple(cls):
        inherited = [
            item
            for base in reversed(list_ancestry(cls)[1:])
            if isinstance(base, Class)
            for item in base.fields
        ]
        by_name = {item.name: item for item in [*inherited, *inner.fields]}
        cls.fields = tuple(by_name.values())
        cls.constructor = cls.fields
    scope.bind(node.name, cls)


def _list_bases(node: ast.ClassDef) -> list[ast.expr]:
    """Return the bases; those inside six.with_metaclass(Meta, *bases) as if they stood alone."""
    bases: list[ast.expr] = []
    for base in node.bases:
        is_wrapped = isinstance(base, ast.Call) and show(base.func).endswith("with_metaclass")
        bases += base.args[1:] if is_wrapped else [base]  # type: ignore[attr-defined]
    return bases


def _is_data_class(node: ast.ClassDef) -> bool:
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if name == "dataclass":
            return True
    return False


def _is_named_tuple(cls: Class) -> bool:
    return any(
        isinstance(base, ExternalName) and base.path in {"typing.NamedTuple", "NamedTuple"}
        for base in cls.bases
    )
