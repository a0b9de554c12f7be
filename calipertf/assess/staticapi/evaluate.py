"""The value of an expression at the top of a module or class, as far as names go.

What each kind of expression gives is added by the modules that know it: expressions and calls. What
helpers of one package do is added by the modules of calipertf/assess/packages.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from calipertf.assess.staticapi.scope import Scope
from calipertf.assess.staticapi.values import Value

#: Kind of expression -> what evaluates it.
EVALUATORS: dict[type[ast.expr], Callable[[Scope, Any], Value | None]] = {}
#: Name of a function that is called -> the value that such a call gives.
CALLS: dict[str, Callable[[Scope, ast.Call], Value | None]] = {}
#: Name of a function -> what a call of it that stands alone does to names.
EFFECTS: dict[str, Callable[[Scope, ast.Call], None]] = {}


def evaluate(scope: Scope, node: ast.expr) -> Value | None:
    """Return the value, or None where the source does not tell."""
    handler = EVALUATORS.get(type(node))
    return None if handler is None else handler(scope, node)
