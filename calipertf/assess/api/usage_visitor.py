"""The names of a package that a script reads and calls, resolved through imports and aliases."""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from calipertf.assess.staticapi.syntax import parse_source
from calipertf.errors import CaliperError


@dataclass(frozen=True, kw_only=True, order=True)
class Call:
    """How a symbol is called once."""

    #: Arguments by position, without starred ones.
    positional: int = 0
    keywords: tuple[str, ...] = ()
    #: Whether ``*`` or ``**`` may add arguments that cannot be seen.
    is_starred: bool = False


@dataclass(frozen=True, kw_only=True)
class Use:
    """One place where a script names something of the package."""

    #: Dotted path from the package's root; the script's aliases are undone.
    path: str
    line: int
    calls: tuple[Call, ...] = ()
    #: The path goes through an object made by calling its first ``owner_length`` parts.
    is_instance: bool = False
    owner_length: int = 0


@dataclass(frozen=True, slots=True)
class _Reach:
    """What a name of the script stands for."""

    path: str
    #: 0: the thing itself; otherwise an object made by calling that many first parts of the path.
    owner_length: int = 0


#: None: the name is something else.
_Names: TypeAlias = MutableMapping[str, _Reach | None]


def find_uses(source: bytes, root: str) -> tuple[Use, ...]:
    """Return all uses of the package with that import name, in order of line.

    Raises CaliperError where the script is not in today's Python syntax.
    """
    try:
        tree = parse_source(source)
    except (SyntaxError, ValueError) as error:
        raise CaliperError(
            f"the script is not in today's Python syntax ({error}): its uses cannot be seen"
        ) from error
    reader = _Reader(root=root)
    reader.read_body(tree.body, ChainMap())
    return tuple(sorted(set(reader.uses), key=lambda use: (use.line, use.path, use.calls)))


@dataclass(slots=True)
class _Reader:
    root: str
    uses: list[Use] = field(default_factory=list)
    #: Modules imported with ``*``: names that nothing else explains may be theirs.
    stars: list[str] = field(default_factory=list)

    def read_body(self, body: Iterable[ast.stmt], names: _Names) -> None:
        """Follow statements in order; functions come last, when the names around are bound."""
        later: list[tuple[list[ast.stmt], _Names]] = []
        self._read(body, names, later)
        while later:
            inner, scope = later.pop(0)
            self._read(inner, scope, later)

    def _read(
        self,
        body: Iterable[ast.stmt],
        names: _Names,
        later: list[tuple[list[ast.stmt], _Names]],
    ) -> None:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self._read_definition(node, names, later)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                self._import(node, names)
            elif isinstance(node, ast.Try):
                for handler in node.handlers:  # the body's imports win over the fallback's
                    self._read(handler.body, names, later)
                self._read([*node.body, *node.orelse, *node.finalbody], names, later)
            else:
                self._read_plain(node, names, later)

    def _read_definition(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
        names: _Names,
        later: list[tuple[list[ast.stmt], _Names]],
    ) -> None:
        for decorator in node.decorator_list:
            self._visit(decorator, names)
        inner = ChainMap({}, names)
        if isinstance(node, ast.ClassDef):
            for base in [*node.bases, *(item.value for item in node.keywords)]:
                self._visit(base, names)
        else:
            arguments = node.args
            for default in [*arguments.defaults, *filter(None, arguments.kw_defaults)]:
                self._visit(default, names)
            for item in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
                inner[item.arg] = None
        names[node.name] = None
        later.append((node.body, inner))

    def _read_plain(
        self,
        node: ast.stmt,
        names: _Names,
        later: list[tuple[list[ast.stmt], _Names]],
    ) -> None:
        """Expressions of the statement, then what it binds, then the statements inside."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._visit(child, names)
            elif isinstance(child, ast.withitem):
                self._visit(child.context_expr, names)
        for target, value in _list_bindings(node):
            self._bind(target, value, names)
        for branch in ("body", "orelse"):
            self._read(getattr(node, branch, ()), names, later)
        for case in getattr(node, "cases", ()):
            self._read(case.body, names, later)

    # Names.

    def _import(self, node: ast.Import | ast.ImportFrom, names: _Names) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                if first != self.root:
                    names[alias.asname or first] = None
                    continue
                names[alias.asname or first] = _Reach(alias.name if alias.asname else first)
                self._note(alias.name, node.lineno)
            return
        module = node.module or ""
        is_ours = not node.level and module.partition(".")[0] == self.root
        for alias in node.names:
            if alias.name == "*":
                if is_ours:
                    self.stars.append(module)
                continue
            path = f"{module}.{alias.name}"
            names[alias.asname or alias.name] = _Reach(path) if is_ours else None
            if is_ours:
                self._note(path, node.lineno)

    def _note(self, path: str, line: int) -> None:
        if path != self.root:
            self.uses.append(Use(path=path, line=line))

    def _bind(self, target: ast.expr, value: ast.expr | None, names: _Names) -> None:
        if isinstance(target, ast.Name):
            names[target.id] = None if value is None else self._reach_value(value, names)
        elif isinstance(target, (ast.Tuple, ast.List)):
            parts = getattr(value, "elts", [])
            matched = len(parts) == len(target.elts)
            for index, item in enumerate(target.elts):
                self._bind(item, parts[index] if matched else None, names)

    def _reach_value(self, value: ast.expr, names: _Names) -> _Reach | None:
        """Return what the assigned expression stands for: an alias, or an object made by a call."""
        if isinstance(value, ast.Call):
            reach = self._reach(value.func, names)
            if reach is None or reach.owner_length:
                return None
            return replace(reach, owner_length=reach.path.count(".") + 1)
        return self._reach(value, names)

    def _reach(self, node: ast.expr, names: _Names) -> _Reach | None:
        """Return what a dotted name stands for; None where it is not of the package."""
        if isinstance(node, ast.Name):
            if node.id in names:
                return names[node.id]
            return _Reach(f"{self.stars[-1]}.{node.id}") if self.stars else None
        if isinstance(node, ast.Attribute):
            inner = self._reach(node.value, names)
            if inner is None and isinstance(node.value, ast.Call):
                inner = self._reach_value(node.value, names)  # tf.Session().run
            return None if inner is None else replace(inner, path=f"{inner.path}.{node.attr}")
        if isinstance(node, ast.Call):
            return self._reach_getattr(node, names)
        return None

    def _reach_getattr(self, node: ast.Call, names: _Names) -> _Reach | None:
        """Return what ``getattr(tf, "name")`` stands for.

        One with a default copes without the name.
        """
        if not isinstance(node.func, ast.Name) or node.func.id != "getattr" or len(node.args) != 2:
            return None
        owner, name = node.args
        inner = self._reach(owner, names)
        text = name.value if isinstance(name, ast.Constant) else None
        if inner is None or not isinstance(text, str):
            return None
        return replace(inner, path=f"{inner.path}.{text}")

    def _visit_call(self, node: ast.Call, names: _Names) -> None:
        named = self._reach_getattr(node, names)
        if named is not None:
            self._use(named, node.lineno, ())
            return
        reach = self._reach(node.func, names)
        if reach is None:
            self._visit(node.func, names)
        else:
            self._use(reach, node.lineno, (_describe_call(node),))
            self._visit_maker(node.func, names)
        for argument in [*node.args, *(item.value for item in node.keywords)]:
            self._visit(argument, names)

    def _visit_maker(self, node: ast.expr, names: _Names) -> None:
        """Note the call that made the object: ``tf.Session()`` of ``tf.Session().run``."""
        maker = node.value if isinstance(node, ast.Attribute) else None
        if isinstance(maker, ast.Call) and self._reach_getattr(maker, names) is None:
            self._visit(maker, names)

    def _visit(self, node: ast.AST, names: _Names) -> None:
        """Note the uses in an expression, the longest dotted names whole."""
        if isinstance(node, ast.Call):
            self._visit_call(node, names)
            return
        if isinstance(node, (ast.Attribute, ast.Name)) and isinstance(node.ctx, ast.Load):
            reach = self._reach(node, names)
            if reach is not None:
                self._use(reach, node.lineno, ())
                self._visit_maker(node, names)
                return
        if isinstance(node, ast.Lambda):
            arguments = node.args
            hidden: dict[str, _Reach | None] = {
                item.arg: None for item in [*arguments.posonlyargs, *arguments.args]
            }
            names = ChainMap(hidden, names)
        for child in ast.iter_child_nodes(node):
            self._visit(child, names)

    def _use(self, reach: _Reach, line: int, calls: tuple[Call, ...]) -> None:
        parts = reach.path.count(".") + 1
        if reach.path == self.root or parts <= reach.owner_length:
            return  # the module itself, or the object itself: counted where it was made
        self.uses.append(
            Use(
                path=reach.path,
                line=line,
                calls=calls,
                is_instance=reach.owner_length > 0,
                owner_length=reach.owner_length,
            )
        )


def _list_bindings(node: ast.stmt) -> list[tuple[ast.expr, ast.expr | None]]:
    """Return the targets that the statement binds, each with its value.

    None where the value is not told.
    """
    if isinstance(node, ast.Assign):
        return [(target, node.value) for target in node.targets]
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return [(node.target, node.value)]
    if isinstance(node, (ast.For, ast.AsyncFor)):
        return [(node.target, None)]
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return [
            (item.optional_vars, item.context_expr)
            for item in node.items
            if item.optional_vars is not None
        ]
    return []


def _describe_call(node: ast.Call) -> Call:
    starred = sum(isinstance(item, ast.Starred) for item in node.args)
    return Call(
        positional=len(node.args) - starred,
        keywords=tuple(sorted(item.arg for item in node.keywords if item.arg)),
        is_starred=bool(starred) or any(item.arg is None for item in node.keywords),
    )
