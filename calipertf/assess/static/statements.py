"""A module's statements followed in order, as far as they bind names."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from calipertf.assess.model import Parameter
from calipertf.assess.static import expressions, protobuf
from calipertf.assess.static.syntax import read_parameters, show
from calipertf.assess.static.values import (
    Attribute,
    Class,
    Function,
    Lazy,
    Module,
    Outside,
    Strings,
    Value,
    list_ancestry,
)

if TYPE_CHECKING:
    from calipertf.assess.static.world import World


@dataclass(slots=True)
class Scope:
    """Where statements run: a module, or a class body in it."""

    world: World
    module: Module
    #: The names being filled: the module's or the class's.
    names: dict[str, Value]
    #: Dotted path of what is being filled.
    path: str
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


class _GuardedImportError(Exception):
    """An import inside ``try`` that finds no file."""


def run_module(world: World, module: Module, tree: ast.Module) -> None:
    """Fill the module's names from its statements."""
    module.docstring = ast.get_docstring(tree, clean=False) or ""
    scope = Scope(world=world, module=module, names=module.names, path=module.name)
    if protobuf.fill_module(module, tree):
        _run(scope, [node for node in tree.body if isinstance(node, ast.ImportFrom)])
        return
    _run(scope, tree.body)


def _run(scope: Scope, body: list[ast.stmt]) -> None:
    for node in body:
        handler = _HANDLERS.get(type(node))
        if handler is not None:
            handler(scope, node)


# Imports.


def _run_import(scope: Scope, node: ast.Import) -> None:
    for alias in node.names:
        root = alias.name.partition(".")[0]
        name = scope.world.library.unify(alias.name)
        if not scope.world.is_inside(name):
            scope.bind(alias.asname or root, Outside(path=name if alias.asname else root))
            continue
        module = _load(scope, name)
        if alias.asname:
            scope.bind(alias.asname, module or Attribute(path=name))
        elif module is not None:
            scope.bind(root, scope.world.load(name.partition(".")[0]))


def _load(scope: Scope, name: str) -> Module | None:
    from calipertf.assess.static.world import MissingModuleError

    try:
        return scope.world.load(name)
    except MissingModuleError as error:
        if scope.guarded:
            raise _GuardedImportError(name) from error
        scope.world.note(f"{scope.module.name} imports {name}, which no file answers")
        return None


def _run_import_from(scope: Scope, node: ast.ImportFrom) -> None:
    base = scope.world.library.unify(_absolute_name(scope.module, node))
    if not scope.world.is_inside(base):
        for alias in node.names:
            if alias.name != "*":
                scope.bind(alias.asname or alias.name, Outside(path=f"{base}.{alias.name}"))
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
                raise _GuardedImportError(f"{base}.{alias.name}")
            value = Attribute(path=f"{base}.{alias.name}")
        scope.bind(alias.asname or alias.name, value)


def _absolute_name(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    up = node.level - 1 if module.is_package else node.level
    parts = parts[: len(parts) - up]
    return ".".join([*parts, node.module] if node.module else parts)


def _bind_all(scope: Scope, module: Module) -> None:
    exported = module.names.get("__all__")
    if isinstance(exported, Strings):
        for name in exported.items:
            value = scope.world.get_member(module, name)
            if value is not None:
                scope.bind(name, value)
        return
    for name, value in list(module.names.items()):
        if not name.startswith("_"):
            scope.bind(name, value)


# Definitions.


def _run_function(scope: Scope, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    value: Value = _make_function(f"{scope.path}.{node.name}", node)
    for decorator in reversed(node.decorator_list):
        decorated = _decorate(scope, value, decorator, scope.names.get(node.name))
        if decorated is None:
            return
        value = decorated
    scope.bind(node.name, value)


def _make_function(path: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Function:
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
    """Modules that the body imports with ``importlib.import_module("name")``."""
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
    """The decorated value; None for overloads beside an implementation, which only types see.

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
        known = expressions.evaluate(scope, decorator)
        made = known.made if isinstance(known, Function) else None
        if made is not None and not made.is_catch_all():
            return replace(value, parameters=made.parameters, made=made.made)
    return value


def _path_of(value: Value) -> str:
    return value.path if isinstance(value, (Function, Class, Attribute)) else ""


def _run_class(scope: Scope, node: ast.ClassDef) -> None:
    cls = Class(path=f"{scope.path}.{node.name}")
    bases = []
    for base in node.bases:
        value = scope.world.resolve(expressions.evaluate(scope, base))
        bases.append(value if value is not None else Outside(path=show(base)))
    cls.bases = tuple(bases)
    inner = replace(scope, names=cls.names, path=cls.path, fields=[])
    _run(inner, node.body)
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


def _is_data_class(node: ast.ClassDef) -> bool:
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if name == "dataclass":
            return True
    return False


def _is_named_tuple(cls: Class) -> bool:
    return any(
        isinstance(base, Outside) and base.path in {"typing.NamedTuple", "NamedTuple"}
        for base in cls.bases
    )


# Assignments.


def _run_assign(scope: Scope, node: ast.Assign) -> None:
    value = expressions.evaluate(scope, node.value)
    for target in node.targets:
        _assign(scope, target, value, node.value)


def _assign(scope: Scope, target: ast.expr, value: Value | None, source: ast.expr) -> None:
    if isinstance(target, ast.Name):
        if isinstance(source, ast.Constant) and isinstance(source.value, str):
            scope.module.texts[target.id] = source.value
        scope.bind(target.id, value if value is not None else Attribute())
    elif isinstance(target, ast.Attribute):
        owner = scope.world.resolve(expressions.evaluate(scope, target.value))
        set_member(owner, target.attr, value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        matched = isinstance(source, (ast.Tuple, ast.List)) and len(source.elts) == len(target.elts)
        for index, item in enumerate(target.elts):
            part = source.elts[index] if matched else source  # type: ignore[attr-defined]
            inner = expressions.evaluate(scope, part) if matched else None
            _assign(scope, item, inner, part)
    elif isinstance(target, ast.Subscript):
        expressions.assign_item(scope, target, value)


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


def _run_annotated(scope: Scope, node: ast.AnnAssign) -> None:
    if not isinstance(node.target, ast.Name):
        return
    name = node.target.id
    if "ClassVar" not in show(node.annotation):
        default = None if node.value is None else show(node.value)
        scope.fields.append(Parameter(name=name, kind="positional-or-keyword", default=default))
    if node.value is not None:
        _assign(scope, node.target, expressions.evaluate(scope, node.value), node.value)


def _run_augmented(scope: Scope, node: ast.AugAssign) -> None:
    added = expressions.evaluate(scope, node.value)
    old = expressions.evaluate(scope, node.target)
    if isinstance(old, Strings) and isinstance(added, Strings):
        old.items.extend(added.items)


def _run_delete(scope: Scope, node: ast.Delete) -> None:
    for target in node.targets:
        if isinstance(target, ast.Name):
            scope.names.pop(target.id, None)
        elif isinstance(target, ast.Attribute):
            owner = expressions.evaluate(scope, target.value)
            if isinstance(owner, (Module, Class)):
                owner.names.pop(target.attr, None)


def _run_expression(scope: Scope, node: ast.Expr) -> None:
    if isinstance(node.value, ast.Call):
        expressions.run_call(scope, node.value)


# Branches.


def _run_if(scope: Scope, node: ast.If) -> None:
    truth = expressions.judge(scope, node.test)
    if truth is not True and node.orelse:
        _run(scope, node.orelse)
    if truth is not False:
        _run(scope, node.body)


def _run_try(scope: Scope, node: ast.Try) -> None:
    catches = any(_catches_imports(handler) for handler in node.handlers)
    try:
        _run(replace(scope, guarded=True) if catches else scope, node.body)
    except _GuardedImportError:
        if not catches:
            raise
        for handler in node.handlers:
            if _catches_imports(handler):
                _run(scope, handler.body)
                break
    else:
        _run(scope, node.orelse)
    finally:
        _run(scope, node.finalbody)


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    caught = "" if handler.type is None else show(handler.type)
    return not caught or any(
        name in caught for name in ("ImportError", "ModuleNotFoundError", "Exception", "OSError")
    )


def _run_block(scope: Scope, node: ast.With | ast.For | ast.While) -> None:
    _run(scope, node.body)


_HANDLERS: dict[type[ast.stmt], Callable[[Scope, Any], None]] = {
    ast.Import: _run_import,
    ast.ImportFrom: _run_import_from,
    ast.FunctionDef: _run_function,
    ast.AsyncFunctionDef: _run_function,
    ast.ClassDef: _run_class,
    ast.Assign: _run_assign,
    ast.AnnAssign: _run_annotated,
    ast.AugAssign: _run_augmented,
    ast.Delete: _run_delete,
    ast.Expr: _run_expression,
    ast.If: _run_if,
    ast.Try: _run_try,
    ast.With: _run_block,
    ast.For: _run_block,
}

__all__ = ["Lazy", "Scope", "run_module", "set_member"]
