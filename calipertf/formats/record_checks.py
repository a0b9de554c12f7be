"""What a record has to hold, whoever wrote it, so that all who read it can rely on it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from calipertf.formats.records import Record, Verdict
from calipertf.formats.shapes import find_odd, find_wrong
from calipertf.outcomes import REASONS

#: Keys of each whose values are texts that a person or the next run reads; null counts as absent.
_TEXTS = {
    "environment": ("kind", "python", "platform", "interpreter", "import_name", "wheel"),
    "inputs": ("name", "dependency", "dockerfile"),
    "timings": ("started",),
}


def check_record(record: Record, *, outcomes: Collection[str], pattern: re.Pattern[str]) -> None:
    """Raise ValueError where a record holds what its readers cannot live with.

    `outcomes` are those that there are; `pattern` is that of a record's name.
    """
    if wrong := find_wrong(record):
        raise ValueError(wrong)
    for part in (record.cell.package, record.cell.version, record.cell.resolve):
        if not part.isprintable() or not part.strip() or {"/", "\\"} & set(part):
            raise ValueError(f"cell has {part[:80]!r}")
    match = pattern.fullmatch(record.cell.name)
    if not match or match["python"] != record.cell.python:
        raise ValueError(f"no such Python, or no such cell: {record.cell.name[:80]}")
    for name, run in record.runs.items():
        if run.repeat is not None and run.repeat.repeat is not None:
            raise ValueError(f"{name[:80]} ran more than twice")
    verdicts: list[Record | Verdict] = [*record.outcomes.values(), record]
    for verdict in verdicts:
        if verdict.outcome not in outcomes:
            raise ValueError(f"no such outcome: {verdict.outcome[:80]}")
        if verdict.reason is not None and verdict.reason not in REASONS:
            raise ValueError(f"no such reason: {verdict.reason[:80]}")
    _check_facts(record.environment, record.inputs, record.timings)
    _check(isinstance(record.lock.get("file"), str | None), "lock.file", record.lock, "file")


def _check_facts(
    environment: Mapping[str, Any], inputs: Mapping[str, Any], timings: Mapping[str, Any]
) -> None:
    """Raise ValueError where a fact is not what those who read it take it for."""
    facts = {"environment": environment, "inputs": inputs, "timings": timings}
    for name, texts in _TEXTS.items():
        if odd := find_odd(facts[name]):
            raise ValueError(f"{name} is {odd}")
        for key in texts:
            _check(isinstance(facts[name].get(key), str | None), f"{name}.{key}", facts[name], key)
    for name, key in (("inputs", "tests"), ("environment", "isolation")):
        fits = isinstance(facts[name].get(key), str | None) or _is_texts(facts[name][key])
        _check(fits, f"{name}.{key}", facts[name], key)
    fingerprint = inputs.get("fingerprint")
    _check(isinstance(fingerprint, Mapping | None), "inputs.fingerprint", inputs, "fingerprint")
    _check_fingerprint(fingerprint or {})


def _check_fingerprint(fingerprint: Mapping[str, Any]) -> None:
    for key in ("settings", "scripts"):
        fits = isinstance(fingerprint.get(key), Mapping | None)
        _check(fits, f"inputs.fingerprint.{key}", fingerprint, key)
    twice = fingerprint.get("twice")
    _check(twice is None or _is_texts(twice), "inputs.fingerprint.twice", fingerprint, "twice")


def _check(fits: bool, name: str, holder: Mapping[str, Any], key: str) -> None:
    if not fits:
        raise ValueError(f"{name} is {repr(holder.get(key))[:80]}")


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
