"""A module's statements followed in order, as far as they bind names."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from calipertf.assess.api.model import Parameter
from calipertf.assess.staticapi import (
    calls,  # noqa: F401 -- adds what calls give
    definitions,
    effects,
    imports,
    protobuf,
)
from calipertf.assess.staticapi.conditions import judge
from calipertf.assess.staticapi.evaluate import evaluate
from calipertf.assess.staticapi.expressions import assign_item
from calipertf.assess.staticapi.scope import GuardedImportError, ImportGraph, Scope, set_member
from calipertf.assess.staticapi.syntax import show
from calipertf.assess.staticapi.values import (
    Attribute,
    Class,
    ExternalName,
    Module,
    StringList,
    Value,
)


def run_module(world: ImportGraph, module: Module, tree: ast.Module) -> None:
    """Fill the module's names from its statements."""
    module.docstring = ast.get_docstring(tree, clean=False) or ""
    scope = Scope(world=world, module=module, names=module.names, path=module.name, run=run_body)
    if protobuf.fill_module(module, tree):
        run_body(scope, [node for node in tree.body if isinstance(node, ast.ImportFrom)])
        return
    run_body(scope, tree.body)


def run_body(scope: Scope, body: list[ast.stmt]) -> None:
    """Follow statements in order; those that bind no names are passed over."""
    for node in body:
        handler = _HANDLERS.get(type(node))
        if handler is not None:
            handler(scope, node)


def _run_assign(scope: Scope, node: ast.Assign) -> None:
    value = evaluate(scope, node.value)
    for target in node.targets:
        _assign(scope, target, value, node.value)


def _assign(scope: Scope, target: ast.expr, value: Value | None, source: ast.expr) -> None:
    if isinstance(target, ast.Name):
        if isinstance(value, ExternalName):
            value = ExternalName(path=value.path, alias=f"{scope.path}.{target.id}")
        if isinstance(source, ast.Constant) and isinstance(source.value, str):
            scope.module.texts[target.id] = source.value
        if _is_table(target.id, source) and scope.names is scope.module.names:
            scope.module.literals[target.id] = [source]
        scope.bind(target.id, value if value is not None else Attribute())
    elif isinstance(target, ast.Attribute):
        owner = scope.world.resolve(evaluate(scope, target.value))
        set_member(owner, target.attr, value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        matched = isinstance(source, (ast.Tuple, ast.List)) and len(source.elts) == len(target.elts)
        for index, item in enumerate(target.elts):
            part = source.elts[index] if matched else source  # type: ignore[attr-defined]
            inner = evaluate(scope, part) if matched else None
            _assign(scope, item, inner, part)
    elif isinstance(target, ast.Subscript):
        assign_item(scope, target, value)
        if isinstance(target.value, ast.Name) and target.value.id in scope.module.literals:
            added = ast.Dict(keys=[target.slice], values=[source])
            scope.module.literals[target.value.id].append(added)


def _is_table(name: str, source: ast.expr) -> bool:
    """Return whether a module's ``__getattr__`` may look into what is assigned."""
    if isinstance(source, (ast.Dict, ast.DictComp)) or name == "__getattr__":
        return True
    # Lists of texts are kept as such.
    return isinstance(source, (ast.List, ast.Tuple)) and any(
        isinstance(item, ast.Tuple) for item in source.elts
    )


def _run_annotated(scope: Scope, node: ast.AnnAssign) -> None:
    if not isinstance(node.target, ast.Name):
        return
    name = node.target.id
    if "ClassVar" not in show(node.annotation):
        default = None if node.value is None else show(node.value)
        scope.fields.append(Parameter(name=name, kind="positional-or-keyword", default=default))
    if node.value is not None:
        _assign(scope, node.target, evaluate(scope, node.value), node.value)


def _run_augmented(scope: Scope, node: ast.AugAssign) -> None:
    added = evaluate(scope, node.value)
    old = evaluate(scope, node.target)
    if isinstance(old, StringList) and isinstance(added, StringList):
        old.items.extend(added.items)
    if isinstance(node.target, ast.Name) and node.target.id in scope.module.literals:
        scope.module.literals[node.target.id].append(node.value)


def _run_delete(scope: Scope, node: ast.Delete) -> None:
    for target in node.targets:
        if isinstance(target, ast.Name):
            scope.names.pop(target.id, None)
        elif isinstance(target, ast.Attribute):
            owner = evaluate(scope, target.value)
            if isinstance(owner, (Module, Class)):
                owner.names.pop(target.attr, None)


def _run_expression(scope: Scope, node: ast.Expr) -> None:
    if isinstance(node.value, ast.Call):
        effects.run_call(scope, node.value)


# Branches.


def _run_if(scope: Scope, node: ast.If) -> None:
    truth = judge(scope, node.test)
    if truth is False and "TYPE_CHECKING" in show(node.test) and scope.names is scope.module.names:
        scope.module.typed += [item for item in node.body if isinstance(item, ast.ImportFrom)]
    if truth is not True and node.orelse:
        run_body(scope, node.orelse)
    if truth is not False:
        run_body(scope, node.body)


def _run_try(scope: Scope, node: ast.Try) -> None:
    catches = any(_catches_imports(handler) for handler in node.handlers)
    try:
        run_body(replace(scope, guarded=True) if catches else scope, node.body)
    except GuardedImportError:
        if not catches:
            raise
        for handler in node.handlers:
            if _catches_imports(handler):
                run_body(scope, handler.body)
                break
    else:
        run_body(scope, node.orelse)
    finally:
        run_body(scope, node.finalbody)


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    caught = "" if handler.type is None else show(handler.type)
    return not caught or any(
        name in caught for name in ("ImportError", "ModuleNotFoundError", "Exception", "OSError")
    )


def _run_block(scope: Scope, node: ast.With | ast.For | ast.While) -> None:
    run_body(scope, node.body)


_HANDLERS: dict[type[ast.stmt], Callable[[Scope, Any], None]] = {
    ast.Import: imports.run_import,
    ast.ImportFrom: imports.run_import_from,
    ast.FunctionDef: definitions.run_function,
    ast.AsyncFunctionDef: definitions.run_function,
    ast.ClassDef: definitions.run_class,
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
