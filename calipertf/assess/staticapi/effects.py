"""Expression statements whose calls change a namespace: list methods, setattr, known helpers."""

from __future__ import annotations

import ast

from calipertf.assess.staticapi.evaluate import EFFECTS, evaluate
from calipertf.assess.staticapi.scope import Scope, set_member
from calipertf.assess.staticapi.syntax import name_called
from calipertf.assess.staticapi.values import StringList


def run_call(scope: Scope, node: ast.Call) -> None:
    """Change a namespace as an expression statement's call does."""
    name = name_called(node)
    if name in EFFECTS:
        EFFECTS[name](scope, node)
    elif name == "setattr" and len(node.args) == 3 and isinstance(node.args[1], ast.Constant):
        owner = scope.world.resolve(evaluate(scope, node.args[0]))
        set_member(owner, str(node.args[1].value), evaluate(scope, node.args[2]))
    elif isinstance(node.func, ast.Attribute) and name in {"extend", "append", "remove", "update"}:
        _change_list(scope, node, name)


def _change_list(scope: Scope, node: ast.Call, change: str) -> None:
    assert isinstance(node.func, ast.Attribute)  # noqa: S101  the caller looked
    owner = evaluate(scope, node.func.value)
    if change == "update" and isinstance(node.func.value, ast.Name) and node.args:
        known = scope.module.literals.get(node.func.value.id)
        if known is not None:
            known.append(node.args[0])
    if not isinstance(owner, StringList) or not node.args:
        return
    argument = node.args[0]
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        if change == "append":
            owner.items.append(argument.value)
        elif change == "remove" and argument.value in owner.items:
            owner.items.remove(argument.value)
        return
    added = evaluate(scope, argument)
    if isinstance(added, StringList):
        owner.items.extend(added.items)
