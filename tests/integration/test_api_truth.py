"""The static extraction against what the real package shows when it is imported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from helpers import DATA, golden
from helpers.api_truth import OUT_OF_SCOPE, Score, Truth, load_truth, score, take_truth
from helpers.golden_notes import cut_to, load_golden

from calipertf.assess.api.extract import extract_api
from calipertf.assess.api.model import Symbol
from calipertf.run.backends.venv.interpreters import find_interpreter

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

#: Notes of golden files, the version that they are held against, and where it has what they tell.
GOLDEN = [
    ("1.15.5", "1.15.5", "tensorflow"),
    ("2.0.0", "2.0.0", "tensorflow"),
    ("2.0.0-v1", "2.0.0", "tensorflow.compat.v1"),
    ("2.0.0-v1", "1.15.5", "tensorflow"),
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
    least: int = 500,
) -> dict[str, Score]:
    scores = score(truth, symbols, out_of_scope)
    for kind, result in scores.items():
        print(f"{about} {kind}: {result}")  # shown with pytest -rP
    assert scores["function"].truth > least
    for kind, (recall, precision) in LEAST.items():
        assert scores[kind].recall >= recall, scores[kind]
        assert scores[kind].precision >= precision, scores[kind]
    functions = scores["function"]
    assert functions.arguments >= LEAST_EQUAL, functions.different
    assert functions.comparable >= LEAST_COMPARABLE * functions.truth
    return scores


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


@pytest.mark.parametrize(("notes", "version", "root"), GOLDEN)
def test_extraction_agrees_with_notes_of_golden_files(notes: str, version: str, root: str) -> None:
    known = load_golden(DATA / f"tensorflow-{notes}-golden.txt", root)
    symbols = cut_to(known, extract_api("tensorflow", version).symbols)
    scores = check(known.truth, symbols, f"golden {notes}, {root} {version}", (), least=200)
    assert not scores["function"].missed, str(scores["function"])
    assert not scores["function"].different, str(scores["function"].different)


def test_golden_notes_are_of_the_size_that_is_told() -> None:
    sizes = {}
    for notes in ("1.15.5", "2.0.0", "2.0.0-v1"):
        known = load_golden(DATA / f"tensorflow-{notes}-golden.txt")
        kinds = Counter(entry["kind"] for entry in known.truth.values())
        sizes[notes] = (len(known.scope), kinds["function"], kinds["class"], kinds["method"])
    assert sizes == {
        "1.15.5": (33, 771, 162, 250),
        "2.0.0": (52, 921, 314, 380),
        "2.0.0-v1": (6, 250, 36, 0),
    }


@pytest.mark.parametrize("neighbour", ["1.13.2", "2.0.0-v1"])
def test_what_is_noted_as_added_by_a_fork_is_not_in_tensorflow(neighbour: str) -> None:
    """It is kept out of the comparison, so nothing of TensorFlow's own may be among it."""
    if neighbour == "1.13.2":
        known: Truth = load_truth(DATA / "tensorflow-1.13.2-api.json.gz")
    else:
        known = load_golden(DATA / "tensorflow-2.0.0-v1-golden.txt").truth
    added = load_golden(DATA / "tensorflow-1.15.5-golden.txt").added
    assert len(added) > 100
    for path, arguments in added.items():
        entry = known.get(path)
        if arguments and entry is not None:
            signature = entry.get("signature") or {"args": []}
            assert not set(arguments) & set(signature["args"]), path
        else:
            assert entry is None, path
