"""What a stub file (.pyi) adds to a module: the names of compiled code.

PEP 484, "Stub Files": a stub exports what it defines, ``import a as a`` and wildcards.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from calipertf.assess.staticapi import statements
from calipertf.assess.staticapi.scope import ImportGraph
from calipertf.assess.staticapi.syntax import list_branches
from calipertf.assess.staticapi.values import Attribute, Class, Function, Module, StringList


def overlay(world: ImportGraph, module: Module, stub: ast.Module) -> None:
    """Add the stub's names that the module lacks, and signatures where it has bare attributes."""
    listed = module.names.get("__all__")
    scratch = Module(name=module.name, is_package=module.is_package)
    statements.run_module(world, scratch, stub)
    for name in _list_exported(stub.body):
        have = module.names.get(name)
        told = scratch.names.get(name, Attribute(path=f"{module.name}.{name}"))
        is_new = have is None and isinstance(told, (Function, Class, Attribute))
        is_better = isinstance(have, Attribute) and isinstance(told, (Function, Class))
        if not name.startswith("_") and (is_new or is_better):
            module.names[name] = told
            if isinstance(listed, StringList):
                listed.items.append(name)


def _list_exported(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if alias.asname == alias.name)
        elif isinstance(node, ast.If):
            yield from _list_exported(list_branches(node))
