"""Calls that stand alone and change names: lists of names, and helpers known by theirs."""

from __future__ import annotations

import ast

from calipertf.assess.staticapi.calls import list_documented
from calipertf.assess.staticapi.evaluate import evaluate
from calipertf.assess.staticapi.scope import Scope, set_member
from calipertf.assess.staticapi.syntax import name_called
from calipertf.assess.staticapi.values import Lazy, Module, Strings


def run_call(scope: Scope, node: ast.Call) -> None:
    """The effect on names of a call that stands alone."""
    name = name_called(node)
    if name == "remove_undocumented":
        _remove_undocumented(scope, node)
    elif name == "extend_all" and node.args:
        _extend_all(scope, node.args[0])
    elif name == "reexport_tf_summary":
        _overlay_summary(scope)
    elif name == "package_hook":
        _hook_package(scope, node)
    elif name == "setattr" and len(node.args) == 3 and isinstance(node.args[1], ast.Constant):
        owner = scope.world.resolve(evaluate(scope, node.args[0]))
        set_member(owner, str(node.args[1].value), evaluate(scope, node.args[2]))
    elif isinstance(node.func, ast.Attribute) and name in {"extend", "append", "remove", "update"}:
        _change_list(scope, node, name)


def _remove_undocumented(scope: Scope, node: ast.Call) -> None:
    """TensorFlow's helper of the 0.x and 1.x line: deletes what no docstring names."""
    keywords = {item.arg: item.value for item in node.keywords}
    arguments = dict(enumerate(node.args))
    allowed = arguments.get(1) or keywords.get("allowed_exception_list")
    modules = arguments.get(2) or keywords.get("doc_string_modules")
    kept = list_documented(scope, modules)
    listed = None if allowed is None else evaluate(scope, allowed)
    if isinstance(listed, Strings):
        kept.update(listed.items)
    names = scope.module.names
    for name in [name for name in names if not name.startswith("_") and name not in kept]:
        del names[name]
    scope.module.curated = True


def _extend_all(scope: Scope, argument: ast.expr) -> None:
    """NumPy's helper that adds a module's ``__all__`` to the caller's own."""
    listed = scope.names.get("__all__")
    module = scope.world.resolve(evaluate(scope, argument))
    added = module.names.get("__all__") if isinstance(module, Module) else None
    if isinstance(listed, Strings) and isinstance(added, Strings):
        listed.items.extend(name for name in added.items if name not in listed.items)


def _overlay_summary(scope: Scope) -> None:
    """TensorBoard's helper that fills its tf.summary with TensorFlow's own first."""
    for parent in ("_api.v2", "_api.v2.compat.v2", "_api.v1.compat.v2"):
        name = f"tensorflow.{parent}.summary"
        if name in scope.world.library:
            for inner, value in scope.world.load(name).names.items():
                if not inner.startswith("_"):
                    scope.bind(inner, value)
            return


def _hook_package(scope: Scope, node: ast.Call) -> None:
    """TensorFlow's helper that attaches a module of another wheel (tf.estimator in 1.13)."""
    values = [*node.args, *(item.value for item in node.keywords)]
    texts = [item.value for item in values if isinstance(item, ast.Constant)]
    for text in texts:
        if isinstance(text, str) and scope.world.find(text) is not None:
            scope.bind(text.rpartition(".")[2], Lazy(name=text))


def _change_list(scope: Scope, node: ast.Call, change: str) -> None:
    assert isinstance(node.func, ast.Attribute)  # noqa: S101  the caller looked
    owner = evaluate(scope, node.func.value)
    if change == "update" and isinstance(node.func.value, ast.Name) and node.args:
        known = scope.module.literals.get(node.func.value.id)
        if known is not None:
            known.append(node.args[0])
    if not isinstance(owner, Strings) or not node.args:
        return
    argument = node.args[0]
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        if change == "append":
            owner.items.append(argument.value)
        elif change == "remove" and argument.value in owner.items:
            owner.items.remove(argument.value)
        return
    added = evaluate(scope, argument)
    if isinstance(added, Strings):
        owner.items.extend(added.items)
