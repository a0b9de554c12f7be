"""The ground truth for the static extraction, and how far an extraction agrees with it.

The truth is what an installed package shows when it is imported (``api_walker.py``). It is taken
fresh in a real environment, or read from ``tests/data``, where two versions of it are kept:

    PYTHONPATH=. python tests/helpers/api_truth.py 2.4.4 3.8 2021-12-01 tests/data/NAME.json.gz
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uv import find_uv_bin

from calipertf.assess.api.model import Symbol
from calipertf.assess.packages import rules_for
from calipertf.run.backends.venv.interpreters import find_interpreter

WALKER = Path(__file__).with_name("api_walker.py")

#: Import names that make up TensorFlow's face.
ROOTS = (
    "tensorflow",
    "tensorflow_core",
    "tensorflow_estimator",
    "keras",
    "keras_applications",
    "keras_preprocessing",
    "tensorboard",
)

#: As in TensorFlow's golden files: contrib is no promised interface, and compat repeats the rest.
OUT_OF_SCOPE = ("tensorflow.contrib", "tensorflow.compat")

SCORED = ("module", "class", "function", "method")

Truth = Mapping[str, Mapping[str, Any]]


def take_truth(version: str, python: str, date: str, folder: Path) -> dict[str, Any]:
    """What TensorFlow shows in an environment made for it, as of a date."""
    interpreter = find_interpreter(f"cp{python.replace('.', '')}")
    if interpreter is None:
        raise LookupError(f"no Python {python} on this machine")
    environment = folder / "environment"
    uv = find_uv_bin()
    create = [uv, "venv", "-q", "-p", str(interpreter.source), str(environment)]
    subprocess.run(create, check=True)
    install = [uv, "pip", "install", "-q", "-p", str(environment), "--exclude-newer", date]
    subprocess.run([*install, f"tensorflow=={version}"], check=True)
    hidden = [*rules_for("tensorflow").public.hidden, *OUT_OF_SCOPE]
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


@dataclass
class Score:
    """Agreement for one kind of symbol."""

    truth: int = 0
    found: int = 0
    both: int = 0
    #: Of both: whose parameters are known on both sides, and equal.
    comparable: int = 0
    equal: int = 0
    #: Why names are missed, and how many for each cause.
    missed: Counter[str] = field(default_factory=Counter)
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
            f"{self.arguments:.4f} equal; missed: {dict(self.missed)}"
        )


def score(
    truth: Truth, symbols: Mapping[str, Symbol], out_of_scope: Sequence[str] = OUT_OF_SCOPE
) -> dict[str, Score]:
    """Kind -> how the extraction's public names agree with the truth's."""
    prefixes = tuple(f"{name}." for name in out_of_scope)
    in_scope = {
        path: symbol
        for path, symbol in symbols.items()
        if path not in out_of_scope and not path.startswith(prefixes)
    }
    scores = {kind: Score() for kind in SCORED}
    for path, entry in truth.items():
        kind = entry["kind"]
        if kind not in scores:
            continue
        scores[kind].truth += 1
        symbol = in_scope.get(path)
        if symbol is None or symbol.kind != kind:
            scores[kind].missed[_explain(path, in_scope)] += 1
            continue
        scores[kind].both += 1
        _compare_parameters(scores[kind], path, entry.get("signature"), symbol)
    for symbol in in_scope.values():
        if symbol.kind in scores:
            scores[symbol.kind].found += 1
    return scores


def _explain(path: str, symbols: Mapping[str, Symbol]) -> str:
    """The cause of a miss, as far as the extraction's own view shows it."""
    if path in symbols:
        return f"seen as {symbols[path].kind}: its value comes from another package or a call"
    owner = symbols.get(path.rpartition(".")[0])
    if owner is None:
        return "what holds it is missed"
    if owner.kind == "class":
        return "inherited from another package, added at run time, or by a compiled base"
    return "not seen in its module"


def _compare_parameters(
    result: Score, path: str, signature: Mapping[str, Any] | None, symbol: Symbol
) -> None:
    if signature is None or symbol.parameters is None:
        return
    arguments = signature["args"][1:] if symbol.kind == "class" else signature["args"]
    named: list[str] = []
    only: list[str] = []
    stars = {}
    defaults = 0
    for item in symbol.parameters:
        if item.kind.startswith("var-"):
            stars[item.kind] = item.name
            continue
        # Golden files write keyword-only names behind the others, and do not tell them apart.
        apart = item.kind == "keyword-only" and signature["kwonly"] is not None
        (only if apart else named).append(item.name)
        defaults += not apart and item.default is not None
    result.comparable += 1
    if (
        named == arguments
        and defaults == signature["defaults"]
        and sorted(only) == sorted(signature["kwonly"] or ())
        and stars.get("var-positional") == signature["varargs"]
        and stars.get("var-keyword") == signature["keywords"]
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
