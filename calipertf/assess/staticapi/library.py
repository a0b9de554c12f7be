"""The modules of one or several wheels, parsed when they are first wanted."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from calipertf.assess.staticapi.syntax import (
    list_functions,
    list_modules,
    parse_source,
    strip_bodies,
)


class SourceFiles:
    """Modules by name, root packages unified; each one's text is dropped once it is parsed.

    Keeping neither text nor tree is what holds TensorFlow's 2,500 modules in 300 MB.
    """

    def __init__(self, renamed: Mapping[str, str]) -> None:
        self._renamed = renamed
        #: Module -> the text not parsed yet and the name under which functions are kept.
        self._waiting: dict[str, tuple[bytes, str | None]] = {}
        self._names: dict[str, bool] = {}
        self._children: dict[str, list[str]] = {}
        self._stubs: dict[str, bytes] = {}
        self.compiled: set[str] = set()
        #: The function database, of the modules parsed so far.
        self.functions: dict[str, dict[str, Any]] = {}
        #: Modules that today's Python cannot parse.
        self.unreadable: list[str] = []

    def add(self, files: dict[str, bytes], compiled: frozenset[str], *, is_own: bool) -> None:
        """Take in a wheel's files; only the package's own go into the function database."""
        regular = {path.rpartition("/")[0] for path in files if path.endswith("/__init__.py")}
        roots = {path.partition("/")[0] for path in files}
        forwarding = {new for old, new in self._renamed.items() if old in roots and new in roots}
        modules = list_modules(files)
        self._stubs.update(
            (self.unify(name), files[path])
            for name, (path, _) in list_modules(
                path for path in files if path.endswith(".pyi")
            ).items()
            if modules[name][0] != path
        )
        for name, (path, is_package) in modules.items():
            folder = path.rpartition("/")[0]
            is_listed = is_own and path.endswith(".py") and (folder in regular or not folder)
            if name.partition(".")[0] in forwarding:
                if is_listed:
                    self._parse(name, files[path], name)
                continue
            unified = self.unify(name)
            self._waiting[unified] = (files[path], name if is_listed else None)
            self._names[unified] = is_package
            parent, _, last = unified.rpartition(".")
            self._children.setdefault(parent, []).append(last)
        self.compiled.update(map(self.unify, compiled))
        self.compiled.difference_update(self._names)

    def unify(self, name: str) -> str:
        """Return the dotted name with its root package unified."""
        root, dot, rest = name.partition(".")
        return f"{self._renamed.get(root, root)}{dot}{rest}"

    def __contains__(self, name: str) -> bool:
        """Return whether there is such a module of Python text."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """Return all modules of Python text."""
        return iter(self._names)

    def is_package(self, name: str) -> bool:
        """Return whether the module is a package with an __init__.py."""
        return self._names.get(name, False)

    def list_children(self, name: str) -> list[str]:
        """Return the last names of the modules directly below a package."""
        return self._children.get(name, [])

    def take(self, name: str) -> ast.Module:
        """Return the module's tree without function bodies; to be asked for once."""
        text, listed = self._waiting.pop(name)
        tree = self._parse(name, text, listed)
        strip_bodies(tree)
        return tree

    def take_stub(self, name: str) -> ast.Module | None:
        """Return the tree of the stub beside the module; None where there is none."""
        text = self._stubs.pop(name, None)
        if text is None:
            return None
        tree = self._parse(name, text, None)
        strip_bodies(tree)
        return tree

    def finish(self) -> None:
        """Parse what nothing has asked for, for the function database."""
        for name in list(self._waiting):
            text, listed = self._waiting.pop(name)
            if listed is not None:
                self._parse(name, text, listed)

    def _parse(self, name: str, text: bytes, listed: str | None) -> ast.Module:
        try:
            tree = parse_source(text)
        except (SyntaxError, ValueError, RecursionError):
            self.unreadable.append(name)
            return ast.Module(body=[], type_ignores=[])
        if listed is not None:
            self.functions[listed] = list_functions(tree)
        return tree
