"""The statements of one call of a function that looks a name up."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from calipertf.assess.staticapi import imports, lookup_conditions
from calipertf.assess.staticapi.lookup import (
    SOMETHING,
    Closure,
    Frame,
    Missing,
    Raised,
    Returned,
    Table,
    Unclear,
    evaluate,
    settle,
)
from calipertf.assess.staticapi.scope import GuardedImportError, MissingModuleError, Scope
from calipertf.assess.staticapi.syntax import AnyFunction, show

#: Functions that call one another are followed this far.
_DEPTH = 6
#: Turns of a loop.
_TURNS = 500


def run_function(frame: Frame, closure: Closure, given: list[object], depth: int) -> object:
    """Return what the function returns for those arguments."""
    if depth > _DEPTH:
        raise Unclear
    arguments = closure.node.args
    parameters = [*arguments.posonlyargs, *arguments.args]
    if len(given) > len(parameters):
        raise Unclear
    names = dict(closure.names)
    names |= {item.arg: SOMETHING for item in (*parameters, *arguments.kwonlyargs)}
    names |= {item.arg: value for item, value in zip(parameters, given, strict=False)}
    inner = frame.enter(closure.module, names)
    inner.depth = depth
    try:
        run(inner, closure.node.body)
    except Returned as returned:
        return returned.args[0]
    return None


def run(frame: Frame, body: list[ast.stmt]) -> None:
    """Follow statements until one returns or raises."""
    for node in body:
        handler = _STATEMENTS.get(type(node))
        if handler is not None:
            handler(frame, node)


def _run_expression(frame: Frame, node: ast.Expr) -> None:
    if isinstance(node.value, ast.Call):
        name = show(node.value.func).lower()
        frame.trace.warned |= "warn" in name or "deprec" in name


def _run_assign(frame: Frame, node: ast.Assign) -> None:
    value = evaluate(frame, node.value)
    for target in node.targets:
        bind(frame, target, value)


def _run_annotated(frame: Frame, node: ast.AnnAssign) -> None:
    if node.value is not None:
        bind(frame, node.target, evaluate(frame, node.value))


def bind(frame: Frame, target: ast.expr, value: object) -> None:
    """Bind a name, or the names of a tuple to its parts."""
    if isinstance(target, ast.Name):
        frame.names[target.id] = value
    elif isinstance(target, (ast.Tuple, ast.List)):
        parts = value if isinstance(value, tuple) else ()
        matched = len(parts) == len(target.elts)
        for place, item in enumerate(target.elts):
            bind(frame, item, parts[place] if matched else SOMETHING)


def run_import(frame: Frame, node: ast.Import | ast.ImportFrom) -> None:
    """Bind what an import of the function's body binds."""
    scope = _make_scope(frame, {})
    try:
        if isinstance(node, ast.Import):
            imports.run_import(scope, node)
        else:
            imports.run_import_from(scope, node)
    except (GuardedImportError, MissingModuleError):
        return
    frame.names.update(scope.names)


def _make_scope(frame: Frame, names: dict[str, Any]) -> Scope:
    return replace(frame.scope, module=frame.module, names=names, guarded=True)


def _run_if(frame: Frame, node: ast.If) -> None:
    truth = lookup_conditions.judge(frame, node.test)
    if truth is None:
        if _decides(node.body) or _decides(node.orelse):
            raise Unclear
        return
    run(frame, node.body if truth else node.orelse)


def _run_try(frame: Frame, node: ast.Try) -> None:
    try:
        run(frame, node.body)
    except Missing:
        handler = next((item for item in node.handlers if _catches(item)), None)
        if handler is None:
            raise
        run(frame, handler.body)
    else:
        run(frame, node.orelse)
    run(frame, node.finalbody)


def _run_raise(_frame: Frame, _node: ast.Raise) -> None:
    raise Raised


def _run_return(frame: Frame, node: ast.Return) -> None:
    raise Returned(None if node.value is None else evaluate(frame, node.value))


def _run_with(frame: Frame, node: ast.With) -> None:
    run(frame, node.body)


def _run_for(frame: Frame, node: ast.For) -> None:
    value = evaluate(frame, node.iter)
    turns = tuple(value.items) if isinstance(value, Table) else value
    if not isinstance(turns, tuple) or len(turns) > _TURNS:
        if _decides(node.body):
            raise Unclear
        return
    for item in turns:
        bind(frame, node.target, settle(frame, item))
        run(frame, node.body)
    run(frame, node.orelse)


def _run_while(_frame: Frame, node: ast.While) -> None:
    if _decides(node.body):
        raise Unclear


def _run_definition(frame: Frame, node: AnyFunction) -> None:
    frame.names[node.name] = Closure(node, frame.names, frame.module)


def _run_class(frame: Frame, node: ast.ClassDef) -> None:
    frame.names[node.name] = SOMETHING


def _run_match(frame: Frame, node: ast.Match) -> None:
    subject = evaluate(frame, node.subject)
    if not isinstance(subject, str):
        raise Unclear
    for case in node.cases:
        if case.guard is None and _fits(frame, case.pattern, subject):
            run(frame, case.body)
            return


def _fits(frame: Frame, pattern: ast.pattern, subject: str) -> bool:
    if isinstance(pattern, ast.MatchValue):
        return evaluate(frame, pattern.value) == subject
    if isinstance(pattern, ast.MatchOr):
        return any(_fits(frame, item, subject) for item in pattern.patterns)
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
        if pattern.name:
            frame.names[pattern.name] = subject
        return True
    raise Unclear


def _decides(body: list[ast.stmt]) -> bool:
    """Return whether statements may return or raise."""
    return any(
        isinstance(item, (ast.Return, ast.Raise)) for part in body for item in ast.walk(part)
    )


def _catches(handler: ast.ExceptHandler) -> bool:
    caught = "" if handler.type is None else show(handler.type)
    names = ("KeyError", "AttributeError", "LookupError", "ImportError", "Exception")
    return not caught or any(name in caught for name in names)


_STATEMENTS: dict[type[ast.stmt], Callable[[Frame, Any], None]] = {
    ast.Expr: _run_expression,
    ast.Assign: _run_assign,
    ast.AnnAssign: _run_annotated,
    ast.Import: run_import,
    ast.ImportFrom: run_import,
    ast.If: _run_if,
    ast.Try: _run_try,
    ast.Raise: _run_raise,
    ast.Return: _run_return,
    ast.With: _run_with,
    ast.For: _run_for,
    ast.While: _run_while,
    ast.FunctionDef: _run_definition,
    ast.ClassDef: _run_class,
    ast.Match: _run_match,
}
