"""Python files to syntax trees without function bodies, signatures, and function databases."""

from __future__ import annotations

import ast
import gc
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from calipertf.assess.api.model import Parameter

AnyFunction: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

#: ``async`` where it is a name, as it could be until Python 3.6: TensorFlow up to 1.9 has it.
_ASYNC_NAME = re.compile(rb"\basync\b(?!\s+(?:def|with|for)\b)")
_ASYNC_STAND_IN = "async_caliper_"


@contextmanager
def without_collector() -> Iterator[None]:
    """Switch garbage collection off inside: trees have no cycles, and the search takes a third."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def parse_source(source: bytes) -> ast.Module:
    """Return the file's syntax tree.

    SyntaxError or ValueError where today's Python cannot read it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except SyntaxError:
            stand_in = _ASYNC_NAME.sub(_ASYNC_STAND_IN.encode(), source)
            if stand_in == source:
                raise
            return ast.parse(stand_in)


def strip_bodies(tree: ast.Module) -> None:
    """Drop the bodies of functions: they say nothing about names, and are most of the memory."""
    pending: list[ast.stmt] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
            if not may_look_up(node):
                made = find_made(node)
                node.body = [] if made is None else [made]
        elif isinstance(node, ast.ClassDef):
            pending.extend(node.body)
        elif isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
            pending.extend(list_branches(node))


def may_look_up(node: AnyFunction) -> bool:
    """Whether it is, makes or helps a ``__getattr__``, whose body says what names there are."""
    return "getattr" in node.name.lower()


#: Calls by which a wrapper takes on the signature of what it wraps.
_TRANSPARENT = ("wraps", "update_wrapper", "make_decorator", "decorator")


def find_made(node: AnyFunction) -> AnyFunction | None:
    """The function that a factory or decorator defines inside and returns, with its own made one.

    None where nothing of the kind is returned, or where what is returned presents itself with
    the signature of the function that it wraps.
    """
    inner = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
    last = node.body[-1] if node.body else None
    if not inner or not isinstance(last, ast.Return) or not isinstance(last.value, ast.Name):
        return None
    made = inner.get(last.value.id)
    if made is None or any(_is_transparent(item) for item in ast.walk(node)):
        return None
    deeper = find_made(made)
    made.body = [] if deeper is None else [deeper]
    return made


def _is_transparent(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in _TRANSPARENT


def list_branches(node: ast.stmt) -> list[ast.stmt]:
    """Return the statements inside a compound statement, of every branch."""
    inside = [*getattr(node, "body", ()), *getattr(node, "orelse", ())]
    for handler in getattr(node, "handlers", ()):
        inside.extend(handler.body)
    inside.extend(getattr(node, "finalbody", ()))
    return inside


def read_parameters(arguments: ast.arguments) -> tuple[Parameter, ...]:
    """Return the parameters of a definition, in order, defaults as normalised source text."""
    parameters = []
    positional = [*arguments.posonlyargs, *arguments.args]
    without_default = len(positional) - len(arguments.defaults)
    for index, item in enumerate(positional):
        default = arguments.defaults[index - without_default] if index >= without_default else None
        kind: Any = "positional-or-keyword"
        if index < len(arguments.posonlyargs):
            kind = "positional-only"
        parameters.append(_make_parameter(item, kind, default))
    if arguments.vararg:
        parameters.append(_make_parameter(arguments.vararg, "var-positional", None))
    for item, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        parameters.append(_make_parameter(item, "keyword-only", keyword_default))
    if arguments.kwarg:
        parameters.append(_make_parameter(arguments.kwarg, "var-keyword", None))
    return tuple(parameters)


def _make_parameter(item: ast.arg, kind: Any, default: ast.expr | None) -> Parameter:
    name = item.arg.replace(_ASYNC_STAND_IN, "async")
    return Parameter(name=name, kind=kind, default=None if default is None else show(default))


def name_called(node: ast.Call) -> str:
    """Return the last name of what is called; empty where it is no name."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def show(node: ast.expr) -> str:
    """Return the expression as text, written one way however the file writes it."""
    if isinstance(node, ast.Constant):
        return repr(node.value)
    if isinstance(node, ast.Name):
        return node.id
    return ast.unparse(node)


def list_functions(tree: ast.Module) -> dict[str, Any]:
    """Return a module's entry in caliper-metrics' schema, by the rules of ``caliper extract``.

    Those rules: definitions at the top level, methods at the top of their class, the plain
    arguments alone, the last definition of a name. They are kept so that databases of both
    origins can be compared; the public API has what they leave out.
    """
    entry: dict[str, Any] = {
        node.name: _list_arguments(node) for node in tree.body if isinstance(node, ast.FunctionDef)
    }
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            entry[node.name] = {
                method.name: _list_arguments(method)
                for method in node.body
                if isinstance(method, ast.FunctionDef)
            }
    return entry


def _list_arguments(node: ast.FunctionDef) -> list[str]:
    return [item.arg.replace(_ASYNC_STAND_IN, "async") for item in node.args.args]


def list_modules(files: Iterable[str]) -> dict[str, tuple[str, bool]]:
    """Return module name -> (file, whether it is a package), for paths relative to site-packages.

    A stub (.pyi) stands for a compiled module, where no .py has the name.
    """
    modules: dict[str, tuple[str, bool]] = {}
    for path in sorted(files, key=lambda path: (path.endswith(".py"), path)):
        stem, _, extension = path.rpartition(".")
        parts = stem.split("/")
        is_package = parts[-1] == "__init__"
        if is_package:
            parts.pop()
        if extension in {"py", "pyi"} and parts and all(part.isidentifier() for part in parts):
            modules[".".join(parts)] = (path, is_package)
    return modules


def is_namespace(node: ast.expr) -> bool:
    """Return whether it is ``globals()`` or another call for the names at hand."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"globals", "vars", "locals"}
        and not node.args
    )
