"""From what happened to an outcome: pure functions, so that a record can be judged again."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from calipertf.exceptions import parse_exception
from calipertf.messages import shorten
from calipertf.owners import Owners, make_owners
from calipertf.reasons import classify_failure
from calipertf.records import Record, Run, Verdict, worst_outcome

#: Differences that a verdict lists.
LISTED = 5
#: Numbers whose distance is below this are equal, whatever their size: sums that should be zero.
ABSOLUTE = 1e-6

_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w])")


def compare_outputs(here: Sequence[str], there: Sequence[str], tolerance: float) -> list[str]:
    """Differences between two printed results, in words; none where they agree.

    Line by line: words have to be equal, whole numbers as well; other numbers within a relative
    tolerance. White space at the ends of lines and empty lines at the end do not count.
    """
    left, right = _strip_end(here), _strip_end(there)
    found = [
        f"line {number}: {_shorten(a)} here, {_shorten(b)} in the baseline"
        for number, (a, b) in enumerate(zip(left, right, strict=False), start=1)
        if not _lines_agree(a, b, tolerance)
    ]
    if len(left) != len(right):
        found.append(f"{len(left)} lines here, {len(right)} in the baseline")
    return found


def _strip_end(lines: Sequence[str]) -> list[str]:
    text = "".join(lines).rstrip()
    return [" ".join(line.split()) for line in text.splitlines()]


def _shorten(line: str) -> str:
    return repr(line if len(line) <= 120 else line[:117] + "...")


def _lines_agree(a: str, b: str, tolerance: float) -> bool:
    if a == b:
        return True
    if _words(a) != _words(b):
        return False
    pairs = zip(_NUMBER.findall(a), _NUMBER.findall(b), strict=True)
    return all(_numbers_agree(x, y, tolerance) for x, y in pairs)


def _words(line: str) -> str:
    # White space around numbers is layout: numpy aligns its columns by the widest number.
    return re.sub(r"\s*#\s*", "#", _NUMBER.sub("#", line))


def _numbers_agree(x: str, y: str, tolerance: float) -> bool:
    if _is_whole(x) and _is_whole(y):
        return _spell_whole(x) == _spell_whole(y)
    return math.isclose(float(x), float(y), rel_tol=tolerance, abs_tol=ABSOLUTE)


def _spell_whole(text: str) -> str:
    # Not int(): Python refuses to read a number of more than 4300 digits.
    digits = text.lstrip("+-").lstrip("0")
    return f"-{digits}" if digits and text.startswith("-") else digits


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"[-+]?\d+", text) is not None


def judge_script(
    run: Run,
    *,
    imports: bool,
    owners: Owners,
    baseline: Verdict | None,
    there: Run | None,
    is_home: bool,
    tolerance: float,
) -> Verdict:
    """The verdict on one script, without its suite and baseline's name.

    `imports` says whether the bare import of the package works in this cell; `there` is the
    baseline's run of the same script and `baseline` its verdict, None where there are none.
    """
    if run.retval != 0:
        return judge_failure(run, imports=imports, owners=owners)
    if run.again is not None:
        differences = compare_outputs(run.output, run.again.output, tolerance)
        if run.again.retval != 0 or differences:
            return Verdict(outcome="unstable_result", differences=tuple(differences[:LISTED]))
    if is_home:
        return Verdict(outcome="same_result")
    if there is None or baseline is None:
        return Verdict(outcome="not_compared", detail="the baseline has not been run")
    if there.retval != 0:
        return Verdict(outcome="not_compared", detail="the script fails in its baseline")
    differences = compare_outputs(run.output, there.output, tolerance)
    if not differences:
        return Verdict(outcome="same_result")
    if baseline.outcome == "unstable_result":
        return Verdict(
            outcome="unstable_result",
            detail="its result is not stable in the baseline either",
            differences=tuple(differences[:LISTED]),
        )
    return Verdict(outcome="different_result", differences=tuple(differences[:LISTED]))


def judge_failure(run: Run, *, imports: bool, owners: Owners) -> Verdict:
    """import_failed or run_failed, with the reason and the exception."""
    reason, detail = classify_failure(
        run.retval, run.ended, run.error, run.output, owners=owners, importing=not imports
    )
    return Verdict(
        outcome="run_failed" if imports else "import_failed",
        reason=reason,
        detail=detail,
        exception=parse_exception(run.error, run.output),
    )


def judge_record(
    record: Record,
    suites: Mapping[str, str | None],
    homes: Mapping[str, Record | None],
    tolerance: float,
) -> Record:
    """The record with its verdicts made anew.

    `suites` maps each script to its suite; `homes` each suite to the record of its home cell, None
    where that is not there. A record without a build, or whose build failed, stays as it is.
    """
    if record.build is None or record.build.retval != 0:
        return record
    verdicts: dict[str, Verdict] = {}
    owners = make_owners(record.cell.package, record.environment, record.requirements)
    imports = record.bare_import is None or record.bare_import.retval == 0
    for script, run in record.runs.items():
        suite = suites.get(script)
        home = homes.get(suite) if suite else None
        verdict = judge_script(
            run,
            imports=imports,
            owners=owners,
            baseline=home.outcomes.get(script, Verdict(outcome="same_result")) if home else None,
            there=home.runs.get(script) if home else None,
            is_home=home is not None and home.cell == record.cell,
            tolerance=tolerance,
        )
        where = home.cell if home else None
        old = record.outcomes.get(script)
        if suite is None and verdict.outcome == "not_compared":
            verdict = replace(verdict, detail="baselines names no home cell for it")
        verdicts[script] = replace(
            verdict,
            suite=suite,
            start=old.start if old else None,
            baseline={"version": where.version, "python": where.python, "resolve": where.resolve}
            if where
            else None,
        )
    worst = worst_outcome(verdicts)
    if worst and worst.outcome == "import_failed" and record.bare_import:
        # The import says why, and no script's own mistake does.
        worst = judge_failure(record.bare_import, imports=False, owners=owners)
    return replace(
        record,
        outcomes=verdicts,
        outcome=worst.outcome if worst else "not_compared",
        reason=worst.reason if worst else None,
        message=explain(worst, verdicts),
    )


def explain(worst: Verdict | None, verdicts: Mapping[str, Verdict]) -> str | None:
    """One sentence on the worst outcome of a cell; None where every script agrees."""
    if worst is None or worst.outcome == "same_result":
        return None
    alike = [name for name, verdict in verdicts.items() if verdict.outcome == worst.outcome]
    what = worst.outcome.replace("_", " ")
    cause = worst.exception
    if cause:
        why = f": {cause.type}: {shorten(cause.message, 300)}"
    else:
        # No reason but these: another may be found once the other cells are known.
        ended = worst.reason if worst.reason in {"timeout", "killed"} else ""
        why = f": {worst.detail or ended or ''}"
    first = worst.differences[0] if worst.differences else ""
    text = f"{what} in {len(alike)} of {len(verdicts)} scripts"
    if first and worst.outcome in {"different_result", "unstable_result"}:
        why = f": {alike[0]}, {first}"
    return (text + (why if why != ": " else ""))[:400]
