"""Similarity of all pairs of a package's versions at once, as array operations.

A version's API and function database become arrays of numbers as they are loaded; from then on no
name is looked at again, and no Python loop runs over pairs of versions or over names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from calipertf.assess.model import Api, FunctionDatabase
from calipertf.assess.signatures import Signature, signature_severity
from calipertf.assess.similarity import (
    BLOCK,
    Floats,
    Integers,
    Vocabulary,
    containment_of,
    count_common,
    dice_of,
    jaccard_of,
)

#: Scores of function databases, the same in both directions.
FUNCTION_SCORES = tuple(
    f"{what}_{how}" for what in ("module", "function", "arguments") for how in ("jaccard", "dice")
)
#: Scores of public APIs; all but the first have a direction.
API_SCORES = ("api_jaccard", "containment", "compatibility")
DIRECTED = frozenset({"containment", "compatibility"})


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One version as numbers of a Corpus's vocabularies."""

    version: str
    #: None where there is no function database.
    modules: Integers | None
    functions: Integers | None
    #: Functions with their arguments.
    calls: Integers | None
    #: Public paths, and their signatures side by side; None where there is no public API.
    paths: Integers | None
    signatures: Integers | None


class Corpus:
    """The vocabularies that the profiles of a package's versions share."""

    def __init__(self) -> None:
        self._modules = Vocabulary()
        self._functions = Vocabulary()
        self._calls = Vocabulary()
        self._paths = Vocabulary()
        self._signatures = Vocabulary()

    def add(self, version: str, api: Api | None, functions: FunctionDatabase | None) -> Profile:
        """The profile of one version; either source may be missing or empty."""
        has_api = api is not None and bool(api.symbols)
        terms = list(iter_functions(functions)) if functions else []
        return Profile(
            version=version,
            modules=self._modules.number(functions) if functions else None,
            functions=np.unique(self._functions.number(name for name, _ in terms))
            if functions
            else None,
            calls=np.unique(self._calls.number(terms)) if functions else None,
            paths=self._paths.number(api.symbols) if api and has_api else None,
            signatures=self._number_signatures(api) if api and has_api else None,
        )

    def _number_signatures(self, api: Api) -> Integers:
        """The number of each symbol's signature, in the order of the paths."""
        # The symbols of one Api share their parameter lists: hashing each list once, not once a
        # symbol, makes this ten times faster.
        known: dict[tuple[object, ...], int] = {}
        numbers = []
        for symbol in api.symbols.values():
            short = (symbol.kind, id(symbol.parameters), symbol.bases, symbol.is_async)
            if short not in known:
                whole = Signature(symbol.kind, symbol.parameters, symbol.bases, symbol.is_async)
                known[short] = int(self._signatures.number([whole])[0])
            numbers.append(known[short])
        return np.array(numbers, dtype=np.int64)

    def compare(self, profiles: Sequence[Profile]) -> dict[str, Floats]:
        """Every score as an n x n array, rows are a and columns b; NaN where one side has no data.

        Scores of DIRECTED are those of the row's version towards the column's.
        """
        tables: dict[str, Floats] = {}
        for what, vocabulary in (
            ("module", self._modules),
            ("function", self._functions),
            ("arguments", self._calls),
        ):
            found = [_rows(profile, what) for profile in profiles]
            common = count_common(_without_none(found), len(vocabulary))
            tables[f"{what}_jaccard"] = _with_gaps(jaccard_of(common), found)
            tables[f"{what}_dice"] = _with_gaps(dice_of(common), found)
        found = [profile.paths for profile in profiles]
        common = count_common(_without_none(found), len(self._paths))
        tables["api_jaccard"] = _with_gaps(jaccard_of(common), found)
        tables["containment"] = _with_gaps(containment_of(common), found)
        tables["compatibility"] = _with_gaps(self._compare_signatures(profiles, common), found)
        return tables

    def _compare_signatures(self, profiles: Sequence[Profile], common: Floats) -> Floats:
        """Compatibility of the rows' APIs with the columns'.

        With B the 0/1 matrix of versions and distinct (path, signature) terms, a path that both
        have with one signature counts 1: B times its transpose. What is left are the few terms
        with one path and two signatures, u and v: each counts its score c(u, v) for every a that
        has u and b that has v, which is B[:, u] * c times the transpose of B[:, v].
        """
        width = max(1, len(self._signatures))
        rows = [
            profile.paths * width + profile.signatures
            for profile in profiles
            if profile.paths is not None and profile.signatures is not None
        ]
        if not rows:
            return np.zeros((0, 0))
        terms, places = np.unique(np.concatenate(rows), return_inverse=True)
        numbered = np.split(places, np.cumsum([len(row) for row in rows])[:-1])
        result = count_common(numbered, len(terms))
        before, after = pair_within_groups(terms // width)
        score = 1.0 - self._score_pairs(terms[before] % width, terms[after] % width)
        matters = score > 0
        for left, right, weight in _blocks(before[matters], after[matters], score[matters]):
            result += (_presence(numbered, left, len(terms)) * weight) @ _presence(
                numbered, right, len(terms)
            ).T
        sizes = np.diag(common)[:, None]
        return np.divide(result, sizes, out=np.ones_like(result), where=sizes > 0)

    def _score_pairs(self, before: Integers, after: Integers) -> Floats:
        """Severity of each change of signature; each distinct one is judged once."""
        signatures = [item for item in self._signatures.terms() if isinstance(item, Signature)]
        width = max(1, len(signatures))
        distinct, places = np.unique(before * width + after, return_inverse=True)
        values = np.fromiter(
            (
                signature_severity(signatures[pair // width], signatures[pair % width]).value
                for pair in distinct.tolist()
            ),
            dtype=np.float64,
            count=len(distinct),
        )
        return values[places]


def iter_functions(functions: FunctionDatabase) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each function and method of a function database with its arguments."""
    for module, members in functions.items():
        for name, member in members.items():
            if isinstance(member, dict):
                for method, arguments in member.items():
                    yield f"{module}.{name}.{method}", tuple(arguments)
            else:
                yield f"{module}.{name}", tuple(member)


def pair_within_groups(groups: Integers) -> tuple[Integers, Integers]:
    """Places of all ordered pairs of two different members of one group; groups are sorted."""
    _, starts, sizes = np.unique(groups, return_index=True, return_counts=True)
    size, start = np.repeat(sizes, sizes), np.repeat(starts, sizes)
    before = np.repeat(np.arange(len(groups)), size)
    step = np.arange(len(before)) - np.repeat(np.cumsum(size) - size, size)
    after = np.repeat(start, size) + step
    different = before != after
    return before[different], after[different]


def _blocks(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    for start in range(0, len(arrays[0]), BLOCK):
        yield tuple(array[start : start + BLOCK] for array in arrays)


def _presence(rows: Sequence[Integers], wanted: Integers, width: int) -> Floats:
    """Whether each row holds each wanted number, as 0.0 and 1.0."""
    result = np.zeros((len(rows), len(wanted)))
    held = np.zeros(width)
    for place, row in enumerate(rows):
        held[row] = 1.0
        result[place] = held[wanted]
        held[row] = 0.0
    return result


def _rows(profile: Profile, what: str) -> Integers | None:
    rows = {
        "module": profile.modules,
        "function": profile.functions,
        "arguments": profile.calls,
    }
    return rows[what]


def _without_none(rows: Sequence[Integers | None]) -> list[Integers]:
    return [row for row in rows if row is not None]


def _with_gaps(table: Floats, rows: Sequence[Integers | None]) -> Floats:
    """The table of those that have data, spread over all; NaN for the others."""
    known = np.flatnonzero([row is not None for row in rows])
    result = np.full((len(rows), len(rows)), np.nan)
    result[np.ix_(known, known)] = table
    return result
