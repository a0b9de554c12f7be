"""The search in one failing cell: culprits, the release that broke it, and pins that were tried."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from packaging.utils import canonicalize_name
from packaging.version import Version

from calipertf.formats.records import Record
from calipertf.formats.requirements import compare_requirements, read_freeze
from calipertf.reasons.distributions import find_distribution, list_installed_modules, split_words
from calipertf.reasons.messages import shorten
from calipertf.run.experiments.search import (
    Answer,
    Change,
    Ending,
    Question,
    find_culprits,
    find_step,
)
from calipertf.run.experiments.trials import Request, Trial, read_record_as_trial

#: How often the way out may meet another culprit before the search ends.
_MOST_CULPRITS = 4
_Value = TypeVar("_Value")
#: Name, version that works, version that fails -> releases from the one to the other, and the day
#: of each.
ListReleases = Callable[[str, str, str], Mapping[str, str | None]]
Asking = Generator[Request, Trial, _Value]


@dataclass(kw_only=True)
class Culprit:
    """A package that breaks scripts, with the release that did it."""

    name: str
    #: Versions in the failing cell and in the one that works; None where it is not installed.
    bad: str | None
    good: str | None
    last_good: str | None = None
    first_bad: str | None = None
    #: Day on which the first bad release was uploaded, ISO 8601.
    date: str | None = None
    #: Releases between them that could not be tried.
    skipped: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Finding:
    """What an experiment says of scripts that fail in the same way."""

    #: packages, not_packages or not_repeatable.
    kind: str
    scripts: list[str]
    culprits: list[Culprit] = field(default_factory=list)


@dataclass(kw_only=True)
class WayOut:
    """Requirements under which the scripts work again, resolved as of the failing cell's date."""

    requirements: list[str]
    #: Scripts that work under them, and those that should and do not.
    works: list[str] = field(default_factory=list)
    fails: list[str] = field(default_factory=list)
    #: Why it is not verified; None where it is.
    problem: str | None = None
    #: Lines of pip freeze of the environment that was tried.
    installed: list[str] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        """Return whether everything works under it that works in the reference cell."""
        return self.problem is None


@dataclass(kw_only=True)
class Explanation:
    """All that was found out of one failing cell."""

    findings: list[Finding] = field(default_factory=list)
    way_out: WayOut | None = None


def search_cell(
    failing: Record, reference: Record, list_releases: ListReleases, found: Explanation
) -> Asking[None]:
    """Add to `found` what breaks a cell, compared with the same version and Python of another date.

    It yields the environments to try and is sent what came of each.
    """
    there = read_record_as_trial(reference)
    wanted = tuple(script for script in there.outcomes if there.works(script))
    here = read_record_as_trial(failing)
    left = [script for script in wanted if not here.works(script)]
    constraints: list[str] = []
    words = _collect_words(failing)
    while left and len(found.findings) < _MOST_CULPRITS:
        group = _choose_group(here, left)
        finding = yield from _explain(here, there, group, left, words, list_releases)
        found.findings.append(finding)
        left = [script for script in left if script not in finding.scripts]
        new = [text for culprit in finding.culprits if (text := constrain(culprit))]
        if not new:
            continue
        constraints += new
        trial = yield Request(scripts=wanted, requirements=tuple(constraints))
        found.way_out = _judge_way_out(constraints, wanted, trial)
        if not trial.built:
            break
        here = trial
        left = list(found.way_out.fails)


def _judge_way_out(constraints: Sequence[str], wanted: Sequence[str], trial: Trial) -> WayOut:
    works = [script for script in wanted if trial.works(script)]
    fails = [script for script in wanted if not trial.works(script)]
    problem = None
    if not trial.built:
        problem = f"it cannot be installed: {shorten(trial.message or 'no reason given', 200)}"
    elif fails:
        problem = f"{len(fails)} of {len(wanted)} scripts do not work under it, {fails[0]} first"
    return WayOut(
        requirements=list(constraints),
        works=works,
        fails=fails,
        problem=problem,
        installed=list(trial.requirements),
    )


def _choose_group(here: Trial, left: Sequence[str]) -> list[str]:
    """Return the scripts that fail in the same way as the first; a failed import comes first."""
    first = next((s for s in left if here.outcomes.get(s) == "import_failed"), left[0])
    failure = here.failures.get(first)
    return [first] + [s for s in left if s != first and here.failures.get(s) == failure]


def _explain(
    here: Trial,
    there: Trial,
    group: Sequence[str],
    left: Sequence[str],
    words: Sequence[str],
    list_releases: ListReleases,
) -> Asking[Finding]:
    """Return what breaks the first of some scripts, confirmed on all that are left."""
    changes = list_changes(here, there)
    suspects = {name: place for place, name in enumerate(rank_suspects(words, changes))}
    ranked = sorted(changes, key=lambda item: suspects.get(item.name, len(suspects)))
    tries = _Tries(here=here, scripts=(group[0],))
    culprits = yield from tries.drive(find_culprits(ranked, len(suspects)))
    if culprits.ending is not Ending.FOUND:
        return Finding(kind=culprits.ending.value, scripts=list(group))
    found = []
    back = {change.name: change.good for change in culprits.changes}
    for change in culprits.changes:
        culprit = Culprit(name=change.name, bad=change.bad, good=change.good)
        found.append(culprit)
        if change.bad is None or change.good is None:
            continue
        days = list_releases(change.name, change.good, change.bad)
        others = {name: version for name, version in back.items() if name != change.name}
        step = yield from tries.drive(find_step(change.name, list(days), others))
        culprit.last_good, culprit.first_bad = step.good, step.bad
        culprit.date, culprit.skipped = days[step.bad], list(step.skipped)
    confirmed = yield Request(scripts=tuple(left), pins=_replace(here.requirements, back))
    scripts = [script for script in left if script == group[0] or confirmed.works(script)]
    return Finding(kind="packages", scripts=scripts, culprits=found)


@dataclass(kw_only=True)
class _Tries:
    """Turns questions on packages into requests of environments."""

    here: Trial
    scripts: tuple[str, ...]
    _repeats: dict[tuple[str, ...], int] = field(default_factory=dict)

    def drive(self, search: Generator[Question, Answer, _Value]) -> Asking[_Value]:
        """Return what a search finds."""
        try:
            question = next(search)
            while True:
                trial = yield self._ask(question)
                question = search.send(self._answer(trial))
        except StopIteration as end:
            value: _Value = end.value
            return value

    def _ask(self, question: Question) -> Request:
        pins = _replace(self.here.requirements, question.versions)
        if question.again:
            self._repeats[pins] = self._repeats.get(pins, 0) + 1
        repeat = self._repeats.get(pins, 0) if question.again else 0
        return Request(scripts=self.scripts, pins=pins, repeat=repeat)

    def _answer(self, trial: Trial) -> Answer:
        if not trial.built:
            return Answer.UNUSABLE
        return Answer.WORKS if trial.works(self.scripts[0]) else Answer.FAILS


def list_changes(here: Trial, there: Trial) -> list[Change]:
    """Return the packages that are not the same in two environments."""
    before, now = (read_freeze(each.requirements).installed for each in (here, there))
    return [
        Change(name=item.name, bad=item.here, good=item.there)
        for item in compare_requirements(before, now)
    ]


def _replace(lines: Sequence[str], versions: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return the pins of an environment with some packages of other versions, or gone."""
    kept = [item.line for item in read_freeze(lines).installed if item.name not in versions]
    put = [f"{name}=={version}" for name, version in sorted(versions.items()) if version]
    return tuple(kept + put)


def constrain(culprit: Culprit) -> str | None:
    """Return the smallest requirement that keeps a culprit away.

    None where none can: a package that should not be there at all.
    """
    if culprit.good is None:
        return None
    if culprit.bad is None or culprit.first_bad is None or culprit.last_good is None:
        return f"{culprit.name}=={culprit.good}"
    if Version(culprit.bad) > Version(culprit.good):
        return f"{culprit.name}<{culprit.first_bad}"
    return f"{culprit.name}>={culprit.last_good}"


def _collect_words(failing: Record) -> list[str]:
    """Return module names that failures speak of, the most telling first."""
    found: list[str] = []
    for script, verdict in failing.outcomes.items():
        run = failing.runs.get(script)
        if verdict.exception is not None:
            found += list(split_words(verdict.exception.message))
        if run is not None:
            found += list(list_installed_modules(list(reversed(run.error))))
    return list(dict.fromkeys(found))


def rank_suspects(words: Sequence[str], changes: Sequence[Change]) -> list[str]:
    """Return the names of changed packages that failures speak of, in the order of the words."""
    names: set[str] = {canonicalize_name(change.name) for change in changes}
    found = [name for word in words if (name := find_distribution(word, names))]
    return list(dict.fromkeys(found))


def to_json(explanation: Explanation) -> dict[str, Any]:
    """Return findings and way out as docs/formats.md has them."""
    out = explanation.way_out
    return {
        "findings": [asdict(finding) for finding in explanation.findings],
        "way_out": {**asdict(out), "verified": out.verified} if out else None,
    }
