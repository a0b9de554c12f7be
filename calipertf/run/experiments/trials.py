"""Trials: one environment, some scripts, and what came of it; kept, so that none is repeated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from calipertf.errors import RecordError
from calipertf.files.atomic import make_folder, write_json
from calipertf.files.inputs import load_json, read_file
from calipertf.formats.records import Record
from calipertf.outcomes import OUTCOMES
from calipertf.reasons.messages import normalise_message


@dataclass(frozen=True, kw_only=True)
class Request:
    """An environment to make and scripts to run in it."""

    scripts: tuple[str, ...]
    #: name==version of all that is in it; empty where it is to be resolved.
    pins: tuple[str, ...] = ()
    #: What is asked for beside the package, where it is to be resolved.
    requirements: tuple[str, ...] = ()
    #: How many times it was done before: a repeated trial is another one.
    repeat: int = 0


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What came of a request."""

    built: bool
    #: Why it could not be built; None where it was.
    message: str | None = None
    #: Script -> outcome, see calipertf.outcomes.
    outcomes: Mapping[str, str] = field(default_factory=dict)
    #: Script -> exception and normalised message of those that failed.
    failures: Mapping[str, str] = field(default_factory=dict)
    #: Lines of pip freeze.
    requirements: tuple[str, ...] = ()
    seconds: float = 0.0

    def works(self, script: str) -> bool:
        """Return whether a script ran with nothing that speaks against its result."""
        return script in self.outcomes and OUTCOMES[self.outcomes[script]].clean


def name_failure(record: Record, script: str) -> str:
    """Return outcome, exception and message of a failure: equal ones are tried together."""
    verdict = record.outcomes[script]
    failure = verdict.exception
    if failure is None or verdict.outcome == "different_result":
        return verdict.outcome
    return f"{verdict.outcome}: {failure.type}: {normalise_message(failure.message)}"


def read_record_as_trial(record: Record) -> Trial:
    """Return what a judged record says, as a trial."""
    return Trial(
        built=record.is_built,
        message=None if record.is_built else record.message,
        outcomes={script: verdict.outcome for script, verdict in record.outcomes.items()},
        failures={
            script: name_failure(record, script)
            for script, verdict in record.outcomes.items()
            if not OUTCOMES[verdict.outcome].clean
        },
        requirements=tuple(line.strip() for line in record.requirements),
        seconds=round(record.seconds, 3),
    )


def make_key(request: Request, conditions: Mapping[str, Any]) -> str:
    """Return SHA-256 of a request and of all else that its result depends on, hexadecimal."""
    about = {**asdict(request), "pins": sorted(request.pins), "conditions": conditions}
    return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class TrialFolder:
    """Trials on disk, each under its key."""

    folder: Path

    def find(self, key: str) -> Trial | None:
        """Return a trial that was done; None where it was not, or its file cannot be read."""
        try:
            data = load_json(read_file(self.folder / f"{key}.json"))
            trial = data["trial"]
            return Trial(**{**trial, "requirements": tuple(trial["requirements"])})
        except (OSError, ValueError, KeyError, TypeError, RecordError):
            return None

    def keep(self, key: str, request: Request, trial: Trial) -> None:
        """Write a trial; raises InfrastructureError where that cannot be done."""
        make_folder(self.folder)
        data = {"schema": 1, "request": asdict(request), "trial": asdict(trial)}
        write_json(self.folder / f"{key}.json", data)
