"""All pairs at once give what each pair gives alone."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calipertf.assess.api.model import Api, FunctionDatabase, Parameter, Source, Symbol
from calipertf.assess.matrix import (
    Corpus,
    Profile,
    iter_functions,
    pair_within_groups,
)
from calipertf.assess.signatures import compatibility
from calipertf.assess.similarity import (
    BLOCK,
    containment,
    count_common,
    dice,
    jaccard,
)
from calipertf.formats.scores import list_scores

FUNCTIONS = {
    "p": {"run": ["x", "y"], "Model": {"fit": ["self", "x"], "stop": ["self"]}},
    "p.q": {"run": ["x"], "Empty": {}},
}


def make_api(version: str, symbols: dict[str, tuple[str, ...]]) -> Api:
    """An Api of functions: path -> parameter names."""
    return Api(
        package="p",
        version=version,
        sources=(Source(kind="wheel", filename="p.whl", url=""),),
        symbols={
            path: Symbol(
                path=path,
                kind="function",
                target=path,
                parameters=tuple(
                    Parameter(name=name, kind="positional-or-keyword") for name in names
                ),
            )
            for path, names in symbols.items()
        },
    )


def make_profile(corpus: Corpus, api: Api, functions: FunctionDatabase) -> Profile:
    return Profile(
        version=api.version,
        functions=corpus.number_functions(functions),
        api=corpus.number_api(api),
    )


def test_terms_of_a_function_database() -> None:
    assert list(iter_functions(FUNCTIONS)) == [
        ("p.run", ("x", "y")),
        ("p.Model.fit", ("self", "x")),
        ("p.Model.stop", ("self",)),
        ("p.q.run", ("x",)),
    ]


def test_pairs_within_groups() -> None:
    before, after = pair_within_groups(np.array([0, 1, 1, 2, 2, 2]))
    assert list(zip(before.tolist(), after.tolist(), strict=True)) == [
        (1, 2), (2, 1), (3, 4), (3, 5), (4, 3), (4, 5), (5, 3), (5, 4),
    ]  # fmt: skip


def test_scores_by_hand() -> None:
    corpus = Corpus()
    old = {"p": {"run": ["x"], "stop": []}, "p.old": {}}
    new = {"p": {"run": ["x", "y"], "stop": []}}
    profiles = [
        make_profile(corpus, make_api("1", {"p.run": ("x",), "p.stop": ()}), old),
        make_profile(corpus, make_api("2", {"p.run": ("y",), "p.stop": (), "p.go": ()}), new),
    ]
    tables = corpus.compare(profiles)
    assert {name: table[0, 1] for name, table in tables.items()} == pytest.approx(
        {
            "module_jaccard": 1 / 2,
            "module_dice": 2 / 3,
            "function_jaccard": 1.0,
            "function_dice": 1.0,
            "arguments_jaccard": 1 / 3,
            "arguments_dice": 1 / 2,
            "api_jaccard": 2 / 3,
            "containment": 1.0,
            "compatibility": (0.5 + 1) / 2,
        }
    )
    assert tables["containment"][1, 0] == pytest.approx(2 / 3)
    assert tables["compatibility"][1, 0] == pytest.approx(1.5 / 3)


def test_version_without_data_has_no_score() -> None:
    corpus = Corpus()
    profiles = [
        make_profile(corpus, make_api("1", {}), FUNCTIONS),
        make_profile(corpus, make_api("2", {"p.run": ()}), {}),
        make_profile(corpus, make_api("3", {"p.run": ()}), FUNCTIONS),
    ]
    tables = corpus.compare(profiles)
    assert tables["module_jaccard"][0, 2] == 1.0
    assert tables["compatibility"][1, 2] == 1.0
    assert np.isnan(tables["module_jaccard"][0, 1])
    assert np.isnan(tables["compatibility"][0, 1])


def test_no_version_at_all() -> None:
    tables = Corpus().compare([])
    assert set(tables) == {*list_scores("functions"), *list_scores("api")}
    assert all(table.shape == (0, 0) for table in tables.values())


def test_counts_are_right_across_blocks() -> None:
    rows = [np.arange(0, 2 * BLOCK + 7), np.arange(BLOCK - 1, BLOCK + 2), np.array([], dtype=int)]
    common = count_common(rows, 2 * BLOCK + 7)
    assert common.tolist() == [[2 * BLOCK + 7, 3, 0], [3, 3, 0], [0, 0, 0]]


SYMBOLS = st.dictionaries(
    st.sampled_from(["p.a", "p.b", "p.c", "p.d"]),
    st.sampled_from([(), ("x",), ("y",), ("x", "y"), ("y", "x")]),
    min_size=1,
)


@settings(max_examples=60)
@given(st.lists(SYMBOLS, min_size=1, max_size=5))
def test_all_pairs_at_once_are_the_same_as_each_alone(
    versions: list[dict[str, tuple[str, ...]]],
) -> None:
    corpus = Corpus()
    apis = [make_api(str(number), symbols) for number, symbols in enumerate(versions)]
    functions = [{"m": {path: ["x"] for path in api.symbols}} for api in apis]
    tables = corpus.compare(
        [make_profile(corpus, api, table) for api, table in zip(apis, functions, strict=True)]
    )
    for (row, a), (column, b) in itertools.product(enumerate(apis), repeat=2):
        left, right = a.symbols.keys(), b.symbols.keys()
        assert {name: table[row, column] for name, table in tables.items()} == pytest.approx(
            {
                "module_jaccard": 1.0,
                "module_dice": 1.0,
                "function_jaccard": jaccard(left, right),
                "function_dice": dice(left, right),
                "arguments_jaccard": jaccard(left, right),
                "arguments_dice": dice(left, right),
                "api_jaccard": jaccard(left, right),
                "containment": containment(left, right),
                "compatibility": compatibility(a.symbols, b.symbols),
            }
        )
        assert tables["compatibility"][row, column] <= tables["containment"][row, column] + 1e-9
