"""Modules imported as Python would import them, from source text alone."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from calipertf.assess.staticapi import handed, imports, statements, stubs
from calipertf.assess.staticapi.library import SourceFiles
from calipertf.assess.staticapi.scope import MissingModuleError
from calipertf.assess.staticapi.values import Attribute, ExternalName, LazyModule, Module, Value

#: Deep enough for the import chains of TensorFlow: about 150 modules, ten frames each.
RECURSION_LIMIT = 20_000
THREAD_STACK = 512 * 1024 * 1024


@dataclass(slots=True)
class ModuleLoader:
    """All modules of a package and of the wheels that hold parts of its face."""

    library: SourceFiles
    #: The Python that the wheel is for: decides version checks in the source.
    python: tuple[int, int] = (3, 7)
    #: Package -> further packages where its submodules lie (``__path__`` grown at run time).
    search_also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    loaded: dict[str, Module] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    #: Imports of the tree's own modules that find no file.
    unanswered: list[str] = field(default_factory=list)
    #: Outermost packages and modules.
    roots: frozenset[str] = field(init=False)
    #: Folders that hold modules: packages, with __init__.py or without (PEP 420).
    folders: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        names = (*self.library, *self.library.compiled)
        self.roots = frozenset(map(self._find_top, names))
        self.folders = frozenset(
            name[:index]
            for name in names
            for index, character in enumerate(name)
            if character == "."
        )

    def list_children(self, name: str) -> list[str]:
        """Last names of the modules directly below a package, and of packages below a namespace.

        Folders without __init__.py count where they lead to packages (PEP 420: google.cloud), not
        inside of packages, where they hold scripts and data.
        """
        children = self.library.list_children(name)
        if name in self.library:
            return children
        below = (folder.rpartition(".") for folder in self.folders)
        return [*children, *(last for parent, _, last in below if parent == name)]

    def is_inside(self, name: str) -> bool:
        """Return whether a dotted name starts at one of the tree's root packages.

        Below a namespace that is the whole path: google.cloud.storage, but not google.api_core.
        """
        if name.partition(".")[0] in self.roots or name in self.folders:
            return True
        return any(f"{name}.".startswith(f"{root}.") for root in self.roots if "." in root)

    def _find_top(self, name: str) -> str:
        """Return the outermost package of a module that has an __init__.py.

        The module where none has.
        """
        parts = name.split(".")
        tops = (".".join(parts[:end]) for end in range(1, len(parts)))
        return next((top for top in tops if top in self.library), name)

    def find(self, name: str) -> str | None:
        """Return the name under which a module exists; None where no file answers."""
        if name in self.library or name in self.folders or name in self.library.compiled:
            return name
        parent, _, last = name.rpartition(".")
        for package in self.search_also.get(parent, ()):
            if f"{package}.{last}" in self.library:
                return f"{package}.{last}"
        if parent and "." in parent:
            found = self.find(parent)
            if found is not None and found != parent:
                return self.find(f"{found}.{last}")
        return None

    def load(self, name: str) -> Module:
        """Return the module, its parents loaded first, each module's statements followed once."""
        found = self.find(name)
        if found is None:
            raise MissingModuleError(name)
        if found in self.loaded:
            return self.loaded[found]
        parent_name, _, last = found.rpartition(".")
        parent = self.load(parent_name) if parent_name else None
        if found in self.loaded:  # the parent imported it
            return self.loaded[found]
        module = Module(
            name=found,
            is_package=self.library.is_package(found) or found in self.folders,
            is_compiled=found in self.library.compiled,
        )
        self.loaded[found] = module
        if found in self.library:
            statements.run_module(self, module, self.library.take(found))
            stub = self.library.take_stub(found)
            if stub is not None:
                stubs.overlay(self, module, stub)
        if parent is not None:
            parent.names[last] = module
        return module

    def get_member(self, module: Module, name: str) -> Value | None:
        """Return what ``from module import name`` gives; None where nothing is known to answer."""
        if name in module.names:
            return module.names[name]
        submodule = f"{module.name}.{name}"
        if self.find(submodule) is not None:
            return self.load(submodule)
        if "__getattr__" in module.names:
            if name in (known := handed.list_handed(self, module)):
                return known[name].value
            return imports.find_typed(self, module, name) or Attribute(path=submodule)
        if module.is_compiled:
            return Attribute(path=submodule)
        return None

    def resolve(self, value: Value | None) -> Value | None:
        """Return the value itself, a lazy module loaded.

        ExternalName where it lies in another package.
        """
        if not isinstance(value, LazyModule):
            return value
        if not self.is_inside(value.name):
            return ExternalName(path=value.name)
        try:
            return self.load(value.name)
        except MissingModuleError:
            return None

    def note(self, sentence: str) -> None:
        """Keep a sentence for the Api's notes, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)


def with_deep_stack(work: Callable[[], None]) -> None:
    """Run the work where recursion as deep as the longest import chain is safe."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  raised again in the calling thread
            failures.append(error)

    limit = sys.getrecursionlimit()
    stack = threading.stack_size(THREAD_STACK)
    sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(stack)
        sys.setrecursionlimit(limit)
    if failures:
        raise failures[0]
