"""How alike two sets are, and the same for all pairs of many sets at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Marks = npt.NDArray[np.uint8]

#: Terms (columns) that are multiplied at once: 110 versions x 32,768 x 4 bytes are 14 MB.
BLOCK = 32_768


def jaccard(left: AbstractSet[object], right: AbstractSet[object]) -> float:
    """Return the share of the union that both have, 0.0 to 1.0; two empty sets score 1.0."""
    union = len(left | right)
    return len(left & right) / union if union else 1.0


def dice(left: AbstractSet[object], right: AbstractSet[object]) -> float:
    """Return twice the common part over the sum of both sizes, 0.0 to 1.0.

    Two empty sets score 1.0.
    """
    total = len(left) + len(right)
    return 2 * len(left & right) / total if total else 1.0


def containment(left: AbstractSet[object], right: AbstractSet[object]) -> float:
    """Return the share of the left set that the right one has, 0.0 to 1.0.

    An empty left set scores 1.0.
    """
    return len(left & right) / len(left) if left else 1.0


class Vocabulary:
    """Terms by number, so that sets become arrays; a term's number is the order of its arrival."""

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}

    def __len__(self) -> int:
        """Return how many terms there are."""
        return len(self._numbers)

    def number(self, terms: Iterable[object]) -> Integers:
        """Return the number of each term, in the order given; new terms get the next ones."""
        numbers = self._numbers
        return np.fromiter(
            (numbers.setdefault(term, len(numbers)) for term in terms), dtype=np.int64
        )

    def terms(self) -> list[object]:
        """Return all terms, in the order of their numbers."""
        return list(self._numbers)


def mark(rows: Sequence[Integers], width: int) -> Marks:
    """Return a row of 0 and 1 for each row of numbers below `width`: which numbers it holds."""
    marks = np.zeros((len(rows), width), dtype=np.uint8)
    for place, row in enumerate(rows):
        marks[place, row] = 1
    return marks


def count_common(rows: Sequence[Integers], width: int) -> Floats:
    """Return how many numbers below `width` each two of n rows share, as n x n.

    Sizes on the diagonal.

    The 0/1 matrix times its transpose, a block of columns at a time, in float32: a block's counts
    are far below 2**24 and so exact.
    """
    marks = mark(rows, width)
    result = np.zeros((len(rows), len(rows)))
    for start in range(0, width, BLOCK):
        block = marks[:, start : start + BLOCK].astype(np.float32)
        result += block @ block.T
    return result


def jaccard_of(common: Floats) -> Floats:
    """Return Jaccard of each two sets from what `count_common` gives."""
    sizes = np.diag(common)
    return _share(common, sizes[:, None] + sizes[None, :] - common)


def dice_of(common: Floats) -> Floats:
    """Return Dice of each two sets from what `count_common` gives."""
    sizes = np.diag(common)
    return _share(2 * common, sizes[:, None] + sizes[None, :])


def containment_of(common: Floats) -> Floats:
    """Return share of the row's set that the column's set has, from what `count_common` gives."""
    return _share(common, np.broadcast_to(np.diag(common)[:, None], common.shape))


def _share(part: Floats, whole: Floats) -> Floats:
    """Return part over whole; 1 where there is nothing to share."""
    return np.divide(part, whole, out=np.ones_like(part), where=whole > 0)
