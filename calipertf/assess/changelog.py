"""The changes between two versions as Markdown for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from calipertf.assess.api.model import Api
from calipertf.assess.changes import Change, name_of, parent_of
from calipertf.formats.changes import KINDS
from calipertf.reasons.messages import name_some

_TITLES = {
    "removed": "Removed",
    "moved": "Moved",
    "renamed": "Renamed",
    "changed": "Changed signatures",
    "added": "Added",
}

#: Paths named for one change that many names share, such as a method that 300 classes inherit.
_PATHS_SHOWN = 3


def write_changelog(old: Api, new: Api, changes: Sequence[Change]) -> str:
    """Return a Markdown page: counts, then a section for each kind, breaking changes first."""
    by_kind: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_kind[change.kind].append(change)
    counts = ", ".join(f"{len(by_kind[kind])} {kind}" for kind in KINDS if by_kind[kind])
    lines = [f"# {new.package} {old.version} to {new.version}", ""]
    sizes = f"Public names: {len(old.symbols)} before, {len(new.symbols)} after"
    lines.append(f"{sizes}; {counts or 'nothing changed'}.")
    lines += [f"Note on {api.version}: {note}." for api in (old, new) for note in api.notes]
    for kind in KINDS:
        if by_kind[kind]:
            lines += ["", f"## {_TITLES[kind]}", "", *_write_section(kind, by_kind[kind])]
    return "\n".join(lines) + "\n"


def _write_section(kind: str, changes: list[Change]) -> list[str]:
    if kind in {"removed", "added"}:
        return _write_by_parent(changes)
    if kind == "changed":
        return _write_changed(changes)
    return [
        f"- {_code(change.path)} is {_code(change.to or '')}{_write_details(change.details)}"
        for change in changes
    ]


def _write_by_parent(changes: Iterable[Change]) -> list[str]:
    """Return a line for each place.

    What lies below a module that is listed itself goes into its line.

    Places with the same lines, such as classes that inherit what is gone, are told together.
    """
    changes = list(changes)
    modules = {change.path for change in changes if change.object == "module"}
    names: dict[str, list[Change]] = defaultdict(list)
    below: dict[str, int] = defaultdict(int)
    for change in changes:
        module = _outermost(change.path, modules)
        if module is None:
            names[parent_of(change.path)].append(change)
        elif module != change.path:
            below[module] += 1
        else:
            names[parent_of(change.path)].append(change)
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for parent in sorted(names, key=_by_depth):
        entries = tuple(_write_entry(change, below[change.path]) for change in names[parent])
        groups[entries].append(parent)
    lines = []
    for entries, parents in groups.items():
        lines += [f"- in {_list_some(parents)}:" if parents[0] else "- at the top:", *entries]
    return lines


def _outermost(path: str, modules: set[str]) -> str | None:
    """Return the outermost of the modules that is the path or lies above it."""
    parts = path.split(".")
    return next(
        (
            above
            for above in (".".join(parts[:end]) for end in range(1, len(parts) + 1))
            if above in modules
        ),
        None,
    )


def _write_entry(change: Change, below: int) -> str:
    signature = change.old if change.kind == "removed" else change.new
    shown = signature if change.object in {"function", "method"} and signature else ""
    names = f"with {below} {'names' if below > 1 else 'name'} below"
    details = [*change.details, *([names] if below else [])]
    word = f"{change.object} " if change.object in {"module", "class"} else ""
    return f"  - {word}{_code(name_of(change.path) + shown)}{_write_details(details)}"


def _write_changed(changes: Iterable[Change]) -> list[str]:
    """Return the worst first, then the shortest paths.

    The same change of many names is told once.
    """
    groups: dict[tuple[object, ...], list[Change]] = defaultdict(list)
    for change in sorted(changes, key=lambda change: _by_depth(change.path)):
        key = (-change.severity, change.details, name_of(change.path), change.old, change.new)
        groups[key].append(change)
    lines = []
    for group in sorted(groups.values(), key=lambda group: -group[0].severity):
        first = group[0]
        paths = _list_some([change.path for change in group])
        lines.append(f"- {paths} (severity {first.severity:g}){_write_details(first.details)}")
        if first.old != first.new and first.old and first.new:
            lines += [f"  - before: {_code(first.old)}", f"  - after: {_code(first.new)}"]
    return lines


def _by_depth(path: str) -> tuple[int, str]:
    """Sort key that puts a name's shortest path first: tensorflow.function before its aliases."""
    return path.count("."), path


def _list_some(paths: Sequence[str]) -> str:
    return name_some([_code(path) for path in paths], _PATHS_SHOWN)


def _write_details(details: Iterable[str]) -> str:
    words = "; ".join(details)
    return f": {words}" if words else ""


def _code(text: str) -> str:
    """Return the text as Markdown's code, on one line."""
    plain = " ".join(text.split())
    return f"`` {plain} ``" if "`" in plain else f"`{plain}`"
