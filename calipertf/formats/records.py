"""The record of one cell: its schema. record_files reads and writes it.

The format is described in docs/formats.md, the outcomes in docs/outcomes.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from calipertf.outcomes import rank_worst
from calipertf.reasons.last_words import Failure
from calipertf.versions import version_key

SCHEMA = 1

#: Name of a record, without .json.
RECORD_NAME = re.compile(
    r"pypi-(?P<package>.+)-(?P<version>[^-]+)-python-(?P<python>cp[23][0-9]{1,3})"
)


@dataclass(frozen=True, kw_only=True, order=True)
class Cell:
    """One cell of the grid."""

    #: Name of the package as PEP 503 normalises it.
    package: str
    #: PEP 440 version.
    version: str
    #: CPython tag such as cp37.
    python: str
    #: State of the index that dependencies come from: today, release or an ISO date.
    resolve: str = "today"

    @property
    def name(self) -> str:
        """Return the name of the record, as the original tool spells it."""
        return f"pypi-{self.package}-{self.version}-python-{self.python}"

    @property
    def label(self) -> str:
        """Return the short words for a log line."""
        return f"{self.package} {self.version} {self.python} ({self.resolve})"

    def sort_key(self) -> tuple[Any, ...]:
        """Order of tables: package, version as PEP 440 has it, Python, resolve date."""
        major, minor = self.python[2:3], self.python[3:]
        return self.package, version_key(self.version), int(major), int(minor or 0), self.resolve


def read_lines(value: object) -> tuple[Any, ...]:
    """Return lines as a record holds them: a list, or the original's one text; none for null.

    Raises TypeError for anything else; that each is a text is for check_record to say.
    """
    if isinstance(value, str):
        return tuple(value.splitlines(keepends=True))
    if value is not None and not isinstance(value, list):
        raise TypeError(f"lines are {repr(value)[:80]}")
    return tuple(value or ())


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run of a script (or of a build) left behind."""

    #: Lines of standard output, each with its newline.
    output: tuple[str, ...] = ()
    #: Lines of standard error, each with its newline.
    error: tuple[str, ...] = ()
    #: Exit status; negative is the signal that ended it; None where it was never started.
    retval: int | None = None
    #: Wall time in seconds; None where not measured.
    seconds: float | None = None
    #: How it ended: exit, signal, timeout or memory.
    termination: str = "exit"
    #: Bytes of output that were not kept.
    truncated_bytes: int = 0
    #: SHA-256 of the whole standard output; None where all of it was kept, and in older records.
    sha256: str | None = None
    #: What ran the file: pytest; None where Python itself ran it as a script.
    run_by: str | None = None
    #: The second run of the same script in the same cell; None where it ran once.
    repeat: Run | None = None
    #: Script of the same cell whose cold run confirmed this warm failure; None where none had to.
    confirmed_by: str | None = None
    #: Start of the process whose result counts: warm or cold; None where it is not known. A record
    #: keeps it with the script's verdict.
    start: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the run as docs/formats.md has it."""
        data: dict[str, Any] = {
            "output": list(self.output),
            "error": list(self.error),
            "retval": self.retval,
        }
        if self.seconds is not None:
            data["seconds"] = round(self.seconds, 3)
        if self.termination != "exit":
            data["termination"] = self.termination
        if self.truncated_bytes:
            data["truncated_bytes"] = self.truncated_bytes
        if self.sha256 is not None:
            data["sha256"] = self.sha256
        if self.run_by is not None:
            data["run_by"] = self.run_by
        if self.confirmed_by is not None:
            data["confirmed_by"] = self.confirmed_by
        if self.repeat is not None:
            data["repeat"] = self.repeat.to_json()
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Run:
        """Return the run that a record holds.

        Ours, one with the names before 0.2, or the original's.
        """
        repeat = data.get("repeat", data.get("again"))
        return cls(
            output=read_lines(data.get("output")),
            error=read_lines(data.get("error")),
            retval=data.get("retval"),
            seconds=data.get("seconds"),
            termination=data.get("termination", data.get("ended", "exit")),
            truncated_bytes=data.get("truncated_bytes", data.get("cut", 0)),
            sha256=data.get("sha256"),
            run_by=data.get("run_by"),
            repeat=cls.from_json(repeat) if repeat else None,
            confirmed_by=data.get("confirmed_by"),
        )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of one script in one cell."""

    #: A key of OUTCOMES.
    outcome: str
    #: One of REASONS; None where the outcome needs none.
    reason: str | None = None
    #: More of the reason, such as the signal's name; None where there is no more.
    detail: str | None = None
    #: The exception that ended it; None where there was none.
    exception: Failure | None = None
    #: Suite of examples it belongs to (a key of baselines); None where in none.
    suite: str | None = None
    #: The cell that it was compared with: version, python, resolve; None where with none.
    baseline: Mapping[str, str] | None = None
    #: The first few differences from the baseline's result, in words.
    differences: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as docs/formats.md has it."""
        failure = self.exception
        return {
            "outcome": self.outcome,
            "reason": self.reason,
            "detail": self.detail,
            "exception": {"type": failure.type, "message": failure.message} if failure else None,
            "suite": self.suite,
            "baseline": dict(self.baseline) if self.baseline else None,
            "differences": list(self.differences),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        """Return the verdict that a record holds."""
        failure = data.get("exception")
        return cls(
            outcome=data["outcome"],
            reason=data.get("reason"),
            detail=data.get("detail"),
            exception=Failure(**failure) if failure else None,
            suite=data.get("suite"),
            baseline=data.get("baseline"),
            differences=read_lines(data.get("differences")),
        )


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What happened in one cell, without a verdict on it."""

    cell: Cell
    #: The cut-off that dependencies were resolved against, ISO 8601 UTC; None where none was.
    resolve_date: str | None = None
    #: Script path -> what its run left behind.
    runs: Mapping[str, Run] = field(default_factory=dict)
    #: The build; None where there was no wheel to build with.
    build: Run | None = None
    #: The bare import of the package; None where it was not tried.
    bare_import: Run | None = None
    #: Lines of pip freeze.
    requirements: tuple[str, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    #: Start (ISO 8601 UTC) and seconds of each phase.
    timings: Mapping[str, Any] = field(default_factory=dict)
    #: The lock beside the record: `file` (its name), `sha256`, `left_out`; empty where none is.
    lock: Mapping[str, Any] = field(default_factory=dict)
    #: Version of this tool that ran the cell; None where the record is older than that field.
    caliper: str | None = None
    #: True for a record of the original tool, whose outcomes are derived.
    is_original: bool = False

    @property
    def is_built(self) -> bool:
        """Return whether the environment was built."""
        return self.build is not None and self.build.retval == 0

    @property
    def seconds(self) -> float:
        """Return the seconds that the cell took, from one phase to the next."""
        return float(sum(self.timings.get(phase, 0) for phase in ("build", "freeze", "scripts")))


@dataclass(frozen=True, kw_only=True)
class Record(Observation):
    """An observation with the verdicts on it: everything known about one cell."""

    #: Worst outcome of its scripts, or the cell's own.
    outcome: str
    reason: str | None = None
    #: One sentence for a person; None where the outcome says it all.
    message: str | None = None
    #: Script path -> verdict.
    outcomes: Mapping[str, Verdict] = field(default_factory=dict)

    @classmethod
    def from_observation(cls, observation: Observation, **judged: Any) -> Record:
        """Return the record of what happened, with `judged`: the fields that a record adds."""
        known = {item.name: getattr(observation, item.name) for item in fields(Observation)}
        return cls(**known, **judged)

    def to_json(self) -> dict[str, Any]:
        """Return the record as docs/formats.md has it."""
        cell = {
            "package": self.cell.package,
            "version": self.cell.version,
            "python": self.cell.python,
            "resolve": self.cell.resolve,
            "resolve_date": self.resolve_date,
        }
        data: dict[str, Any] = {
            "schema": SCHEMA,
            "caliper": {"version": self.caliper},
            "cell": cell,
            "outcome": self.outcome,
            "reason": self.reason,
            "message": self.message,
            "outcomes": {
                name: {
                    **verdict.to_json(),
                    "start": self.runs[name].start if name in self.runs else None,
                }
                for name, verdict in self.outcomes.items()
            },
            "environment": dict(self.environment),
            "inputs": dict(self.inputs),
            "timings": dict(self.timings),
        }
        if self.build is None:
            data["build_retval"] = 1
            return data
        data["tests"] = {"build": self.build.to_json()}
        data["tests"].update({name: run.to_json() for name, run in self.runs.items()})
        data["requirements.txt"] = list(self.requirements)
        if self.lock:
            data["lock"] = dict(self.lock)
        if self.bare_import is not None:
            data["import"] = self.bare_import.to_json()
        return data


def worst_outcome(outcomes: Mapping[str, Verdict]) -> Verdict | None:
    """Return the verdict that stands for a cell: the worst of its scripts'.

    None where there is none.
    """
    return min(outcomes.values(), key=lambda verdict: rank_worst(verdict.outcome), default=None)
