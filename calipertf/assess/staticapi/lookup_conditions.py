"""Whether conditions hold in one call of a function that looks a name up."""

from __future__ import annotations

import ast

from calipertf.assess.staticapi.lookup import SOMETHING, Frame, Table, evaluate
from calipertf.assess.staticapi.syntax import is_namespace, show


def judge(frame: Frame, node: ast.expr) -> bool | None:
    """Return whether a condition holds; None where it is not known."""
    if isinstance(node, ast.BoolOp):
        truths = [judge(frame, item) for item in node.values]
        decisive = isinstance(node.op, ast.Or)
        if decisive in truths:
            return decisive
        return None if None in truths else not decisive
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        truth = judge(frame, node.operand)
        return None if truth is None else not truth
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _compare(frame, node)
    if "TYPE_CHECKING" in show(node):
        return False
    value = evaluate(frame, node)
    if isinstance(value, (bool, str, int, tuple)) or value is None:
        return bool(value)
    return None


def _compare(frame: Frame, node: ast.Compare) -> bool | None:
    left, right = (
        evaluate(frame, node.left),
        evaluate(frame, node.comparators[0]),
    )
    operator = node.ops[0]
    if isinstance(operator, (ast.In, ast.NotIn)):
        if isinstance(right, Table):
            right = tuple(right.items)
        if isinstance(left, str) and is_namespace(node.comparators[0]):
            right = tuple(frame.module.names)
        if not isinstance(left, str) or not isinstance(right, (tuple, str)):
            return None
        return (left in right) is isinstance(operator, ast.In)
    same = isinstance(operator, (ast.Eq, ast.Is))
    if not same and not isinstance(operator, (ast.NotEq, ast.IsNot)):
        return None
    if None in (left, right):
        # What is there is not None.
        return (left is right) is same
    if isinstance(left, str) and isinstance(right, str):
        return (left == right) is same
    if isinstance(operator, (ast.Is, ast.IsNot)) and SOMETHING in (left, right):
        # A default of its own that was not given: sentinel = object().
        return (left is right) is same
    return None
