"""Units of prediction: a script that works on version a, and whether it fails on version b."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from packaging.version import InvalidVersion, Version

from calipertf.formats import scores
from calipertf.formats.records import Cell
from calipertf.parse.prediction.statistics import Floats, Integers
from calipertf.parse.results import Result
from calipertf.versions import version_key

#: Column of a unit -> the score of stage 2 that it holds.
CELL_SCORES: Mapping[str, str] = {
    score.predictor: score.name
    for score in scores.SCORES.values()
    if score.predictor and score.of == "requirements"
}
VERSION_SCORES: Mapping[str, str] = {
    score.predictor: score.name
    for score in scores.SCORES.values()
    if score.predictor and score.of != "requirements"
}
#: Outcomes of cells that have no installed requirements.
_UNBUILT = frozenset({"no_release", "build_failed", "no_interpreter", "infrastructure_error"})
SCORES = (*CELL_SCORES, *VERSION_SCORES, "usage")
COLUMNS = (
    "package",
    "suite",
    "script",
    "python",
    "resolve",
    "a",
    "b",
    "fails",
    "upgrade",
    "same_major",
    *SCORES,
)


def make_units(results: Sequence[Result], sims: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row a unit, in table order; a score that stage 2 did not give is NaN.

    b fails where it could not be built, imported or run: a different result is none. Versions
    without a release, without a verdict or with unstable results make no unit.
    """
    groups: dict[tuple[str, str, str, str, str], list[Result]] = defaultdict(list)
    for result in results:
        if not result.silent:
            cell = result.cell
            groups[cell.package, result.suite, result.script, cell.python, cell.resolve].append(
                result
            )
    frames = [frame for key, group in groups.items() if (frame := _cross(key, group)) is not None]
    if not frames:
        return pd.DataFrame(columns=list(COLUMNS))
    units = pd.concat(frames, ignore_index=True)
    _add_order(units)
    _add_cell_scores(units, sims["cells"], results)
    _add_version_scores(units, sims["versions"])
    _add_usage(units, sims["usage"])
    ordered: pd.DataFrame = units[list(COLUMNS)]
    return ordered


def _cross(key: tuple[str, str, str, str, str], group: Sequence[Result]) -> pd.DataFrame | None:
    """Each working version with each other version of one script, Python and resolve date."""
    versions = np.array([result.cell.version for result in group], dtype=object)
    works = np.array([result.works for result in group])
    fails = np.array([result.fails for result in group])
    left, right = np.nonzero(works[:, None] & ~np.eye(len(group), dtype=bool))
    if not len(left):
        return None
    columns = dict(zip(COLUMNS[:5], key, strict=True))
    return pd.DataFrame(
        {**columns, "a": versions[left], "b": versions[right], "fails": fails[right]}
    )


def _add_order(units: pd.DataFrame) -> None:
    """Whether b is later than a, and whether they share their major version."""
    names = sorted({*units["a"], *units["b"]}, key=version_key)
    place = {name: number for number, name in enumerate(names)}
    majors = {name: _read_major(name) for name in names}
    units["upgrade"] = units["b"].map(place) > units["a"].map(place)
    units["same_major"] = units["b"].map(majors) == units["a"].map(majors)


def _read_major(text: str) -> str:
    """Return epoch and major version; the text itself where PEP 440 cannot parse it."""
    try:
        version = Version(text)
    except InvalidVersion:
        return text
    return f"{version.epoch}!{version.major}"


def number_labels(*columns: Sequence[str] | pd.Series[str]) -> tuple[list[Integers], list[str]]:
    """Return the columns as numbers of their labels, and the labels in order."""
    whole = np.concatenate([np.asarray(column, dtype=object) for column in columns])
    numbers, names = pd.factorize(whole, sort=True)
    ends = np.cumsum([len(column) for column in columns])[:-1]
    return list(np.split(numbers.astype(np.int64), ends)), [str(name) for name in names]


def _add_cell_scores(units: pd.DataFrame, table: pd.DataFrame, results: Sequence[Result]) -> None:
    keys = _name_cells({result.cell for result in results})
    aliases = _find_aliases({result.cell for result in results if result.outcome not in _UNBUILT})
    shared = ["package", "python", "resolve"]
    left = _find_keys(units[[*shared, "a"]], keys)
    right = _find_keys(units[[*shared, "b"]], keys)
    for column, score in CELL_SCORES.items():
        rows = table[table["score"] == score]
        pairs = [
            (aliases.get(a, a), aliases.get(b, b), value)
            for a, b, value in rows[["cell_a", "cell_b", "value"]].itertuples(
                index=False, name=None
            )
        ]
        units[column] = _look_up(left, right, pairs, directed=False)


def _name_cells(cells: set[Cell]) -> dict[tuple[str, str, str, str], str]:
    """(package, python, resolve, version) -> <resolve>/<record name>."""
    return {
        (cell.package, cell.python, cell.resolve, cell.version): f"{cell.resolve}/{cell.name}"
        for cell in cells
    }


def _find_aliases(built: set[Cell]) -> dict[str, str]:
    """Return record name -> <resolve>/<record name>, where only one cell of that name was built.

    Stage 2 puts the resolve date before the name only where several built cells share it.
    """
    uses = Counter(cell.name for cell in built)
    return {cell.name: f"{cell.resolve}/{cell.name}" for cell in built if uses[cell.name] == 1}


def _find_keys(
    places: pd.DataFrame, keys: Mapping[tuple[str, str, str, str], str]
) -> Sequence[str]:
    # Lists first: going through a column of strings itself costs three times as much.
    columns = [places[name].tolist() for name in places]
    return [keys[row] for row in zip(*columns, strict=True)]


def _look_up(
    left: Sequence[str],
    right: Sequence[str],
    pairs: Sequence[tuple[str, str, float]],
    *,
    directed: bool,
) -> Floats:
    """Return the value of each pair of names; NaN where there is none."""
    values: dict[tuple[str, str], float] = {}
    for a, b, value in pairs:
        values[a, b] = value
        if not directed:
            values[b, a] = value
    (lefts, rights), names = number_labels(left, right)
    place = {name: number for number, name in enumerate(names)}
    matrix = np.full((len(names), len(names)), np.nan)
    for (a, b), value in values.items():
        if a in place and b in place:
            matrix[place[a], place[b]] = value
    found: Floats = matrix[lefts, rights]
    return found


def _add_version_scores(units: pd.DataFrame, table: pd.DataFrame) -> None:
    left = list(units["package"] + " " + units["a"])
    right = list(units["package"] + " " + units["b"])
    for column, score in VERSION_SCORES.items():
        rows = table[table["score"] == score]
        pairs = [
            (f"{package} {a}", f"{package} {b}", value)
            for package, a, b, value in rows[["package", "a", "b", "value"]].itertuples(
                index=False, name=None
            )
        ]
        units[column] = _look_up(left, right, pairs, directed=score in scores.DIRECTED)


def _add_usage(units: pd.DataFrame, table: pd.DataFrame) -> None:
    """The share of what the script uses in its baseline cell that b has."""
    shares = {
        (str(row.package), str(row.script), str(row.version)): float(row.share)  # type: ignore[arg-type]
        for row in table.itertuples()
    }
    keys = zip(*(units[name].tolist() for name in ("package", "script", "b")), strict=True)
    units["usage"] = [shares.get(key, np.nan) for key in keys]
