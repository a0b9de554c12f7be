"""What a script uses of a package, and how much of that another version still offers.

Static: imports and aliases are followed, and objects made by calling a class of the package
(``sess = tf.Session()``), as far as they keep one name. What only running tells is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from calipertf.assess.api.model import Api, Parameter, Symbol
from calipertf.assess.api.usage_visitor import Call, Use
from calipertf.assess.packages import name_root
from calipertf.assess.signatures import is_same_default

#: Names of the first parameter of a method that is called on an object or class.
_BOUND = frozenset({"self", "cls", "instance", "_cls", "_self", "mcs"})


@dataclass(frozen=True, kw_only=True)
class Missing:
    """One use that the other version does not answer."""

    #: Public path as the script writes it, up to the symbol.
    path: str
    #: Line of the first use.
    line: int
    #: A short clause: what is different.
    reason: str


@dataclass(frozen=True, kw_only=True)
class Usage:
    """How a script's uses fare in one version."""

    #: Symbols that the script uses and its baseline version has.
    used: int
    #: Those that exist here and take the calls that the script makes, with whatever defaults.
    compatible: int
    missing: tuple[Missing, ...] = ()
    #: Calls that go through and leave out an argument whose default is another one here.
    defaults: tuple[Missing, ...] = ()

    @property
    def share(self) -> float:
        """Return the compatible of used, 0.0 to 1.0; a script that uses nothing scores 1.0.

        It says whether the script's calls go through, so changed defaults do not lower it.
        """
        return self.compatible / self.used if self.used else 1.0


def measure_usage(uses: Iterable[Use], baseline: Api, api: Api) -> Usage:
    """The share of what the script uses on its baseline version that a version has and takes.

    Uses that the baseline version itself does not show are left out: the package makes those names
    at run time, or they are not its own.
    """
    at_baseline = _Directory(baseline)
    here = at_baseline if api is baseline else _Directory(api)
    used: dict[str, tuple[Symbol, list[Use]]] = {}
    for use in uses:
        symbol = at_baseline.find(use)
        if symbol is not None:
            used.setdefault(symbol.path, (symbol, []))[1].append(use)
    missing, defaults = [], []
    for path in sorted(used):
        old, places = used[path]
        new = here.find_path(path)
        reason = _compare(old, new, places)
        if reason is not None:
            missing.append(Missing(path=path, line=min(use.line for use in places), reason=reason))
        elif new is not None and (changed := _find_defaults(old, new, places)):
            defaults.append(changed)
    return Usage(
        used=len(used),
        compatible=len(used) - len(missing),
        missing=tuple(missing),
        defaults=tuple(defaults),
    )


class _Directory:
    """An Api's symbols by path; modules outside the public face from the function database."""

    def __init__(self, api: Api) -> None:
        self._symbols = api.symbols
        self._functions = {_unify(name): entry for name, entry in api.functions.items()}

    def find(self, use: Use) -> Symbol | None:
        """Return the symbol that a use reaches: the longest part of its path that exists."""
        parts = use.path.split(".")
        for length in range(len(parts), 1, -1):
            symbol = self.find_path(".".join(parts[:length]))
            if symbol is None:
                continue
            rest = len(parts) - length
            if symbol.kind in {"module", "class"} and rest:
                return None  # the name that follows is not to be seen
            if use.is_instance and length <= use.owner_length:
                return None  # made by calling something that is no class
            return symbol
        return None

    def find_path(self, path: str) -> Symbol | None:
        """Return the symbol of exactly that path."""
        symbol = self._symbols.get(path)
        return symbol if symbol is not None else self._find_private(path)

    def _find_private(self, path: str) -> Symbol | None:
        """``tensorflow.examples.tutorials.mnist.input_data`` and the like."""
        if path in self._functions:
            return Symbol(path=path, kind="module", target=path)
        parts = path.split(".")
        for below in (1, 2):
            entry: Any = self._functions.get(".".join(parts[:-below]))
            for name in parts[-below:]:
                entry = entry.get(name) if isinstance(entry, Mapping) else None
            if isinstance(entry, Mapping):
                init = entry.get("__init__")
                names = init[1:] if isinstance(init, list) else None
                return Symbol(path=path, kind="class", parameters=_name_only(names), target=path)
            if isinstance(entry, list):
                kind: Any = "function" if below == 1 else "method"
                return Symbol(path=path, kind=kind, parameters=_name_only(entry), target=path)
        return None


def _unify(name: str) -> str:
    root, dot, rest = name.partition(".")
    return f"{name_root(root)}{dot}{rest}"


def _name_only(names: Iterable[str] | None) -> tuple[Parameter, ...] | None:
    """Return parameters of which a function database knows the names: any may have a default."""
    if names is None:
        return None
    known = [Parameter(name=name, kind="positional-or-keyword", default="...") for name in names]
    return (
        *known,
        Parameter(name="args", kind="var-positional"),
        Parameter(name="kwargs", kind="var-keyword"),
    )


def _compare(old: Symbol, new: Symbol | None, places: Iterable[Use]) -> str | None:
    """Return why the calls made of the old symbol do not fit the new one; None where they do."""
    if new is None:
        return f"{old.kind} removed"
    for use in places:
        for call in use.calls:
            reason = _check_call(call, old, new)
            if reason is not None:
                return reason
    return None


def _check_call(call: Call, old: Symbol, new: Symbol) -> str | None:
    if new.kind == "module" and old.kind != "module":
        return f"{old.kind} became a module"
    if new.parameters is None or old.parameters is None:
        return None
    before, after = _list_callable(old), _list_callable(new)
    positional = [item for item in after if item.kind in _POSITIONAL]
    takes_any = any(item.kind == "var-positional" for item in after)
    if call.positional > len(positional) and not takes_any:
        return f"takes {len(positional)} positional arguments, {call.positional} given"
    for index, (was, now) in enumerate(zip(before, after, strict=False)):
        if index >= call.positional or "var-positional" in {was.kind, now.kind}:
            break
        if was.name != now.name and _moved(was, now, before, after):
            return f"position {index + 1} was {was.name}, is {now.name}"
    return _check_keywords(call, after, positional)


def _check_keywords(call: Call, after: list[Parameter], positional: list[Parameter]) -> str | None:
    takes_any = any(item.kind == "var-keyword" for item in after)
    names = {item.name for item in after if item.kind in {"positional-or-keyword", "keyword-only"}}
    for name in call.keywords:
        if name not in names and not takes_any:
            return f"no parameter {name}"
    if call.is_starred:
        return None
    given = {item.name for item in positional[: call.positional]} | set(call.keywords)
    for item in after:
        required = item.default is None and item.kind in {*_POSITIONAL, "keyword-only"}
        if required and item.name not in given:
            return f"parameter {item.name} is required"
    return None


_POSITIONAL = frozenset({"positional-only", "positional-or-keyword"})
#: In the place of a default that is not known.
_UNKNOWN = "..."


def _find_defaults(old: Symbol, new: Symbol, places: Iterable[Use]) -> Missing | None:
    """Return the defaults that calls rely on and that differ.

    None where they rely on none of those.
    """
    found: dict[str, int] = {}
    for use in places:
        for call in use.calls:
            for reason in _list_changed_defaults(call, old, new):
                found[reason] = min(use.line, found.get(reason, use.line))
    if not found:
        return None
    return Missing(path=old.path, line=min(found.values()), reason=", ".join(found))


def _list_changed_defaults(call: Call, old: Symbol, new: Symbol) -> Iterable[str]:
    """Yield the arguments that a call leaves out and whose default differs."""
    if old.parameters is None or new.parameters is None or call.is_starred:
        return
    before = _list_callable(old)
    after = {item.name: item for item in _list_callable(new)}
    positional = [item.name for item in before if item.kind in _POSITIONAL]
    given = {*positional[: call.positional], *call.keywords}
    for was in before:
        now = after.get(was.name)
        if was.name in given or now is None or None in {was.default, now.default}:
            continue
        if _UNKNOWN in {was.default, now.default}:
            continue
        if not is_same_default(str(was.default), str(now.default)):
            yield f"default of {was.name} changed from {was.default} to {now.default}"


def _moved(was: Parameter, now: Parameter, before: list[Parameter], after: list[Parameter]) -> bool:
    """Return whether a position means something else: a mere new name for the same one does not."""
    return now.name in {item.name for item in before} or was.name in {item.name for item in after}


def _list_callable(symbol: Symbol) -> list[Parameter]:
    """Return parameters as a caller sees them."""
    parameters = list(symbol.parameters or ())
    if symbol.kind == "method" and parameters and parameters[0].name in _BOUND:
        return parameters[1:]
    return parameters
