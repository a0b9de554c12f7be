"""Packages from source text, as the static reader sees them."""

from __future__ import annotations

from calipertf.assess.api.model import Symbol
from calipertf.assess.staticapi.library import SourceFiles
from calipertf.assess.staticapi.public import PublicApiRules, list_public
from calipertf.assess.staticapi.world import ModuleLoader, with_deep_stack


def read(
    files: dict[str, str],
    *,
    rules: PublicApiRules | None = None,
    python: tuple[int, int] = (3, 8),
    compiled: tuple[str, ...] = (),
    renamed: dict[str, str] | None = None,
    search_also: dict[str, tuple[str, ...]] | None = None,
) -> dict[str, Symbol]:
    library = SourceFiles(renamed or {})
    contents = {path: text.encode() for path, text in files.items()}
    library.add(contents, frozenset(compiled), is_own=True)
    world = ModuleLoader(library=library, python=python, search_also=search_also or {})
    found: dict[str, Symbol] = {}
    with_deep_stack(lambda: found.update(list_public(world, "p", rules or PublicApiRules())))
    return found


def describe(symbol: Symbol) -> str:
    """``f(a, b=1, *, c)`` for functions and classes; the kind for others."""
    if symbol.parameters is None:
        return symbol.kind
    marks = {"var-positional": "*", "var-keyword": "**"}
    parts: list[str] = []
    for item in symbol.parameters:
        if item.kind == "keyword-only" and not any(part.startswith("*") for part in parts):
            parts.append("*")
        parts.append(marks.get(item.kind, "") + item.name)
        if item.kind == "positional-only":
            parts[-1] += "/"
        if item.default is not None:
            parts[-1] += f"={item.default}"
    return f"{symbol.kind}({', '.join(parts)})"


INIT = "p/__init__.py"
