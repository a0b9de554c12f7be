"""Drives searches side by side: one trial of each at a time, what is known is not run again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from calipertf.formats.records import Cell, Observation, Record
from calipertf.run.experiments.cells import Asking, Explanation, search_cell
from calipertf.run.experiments.trials import (
    Request,
    Trial,
    TrialFolder,
    make_key,
    read_record_as_trial,
)
from calipertf.run.schedule import Scheduler
from calipertf.run.spec import CellSpec

log = logging.getLogger("calipertf")


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What the search for one cause may take; what is known already takes nothing."""

    trials: int = 30
    seconds: float = 600


@dataclass(kw_only=True)
class CellSearch:
    """A search in one failing cell, and what it took so far."""

    failing: Record
    reference: Record
    #: What every trial of it depends on beside the request.
    conditions: Mapping[str, Any]
    search: Asking[None]
    #: What was found so far.
    explanation: Explanation
    #: What is asked next; None once it has ended.
    request: Request | None = None
    #: Why it did not come to its end; None where it did.
    unfinished: str | None = None
    #: Trials in their order, those that were known included.
    trials: list[tuple[Request, Trial]] = field(default_factory=list)
    #: Trials that were run, and the seconds that these took.
    run: int = 0
    seconds: float = 0.0
    #: Findings, and what had been run until then, when the last of them was made.
    _before: tuple[int, int, float] = (0, 0, 0.0)

    @property
    def cell(self) -> Cell:
        """Return the failing cell."""
        return self.failing.cell

    def answer(self, trial: Trial) -> None:
        """Go on to the next request, or to the end."""
        assert self.request is not None  # noqa: S101 -- what answers has asked
        self.trials.append((self.request, trial))
        self._advance(lambda: self.search.send(trial))

    def begin(self) -> None:
        """Ask for the first trial."""
        self._advance(lambda: next(self.search))

    def _advance(self, step: Callable[[], Request]) -> None:
        try:
            self.request = step()
        except StopIteration:
            self.request = None
        if len(self.explanation.findings) > self._before[0]:
            self._before = len(self.explanation.findings), self.run, self.seconds

    def find_excess(self, budget: Budget) -> str | None:
        """Return what the search for one cause has used up; None where there is some left."""
        _, run, seconds = self._before
        if self.run - run >= budget.trials:
            return f"a cause took {budget.trials} trials, all that one run gives it"
        if self.seconds - seconds >= budget.seconds:
            return f"a cause took {budget.seconds:.0f} s, all that one run gives it"
        return None

    def stop(self, why: str) -> None:
        """End it before its end."""
        self.search.close()
        self.request = None
        self.unfinished = why


def begin_search(
    failing: Record,
    reference: Record,
    conditions: Mapping[str, Any],
    list_releases: Callable[[str, str, str], Mapping[str, str | None]],
) -> CellSearch:
    """Return a search at its first request."""
    found = Explanation()
    search = CellSearch(
        failing=failing,
        reference=reference,
        conditions=conditions,
        search=search_cell(failing, reference, list_releases, found),
        explanation=found,
    )
    search.begin()
    return search


def drive(
    searches: Sequence[CellSearch],
    folder: TrialFolder,
    scheduler: Scheduler,
    *,
    make_spec: Callable[[Record, Request], CellSpec],
    judge: Callable[[Observation], Record],
    budget: Budget,
) -> None:
    """Bring searches to their end, as far as the budget of each goes.

    A trial that failed by this tool's fault, such as a lost network, says nothing: its search stops
    and is taken up by the next run.
    """
    used: dict[tuple[str, str], CellSpec] = {}
    while True:
        for search in searches:
            _answer_known(search, folder, budget)
        waiting = {search.cell: search for search in searches if search.request is not None}
        if not waiting:
            break
        specs = [
            make_spec(search.failing, search.request)
            for search in waiting.values()
            if search.request is not None
        ]
        used |= {spec.wheel: spec for spec in specs}
        for done in scheduler.run(specs):
            search = waiting[done.spec.cell]
            if done.seen is None:
                search.stop(str(done.failure))
                continue
            trial = read_record_as_trial(judge(done.seen))
            request = search.request
            assert request is not None  # noqa: S101 -- it is among those that wait
            folder.keep(make_key(request, search.conditions), request, trial)
            search.run += 1
            search.seconds += trial.seconds
            log.info(
                "%s: trial %d: %s", search.cell.label, search.run, describe_trial(request, trial)
            )
            search.answer(trial)
    for spec in used.values():
        scheduler.drop_package(spec)


def _answer_known(search: CellSearch, folder: TrialFolder, budget: Budget) -> None:
    """Answer what is known already; stop the search where its budget is used up."""
    while search.request is not None:
        trial = folder.find(make_key(search.request, search.conditions))
        if trial is None:
            break
        search.answer(trial)
    if search.request is not None and (why := search.find_excess(budget)):
        search.stop(why)


def describe_trial(request: Request, trial: Trial) -> str:
    """Return what was tried and what came of it, in words."""
    if not trial.built:
        return "cannot be installed"
    works = sum(trial.works(script) for script in request.scripts)
    with_what = f" with {', '.join(request.requirements)}" if request.requirements else ""
    return f"{works} of {len(request.scripts)} scripts work{with_what}"
