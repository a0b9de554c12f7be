"""A job from its line of JSON to the last event."""

from __future__ import print_function

import json
import os
import resource
import sys

from .cold import check_import, run_fresh
from .errors import RunnerError
from .isolation import isolate, protect_environment
from .linux import die_with_parent, read_resident
from .names import find_import_name, list_roots
from .supervise import INTERNAL_FDS
from .text import as_native
from .warm import run_scripts_warm

SHORTEST = 0.1  # seconds: no Python starts and ends in less


def run_job(job, report):
    done = set()
    passed = set()

    def emit(event):
        if event["event"] == "script" and event["retval"] == 0:
            passed.add(event["name"])
        report(event)

    failed = {}
    imported = None
    plain = not job["scripts"] or not all(script.get("pytest") for script in job["scripts"])
    if job["start"] == "warm" and job["import_name"] and plain:
        done, failed, result = run_scripts_warm(job, emit)
        imported = done or failed or result["retval"] == 0
    left = [script for script in job["scripts"] if script["name"] not in done]
    failing = [script for script in left if not script.get("pytest")]
    if job["import_name"] and (failing or not job["scripts"] or not imported):
        emit(dict(check_import(job), event="import"))
    else:
        emit({"event": "import", "retval": 0, "ended": "exit", "output": "", "error": "", "cut": 0})
    protect_environment(job)
    run_remaining(job, left, failed, emit)
    for script in job["scripts"]:
        again = script.get("times", 1) - 1 if script["name"] in passed else 0
        for _ in range(again):
            emit(dict(run_fresh(job, script), event="again", name=script["name"], start="cold"))


def run_remaining(job, left, failed, emit):
    """Run cold what has no warm result that counts."""
    confirmed = {}  # type: dict[str, str]
    for script in left:
        name = script["name"]
        missing = name in failed and find_missing_name(failed[name]["error"])
        if missing and missing in confirmed:
            emit(dict(failed[name], event="script", confirmed_by=confirmed[missing]))
            continue
        result = run_fresh(job, script)
        if missing and result["retval"] and find_missing_name(result["error"]) == missing:
            confirmed[missing] = name
        emit(dict(result, event="script", name=name, start="cold"))


def find_missing_name(error):
    """Return the last line of a traceback that ended because a name is not there; else None."""
    lines = error.rstrip().split("\n")
    kinds = ("AttributeError: ", "ImportError: ", "ModuleNotFoundError: ")
    return lines[-1] if lines[-1].startswith(kinds) else None


def check_limits(job):
    """Nothing where a script could keep the limits; RunnerError where none could."""
    if not job["timeout"] >= SHORTEST:
        raise RunnerError("timeout: in %r s no script can start; raise it" % job["timeout"])
    taken = read_resident(os.getpid())
    if job.get("memory") and job["memory"] < taken:
        raise RunnerError(
            "memory: %d bytes are less than Python takes by itself (%d); raise it"
            % (job["memory"], taken)
        )


def main():
    # The archive that this program lies in holds modules that are not the cell's.
    del sys.path[0]
    job = json.loads(sys.stdin.readline())
    die_with_parent()
    os.chdir(job["scratch"])
    lines = os.dup(1)
    INTERNAL_FDS.add(lines)
    # What this process or a library prints by itself must not get between our lines.
    os.dup2(2, 1)

    def emit(event):
        data = (json.dumps(event, sort_keys=True) + "\n").encode("utf-8")
        while data:
            data = data[os.write(lines, data) :]

    job = as_native(job)
    check_limits(job)
    for script in job["scripts"]:
        open(script["path"], "rb").close()  # that we cannot read it says nothing about the package
    os.environ.update(job["environ"])
    isolation = isolate(job)
    if not job.get("import_name") and job.get("distribution"):
        job["import_name"] = find_import_name(job["distribution"])
    version = ".".join(str(part) for part in sys.version_info[:3])
    emit(
        {
            "event": "start",
            "python": version,
            "isolation": isolation,
            "import_name": job["import_name"],
            "modules": list_roots(job.get("distribution")),
        }
    )
    run_job(job, emit)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    emit({"event": "end", "cpu": used.ru_utime + used.ru_stime})


def run():
    """Run the job on standard input; exit with a sentence where the machine spoilt it."""
    try:
        main()
    except RunnerError as error:
        sys.exit("%s: %s" % (type(error).__name__, error))
