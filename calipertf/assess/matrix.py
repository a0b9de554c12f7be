"""Similarity of all pairs of a package's versions at once, as array operations.

A version's API and function database become arrays of numbers as they are loaded; from then on no
name is looked at again, and no Python loop runs over pairs of versions or over names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calipertf.assess.api.model import Api, FunctionDatabase
from calipertf.assess.signatures import Signature, signature_of, signature_severity
from calipertf.assess.similarity import (
    BLOCK,
    Floats,
    Integers,
    Vocabulary,
    containment_of,
    count_common,
    dice_of,
    jaccard_of,
    mark,
)


@dataclass(frozen=True, kw_only=True)
class FunctionTerms:
    """One function database as numbers of a Corpus's vocabularies, each once."""

    modules: Integers
    functions: Integers
    #: Functions with their arguments.
    calls: Integers


@dataclass(frozen=True, kw_only=True)
class ApiTerms:
    """One public API as numbers of a Corpus's vocabularies."""

    #: Public paths, each once.
    paths: Integers
    #: The signature of each path.
    signatures: Integers


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What is known of one version."""

    version: str
    #: None where there is no function database.
    functions: FunctionTerms | None = None
    #: None where there is no public API.
    api: ApiTerms | None = None


class Corpus:
    """The vocabularies that the profiles of a package's versions share."""

    def __init__(self) -> None:
        self._modules = Vocabulary()
        self._functions = Vocabulary()
        self._calls = Vocabulary()
        self._paths = Vocabulary()
        self._signatures = Vocabulary()

    def number_functions(self, functions: FunctionDatabase) -> FunctionTerms | None:
        """Return the terms of a function database; None for an empty one."""
        if not functions:
            return None
        terms = list(iter_functions(functions))
        return FunctionTerms(
            modules=self._modules.number(functions),
            functions=np.unique(self._functions.number(name for name, _ in terms)),
            calls=np.unique(self._calls.number(terms)),
        )

    def number_api(self, api: Api) -> ApiTerms | None:
        """Return the terms of a public API; None for an empty one."""
        if not api.symbols:
            return None
        return ApiTerms(
            paths=self._paths.number(api.symbols), signatures=self._number_signatures(api)
        )

    def _number_signatures(self, api: Api) -> Integers:
        """Return the number of each symbol's signature, in the order of the paths."""
        # The symbols of one Api share their parameter lists: hashing each list once, not once a
        # symbol, makes this ten times faster.
        known: dict[tuple[object, ...], int] = {}
        numbers = []
        for symbol in api.symbols.values():
            name = symbol.target if symbol.kind == "class" else ""
            short = (symbol.kind, id(symbol.parameters), symbol.bases, symbol.is_async, name)
            if short not in known:
                known[short] = int(self._signatures.number([signature_of(symbol)])[0])
            numbers.append(known[short])
        return np.array(numbers, dtype=np.int64)

    def compare(self, profiles: Sequence[Profile]) -> dict[str, Floats]:
        """Return every score as an n x n array, rows are a and columns b.

        NaN where one side has no data.

        Scores of DIRECTED are those of the row's version towards the column's.
        """
        tables: dict[str, Floats] = {}
        functions = [profile.functions for profile in profiles]
        for what, vocabulary, field in (
            ("module", self._modules, "modules"),
            ("function", self._functions, "functions"),
            ("arguments", self._calls, "calls"),
        ):
            rows = [getattr(terms, field) for terms in functions if terms is not None]
            common = count_common(rows, len(vocabulary))
            tables[f"{what}_jaccard"] = _with_gaps(jaccard_of(common), functions)
            tables[f"{what}_dice"] = _with_gaps(dice_of(common), functions)
        apis = [profile.api for profile in profiles]
        known = [terms for terms in apis if terms is not None]
        common = count_common([terms.paths for terms in known], len(self._paths))
        tables["api_jaccard"] = _with_gaps(jaccard_of(common), apis)
        tables["containment"] = _with_gaps(containment_of(common), apis)
        tables["compatibility"] = _with_gaps(self._compare_signatures(known, common), apis)
        return tables

    def _compare_signatures(self, apis: Sequence[ApiTerms], common: Floats) -> Floats:
        """Return the compatibility of the rows' APIs with the columns'.

        A path that both have counts 1 less the severity of its change. Only paths that had several
        signatures can have changed: with B the 0/1 matrix of versions and (path, signature) terms,
        two terms u and v of one path take severity(u, v) from every a that has u and b that has v,
        which is B[:, u] * severity times the transpose of B[:, v].
        """
        result = common.copy()
        width = max(1, len(self._signatures))
        varying = find_varying(apis, len(self._paths))
        rows = [
            terms.paths[varying[terms.paths]] * width + terms.signatures[varying[terms.paths]]
            for terms in apis
        ]
        if rows:
            terms, places = np.unique(np.concatenate(rows), return_inverse=True)
            ends = np.cumsum([len(row) for row in rows])[:-1]
            marks = mark(np.split(places, ends), len(terms))
            before, after = pair_within_groups(terms // width)
            severity = self._score_pairs(terms[before] % width, terms[after] % width)
            matters = np.flatnonzero(severity)
            for start in range(0, len(matters), BLOCK):
                block = matters[start : start + BLOCK]
                result -= (marks[:, before[block]] * severity[block]) @ marks[:, after[block]].T
        sizes = np.diag(common)[:, None]
        shares: Floats = np.divide(result, sizes, out=np.ones_like(result), where=sizes > 0)
        return shares

    def _score_pairs(self, before: Integers, after: Integers) -> Floats:
        """Return the severity of each change of signature; each distinct one is judged once."""
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
    """Yield each function and method of a function database with its arguments."""
    for module, members in functions.items():
        for name, member in members.items():
            if isinstance(member, dict):
                for method, arguments in member.items():
                    yield f"{module}.{name}.{method}", tuple(arguments)
            else:
                yield f"{module}.{name}", tuple(member)


def pair_within_groups(groups: Integers) -> tuple[Integers, Integers]:
    """Return the places of all ordered pairs of two different members of one group.

    Groups are sorted.
    """
    _, starts, sizes = np.unique(groups, return_index=True, return_counts=True)
    size, start = np.repeat(sizes, sizes), np.repeat(starts, sizes)
    before = np.repeat(np.arange(len(groups)), size)
    step = np.arange(len(before)) - np.repeat(np.cumsum(size) - size, size)
    after = np.repeat(start, size) + step
    different = before != after
    return before[different], after[different]


def find_varying(apis: Sequence[ApiTerms], width: int) -> npt.NDArray[np.bool_]:
    """Return, for each path number below `width`, whether two APIs give it different signatures."""
    first = np.full(width, -1)
    varying = np.zeros(width, dtype=bool)
    for terms in apis:
        seen = first[terms.paths]
        varying[terms.paths[(seen >= 0) & (seen != terms.signatures)]] = True
        first[terms.paths] = np.where(seen < 0, terms.signatures, seen)
    return varying


def _with_gaps(table: Floats, sources: Sequence[object | None]) -> Floats:
    """Return the table of those that have data, spread over all; NaN for the others."""
    known = np.flatnonzero([source is not None for source in sources])
    result = np.full((len(sources), len(sources)), np.nan)
    result[np.ix_(known, known)] = table
    return result
