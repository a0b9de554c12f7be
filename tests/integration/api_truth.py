"""The ground truth for the static extraction, and how far an extraction agrees with it.

The truth is what an installed package shows when it is imported (``api_walker.py``). It is taken
fresh in a real environment, or read from ``tests/data``, where two versions of it are kept:

    python tests/integration/api_truth.py 2.4.4 3.8 2021-12-01 tests/data/NAME.json.gz

Or it is what TensorFlow's own golden API files say (``tests/data/*-golden.txt``).
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from calipertf.assess.faces import know
from calipertf.assess.model import Symbol
from calipertf.run.interpreters import find_interpreter

WALKER = Path(__file__).with_name("api_walker.py")

#: Import names that make up TensorFlow's face.
ROOTS = ("tensorflow", "tensorflow_core", "tensorflow_estimator", "keras", "tensorboard")

#: As in TensorFlow's golden files: contrib is no promised interface, and compat repeats the rest.
OUT_OF_SCOPE = ("tensorflow.contrib", "tensorflow.compat")

SCORED = ("module", "class", "function", "method")

#: Lists of names in our notes of golden files -> what the names are; none: callables.
LISTS = {"classes": "class", "modules": "module", "values": "attribute", "bare": ""}

Truth = Mapping[str, Mapping[str, Any]]


def take_truth(version: str, python: str, date: str, folder: Path) -> dict[str, Any]:
    """What TensorFlow shows in an environment made for it, as of a date."""
    interpreter = find_interpreter(f"cp{python.replace('.', '')}")
    if interpreter is None:
        raise LookupError(f"no Python {python} on this machine")
    environment = folder / "environment"
    create = ["uv", "venv", "-q", "-p", str(interpreter.source), str(environment)]
    subprocess.run(create, check=True)
    install = ["uv", "pip", "install", "-q", "-p", str(environment), "--exclude-newer", date]
    subprocess.run([*install, f"tensorflow=={version}"], check=True)
    hidden = [*know("tensorflow").face.hidden, *OUT_OF_SCOPE]
    answer = folder / "truth.json"
    subprocess.run(
        [
            str(environment / "bin" / "python"),
            str(WALKER),
            "tensorflow",
            json.dumps({"roots": ROOTS, "hidden": hidden}),
            str(answer),
        ],
        check=True,
        capture_output=True,
        timeout=600,
    )
    found: dict[str, Any] = json.loads(answer.read_text())
    return found


def save_truth(truth: Truth, path: Path, **about: str) -> None:
    """Write the truth small: each signature once."""
    signatures: dict[str, int] = {}
    symbols = {}
    for name, entry in truth.items():
        signature = entry.get("signature")
        text = json.dumps(signature, sort_keys=True)
        number = signatures.setdefault(text, len(signatures)) if signature else None
        symbols[name] = [entry["kind"], number]
    data = {
        "schema": 1,
        "about": about,
        "signatures": [json.loads(text) for text in signatures],
        "symbols": symbols,
    }
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def load_truth(path: Path) -> dict[str, Any]:
    data = json.loads(gzip.decompress(path.read_bytes()))
    return {
        name: {"kind": kind, "signature": None if number is None else data["signatures"][number]}
        for name, (kind, number) in data["symbols"].items()
    }


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


@dataclass
class Score:
    """Agreement for one kind of symbol."""

    truth: int = 0
    found: int = 0
    both: int = 0
    #: Of both: whose parameters are known on both sides, and equal.
    comparable: int = 0
    equal: int = 0
    #: Why names are missed -> which.
    missed: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    #: Found, and not in the truth.
    beside: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.both / self.truth if self.truth else 1.0

    @property
    def precision(self) -> float:
        return self.both / self.found if self.found else 1.0

    @property
    def arguments(self) -> float:
        return self.equal / self.comparable if self.comparable else 1.0

    def __str__(self) -> str:
        return (
            f"{self.truth} true, {self.found} found, recall {self.recall:.4f}, precision "
            f"{self.precision:.4f}, {self.comparable} signatures compared, "
            f"{self.arguments:.4f} equal; missed: {_tell(self.missed)}; "
            f"beside: {_shorten(self.beside)}; different: {_shorten(self.different)}"
        )


def _tell(missed: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{cause}: {_shorten(names)}" for cause, names in missed.items()) or "none"


def _shorten(names: list[str]) -> str:
    return f"{len(names)} ({', '.join(names[:10])})" if names else "none"


def score(
    truth: Truth, symbols: Mapping[str, Symbol], scope: Collection[str] = ()
) -> dict[str, Score]:
    """Kind -> how the extraction's public names agree with the truth's.

    ``scope``: the modules and classes of which the truth tells; all but what is out of scope.
    """
    in_scope = _cut(symbols, truth, scope)
    scores = {kind: Score() for kind in SCORED}
    for path, entry in truth.items():
        kind = entry["kind"]
        if kind not in scores:
            continue
        scores[kind].truth += 1
        symbol = in_scope.get(path)
        if symbol is None or symbol.kind != kind:
            scores[kind].missed[_explain(path, symbols)].append(path)
            continue
        scores[kind].both += 1
        _compare_parameters(scores[kind], path, entry.get("signature"), symbol)
    for path, symbol in in_scope.items():
        if symbol.kind in scores:
            scores[symbol.kind].found += 1
            if truth.get(path, {}).get("kind") != symbol.kind:
                scores[symbol.kind].beside.append(path)
    return scores


def _cut(symbols: Mapping[str, Symbol], truth: Truth, scope: Collection[str]) -> dict[str, Symbol]:
    if scope:
        return {
            path: symbol
            for path, symbol in symbols.items()
            if path in truth or (path.rpartition(".")[0] in scope and path not in OUT_OF_SCOPE)
        }
    prefixes = tuple(f"{name}." for name in OUT_OF_SCOPE)
    return {
        path: symbol
        for path, symbol in symbols.items()
        if path not in OUT_OF_SCOPE and not path.startswith(prefixes)
    }


def _explain(path: str, symbols: Mapping[str, Symbol]) -> str:
    """The cause of a miss, as far as the extraction's own view shows it."""
    if path in know("tensorflow").face.hidden:
        return "held for private"
    if path in symbols:
        return f"seen as {symbols[path].kind}: its value comes from another package or a call"
    owner = symbols.get(path.rpartition(".")[0])
    if owner is None:
        return "what holds it is missed"
    if owner.kind == "class":
        return "added to its class at run time, or by a compiled base"
    return "not seen in its module"


def _compare_parameters(
    result: Score, path: str, signature: Mapping[str, Any] | None, symbol: Symbol
) -> None:
    if signature is None or symbol.parameters is None:
        return
    by_kind: dict[str, list[str]] = {}
    for item in symbol.parameters:
        kind = "positional" if item.kind.startswith("positional") else item.kind
        by_kind.setdefault(kind, []).append(item.name)
    positional = by_kind.get("positional", [])
    defaults = sum(
        item.default is not None for item in symbol.parameters if item.name in positional
    )
    arguments = signature["args"][1:] if symbol.kind == "class" else signature["args"]
    keyword_only = sorted(by_kind.get("keyword-only", []))
    result.comparable += 1
    if (
        positional == arguments
        and defaults == signature["defaults"]
        and (signature["kwonly"] is None or sorted(signature["kwonly"]) == keyword_only)
        and by_kind.get("var-positional", [None]) == [signature["varargs"]]
        and by_kind.get("var-keyword", [None]) == [signature["keywords"]]
    ):
        result.equal += 1
    else:
        result.different.append(path)


def main() -> None:
    version, python, date, target = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        truth = take_truth(version, python, date, Path(folder))
    save_truth(truth, Path(target), package="tensorflow", version=version, python=python, date=date)


if __name__ == "__main__":
    main()
