"""What an expression at the top of a module or class evaluates to, as far as names go."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from calipertf.assess.model import Parameter
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
    find_member,
)

if TYPE_CHECKING:
    from calipertf.assess.static.statements import Scope

#: Names in a module's docstring that TensorFlow's old helper keeps (``@@name``).
_DOCUMENTED = re.compile(r"^@@(\w+)\s*$", re.MULTILINE)


def evaluate(scope: Scope, node: ast.expr) -> Value | None:
    """The value, or None where the source does not tell."""
    handler = _EVALUATORS.get(type(node))
    return None if handler is None else handler(scope, node)


def _evaluate_name(scope: Scope, node: ast.Name) -> Value | None:
    value = scope.look_up(node.id)
    if value is not None:
        return value
    return Outside(path=f"builtins.{node.id}") if node.id in _BUILTINS else None


def _evaluate_attribute(scope: Scope, node: ast.Attribute) -> Value | None:
    owner = scope.world.resolve(evaluate(scope, node.value))
    if isinstance(owner, Module):
        if node.attr in owner.names:
            return owner.names[node.attr]
        return Attribute(path=f"{owner.name}.{node.attr}") if owner.is_compiled else None
    if isinstance(owner, Outside):
        return Outside(path=f"{owner.path}.{node.attr}")
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
            if not isinstance(inner, Strings):
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
    return Strings(items=items)


def _evaluate_sum(scope: Scope, node: ast.BinOp) -> Value | None:
    left, right = evaluate(scope, node.left), evaluate(scope, node.right)
    if isinstance(left, Strings) and isinstance(right, Strings):
        if isinstance(node.op, (ast.Add, ast.BitOr)):
            return Strings(items=[*left.items, *right.items])
        if isinstance(node.op, ast.Sub):
            return Strings(items=[item for item in left.items if item not in right.items])
    return Attribute()


def _evaluate_either(scope: Scope, node: ast.BoolOp) -> Value | None:
    return next((value for item in node.values if (value := evaluate(scope, item))), None)


def _evaluate_choice(scope: Scope, node: ast.IfExp) -> Value | None:
    truth = judge(scope, node.test)
    first, second = (node.orelse, node.body) if truth is False else (node.body, node.orelse)
    return evaluate(scope, first) or evaluate(scope, second)


def _evaluate_lambda(_scope: Scope, node: ast.Lambda) -> Value | None:
    return Function(path="", parameters=read_parameters(node.args))


def _evaluate_names_listed(
    scope: Scope, node: ast.ListComp | ast.SetComp | ast.GeneratorExp
) -> Value | None:
    """Names picked from ``dir()`` or another list by what their text looks like."""
    if len(node.generators) != 1:
        return Attribute()
    loop = node.generators[0]
    source = evaluate(scope, loop.iter)
    if (
        not isinstance(source, Strings)
        or not isinstance(loop.target, ast.Name)
        or not isinstance(node.elt, ast.Name)
        or node.elt.id != loop.target.id
    ):
        return Attribute()
    picked = []
    for item in source.items:
        inner = replace(scope, names={**scope.names, loop.target.id: Strings([item], path="one")})
        if all(judge(inner, test) is not False for test in loop.ifs):
            picked.append(item)
    return Strings(items=picked)


def _evaluate_subscript(scope: Scope, node: ast.Subscript) -> Value | None:
    owner = evaluate(scope, node.value)
    if isinstance(owner, Outside) and owner.path == "sys.modules":
        if show(node.slice) == "__name__":
            return scope.module
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            return scope.world.loaded.get(node.slice.value)
    if isinstance(owner, (Class, Outside)):
        return owner  # Generic[T] and the like
    if _is_namespace(node.value) and isinstance(node.slice, ast.Constant):
        return scope.look_up(str(node.slice.value))
    return None


def _is_namespace(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"globals", "vars", "locals"}
        and not node.args
    )


def assign_item(scope: Scope, target: ast.Subscript, value: Value | None) -> None:
    """``globals()["name"] = value``."""
    if (
        _is_namespace(target.value)
        and isinstance(target.slice, ast.Constant)
        and isinstance(target.slice.value, str)
    ):
        scope.bind(target.slice.value, value if value is not None else Attribute())


# Calls.


def _evaluate_call(scope: Scope, node: ast.Call) -> Value | None:
    name = _called_name(node)
    special = _CALLS.get(name)
    if special is not None:
        value = special(scope, node)
        if value is not None:
            return value
    if name.endswith(("LazyLoader", "lazy_import", "LazyModule", "import_module")):
        return _find_lazy_module(scope, node)
    called = scope.world.resolve(evaluate(scope, node.func))
    if isinstance(called, Class):
        return _instantiate(scope, called)
    return _apply(scope, node, called)


def _instantiate(scope: Scope, cls: Class) -> Value:
    """An instance is an attribute, but for stand-ins of modules that import them on first use."""
    access = find_member(cls, "__getattr__")
    if isinstance(access, Function):
        for name in access.imports:
            if scope.world.find(scope.world.library.unify(name)) is not None:
                return Lazy(name=scope.world.library.unify(name))
    return Attribute()


def _called_name(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _apply(scope: Scope, node: ast.Call, called: Value | None) -> Value | None:
    """What a call of a function gives, where that is a function.

    Either the one that a factory defines and returns, or the definition that a wrapper is applied
    to, as in ``tf_export("nn.relu")(relu)``: a wrapper returns ``*args, **kwargs``, is itself the
    result of a call, or is named like a decorator. It is taken to keep the signature.
    """
    made = called.made if isinstance(called, Function) else None
    if made is not None and not made.is_catch_all():
        return replace(made)
    is_wrapper = made is not None or isinstance(node.func, ast.Call)
    if is_wrapper or _WRAPPERS.search(_called_name(node)):
        for argument in node.args:
            value = evaluate(scope, argument)
            if isinstance(value, Class):
                return value
            if isinstance(value, Function):
                # Deprecated aliases are definitions of their own; other wrappers only export.
                return replace(value, path="") if "deprecat" in show(node.func) else value
    return Attribute()


_WRAPPERS = re.compile(r"dispatch|deprecat|export|wrap|decorat|to_raw_op|contextmanager|_cache$")


def _find_lazy_module(scope: Scope, node: ast.Call) -> Value | None:
    texts = [item.value for item in node.args if isinstance(item, ast.Constant)]
    keywords = {
        item.arg: item.value.value for item in node.keywords if isinstance(item.value, ast.Constant)
    }
    if _called_name(node).endswith("KerasLazyLoader"):
        return _find_lazy_keras(scope, keywords)
    names = [text for text in [*texts, *keywords.values()] if isinstance(text, str)]
    names.extend(
        scope.module.texts[item.id]
        for item in node.args
        if isinstance(item, ast.Name) and item.id in scope.module.texts
    )
    for name in sorted(map(scope.world.library.unify, names), key=len, reverse=True):
        if scope.world.find(name) is not None:
            return Lazy(name=name)
    return Attribute()


def _find_lazy_keras(scope: Scope, keywords: dict[str | None, Any]) -> Value | None:
    """Where TensorFlow's own loader finds Keras, in its order: Keras 3, then Keras 2."""
    submodule = keywords.get("submodule")
    version = "_v1" if keywords.get("mode") == "v1" else "_v2"
    for root in ("keras._tf_keras.keras", f"keras.api.{version}.keras"):
        name = f"{root}.{submodule}" if submodule else root
        if scope.world.find(name) is not None:
            return Lazy(name=name)
    return Attribute()


def _call_named_tuple(scope: Scope, node: ast.Call) -> Value | None:
    if len(node.args) < 2 or not isinstance(node.args[0], ast.Constant):
        return None
    names: list[str] = []
    source = node.args[1]
    if isinstance(source, ast.Constant) and isinstance(source.value, str):
        names = source.value.replace(",", " ").split()
    elif isinstance(source, (ast.List, ast.Tuple)):
        for element in source.elts:
            if isinstance(element, (ast.Tuple, ast.List)) and element.elts:
                element = element.elts[0]  # typing.NamedTuple("T", [("field", type)])
            if isinstance(element, ast.Constant) and isinstance(element.value, str):
                names.append(element.value)
    path = f"{scope.path}.{node.args[0].value!s}"
    parameters = tuple(Parameter(name=name, kind="positional-or-keyword") for name in names)
    cls = Class(path=path, constructor=parameters, bases=(Outside(path="builtins.tuple"),))
    cls.names.update({name: Attribute(path=f"{path}.{name}") for name in names})
    return cls


def _call_type(scope: Scope, node: ast.Call) -> Value | None:
    """``type("Name", (bases,), {...})``."""
    if len(node.args) != 3 or not isinstance(node.args[0], ast.Constant):
        return None
    bases = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else []
    values = [evaluate(scope, base) for base in bases]
    return Class(
        path=f"{scope.path}.{node.args[0].value!s}",
        bases=tuple(value or Outside(path="unknown") for value in values),
    )


def _call_partial(scope: Scope, node: ast.Call) -> Value | None:
    inner = evaluate(scope, node.args[0]) if node.args else None
    if not isinstance(inner, Function) or inner.parameters is None:
        return Attribute()
    given = {item.arg for item in node.keywords}
    left = inner.parameters[len(node.args) - 1 :]
    parameters = []
    for item in left:
        if item.name in given:
            item = replace(item, kind="keyword-only", default=item.default or "...")
        parameters.append(item)
    return Function(path="", parameters=tuple(parameters), is_async=inner.is_async)


def _call_getattr(scope: Scope, node: ast.Call) -> Value | None:
    if len(node.args) >= 2 and isinstance(node.args[1], ast.Constant):
        stand_in = ast.Attribute(value=node.args[0], attr=str(node.args[1].value), ctx=ast.Load())
        return _evaluate_attribute(scope, stand_in)
    return None


def _call_binding(scope: Scope, node: ast.Call) -> Value | None:
    """``staticmethod(f)`` and ``classmethod(f)``."""
    inner = evaluate(scope, node.args[0]) if node.args else None
    if isinstance(inner, Function):
        binding: Any = "static" if _called_name(node) == "staticmethod" else "class"
        return replace(inner, binding=binding)
    return inner


def _call_dir(scope: Scope, node: ast.Call) -> Value | None:
    if node.args:
        owner = scope.world.resolve(evaluate(scope, node.args[0]))
        return Strings(items=sorted(owner.names)) if isinstance(owner, Module) else None
    return Strings(items=sorted(scope.names))


def _call_copy(scope: Scope, node: ast.Call) -> Value | None:
    """``list(names)``, ``set(names)``, ``sorted(names)``."""
    inner = evaluate(scope, node.args[0]) if node.args else Strings(items=[])
    return Strings(items=list(inner.items)) if isinstance(inner, Strings) else None


def _call_make_all(scope: Scope, node: ast.Call) -> Value | None:
    documented = _list_documented(scope, node.args[1] if len(node.args) > 1 else None)
    return Strings(items=sorted(documented & set(scope.module.names)))


def _list_documented(scope: Scope, modules: ast.expr | None) -> set[str]:
    """Names with ``@@`` in the docstrings of the modules given, or of the scope's own."""
    read: list[Module] = []
    if isinstance(modules, (ast.List, ast.Tuple)):
        for item in modules.elts:
            value = scope.world.resolve(evaluate(scope, item))
            if isinstance(value, Module):
                read.append(value)
    else:
        read.append(scope.module)
    return {name for module in read for name in _DOCUMENTED.findall(module.docstring)}


_CALLS: dict[str, Callable[[Scope, ast.Call], Value | None]] = {
    "namedtuple": _call_named_tuple,
    "NamedTuple": _call_named_tuple,
    "type": _call_type,
    "partial": _call_partial,
    "getattr": _call_getattr,
    "staticmethod": _call_binding,
    "classmethod": _call_binding,
    "property": lambda _scope, _node: Attribute(),
    "dir": _call_dir,
    "list": _call_copy,
    "tuple": _call_copy,
    "set": _call_copy,
    "frozenset": _call_copy,
    "sorted": _call_copy,
    "make_all": _call_make_all,
}


def run_call(scope: Scope, node: ast.Call) -> None:
    """The effect on names of a call that stands alone."""
    name = _called_name(node)
    if name == "remove_undocumented":
        _remove_undocumented(scope, node)
    elif name == "extend_all" and node.args:
        _extend_all(scope, node.args[0])
    elif name == "reexport_tf_summary":
        _overlay_summary(scope)
    elif name == "package_hook":
        _hook_package(scope, node)
    elif name == "setattr" and len(node.args) == 3 and isinstance(node.args[1], ast.Constant):
        from calipertf.assess.static.statements import set_member

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
    kept = _list_documented(scope, modules)
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


# Conditions.


def judge(scope: Scope, node: ast.expr) -> bool | None:
    """Whether a condition holds on Linux and the wheel's Python; None where it is not known."""
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
        return _judge_call(scope, node)
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
    compare = _COMPARISONS.get(type(operator))
    try:
        return None if compare is None else bool(compare(have, wanted))
    except TypeError:
        return None


_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: lambda left, right: left < right,
    ast.LtE: lambda left, right: left <= right,
    ast.Gt: lambda left, right: left > right,
    ast.GtE: lambda left, right: left >= right,
    ast.Eq: lambda left, right: left == right,
    ast.NotEq: lambda left, right: left != right,
}


def _judge_membership(scope: Scope, left: ast.expr, right: ast.expr, positive: bool) -> bool | None:
    if isinstance(left, ast.Constant):
        item = str(left.value)
        if _is_namespace(right):
            return (item in scope.names) is positive
    else:
        value = evaluate(scope, left)
        if not isinstance(value, Strings) or value.path != "one":
            return None
        item = value.items[0]
    pool = evaluate(scope, right)
    return (item in pool.items) is positive if isinstance(pool, Strings) else None


def _judge_call(scope: Scope, node: ast.Call) -> bool | None:
    name = _called_name(node)
    if name == "startswith" and isinstance(node.func, ast.Attribute):
        value = evaluate(scope, node.func.value)
        if (
            isinstance(value, Strings)
            and value.path == "one"
            and isinstance(node.args[0], ast.Constant)
        ):
            return value.items[0].startswith(str(node.args[0].value))
    if name == "hasattr" and len(node.args) == 2 and isinstance(node.args[1], ast.Constant):
        owner = scope.world.resolve(evaluate(scope, node.args[0]))
        if isinstance(owner, Module) and not owner.is_compiled:
            return node.args[1].value in owner.names or None
    return None


_BUILTINS = frozenset(dir(__import__("builtins")))

_EVALUATORS: dict[type[ast.expr], Callable[[Scope, Any], Value | None]] = {
    ast.Name: _evaluate_name,
    ast.Attribute: _evaluate_attribute,
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
    ast.Call: _evaluate_call,
}
