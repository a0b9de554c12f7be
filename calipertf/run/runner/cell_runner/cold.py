"""Scripts, and the bare import, each in a process of its own."""

from __future__ import print_function

import errno
import os
import re
import signal
import sys

from .errors import RunnerError
from .isolation import limit_files
from .linux import count_oom_kills, met_its_limit
from .scratch import enter_scratch, is_full, make_scratch, name_scratch
from .supervise import supervise

FULL = r"\[Errno (?:%d|%d)\]" % (errno.ENOSPC, errno.EDQUOT)  # as Python says it

FULL_WORDS = FULL + "|No space left on device|Disk quota exceeded"


def run_cold(job, script):
    folder = make_scratch(job)

    def action(_):
        enter_scratch(folder)
        limit_files(job)
        # Unbuffered, as the warm process is: what was printed before a crash is not lost.
        os.execv(sys.executable, [sys.executable, "-u"] + find_command(job, script))

    return run_alone(action, job, folder, script["name"])


def run_alone(action, job, folder, name):
    """Run a process whose result counts. Raises RunnerError where the machine spoilt it."""
    before = count_oom_kills()
    result = supervise(action, job, job["timeout"])
    lack = find_shortage(job, result, before)
    if lack:
        raise RunnerError("%s: %s" % (name, lack))
    del result["peak"]
    return name_scratch(result, job, folder)


def find_shortage(job, result, before):
    """Return what the machine ran out of while a script ran.

    None where it did not, or it was the script.

    `before` is what count_oom_kills gave at its start. Of a script that the kernel ended `ended` is
    set to memory where it had more than it may.
    """
    # A container's scratch is of a size of its own: a script that copes with its end is right.
    if is_full(job) and not (job.get("contained") and result["retval"] == 0):
        return "the file system of its scratch folder is full; free some space (CALIPER_CELLS)"
    said = re.search(FULL_WORDS, result["error"]) or re.search(FULL, result["output"])
    if result["retval"] and result["ended"] == "exit" and said:
        return "it met a full disk (%s); free some space" % said.group(0)
    if (result["retval"], result["ended"]) != (-signal.SIGKILL, "signal"):
        return None
    kills = count_oom_kills()
    if kills is None or kills == before:
        return None
    if job.get("memory") and result["peak"] > job["memory"]:
        result["ended"] = "memory"
        return None
    if job.get("contained") and met_its_limit():
        return None  # it was too much for the container: its engine says so
    return "this machine's memory ran out: the kernel ended it, with less than it may have"


def check_import(job):
    """Return the bare import in a fresh process."""
    folder = make_scratch(job)

    def action(_):
        enter_scratch(folder)
        os.execv(sys.executable, [sys.executable, "-c", "import " + job["import_name"]])

    return run_alone(action, job, folder, "import " + job["import_name"])


def run_fresh(job, script):
    """Return the result of a cold run, which says so where pytest ran the file."""
    result = run_cold(job, script)
    return dict(result, run_by="pytest") if script.get("pytest") else result


def find_command(job, script):
    """Return what Python is given to run a script."""
    if not script.get("pytest"):
        return [script["path"]]
    return ["-c", job["pytest"], find_root(script), script["path"]]


def find_root(script):
    """Return the folder that a script's name is relative to; its own where it is not named so."""
    path, name = script["path"], "/" + script["name"]
    return path[: -len(name)] if path.endswith(name) else os.path.dirname(path)
