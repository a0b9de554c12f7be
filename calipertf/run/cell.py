"""One cell: build it, list its requirements, run every script; what happened, without a verdict."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

from calipertf.errors import ImageError, IndexUnavailableError, InfrastructureError
from calipertf.formats.records import Observation, Run
from calipertf.run.backends.base import Backend, Built
from calipertf.run.builds.evidence import KEY as EVIDENCE
from calipertf.run.builds.output import hide_chance
from calipertf.run.retry import MAX_ATTEMPTS
from calipertf.run.runner import PYTEST_RUNNER
from calipertf.run.runner.isolation import list_missing
from calipertf.run.runner.pytest_files import is_pytest_file
from calipertf.run.spec import CellTask
from calipertf.versions import python_version

log = logging.getLogger("calipertf")
#: Bytes of each stream of a script that a record keeps.
KEPT_OUTPUT = 256 * 1024

#: What every script finds in its environment: one thread, one hash seed, no GPU, no screen. The
#: runner is started with it: Python reads much of it, such as the hash seed, as it starts.
SCRIPT_ENVIRON: Mapping[str, str] = {
    "PYTHONHASHSEED": "0",
    "PYTHONIOENCODING": "utf-8",
    "PYTHONNOUSERSITE": "1",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
    "MPLBACKEND": "Agg",
}


def run_cell(
    task: CellTask, backend: Backend, sleep: Callable[[float], None] = time.sleep
) -> Observation:
    """Build a cell, run its scripts and return what happened.

    Raises InfrastructureError once a few tries at it failed for reasons that are not the package's;
    `sleep` waits between them.
    """

    @retry(
        retry=retry_if_exception(_may_pass),
        stop=stop_after_attempt(MAX_ATTEMPTS),
        wait=wait_random_exponential(multiplier=2, max=60),
        reraise=True,
        sleep=sleep,
        before_sleep=lambda state: log.debug(
            "%s: trying again after: %s",
            task.cell.label,
            state.outcome.exception() if state.outcome else "",
        ),
    )
    def attempt() -> Observation:
        return _run_once(task, backend)

    return attempt()


def _may_pass(error: BaseException) -> bool:
    """Return whether another try may go better; the index was asked more than once already."""
    lasting = (IndexUnavailableError, ImageError)
    return isinstance(error, InfrastructureError) and not isinstance(error, lasting)


def _run_once(task: CellTask, backend: Backend) -> Observation:
    started = datetime.now(timezone.utc)
    with backend.build(task) as built:
        timings: dict[str, Any] = {
            "started": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            **{name: round(seconds, 3) for name, seconds in built.timings.items()},
        }
        inputs: dict[str, Any] = {
            "name": task.cell.name,
            "dependency": task.cell.package,
            "dockerfile": task.dockerfile,
            "tests": list(task.scripts),
        }
        if built.run_job is None:
            inputs[EVIDENCE] = dict(built.index)
        seen = Observation(
            cell=task.cell,
            resolve_date=(task.cutoff or started).strftime(
                "%Y-%m-%dT%H:%M:%SZ" if task.cutoff else "%Y-%m-%d"
            ),
            build=hide_chance(rename_paths(built.run, built.aliases)),
            environment={**built.facts, "wheel": task.file.filename},
            inputs=inputs,
            timings=timings,
        )
        if built.run_job is None:
            return seen
        begun = time.monotonic()
        seen = _run_scripts(task, built, seen)
        spent = time.monotonic() - begun
        return replace(seen, timings={**seen.timings, "scripts": round(spent, 3)})


def _run_scripts(task: CellTask, built: Built, seen: Observation) -> Observation:
    runs: dict[str, Run] = {}
    scripts = choose_scripts(task, built)
    facts = dict(seen.environment)
    timings = dict(seen.timings)
    bare_import: list[Run] = []

    def rename(event: Mapping[str, Any]) -> Run:
        return rename_paths(read_run(event), built.aliases)

    def report(event: Mapping[str, Any]) -> None:
        kind = event["event"]
        if kind == "start":
            facts["python"] = event["python"]
            facts["isolation"] = event["isolation"]
            facts["isolation_missing"] = list_missing(
                event["isolation"], network=task.analysis.network
            )
            facts["import_name"] = event["import_name"]
            facts["modules"] = event["modules"]
        elif kind == "import":
            bare_import.append(rename(event))
        elif kind == "script":
            runs[event["name"]] = rename(event)
        elif kind == "again":
            repeat = replace(rename(event), seconds=None, start=None)
            runs[event["name"]] = replace(runs[event["name"]], repeat=repeat)
        elif kind == "end":
            timings["scripts_cpu"] = round(event["cpu"], 3)

    if built.run_job is not None:
        built.run_job(make_job(task, scripts), report)
    _check_python(task, str(facts.get("python") or ""))
    missing = [script for script in scripts if script not in runs]
    if missing:
        raise InfrastructureError(
            f"the script runner ended before {missing[0]} was run in {task.cell.label}"
        )
    return replace(
        seen,
        runs={script: runs[script] for script in scripts},
        bare_import=bare_import[-1] if bare_import else None,
        requirements=built.requirements,
        environment=facts,
        timings=timings,
    )


def _check_python(task: CellTask, version: str) -> None:
    """Raise ImageError where the scripts ran on another Python than the cell's."""
    wanted = python_version(task.cell.python)
    if version and version.split(".")[:2] != wanted.split("."):
        raise ImageError(
            f"{task.cell.label} ran on Python {version}, not {wanted}: check base_image and the "
            "dockerfile of caliper.yaml"
        )


def rename_paths(run: Run, aliases: Mapping[str, str]) -> Run:
    """Return the run with each folder in its lines under the name that it has in every run."""

    def rename(lines: tuple[str, ...]) -> tuple[str, ...]:
        text = "".join(lines)
        for folder, alias in aliases.items():
            text = text.replace(folder, alias)
        return tuple(text.splitlines(keepends=True))

    return replace(run, output=rename(run.output), error=rename(run.error))


def read_run(event: Mapping[str, Any]) -> Run:
    """Return the run that an event of the script runner describes."""
    return Run(
        output=_split_text(event["output"]),
        error=_split_text(event["error"]),
        retval=event["retval"],
        seconds=event.get("seconds"),
        termination=event["ended"],
        truncated_bytes=event["cut"],
        sha256=event.get("sha256"),
        run_by=event.get("run_by"),
        confirmed_by=event.get("confirmed_by"),
        start=event.get("start"),
    )


def _split_text(text: str) -> tuple[str, ...]:
    # Python 2 decodes halves of surrogate pairs, which no file of UTF-8 text can hold.
    whole = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return tuple(whole.splitlines(keepends=True))


def choose_scripts(task: CellTask, built: Built) -> tuple[str, ...]:
    """Return the scripts to run: all, or without those whose runs in this environment are kept."""
    if task.kept is None or not task.kept.fits(built.requirements, built.facts):
        return task.scripts
    return tuple(script for script in task.scripts if script not in task.kept.scripts)


def make_job(task: CellTask, scripts: Sequence[str]) -> dict[str, Any]:
    """Return the job for the script runner; the backend adds its folders."""
    analysis = task.analysis
    environ = dict(SCRIPT_ENVIRON)
    if analysis.data:
        environ["CALIPER_DATA"] = str(task.root / analysis.data)
    return {
        "scripts": [
            {
                "name": script,
                "path": str(task.root / script),
                "times": 2 if script in task.twice else 1,
                "pytest": is_pytest_file(task.root / script),
            }
            for script in scripts
        ],
        "import_name": analysis.import_name,
        "distribution": task.cell.package,
        "start": analysis.start,
        "timeout": analysis.timeout,
        "memory": analysis.memory,
        "limit": KEPT_OUTPUT,
        "network": analysis.network,
        "cpus": list(task.cpus) if task.cpus else None,
        "environ": environ,
        "pytest": PYTEST_RUNNER.read_text(encoding="utf-8"),
    }
