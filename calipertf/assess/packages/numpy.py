"""NumPy's helpers that change a module's names as it is imported."""

from __future__ import annotations

import ast

from calipertf.assess.staticapi.evaluate import EFFECTS, evaluate
from calipertf.assess.staticapi.scope import Scope
from calipertf.assess.staticapi.values import Module, StringList


def extend_all(scope: Scope, node: ast.Call) -> None:
    """Add a module's ``__all__`` to the caller's own, as numpy.ma does."""
    if not node.args:
        return
    listed = scope.names.get("__all__")
    module = scope.world.resolve(evaluate(scope, node.args[0]))
    added = module.names.get("__all__") if isinstance(module, Module) else None
    if isinstance(listed, StringList) and isinstance(added, StringList):
        listed.items.extend(name for name in added.items if name not in listed.items)


EFFECTS["extend_all"] = extend_all
