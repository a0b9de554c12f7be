"""Whether conditions in the source hold, on Linux and the wheel's Python."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from calipertf.assess.staticapi.evaluate import evaluate
from calipertf.assess.staticapi.scope import Scope
from calipertf.assess.staticapi.syntax import is_namespace, name_called, show
from calipertf.assess.staticapi.values import Module, StringList


def judge(scope: Scope, node: ast.expr) -> bool | None:
    """Return whether a condition holds on Linux and the wheel's Python.

    None where it is not known.
    """
    text = show(node)
    known = _CONDITIONS.get(text.replace("_sys.", "sys.").replace("_six.", "six."))
    if known is not None:
        return known
    if "TYPE_CHECKING" in text:
        return "not " in text
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = judge(scope, node.operand)
        return None if inner is None else not inner
    if isinstance(node, ast.BoolOp):
        return _judge_several(scope, node)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _judge_comparison(scope, node)
    if isinstance(node, ast.Call):
        unset = _find_unset(node)
        return _judge_call(scope, node) if unset is None else bool(unset.value)
    if isinstance(node, ast.Constant):
        return bool(node.value)
    return None


_CONDITIONS = {
    "__name__ == '__main__'": False,
    "six.PY2": False,
    "six.PY3": True,
    "PY2": False,
    "PY3": True,
    "os.name != 'nt'": True,
    "os.name == 'nt'": False,
    "os.name == 'posix'": True,
    "sys.platform == 'win32'": False,
    "sys.platform != 'win32'": True,
    "sys.platform == 'darwin'": False,
}


def _judge_several(scope: Scope, node: ast.BoolOp) -> bool | None:
    truths = [judge(scope, item) for item in node.values]
    decisive = isinstance(node.op, ast.Or)
    if decisive in truths:
        return decisive
    return None if None in truths else not decisive


def _judge_comparison(scope: Scope, node: ast.Compare) -> bool | None:
    left, operator, right = node.left, node.ops[0], node.comparators[0]
    if isinstance(operator, (ast.In, ast.NotIn)):
        return _judge_membership(scope, left, right, isinstance(operator, ast.In))
    unset = _find_unset(left)
    if unset is not None and isinstance(right, ast.Constant):
        return _compare(operator, unset.value, right.value)
    text = show(left)
    if "sys.version_info" not in text and "_sys.version_info" not in text:
        return None
    try:
        wanted: Any = ast.literal_eval(right)
    except ValueError:
        return None
    have: Any = scope.world.python
    if text.endswith(("[0]", ".major")):
        have = scope.world.python[0]
    elif isinstance(wanted, tuple):
        have = (*scope.world.python, 0)[: max(len(wanted), 1)]
    return _compare(operator, have, wanted)


def _compare(operator: ast.cmpop, left: Any, right: Any) -> bool | None:
    compare = _COMPARISONS.get(type(operator))
    try:
        return None if compare is None else bool(compare(left, right))
    except TypeError:
        return None


def _find_unset(node: ast.expr) -> ast.Constant | None:
    """Return what a look-up of an environment variable gives where it is not set.

    None for others.
    """
    if not isinstance(node, ast.Call) or not show(node.func).endswith(("environ.get", "getenv")):
        return None
    default = node.args[1] if len(node.args) > 1 else ast.Constant(None)
    return default if isinstance(default, ast.Constant) else None


_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: lambda left, right: left < right,
    ast.LtE: lambda left, right: left <= right,
    ast.Gt: lambda left, right: left > right,
    ast.GtE: lambda left, right: left >= right,
    ast.Eq: lambda left, right: left == right,
    ast.NotEq: lambda left, right: left != right,
    ast.Is: lambda left, right: left is right,
    ast.IsNot: lambda left, right: left is not right,
}


def _judge_membership(scope: Scope, left: ast.expr, right: ast.expr, positive: bool) -> bool | None:
    if isinstance(left, ast.Constant):
        item = str(left.value)
        if is_namespace(right):
            return (item in scope.names) is positive
    else:
        value = evaluate(scope, left)
        if not isinstance(value, StringList) or value.path != "one":
            return None
        item = value.items[0]
    pool = evaluate(scope, right)
    return (item in pool.items) is positive if isinstance(pool, StringList) else None


def _judge_call(scope: Scope, node: ast.Call) -> bool | None:
    name = name_called(node)
    if name == "startswith" and isinstance(node.func, ast.Attribute):
        value = evaluate(scope, node.func.value)
        if (
            isinstance(value, StringList)
            and value.path == "one"
            and isinstance(node.args[0], ast.Constant)
        ):
            return value.items[0].startswith(str(node.args[0].value))
    if name == "hasattr" and len(node.args) == 2 and isinstance(node.args[1], ast.Constant):
        owner = scope.world.resolve(evaluate(scope, node.args[0]))
        if isinstance(owner, Module) and not owner.is_compiled:
            return node.args[1].value in owner.names or None
    return None
