"""Our notes of TensorFlow's golden API files of versions of which no whole folder is to be had.

``tests/data/tensorflow-*-golden.txt`` tell, module by module and class by class, what single golden
files list; ``golden.py`` reads whole folders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from calipertf.assess.api.model import Symbol
from helpers.api_truth import OUT_OF_SCOPE

#: Lists of names in the notes -> what the names are; none: callables.
LISTS = {"classes": "class", "modules": "module", "values": "attribute", "bare": ""}


@dataclass(kw_only=True)
class Golden:
    """What golden files say, read from our notes of them."""

    #: Path -> kind and signature, as an imported package's truth; keyword-only names unknown.
    truth: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The modules and classes whose golden files are here, each of them whole.
    scope: set[str] = field(default_factory=set)
    #: What a fork, from whose tree the files are, added to TensorFlow: path -> its arguments'
    #: names, or nothing for a name that is the fork's altogether.
    added: dict[str, list[str]] = field(default_factory=dict)


def load_golden(path: Path, root: str = "tensorflow") -> Golden:
    """Notes of golden files, their ``tensorflow`` read as another path where it is found there."""
    golden = Golden()
    owner = member = ""
    for line in path.read_text().splitlines():
        heading, _, name = line.partition(" ")
        names, _, text = line.partition(":")
        if heading in ("module", "class"):
            owner = root + name.removeprefix("tensorflow")
            golden.scope.add(owner)
            member = {"module": "function", "class": "method"}[heading]
        elif names == "added":
            golden.added.update((f"{owner}.{item}", []) for item in text.split())
        elif names in LISTS:
            for item in text.split():
                place, kind = _place(owner, item, LISTS[names] or member)
                golden.truth.setdefault(place, {"kind": kind})
        elif line and heading != "#":
            for item in names.split():
                _note(golden, owner, item, member, text.split())
    return golden


def _place(owner: str, name: str, kind: str) -> tuple[str, str]:
    """Path and kind of a name; a constructor stands for its class."""
    return (owner, "class") if name == "__init__" else (f"{owner}.{name}", kind)


def _note(golden: Golden, owner: str, name: str, kind: str, arguments: list[str]) -> None:
    """One callable of a golden file."""
    path, kind = _place(owner, name, kind)
    if foreign := [item.strip("+=") for item in arguments if item[0] == "+"]:
        golden.added[path] = foreign
    own = [item for item in arguments if item[0] not in "+*"]
    stars = {item.count("*"): item.strip("*") for item in arguments if item[0] == "*"}
    golden.truth[path] = {
        "kind": kind,
        "signature": {
            "args": [item.rstrip("=") for item in own],
            "varargs": stars.get(1),
            "keywords": stars.get(2),
            "kwonly": None,
            "defaults": sum(item.endswith("=") for item in own),
        },
    }


def cut_to(golden: Golden, symbols: Mapping[str, Symbol]) -> dict[str, Symbol]:
    """The symbols of the modules and classes that the notes tell of."""
    return {
        path: symbol
        for path, symbol in symbols.items()
        if path in golden.truth
        or (path.rpartition(".")[0] in golden.scope and path not in OUT_OF_SCOPE)
    }
