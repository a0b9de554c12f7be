"""Scores of every two versions as a matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from calipertf.parse.prediction.statistics import Floats


def fill_matrix(rows: pd.DataFrame, names: Sequence[str], *, directed: bool) -> Floats:
    """Return the score of each two versions; 1 on the diagonal, NaN where it is not known."""
    place = {name: number for number, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    left = rows["a"].map(place).to_numpy(dtype=int)
    right = rows["b"].map(place).to_numpy(dtype=int)
    matrix[left, right] = rows["value"]
    if not directed:
        matrix[right, left] = rows["value"]
    known = np.isfinite(matrix).any(axis=0) | np.isfinite(matrix).any(axis=1)
    matrix[known, known] = 1.0
    return matrix
