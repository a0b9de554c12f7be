"""What an expression at the top of a module or class evaluates to, as far as names go."""

from __future__ import annotations

import ast
from dataclasses import replace

from calipertf.assess.staticapi import conditions
from calipertf.assess.staticapi.evaluate import EVALUATORS, evaluate
from calipertf.assess.staticapi.scope import Scope
from calipertf.assess.staticapi.syntax import is_namespace, read_parameters, show
from calipertf.assess.staticapi.values import (
    Attribute,
    Class,
    ExternalName,
    Function,
    Module,
    StringList,
    Value,
    find_member,
)


def _evaluate_name(scope: Scope, node: ast.Name) -> Value | None:
    value = scope.look_up(node.id)
    if value is not None:
        return value
    return ExternalName(path=f"builtins.{node.id}") if node.id in BUILTINS else None


def evaluate_attribute(scope: Scope, node: ast.Attribute) -> Value | None:
    """Return the member of a module or class, or the dotted name of what is outside the package."""
    owner = scope.world.resolve(evaluate(scope, node.value))
    if isinstance(owner, Module):
        if node.attr in owner.names:
            return owner.names[node.attr]
        return Attribute(path=f"{owner.name}.{node.attr}") if owner.is_compiled else None
    if isinstance(owner, ExternalName):
        return ExternalName(path=f"{owner.path}.{node.attr}")
    if isinstance(owner, Class):
        return find_member(owner, node.attr)
    return None


def _evaluate_sequence(scope: Scope, node: ast.List | ast.Tuple | ast.Set) -> Value | None:
    items: list[str] = []
    for element in node.elts:
        if isinstance(element, ast.Constant) and isinstance(element.value, str):
            items.append(element.value)
        elif isinstance(element, ast.Starred):
            inner = evaluate(scope, element.value)
            if not isinstance(inner, StringList):
                return Attribute()
            items.extend(inner.items)
        elif (
            isinstance(element, ast.Attribute)
            and element.attr == "__name__"
            and (named := evaluate(scope, element.value)) is not None
            and isinstance(named, (Function, Class))
        ):
            items.append(named.path.rpartition(".")[2])
        else:
            return Attribute()
    return StringList(items=items)


def _evaluate_sum(scope: Scope, node: ast.BinOp) -> Value | None:
    left, right = evaluate(scope, node.left), evaluate(scope, node.right)
    if isinstance(left, StringList) and isinstance(right, StringList):
        if isinstance(node.op, (ast.Add, ast.BitOr)):
            return StringList(items=[*left.items, *right.items])
        if isinstance(node.op, ast.Sub):
            return StringList(items=[item for item in left.items if item not in right.items])
    return Attribute()


def _evaluate_either(scope: Scope, node: ast.BoolOp) -> Value | None:
    return next((value for item in node.values if (value := evaluate(scope, item))), None)


def _evaluate_choice(scope: Scope, node: ast.IfExp) -> Value | None:
    truth = conditions.judge(scope, node.test)
    first, second = (node.orelse, node.body) if truth is False else (node.body, node.orelse)
    return evaluate(scope, first) or evaluate(scope, second)


def _evaluate_lambda(_scope: Scope, node: ast.Lambda) -> Value | None:
    return Function(path="", parameters=read_parameters(node.args))


def _evaluate_names_listed(
    scope: Scope, node: ast.ListComp | ast.SetComp | ast.GeneratorExp
) -> Value | None:
    """Return names picked from ``dir()`` or another list by what their text looks like."""
    if len(node.generators) != 1:
        return Attribute()
    loop = node.generators[0]
    source = evaluate(scope, loop.iter)
    if (
        not isinstance(source, StringList)
        or not isinstance(loop.target, ast.Name)
        or not isinstance(node.elt, ast.Name)
        or node.elt.id != loop.target.id
    ):
        return Attribute()
    picked = []
    for item in source.items:
        inner = replace(
            scope, names={**scope.names, loop.target.id: StringList([item], path="one")}
        )
        if all(conditions.judge(inner, test) is not False for test in loop.ifs):
            picked.append(item)
    return StringList(items=picked)


def _evaluate_subscript(scope: Scope, node: ast.Subscript) -> Value | None:
    owner = evaluate(scope, node.value)
    if isinstance(owner, ExternalName) and owner.path == "sys.modules":
        if show(node.slice) == "__name__":
            return scope.module
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return scope.world.loaded.get(node.slice.value)
    if isinstance(owner, (Class, ExternalName)):
        return owner  # Generic[T] and the like
    if is_namespace(node.value) and isinstance(node.slice, ast.Constant):
        return scope.look_up(str(node.slice.value))
    return None


def assign_item(scope: Scope, target: ast.Subscript, value: Value | None) -> None:
    """``globals()["name"] = value``."""
    if (
        is_namespace(target.value)
        and isinstance(target.slice, ast.Constant)
        and isinstance(target.slice.value, str)
    ):
        scope.bind(target.slice.value, value if value is not None else Attribute())


#: Names of Python's own.
BUILTINS = frozenset(dir(__import__("builtins")))

EVALUATORS.update(
    {
        ast.Name: _evaluate_name,
        ast.Attribute: evaluate_attribute,
        ast.List: _evaluate_sequence,
        ast.Tuple: _evaluate_sequence,
        ast.Set: _evaluate_sequence,
        ast.BinOp: _evaluate_sum,
        ast.BoolOp: _evaluate_either,
        ast.IfExp: _evaluate_choice,
        ast.Lambda: _evaluate_lambda,
        ast.ListComp: _evaluate_names_listed,
        ast.SetComp: _evaluate_names_listed,
        ast.GeneratorExp: _evaluate_names_listed,
        ast.Subscript: _evaluate_subscript,
    }
)
