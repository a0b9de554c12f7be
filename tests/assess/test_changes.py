"""What changed between two small versions, and how it is told."""

from __future__ import annotations

from typing import Any

import pytest

from calipertf.assess.api.model import Api, Parameter, Source, Symbol
from calipertf.assess.changelog import write_changelog
from calipertf.assess.changes import Change, changes_to_json, find_changes


def make_symbol(
    path: str,
    names: str | None = None,
    kind: str = "function",
    target: str | None = None,
) -> Symbol:
    """A symbol whose parameters are the words of `names`; None: not known."""
    parameters = None
    if names is not None:
        parameters = tuple(
            Parameter(name=name, kind="positional-or-keyword") for name in names.split()
        )
    return Symbol(path=path, kind=kind, parameters=parameters, target=target or f"src.{path}")


def make_api(version: str, *symbols: Symbol) -> Api:
    return Api(
        package="p",
        version=version,
        sources=(Source(kind="wheel", filename="p.whl", url=""),),
        symbols={symbol.path: symbol for symbol in symbols},
    )


def summarise(old: list[Symbol], new: list[Symbol]) -> list[tuple[str, str, str | None, float]]:
    changes = find_changes(make_api("1", *old), make_api("2", *new))
    return [(change.kind, change.path, change.to, change.severity) for change in changes]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([make_symbol("p.f", "x")], [make_symbol("p.f", "x")], []),
        # an equal signature that is defined elsewhere is no change
        ([make_symbol("p.f", "x")], [make_symbol("p.f", "x", target="elsewhere.f")], []),
        ([make_symbol("p.f", "x")], [], [("removed", "p.f", None, 1.0)]),
        ([], [make_symbol("p.f", "x")], [("added", "p.f", None, 0.0)]),
        (
            [make_symbol("p.f", "x y")],
            [make_symbol("p.f", "x")],
            [("changed", "p.f", None, 1.0)],
        ),
        # moved: one definition at a new path, or one function of that name and those parameters
        (
            [make_symbol("p.contrib.f", "x", target="src.f")],
            [make_symbol("p.math.f", "x z", target="src.f")],
            [("moved", "p.contrib.f", "p.math.f", 1.0)],
        ),
        (
            [make_symbol("p.contrib.f", "x y")],
            [make_symbol("p.math.f", "x y")],
            [("moved", "p.contrib.f", "p.math.f", 1.0)],
        ),
        # an alias of what both versions have elsewhere only went away
        (
            [
                make_symbol("p.contrib.f", "x", target="src.f"),
                make_symbol("p.f", "x", target="src.f"),
            ],
            [make_symbol("p.f", "x", target="src.f"), make_symbol("p.n.f", "x")],
            [("removed", "p.contrib.f", None, 1.0), ("added", "p.n.f", None, 0.0)],
        ),
        # ... even where the definition itself moved: numpy.core.char.add was numpy.char.add
        (
            [make_symbol("p.core.f", "x", target="a.f"), make_symbol("p.f", "x", target="a.f")],
            [make_symbol("p.f", "x", target="b.f"), make_symbol("p.n.f", "x")],
            [("removed", "p.core.f", None, 1.0), ("added", "p.n.f", None, 0.0)],
        ),
        # two that it could be: not evident
        (
            [make_symbol("p.contrib.f", "x y")],
            [make_symbol("p.a.f", "x y"), make_symbol("p.b.f", "x y")],
            [
                ("removed", "p.contrib.f", None, 1.0),
                ("added", "p.a.f", None, 0.0),
                ("added", "p.b.f", None, 0.0),
            ],
        ),
        # renamed: one definition under a new name, or a like name beside it
        (
            [make_symbol("p.f", "x", target="src.f")],
            [make_symbol("p.g", "x", target="src.f")],
            [("renamed", "p.f", "p.g", 1.0)],
        ),
        (
            [make_symbol("p.initialize_all", "x y")],
            [make_symbol("p.initialise_all", "x y")],
            [("renamed", "p.initialize_all", "p.initialise_all", 1.0)],
        ),
        (
            [make_symbol("p.mul", "x y")],
            [make_symbol("p.pow", "x y")],
            [("removed", "p.mul", None, 1.0), ("added", "p.pow", None, 0.0)],
        ),
        # a class stands for its members, a module does not
        (
            [
                make_symbol("p.m", kind="module"),
                make_symbol("p.m.C", kind="class"),
                make_symbol("p.m.C.run", "self", kind="method"),
            ],
            [],
            [("removed", "p.m", None, 1.0), ("removed", "p.m.C", None, 1.0)],
        ),
        # a member of a class that stays
        (
            [make_symbol("p.C", kind="class"), make_symbol("p.C.run", "self", kind="method")],
            [make_symbol("p.C", kind="class")],
            [("removed", "p.C.run", None, 1.0)],
        ),
    ],
)
def test_changes(old: str, new: str, expected: Any) -> None:
    assert summarise(old, new) == expected


def test_removed_name_tells_under_which_its_definition_stays() -> None:
    alias = make_symbol("p.compat.v1.f", "x", target="src.f")
    old = make_api("1", make_symbol("p.f", "x", target="src.f"), alias)
    (change,) = find_changes(old, make_api("2", alias))
    assert change == Change(
        kind="removed",
        path="p.f",
        object="function",
        severity=1.0,
        old="(x)",
        details=("its definition stays public as p.compat.v1.f",),
    )


def test_json_is_as_the_formats_have_it() -> None:
    old, new = make_api("1", make_symbol("p.f", "x y")), make_api("2", make_symbol("p.f", "x"))
    assert changes_to_json(old, new, find_changes(old, new)) == {
        "schema": 1,
        "package": "p",
        "a": "1",
        "b": "2",
        "changes": [
            {
                "kind": "changed",
                "path": "p.f",
                "object": "function",
                "to": None,
                "severity": 1.0,
                "old": "(x y)".replace(" ", ", "),
                "new": "(x)",
                "details": ("parameter y removed",),
            }
        ],
    }


def test_changelog_for_people() -> None:
    old = make_api(
        "1",
        make_symbol("p.gone", "x"),
        make_symbol("p.m", kind="module"),
        make_symbol("p.m.f", "x"),
        make_symbol("p.C", kind="class"),
        make_symbol("p.C.a", "self", kind="method"),
        make_symbol("p.moved", "x", target="src.moved"),
        *(make_symbol(f"p.{name}.run", "x y") for name in "abcde"),
    )
    new = make_api(
        "2",
        make_symbol("p.n.moved", "x", target="src.moved"),
        make_symbol("p.fresh", "x"),
        *(make_symbol(f"p.{name}.run", "x") for name in "abcde"),
    )
    assert (
        write_changelog(old, new, find_changes(old, new))
        == """\
# p 1 to 2

Public names: 11 before, 7 after; 4 removed, 1 moved, 5 changed, 1 added.

## Removed

- in `p`:
  - class `C`: with 1 member
  - `gone(x)`
  - module `m`: with 1 name below

## Moved

- `p.moved` is `p.n.moved`

## Changed signatures

- `p.a.run`, `p.b.run`, `p.c.run` and 2 more (severity 1): parameter y removed
  - before: `(x, y)`
  - after: `(x)`

## Added

- in `p`:
  - `fresh(x)`
"""
    )


def test_change_is_told_of_the_shortest_path_first() -> None:
    paths = ["p.compat.v1.f", "p.f", "p.a.b.g"]
    old = make_api("1", *(make_symbol(path, "x y") for path in paths))
    new = make_api("2", *(make_symbol(path, "x") for path in paths))
    page = write_changelog(old, new, find_changes(old, new))
    lines = [line for line in page.splitlines() if "severity" in line]
    assert [line.partition(" (")[0] for line in lines] == [
        "- `p.f`, `p.compat.v1.f`",
        "- `p.a.b.g`",
    ]


def test_classes_that_inherit_what_is_gone_are_told_together() -> None:
    classes = [make_symbol(f"p.{name}", kind="class") for name in "ABCDE"]
    members = [
        make_symbol(f"{owner.path}.{name}", "self", kind="method", target=f"src.A.{name}")
        for owner in classes
        for name in ("run", "stop")
    ]
    old, new = make_api("1", *classes, *members), make_api("2", *classes)
    page = write_changelog(old, new, find_changes(old, new))
    assert page.endswith(
        "## Removed\n\n- in `p.A`, `p.B`, `p.C` and 2 more:\n  - `run(self)`\n  - `stop(self)`\n"
    )


def test_changelog_of_equal_versions_says_so() -> None:
    api = make_api("1", make_symbol("p.f", "x"))
    assert "nothing changed" in write_changelog(api, api, find_changes(api, api))
