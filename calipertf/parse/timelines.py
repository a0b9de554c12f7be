"""Each script over the versions: where it first and last works, where it breaks, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from calipertf.formats.records import Cell
from calipertf.outcomes import rank_best
from calipertf.parse.causes.explain import Cause
from calipertf.parse.results import Result
from calipertf.versions import version_key

#: The cause of a failure, given the cell where it works last or first.
Explain = Callable[[Result, Cell | None], Cause | None]
#: What stands for the Python of a timeline over all Pythons.
ANY = "any"
_Key = tuple[str, str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """One script on one Python and resolve date, over the versions that say something.

    Few versions share a Python: on ANY, each counts where the script goes best.
    """

    package: str
    suite: str
    script: str
    python: str
    resolve: str
    #: How many versions were judged, and on how many it works.
    judged: int
    working: int
    #: None where it works on none.
    first_working: str | None
    last_working: str | None
    #: The first version after the first working one where it does not work; None where there is
    #: none.
    breaking: Result | None
    #: The working version before that.
    before: str | None
    #: Why it breaks there; None where it is not known.
    cause: Cause | None
    #: The version just below the first working one, where it does not work yet.
    too_old: Result | None
    too_old_cause: Cause | None

    @property
    def recovers(self) -> bool:
        """Return whether it works again on a version after the breaking one."""
        if self.breaking is None or self.last_working is None:
            return False
        return version_key(self.last_working) > version_key(self.breaking.cell.version)


def make_timelines(results: Sequence[Result], explain: Explain) -> list[Timeline]:
    """The timeline of each script on each Python and resolve date where a version was judged.

    Where there are several Pythons, one on any of them follows.
    """
    groups: dict[_Key, list[Result]] = defaultdict(list)
    for result in results:
        if not result.silent:
            cell = result.cell
            for python in (cell.python, ANY):
                key = (cell.package, result.suite, result.script, python, cell.resolve)
                groups[key].append(result)
    return [
        _make_timeline(key, _keep_best(group) if key[3] == ANY else group, explain)
        for key, group in groups.items()
        if key[3] != ANY or len({result.cell.python for result in group}) > 1
    ]


def _keep_best(group: Sequence[Result]) -> list[Result]:
    """Return the best result of each version; of several as good, the one on the first Python."""
    best: dict[str, Result] = {}
    for result in group:
        known = best.setdefault(result.cell.version, result)
        if rank_best(result.outcome) < rank_best(known.outcome):
            best[result.cell.version] = result
    return list(best.values())


def _make_timeline(key: _Key, group: Sequence[Result], explain: Explain) -> Timeline:
    package, suite, script, python, resolve = key
    ordered = sorted(group, key=lambda result: version_key(result.cell.version))
    working = [number for number, result in enumerate(ordered) if result.works]
    breaking = too_old = None
    before: Result | None = None
    if working:
        after = [n for n in range(working[0], len(ordered)) if not ordered[n].works]
        if after:
            breaking, before = ordered[after[0]], ordered[after[0] - 1]
        if working[0]:
            too_old = ordered[working[0] - 1]
    first = ordered[working[0]].cell if working else None
    return Timeline(
        package=package,
        suite=suite,
        script=script,
        python=python,
        resolve=resolve,
        judged=len(ordered),
        working=len(working),
        first_working=first.version if first else None,
        last_working=ordered[working[-1]].cell.version if working else None,
        breaking=breaking,
        before=before.cell.version if before else None,
        cause=explain(breaking, before.cell) if breaking and before else None,
        too_old=too_old,
        too_old_cause=explain(too_old, first) if too_old else None,
    )
