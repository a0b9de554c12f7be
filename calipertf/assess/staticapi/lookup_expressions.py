"""The expressions of one call of a function that looks a name up, and whether conditions hold."""

from __future__ import annotations

import ast
from collections.abc import Callable

from calipertf.assess.staticapi import lookup_conditions, lookup_statements
from calipertf.assess.staticapi.lookup import (
    EXPRESSIONS,
    SOMETHING,
    Closure,
    Frame,
    Late,
    Missing,
    Table,
    evaluate,
    settle,
)
from calipertf.assess.staticapi.scope import MissingModuleError
from calipertf.assess.staticapi.syntax import is_namespace, name_called
from calipertf.assess.staticapi.values import (
    Attribute,
    ExternalName,
    Function,
    LazyModule,
    Module,
    StringList,
)


def _evaluate_constant(_frame: Frame, node: ast.Constant) -> object:
    return node.value


def _evaluate_name(frame: Frame, node: ast.Name) -> object:
    if node.id in frame.names:
        return settle(frame, frame.names[node.id])
    return _look_up(frame, frame.module, node.id)


def _look_up(frame: Frame, module: Module, name: str) -> object:
    """Return what a name means at the top of a module."""
    if name == "__name__":
        return module.name
    if name == "__package__":
        return module.name if module.is_package else module.name.rpartition(".")[0]
    if name in module.bodies:
        return Closure(module.bodies[name], {}, module)
    if name in module.literals:
        return _read_literals(frame, module, module.literals[name])
    if name in module.texts:
        return module.texts[name]
    value = frame.scope.world.resolve(module.names.get(name))
    if isinstance(value, StringList):
        return tuple(value.items)
    found = _find_elsewhere(frame, module, name, value)
    if found is not None:
        return found
    return SOMETHING if value is None else value


def _find_elsewhere(frame: Frame, module: Module, name: str, value: object) -> object:
    """Return the table or function of another module that a name was imported from.

    None for others.
    """
    path = getattr(value, "path", "")
    if not isinstance(value, (Attribute, Function)) or not path:
        return None
    owner, _, last = path.rpartition(".")
    source = frame.scope.world.loaded.get(owner)
    if source is None or (source is module and last == name):
        return None
    if isinstance(value, Function):
        return Closure(source.bodies[last], {}, source) if last in source.bodies else None
    return _look_up(frame, source, last)


def _read_literals(frame: Frame, module: Module, nodes: list[ast.expr]) -> object:
    """Return a table or tuple from the expressions that were assigned and added to one name."""
    call = frame.enter(module, {})
    values = [evaluate(call, node) for node in nodes]
    if len(values) == 1:
        return values[0]
    merged: dict[str, object] = {}
    for value in values:
        if not isinstance(value, Table):
            return SOMETHING
        merged.update(value.items)
    return Table(merged)


def _evaluate_dict(frame: Frame, node: ast.Dict) -> object:
    found: dict[str, object] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            inner = evaluate(frame, value)
            if not isinstance(inner, Table):
                return SOMETHING
            found.update(inner.items)
            continue
        text = evaluate(frame, key)
        if isinstance(text, str):
            found[text] = Late(value, frame.names)
    return Table(found)


def _evaluate_sequence(frame: Frame, node: ast.Tuple | ast.List | ast.Set) -> object:
    found: list[object] = []
    for item in node.elts:
        value = evaluate(frame, item.value if isinstance(item, ast.Starred) else item)
        if isinstance(item, ast.Starred):
            if not isinstance(value, tuple):
                return SOMETHING
            found += value
        else:
            found.append(value)
    return tuple(found)


def _evaluate_comprehension(
    frame: Frame, node: ast.ListComp | ast.SetComp | ast.DictComp
) -> object:
    """Return a comprehension over one sequence that is known."""
    if len(node.generators) != 1:
        return SOMETHING
    loop = node.generators[0]
    source = evaluate(frame, loop.iter)
    turns = tuple(source.items) if isinstance(source, Table) else source
    if not isinstance(turns, tuple):
        return SOMETHING
    table: dict[str, object] = {}
    found: list[object] = []
    for item in turns:
        inner = frame.enter(frame.module, frame.names)
        lookup_statements.bind(inner, loop.target, settle(frame, item))
        if any(lookup_conditions.judge(inner, test) is False for test in loop.ifs):
            continue
        if isinstance(node, ast.DictComp):
            key = evaluate(inner, node.key)
            if isinstance(key, str):
                table[key] = Late(node.value, inner.names)
        else:
            found.append(evaluate(inner, node.elt))
    return Table(table) if isinstance(node, ast.DictComp) else tuple(found)


def _evaluate_text(frame: Frame, node: ast.JoinedStr) -> object:
    parts = []
    for item in node.values:
        inner = item.value if isinstance(item, ast.FormattedValue) else item
        value = evaluate(frame, inner)
        if not isinstance(value, str):
            return SOMETHING
        parts.append(value)
    return "".join(parts)


def _evaluate_sum(frame: Frame, node: ast.BinOp) -> object:
    left, right = evaluate(frame, node.left), evaluate(frame, node.right)
    if isinstance(left, str) and isinstance(right, str) and isinstance(node.op, ast.Add):
        return left + right
    if isinstance(left, tuple) and isinstance(right, tuple):
        return left + right
    if isinstance(left, Table) and isinstance(right, Table):
        return Table({**left.items, **right.items})
    return SOMETHING


def _evaluate_attribute(frame: Frame, node: ast.Attribute) -> object:
    owner = evaluate(frame, node.value)
    if isinstance(owner, Module):
        return _get_member(frame, owner, node.attr)
    if isinstance(owner, ExternalName):
        return ExternalName(path=f"{owner.path}.{node.attr}")
    return SOMETHING


def _get_member(frame: Frame, owner: Module, name: str) -> object:
    world = frame.scope.world
    try:
        value = world.resolve(world.get_member(owner, name))
    except MissingModuleError:
        value = None
    if value is None:
        raise Missing
    return value


def _evaluate_subscript(frame: Frame, node: ast.Subscript) -> object:
    owner, key = evaluate(frame, node.value), evaluate(frame, node.slice)
    if isinstance(owner, Table) and isinstance(key, str):
        if key not in owner.items:
            raise Missing
        return settle(frame, owner.items[key])
    if isinstance(owner, tuple) and isinstance(key, int):
        return owner[key] if -len(owner) <= key < len(owner) else SOMETHING
    if isinstance(key, str) and is_namespace(node.value):
        return _get_member(frame, frame.module, key)
    return SOMETHING


def _evaluate_choice(frame: Frame, node: ast.IfExp) -> object:
    truth = lookup_conditions.judge(frame, node.test)
    if truth is None:
        return SOMETHING
    return evaluate(frame, node.body if truth else node.orelse)


def _evaluate_call(frame: Frame, node: ast.Call) -> object:
    name = name_called(node)
    frame.trace.warned |= "deprec" in name.lower()
    given = [evaluate(frame, item) for item in node.args if not isinstance(item, ast.Starred)]
    if isinstance(node.func, ast.Name):
        special = _BUILTINS.get(name)
        if special is not None:
            return special(frame, given)
    elif isinstance(node.func, ast.Attribute):
        owner = evaluate(frame, node.func.value)
        if (
            isinstance(owner, (Table, str))
            and (answer := _call_method(owner, name, given)) is not NotImplemented
        ):
            return settle(frame, answer)
    if name == "import_module" and given and isinstance(given[0], str):
        return _import_module(frame, given[0])
    called = evaluate(frame, node.func)
    if isinstance(called, Closure):
        given += [evaluate(frame, item.value) for item in node.keywords]
        return lookup_statements.run_function(frame, called, given, frame.depth + 1)
    if len(given) == 1 and isinstance(given[0], str):
        return _import_text(frame, given[0])
    return SOMETHING


def _import_module(frame: Frame, name: str) -> object:
    if name.startswith("."):
        package = str(_look_up(frame, frame.module, "__package__"))
        for _ in range(len(name) - len(name.lstrip(".")) - 1):
            package = package.rpartition(".")[0]
        name = f"{package}.{name.lstrip('.')}".rstrip(".")
    world = frame.scope.world
    name = world.library.unify(name)
    if not world.is_inside(name):
        return ExternalName(path=name)
    value = world.resolve(LazyModule(name=name))
    if value is None:
        raise Missing
    return value


def _import_text(frame: Frame, text: str) -> object:
    """Return what a text such as "package.module:name" names, given to a function alone."""
    owner, _, last = text.replace(":", ".").rpartition(".")
    world = frame.scope.world
    if owner and world.is_inside(owner) and world.find(owner) is not None:
        return _get_member(frame, world.load(owner), last)
    return SOMETHING


def _call_getattr(frame: Frame, given: list[object]) -> object:
    if len(given) < 2 or not isinstance(given[1], str):
        return SOMETHING
    owner = given[0]
    if isinstance(owner, Module):
        try:
            return _get_member(frame, owner, given[1])
        except Missing:
            if len(given) > 2:
                return given[2]
            raise
    if isinstance(owner, ExternalName):
        return ExternalName(path=f"{owner.path}.{given[1]}")
    return SOMETHING


def _call_copy(_frame: Frame, given: list[object]) -> object:
    if not given:
        return ()
    value = given[0]
    return tuple(value.items) if isinstance(value, Table) else value


def _call_method(owner: Table | str, name: str, given: list[object]) -> object:
    """Return what a method of a dictionary or text gives.

    NotImplemented where that is not known.
    """
    if isinstance(owner, str):
        texts = [item for item in given if isinstance(item, str)]
        if len(texts) != len(given):
            return NotImplemented
        if name in {"startswith", "endswith", "removeprefix", "removesuffix", "replace", "lower"}:
            return getattr(owner, name)(*texts)
        if name in {"split", "rsplit", "partition", "rpartition"}:
            return tuple(getattr(owner, name)(*texts))
        return NotImplemented
    if name == "get" and given and isinstance(given[0], str):
        return owner.items.get(given[0], given[1] if len(given) > 1 else None)
    if name == "keys":
        return tuple(owner.items)
    if name == "items":
        return tuple((key, value) for key, value in owner.items.items())
    return NotImplemented


_BUILTINS: dict[str, Callable[[Frame, list[object]], object]] = {
    "getattr": _call_getattr,
    "set": _call_copy,
    "frozenset": _call_copy,
    "list": _call_copy,
    "tuple": _call_copy,
    "sorted": _call_copy,
}
EXPRESSIONS.update(
    {
        ast.Constant: _evaluate_constant,
        ast.Name: _evaluate_name,
        ast.Dict: _evaluate_dict,
        ast.Tuple: _evaluate_sequence,
        ast.List: _evaluate_sequence,
        ast.Set: _evaluate_sequence,
        ast.DictComp: _evaluate_comprehension,
        ast.ListComp: _evaluate_comprehension,
        ast.SetComp: _evaluate_comprehension,
        ast.JoinedStr: _evaluate_text,
        ast.BinOp: _evaluate_sum,
        ast.Attribute: _evaluate_attribute,
        ast.Subscript: _evaluate_subscript,
        ast.IfExp: _evaluate_choice,
        ast.Call: _evaluate_call,
    }
)
