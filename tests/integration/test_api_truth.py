"""The static extraction against what the real package shows when it is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import golden
import pytest
from api_truth import OUT_OF_SCOPE, Truth, load_truth, score, take_truth

from calipertf.assess.api import extract_api
from calipertf.assess.model import Symbol
from calipertf.run.interpreters import find_interpreter

DATA = Path(__file__).resolve().parent.parent / "data"

pytestmark = [pytest.mark.network, pytest.mark.slow]

#: Version, Python, and the date as of which its environment is resolved.
CELLS = [
    ("0.12.1", "3.6", "2021-01-20"),
    ("1.13.2", "3.7", "2021-01-20"),
    ("1.15.5", "3.7", "2021-01-20"),
    ("2.4.4", "3.8", "2021-12-01"),
    ("2.5.0", "3.8", "2021-06-15"),
    ("2.16.1", "3.11", "2024-03-25"),
]

#: What the extraction promises; measured: 1.0 for functions and classes but for 2.16.1's classes.
LEAST = {
    "module": (0.97, 0.95),
    "class": (0.93, 0.95),
    "function": (0.97, 0.95),
    "method": (0.93, 0.95),
}
LEAST_EQUAL = 0.99
LEAST_COMPARABLE = 0.85


def check(
    truth: Truth,
    symbols: Mapping[str, Symbol],
    about: str,
    out_of_scope: Sequence[str] = OUT_OF_SCOPE,
) -> None:
    scores = score(truth, symbols, out_of_scope)
    for kind, result in scores.items():
        print(f"{about} {kind}: {result}")  # shown with pytest -rP
    assert scores["function"].truth > 500
    for kind, (recall, precision) in LEAST.items():
        assert scores[kind].recall >= recall, scores[kind]
        assert scores[kind].precision >= precision, scores[kind]
    functions = scores["function"]
    assert functions.arguments >= LEAST_EQUAL, functions.different
    assert functions.comparable >= LEAST_COMPARABLE * functions.truth


def extract(version: str, python: str) -> Mapping[str, Symbol]:
    return extract_api("tensorflow", version, python=f"cp{python.replace('.', '')}").symbols


@pytest.mark.parametrize(("version", "python"), [("1.13.2", "3.7"), ("2.4.4", "3.8")])
def test_extraction_agrees_with_the_stored_truth(version: str, python: str) -> None:
    truth = load_truth(DATA / f"tensorflow-{version}-api.json.gz")
    check(truth, extract(version, python), version)


@pytest.mark.parametrize(("version", "python", "date"), CELLS)
def test_extraction_agrees_with_a_live_import(
    version: str, python: str, date: str, tmp_path: Path
) -> None:
    if find_interpreter(f"cp{python.replace('.', '')}") is None:
        pytest.skip(f"no Python {python} on this machine")
    check(take_truth(version, python, date, tmp_path), extract(version, python), version)


@pytest.mark.parametrize(("folder", "root"), [("v2", "tensorflow"), ("v1", "tensorflow.compat.v1")])
def test_extraction_agrees_with_golden_files(folder: str, root: str) -> None:
    """Both of TensorFlow's own golden folders of 2.14.1, as `golden.py` keeps them."""
    truth = load_truth(DATA / f"tensorflow-2.14.1-golden-{folder}.json.gz")
    symbols = {
        f"tensorflow{path.removeprefix(root)}": symbol
        for path, symbol in extract("2.14.1", "3.11").items()
        if f"{path}.".startswith(f"{root}.")
    }
    left_out = tuple(f"{name}." for name in golden.OUT_OF_SCOPE)
    in_scope = {path: entry for path, entry in truth.items() if not f"{path}.".startswith(left_out)}
    check(in_scope, symbols, f"golden {folder}", golden.OUT_OF_SCOPE)


def test_extraction_agrees_with_a_run_of_a_golden_file() -> None:
    """92 functions in alphabetical order: each is found with its arguments, and no other."""
    lines = (DATA / "tensorflow-v1-golden-sample.txt").read_text().splitlines()
    golden = {name: rest for name, *rest in (line.split() for line in lines if line[0] != "#")}
    marks = {"var-positional": "*", "var-keyword": "**"}
    symbols = extract_api("tensorflow", "1.14.0").symbols
    found = {
        symbol.path.removeprefix("tensorflow."): [
            marks.get(item.kind, "") + item.name for item in symbol.parameters or ()
        ]
        for symbol in symbols.values()
        if symbol.kind == "function" and symbol.path.count(".") == 1
    }
    assert {
        name: rest for name, rest in found.items() if min(golden) <= name <= max(golden)
    } == golden
