"""Warnings of baselines that failed, since nothing can be compared with them."""

from __future__ import annotations

from collections.abc import Mapping

from calipertf.formats.records import Cell, Record, Verdict
from calipertf.outcomes import OUTCOMES
from calipertf.reasons.distributions import name_requirement
from calipertf.reasons.lookups import NO_MODULE
from calipertf.reasons.stdlib import is_stdlib


def explain_baselines(
    baselines: Mapping[str, Cell], records: Mapping[Cell, Record], suites: Mapping[str, str | None]
) -> list[str]:
    """Return a line for each suite whose baseline was run and failed, wholly or for some scripts.

    `suites` maps each script to its suite.
    """
    lines = []
    for suite, cell in baselines.items():
        record = records.get(cell)
        if record is not None and (words := _explain(record, suite, suites)):
            lines.append(f"the baseline of {suite} fails in {cell.label}: {words}")
    return lines


def _explain(record: Record, suite: str, suites: Mapping[str, str | None]) -> str | None:
    if not OUTCOMES[record.outcome].built:
        why = record.message or record.reason or "see its record"
        return f"it cannot be built, so nothing can be compared with it: {why}"
    verdicts = {
        script: verdict
        for script, verdict in record.outcomes.items()
        if suites.get(script) == suite
    }
    failed = {
        script: verdict
        for script, verdict in verdicts.items()
        if not OUTCOMES[verdict.outcome].clean
    }
    if not failed:
        return None
    if len(failed) == len(verdicts):
        what = "nothing can be compared"
    else:
        what = f"{len(failed)} of {len(verdicts)} scripts have nothing to be compared with"
    script, verdict = next(iter(failed.items()))
    return f"{what}; {script}: {_describe(verdict, record)}"


def _describe(verdict: Verdict, record: Record) -> str:
    if verdict.outcome == "unstable_result":
        words = "it prints something else each time"
        return f"{words} ({verdict.differences[0]})" if verdict.differences else words
    if verdict.exception is None:
        return str(verdict.detail or verdict.reason or verdict.outcome)
    words = f"{verdict.exception.type}: {verdict.exception.message}"[:200]
    match = NO_MODULE.search(verdict.exception.message or "")
    module = match[1].partition(".")[0] if match else None
    if module and module != record.environment.get("import_name") and not is_stdlib(module):
        words += (
            "; where it is a package of its own, add it to caliper.yaml: "
            f"requirements: [{name_requirement(module)}]"
        )
    return words
