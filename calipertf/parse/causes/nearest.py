"""The nearest cell where a script works: what a failure is compared with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from calipertf.formats.records import Cell
from calipertf.parse.results import Axes, Result

#: Of a cell with one of these, the package can be imported.


class Neighbours:
    """The cells where each script works, by how near they are to another cell.

    Nearest is what differs in the fewest of version, Python and resolve date; then the fewest steps
    in versions, then in Pythons. Of two as near, the lower version.
    """

    def __init__(self, results: Sequence[Result], axes: Axes) -> None:
        self._versions = {
            package: {name: number for number, name in enumerate(names)}
            for package, names in axes.versions.items()
        }
        self._pythons = {name: number for number, name in enumerate(axes.pythons)}
        self._resolves = {name: number for number, name in enumerate(axes.resolves)}
        cells: dict[tuple[str, str | None], list[Cell]] = defaultdict(list)
        for cell in dict.fromkeys(result.cell for result in results if result.traits.imported):
            cells[cell.package, None].append(cell)
        # A result that nothing was compared with says less than one that agrees with its
        # baseline: it is taken for scripts that have no other.
        compared = {(result.cell.package, result.script) for result in results if result.works}
        for result in results:
            key = (result.cell.package, result.script)
            if result.works if key in compared else result.traits.clean:
                cells[key].append(result.cell)
        self._cells = dict(cells)
        self._places = {
            key: np.array([self._place(cell) for cell in found]) for key, found in cells.items()
        }

    def _place(self, cell: Cell) -> tuple[int, int, int]:
        return (
            self._versions[cell.package][cell.version],
            self._pythons[cell.python],
            self._resolves[cell.resolve],
        )

    def find(self, result: Result) -> Cell | None:
        """Return the nearest cell where the result's script works; None where there is none.

        Where nothing that the script printed was compared, the nearest where it ran to its end.
        """
        return self._find(result, result.script)

    def find_importing(self, result: Result) -> Cell | None:
        """The nearest cell where the package can be imported, whatever became of the script."""
        return self._find(result, None)

    def _find(self, result: Result, script: str | None) -> Cell | None:
        key = (result.cell.package, script)
        if key not in self._cells:
            return None
        steps = np.abs(self._places[key] - np.array(self._place(result.cell)))
        axes = (steps > 0).sum(axis=1)
        distance = axes * 1_000_000_000 + steps[:, 0] * 1_000_000 + steps[:, 1] * 1_000
        return self._cells[key][int(np.argmin(distance + steps[:, 2]))]
