"""Records in files: reading ours and the original tool's, and atomic writing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from calipertf.errors import RecordError
from calipertf.files.atomic import write_json
from calipertf.files.inputs import load_json, read_file
from calipertf.formats.record_checks import check_record
from calipertf.formats.records import (
    RECORD_NAME,
    SCHEMA,
    Cell,
    Record,
    Run,
    Verdict,
    read_lines,
    worst_outcome,
)
from calipertf.outcomes import OUTCOMES
from calipertf.reasons.classify import classify_failure
from calipertf.reasons.last_words import parse_exception
from calipertf.reasons.owners import Owners, make_owners


def read_record(path: Path) -> Record:
    """Return the record in a file, ours or the original tool's.

    Raises RecordError that names the file when it is not JSON, not a record, or of a newer schema.
    """
    try:
        data = load_json(read_file(path))
    except (OSError, ValueError, MemoryError) as error:
        words = error.strerror if isinstance(error, OSError) else error
        raise RecordError(f"{path} is not a readable JSON record: {words}", path=path) from error
    if not isinstance(data, dict):
        raise RecordError(f"{path} holds no record but a {type(data).__name__}", path=path)
    schema = data.get("schema")
    if schema is not None and (schema != SCHEMA or isinstance(schema, bool)):
        raise RecordError(
            f"{path} has schema {repr(schema)[:80]}, this version reads {SCHEMA}: update Caliper",
            path=path,
        )
    try:
        record = _read_original(path, data) if schema is None else _read_native(data)
        _check_record(record)
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        words = f"{type(error).__name__}: {str(error)[:200]}"
        raise RecordError(f"{path} is not a complete record: {words}", path=path) from error
    return record


_check_record = partial(check_record, outcomes=OUTCOMES, pattern=RECORD_NAME)


def _read_native(data: Mapping[str, Any]) -> Record:
    cell = dict(data["cell"])
    resolve_date = cell.pop("resolve_date", None)
    tests = dict(data.get("tests") or {})
    build = tests.pop("build", None)
    bare_import = data.get("import")
    outcomes = {name: Verdict.from_json(item) for name, item in data["outcomes"].items()}
    return Record(
        cell=Cell(**cell),
        outcome=data["outcome"],
        reason=data.get("reason"),
        message=data.get("message"),
        resolve_date=resolve_date,
        outcomes=outcomes,
        runs={
            name: replace(Run.from_json(item), start=data["outcomes"].get(name, {}).get("start"))
            for name, item in tests.items()
        },
        build=Run.from_json(build) if build is not None else None,
        bare_import=Run.from_json(bare_import) if bare_import else None,
        requirements=read_lines(data.get("requirements.txt")),
        environment=data.get("environment") or {},
        inputs=data.get("inputs") or {},
        timings=data.get("timings") or {},
        lock=data.get("lock") or {},
        caliper=(data.get("caliper") or {}).get("version"),
    )


def _read_original(path: Path, data: Mapping[str, Any]) -> Record:
    """Return a record of the original tool, with the outcomes that its return codes allow."""
    inputs = data.get("inputs")
    match = RECORD_NAME.fullmatch(
        str(inputs.get("name")) if isinstance(inputs, dict) else path.stem
    )
    if not isinstance(inputs, dict) or not match:
        raise RecordError(f"{path} is not a record of this tool or of the original", path=path)
    cell = Cell(**match.groupdict(), resolve="original")
    tests = dict(data.get("tests") or {})
    build = tests.pop("build", None)
    record = Record(cell=cell, outcome="no_release", inputs=inputs, is_original=True)
    if build is None:
        return record
    record = replace(
        record,
        build=Run.from_json(build),
        requirements=read_lines(data.get("requirements.txt")),
    )
    _check_record(record)
    if build.get("retval"):
        return replace(record, outcome="build_failed")
    runs = {name: replace(Run.from_json(item), start="cold") for name, item in tests.items()}
    _check_record(replace(record, runs=runs))
    owners = make_owners(cell.package, requirements=record.requirements)
    verdicts = {name: _judge_original(run, owners) for name, run in runs.items()}
    worst = worst_outcome(verdicts)
    return replace(
        record,
        outcome=worst.outcome if worst else "not_compared",
        reason=worst.reason if worst else None,
        outcomes=verdicts,
        runs=runs,
    )


def _judge_original(run: Run, owners: Owners) -> Verdict:
    if run.retval == 0:
        return Verdict(outcome="not_compared")
    failure = parse_exception(run.error, run.output)
    reason, detail = classify_failure(
        run.retval, run.termination, run.error, run.output, owners=owners
    )
    return Verdict(outcome="run_failed", reason=reason, detail=detail, exception=failure)


def write_record(path: Path, record: Record) -> None:
    """The record in its file, whole or not at all."""
    write_json(path, record.to_json())
