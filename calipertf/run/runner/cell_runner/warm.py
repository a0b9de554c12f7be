"""Scripts in forks of one process that has imported the package."""

from __future__ import print_function

import json
import os
import sys
import traceback
import types

from .isolation import limit_files, protect_environment
from .linux import PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, clock, prctl
from .scratch import enter_scratch, is_full, make_scratch, name_scratch
from .supervise import close_internal, supervise

#: What was __main__ before: Python 2 empties a module that nobody holds.
_HELD = []


def put_main(**names):
    """A new __main__ as a script's: the runner's own is an archive's, with another __package__."""
    _HELD.append(sys.modules["__main__"])
    module = types.ModuleType("__main__")
    module.__dict__.update(names, __builtins__=__builtins__, __package__=None)
    sys.modules["__main__"] = module
    return module


def run_warm(job, script):
    folder = make_scratch(job)

    def action(_):
        enter_scratch(folder)
        limit_files(job)
        close_internal()
        return run_as_main(script["path"])

    result = supervise(action, job, job["timeout"])
    del result["peak"]
    return name_scratch(result, job, folder)


def run_as_main(path):
    """Exit status of a script run as __main__ in this process, ended as Python ends it."""
    import atexit

    module = put_main(__file__=path)
    sys.argv = [path]
    sys.path[0] = os.path.dirname(path)  # in the place of the current folder, see serve_warm
    code = 0
    try:
        with open(path, "rb") as handle:
            source = handle.read()
        exec(compile(source, path, "exec", 0, True), module.__dict__)
    except SystemExit as stop:
        code = read_exit(stop)
    except BaseException:
        print_failure()
        code = 1
    try:
        shutdown = getattr(sys.modules.get("threading"), "_shutdown", None)
        if shutdown:
            shutdown()
        getattr(atexit, "_run_exitfuncs", lambda: None)()
    except SystemExit as stop:
        code = read_exit(stop)
    except BaseException:
        traceback.print_exc()
    return code


def read_exit(stop):
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    print(stop.code, file=sys.stderr)
    return 1


def print_failure():
    """Print the traceback as Python prints it for a script: without the frames of this file."""
    kind, value, trace = sys.exc_info()
    own = print_failure.__code__.co_filename
    while trace is not None and trace.tb_frame.f_code.co_filename == own:
        trace = trace.tb_next
    traceback.print_exception(kind, value, trace)


def run_scripts_warm(job, emit):
    """Import the package once and run each script in a fork.

    Gives the names of scripts that passed, the results of those that failed, and the end.
    """
    done = set()
    failed = {}

    def on_line(line):
        event = json.loads(line.decode("utf-8"))
        if event["event"] == "failed":
            failed[event["name"]] = event
        elif event["event"] == "script":
            done.add(event["name"])
            emit(event)

    def action(control):
        return serve_warm(job, control)

    # A script's own supervisor ends it in time: this limit is for the import and for our mistakes.
    result = supervise(action, dict(job, memory=None), job["timeout"] + 60, on_line)
    return done, failed, result


def serve_warm(job, control):
    """Return in the warm process: import, then every script; ends with 0."""

    def send(event):
        data = (json.dumps(event) + "\n").encode("utf-8")
        while data:
            data = data[os.write(control, data) :]

    prctl(PR_SET_DUMPABLE, 1)  # a package may read what /proc says of it
    started = clock()
    sys.path.insert(0, "")  # as python -c has it; a script puts its own folder there
    put_main()  # packages look at it as they are imported
    try:
        __import__(job["import_name"])
    except BaseException:
        print_failure()
        return 1
    send({"event": "tick", "seconds": clock() - started})
    sys.stdout.flush()
    sys.stderr.flush()
    protect_environment(job)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_DUMPABLE, 0)
    for script in job["scripts"]:
        if script.get("pytest"):
            continue  # it is run cold
        send({"event": "tick"})
        result = run_warm(job, script)
        spoilt = is_full(job) and not job.get("contained")
        kind = "script" if result["retval"] == 0 and not spoilt else "failed"
        send(dict(result, event=kind, name=script["name"], start="warm"))
    return 0
