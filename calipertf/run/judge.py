"""From what happened to an outcome: pure functions, so that a record can be judged again."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace

from calipertf.formats.records import Observation, Record, Run, Verdict, worst_outcome
from calipertf.outcomes import OUTCOMES
from calipertf.reasons.classify import classify_failure
from calipertf.reasons.last_words import Failure, parse_exception
from calipertf.reasons.messages import shorten
from calipertf.reasons.owners import Owners, make_owners
from calipertf.reasons.tracebacks import find_traceback
from calipertf.run.builds.messages import explain_build
from calipertf.run.comparison import Comparison, compare_lines, compare_runs
from calipertf.run.hints import (
    explain_surroundings,
    hint_import_name,
    list_failed_tests,
    ran_a_test,
)

#: Differences that a verdict lists.
LISTED = 5
#: Why nothing can be said of a script that prints nothing, and what to do.
SILENT = "it prints nothing on stdout, so there is nothing to compare; print the result"


def compare_outputs(here: Sequence[str], there: Sequence[str], tolerance: float) -> list[str]:
    """Return differences between two printed results, in words; none where they agree."""
    return list(compare_lines(here, there, tolerance).differences)


def judge_script(
    run: Run,
    *,
    imports: bool,
    owners: Owners,
    baseline: Verdict | None,
    there: Run | None,
    is_baseline: bool,
    tolerance: float,
    isolation: Container[str] = (),
) -> Verdict:
    """Return the verdict on one script, without its suite and baseline's name.

    `imports` says whether the bare import of the package works in this cell; `there` is the
    baseline's run of the same script and `baseline` its verdict, None where there are none.
    `isolation` names what was in force in this cell.
    """
    if run.retval != 0:
        return judge_failure(run, imports=imports, owners=owners, isolation=isolation)
    if run.repeat is not None and (verdict := _judge_repetition(run, run.repeat, tolerance)):
        return verdict
    if is_baseline:
        return _judge_silence(run) or Verdict(outcome="same_result")
    if there is None or baseline is None:
        return Verdict(outcome="not_compared", detail="the baseline has not been run")
    if there.retval != 0:
        detail = f"the script fails in its baseline{_name_exception(there)}"
        return Verdict(outcome="not_compared", detail=detail)
    compared = compare_runs(run, there, tolerance)
    if compared.unknown:
        return Verdict(outcome="not_compared", detail=compared.unknown)
    if not compared.differences:
        spelt = (
            f"the same values, spelt otherwise: {compared.respelt}" if compared.respelt else None
        )
        return _judge_silence(run) or Verdict(outcome="same_result", detail=spelt)
    if baseline.outcome == "unstable_result":
        detail = "its result is not stable in the baseline either"
        return _list_differences("unstable_result", compared, detail)
    return _list_differences("different_result", compared)


def _judge_repetition(run: Run, again: Run, tolerance: float) -> Verdict | None:
    """Return the verdict on a script whose second run in the same cell says no clear yes.

    Else None.
    """
    if again.retval != 0:
        why = _name_exception(again) or f" with exit code {again.retval}"
        detail = f"its second run in this cell, in a fresh process, fails{why}"
        return Verdict(outcome="unstable_result", detail=detail)
    compared = compare_runs(run, again, tolerance, other="its second run")
    if compared.differences:
        return _list_differences("unstable_result", compared)
    return Verdict(outcome="not_compared", detail=compared.unknown) if compared.unknown else None


def _list_differences(outcome: str, compared: Comparison, detail: str | None = None) -> Verdict:
    return Verdict(outcome=outcome, detail=detail, differences=compared.differences[:LISTED])


def _judge_silence(run: Run) -> Verdict | None:
    if not ran_a_test(run):
        return Verdict(outcome="not_compared", detail="every test was skipped: nothing was tried")
    if "".join(run.output).strip():
        return None
    return Verdict(outcome="not_compared", detail=SILENT)


def _name_exception(run: Run) -> str:
    """Return the exception of a run that failed, to end a sentence with.

    Empty where there is none.
    """
    if run.termination != "exit":
        return f" ({run.termination})"
    failure = parse_exception(run.error, run.output)
    return f": {_spell(failure)[:200]}" if failure else ""


def _spell(failure: Failure) -> str:
    message = shorten(failure.message, 300)
    return f"{failure.type}: {message}" if message else failure.type


def judge_failure(
    run: Run, *, imports: bool, owners: Owners, isolation: Container[str] = ()
) -> Verdict:
    """Return import_failed or run_failed, with the reason and the exception."""
    reason, detail = classify_failure(
        run.retval, run.termination, run.error, run.output, owners=owners, importing=not imports
    )
    failure = parse_exception(run.error, run.output)
    if detail is None and reason != "timeout":
        found = explain_surroundings(failure, run, isolation)
        if found and (found[0] == "script" or reason in {"data", "other"}):
            reason, detail = found
        else:
            detail = list_failed_tests(run) or _quote_line(run, failure)
    if run.run_by == "pytest" and failure is None and run.retval == 5:
        reason = "script"
    return Verdict(
        outcome="run_failed" if imports else "import_failed",
        reason=reason,
        detail=detail,
        exception=failure,
    )


def _quote_line(run: Run, failure: Failure | None) -> str | None:
    """Return the line that raised an exception without a message; None for any other."""
    if failure is None or failure.message:
        return None
    traceback = find_traceback(run.error, run.output)
    source = traceback.frames[-1].source if traceback and traceback.frames else ""
    return f"at the line: {source}" if source else None


def judge_record(
    seen: Observation,
    suites: Mapping[str, str | None],
    baselines: Mapping[str, Observation | None],
    tolerance: float,
) -> Record:
    """Return the record of what happened in a cell, with all verdicts made anew.

    `suites` maps each script to its suite; `baselines` each suite to the record of its baseline
    cell, None where it was not run. A record whose build is missing or failed stays as it is.
    """
    if not seen.is_built:
        if isinstance(seen, Record):
            return seen
        failure = explain_build(seen.build or Run(), seen.cell.package)
        return Record.from_observation(
            seen, outcome="build_failed", reason=failure.reason, message=failure.message
        )
    verdicts: dict[str, Verdict] = {}
    owners = make_owners(seen.cell.package, seen.environment, seen.requirements)
    imports = can_import(seen)
    for script, run in seen.runs.items():
        suite = suites.get(script)
        base = baselines.get(suite) if suite else None
        verdict = judge_script(
            run,
            imports=imports,
            owners=owners,
            baseline=_find_verdict(base, script),
            there=base.runs.get(script) if base else None,
            is_baseline=base is not None and base.cell == seen.cell,
            tolerance=tolerance,
            isolation=seen.environment.get("isolation") or (),
        )
        where = base.cell if base else None
        if verdict.outcome == "not_compared" and (why := _explain_no_baseline(suite, base)):
            verdict = replace(verdict, detail=why)
        verdicts[script] = replace(
            verdict,
            suite=suite,
            baseline={"version": where.version, "python": where.python, "resolve": where.resolve}
            if where
            else None,
        )
    worst = worst_outcome(verdicts)
    if worst and worst.outcome == "import_failed" and seen.bare_import:
        # The import says why, and no script's own mistake does.
        worst = judge_failure(seen.bare_import, imports=False, owners=owners)
        hint = hint_import_name(seen.environment)
        worst = replace(worst, detail="; ".join(filter(None, (worst.detail, hint))) or None)
    return Record.from_observation(
        seen,
        outcomes=verdicts,
        outcome=worst.outcome if worst else "not_compared",
        reason=worst.reason if worst else None,
        message=explain(worst, verdicts),
    )


def _find_verdict(base: Observation | None, script: str) -> Verdict | None:
    """Return the baseline's verdict on a script; None where the baseline cell was not run."""
    if base is None:
        return None
    known = base.outcomes if isinstance(base, Record) else {}
    return known.get(script, Verdict(outcome="same_result"))


def can_import(record: Observation) -> bool:
    """Return whether the package can be imported in a cell.

    Where a script works there, a bare import that fails is one of a name that is not the package's:
    not every package says which modules are its own.
    """
    if record.bare_import is None or record.bare_import.retval == 0:
        return True
    return any(run.retval == 0 for run in record.runs.values())


def _explain_no_baseline(suite: str | None, base: Observation | None) -> str | None:
    """Return why there is no result to compare with; None where the baseline cell has run."""
    if suite is None:
        return "baselines names no baseline cell for it"
    if not isinstance(base, Record) or base.runs:
        return None
    what = base.outcome.replace("_", " ")
    return f"its baseline, {base.cell.label}, has no result: {base.message or what}"[:400]


def explain(worst: Verdict | None, verdicts: Mapping[str, Verdict]) -> str | None:
    """Return one sentence on the worst outcome of a cell; None where every script agrees."""
    if worst is None or worst.outcome == "same_result":
        return None
    same = [name for name, verdict in verdicts.items() if verdict.outcome == worst.outcome]
    text = f"{worst.outcome.replace('_', ' ')} in {len(same)} of {len(verdicts)} scripts"
    if worst.differences and OUTCOMES[worst.outcome].differs:
        return f"{text}: {same[0]}, {worst.differences[0]}"[:400]
    # No reason but these: another may be found once the other cells are known.
    why = worst.detail or (worst.reason if worst.reason in {"timeout", "killed"} else None)
    if worst.exception:
        more = f" ({worst.detail})" if worst.detail else ""
        why = f"{_spell(worst.exception)}{more}"
    return (f"{text}: {why}" if why else text)[:400]
