"""What a Python file imports, read from its text: of files for every Python since 2.7."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

#: Imports of a file that this Python cannot parse, such as one for Python 2.
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(.+)|import[ \t]+(.+))", re.MULTILINE
)
_FAILED_IMPORTS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


@dataclass(frozen=True, kw_only=True)
class Import:
    """One module that a file imports, or may import."""

    #: Dotted name; empty for `from . import x`.
    module: str
    #: Names that `from` takes out of it, which may be modules themselves.
    names: tuple[str, ...] = ()
    #: Leading dots.
    level: int = 0
    #: Whether the file goes on without it: it is in a `try` that catches ImportError.
    optional: bool = False

    @property
    def root(self) -> str:
        """Return the first part of the module's name."""
        return self.module.partition(".")[0]


@lru_cache(maxsize=4096)
def list_imports(source: str) -> tuple[Import, ...]:
    """Return everything that a file imports, wherever in it; of one for Python 2 too."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return tuple(_scan_imports(source))
    try:
        return tuple(_visit(tree, optional=False))
    except RecursionError:
        return tuple(_scan_imports(source))


def list_modules(source: str) -> list[str]:
    """Return the dotted modules that a file imports, relative ones left out, in order of name."""
    found = {item.module for item in list_imports(source) if item.module and not item.level}
    return sorted(found)


def _visit(node: ast.AST, *, optional: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(module=alias.name, optional=optional)
    elif isinstance(node, ast.ImportFrom):
        names = tuple(alias.name for alias in node.names)
        yield Import(module=node.module or "", names=names, level=node.level, optional=optional)
    optional = optional or _goes_on_without(node)
    for child in ast.iter_child_nodes(node):
        yield from _visit(child, optional=optional)


def _goes_on_without(node: ast.AST) -> bool:
    """Return whether what is imported inside a statement need not be there."""
    if isinstance(node, ast.Try):
        return any(_catches_import(handler) for handler in node.handlers)
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def _catches_import(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(handler.type)}
    return bool(names & _FAILED_IMPORTS)


def _scan_imports(source: str) -> Iterator[Import]:
    # Lines do not show what is inside a `try`: nothing counts as needed.
    for module, taken, listed in _IMPORT.findall(source):
        if module:
            name = module.lstrip(".")
            names = tuple(re.findall(r"\w+", taken.partition("#")[0]))
            yield Import(module=name, names=names, level=len(module) - len(name), optional=True)
        for part in re.split(r"[#;]", listed)[0].split(","):
            if name := re.match(r"\s*([\w.]+)", part):
                yield Import(module=name[1], optional=True)
