"""One child process, watched: its streams, time, memory, end, and what it leaves behind."""

from __future__ import print_function

import errno
import fcntl
import os
import select
import signal
import sys
import time
import traceback

from .capture import Capture
from .errors import RunnerError
from .linux import clock, die_with_parent, list_descendants, measure_memory

POLL = 0.05  # seconds between two looks at memory and time

GRACE = 0.3  # seconds that output is still read after a script ended

INTERNAL_FDS = set()  # file descriptors that carry our own events: no script is left one of them


def make_pipe():
    read, write = os.pipe()
    for handle in (read, write):
        flags = fcntl.fcntl(handle, fcntl.F_GETFD)
        fcntl.fcntl(handle, fcntl.F_SETFD, flags | fcntl.FD_CLOEXEC)
        INTERNAL_FDS.add(handle)
    return read, write


def close_internal(kept=None):
    for handle in list(INTERNAL_FDS):
        if handle != kept:
            close_one(handle)


def close_one(handle):
    INTERNAL_FDS.discard(handle)
    os.close(handle)


def supervise(action, job, timeout, on_line=None):
    """Run action(control) in a fork and return what became of it as a dict.

    `control` is a file descriptor to write lines to; `on_line` gets each of them. Without it, a
    line says what kept the action from being done. `timeout` is in seconds from the start; with
    on_line, from the last line. `peak` are the bytes of memory that were seen at the most.
    """
    out, err, control = make_pipe(), make_pipe(), make_pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    started = clock()
    pid = os.fork()
    if pid == 0:
        enter_child(action, out, err, control, tells=on_line is None)
    for handle in (out[1], err[1], control[1]):
        close_one(handle)
    captures = {out[0]: Capture(job["limit"]), err[0]: Capture(job["limit"])}
    troubles = []  # type: list[bytes]
    try:
        ended, status, peak = watch(
            pid, captures, control[0], job, timeout, on_line or troubles.append, wake=bool(on_line)
        )
    finally:
        kill_group(pid)
        kill_leftovers()
        for handle in (out[0], err[0], control[0]):
            close_one(handle)
    if troubles:
        raise RunnerError(troubles[0].decode("utf-8", "replace"))
    return {
        "retval": status,
        "ended": ended,
        "seconds": clock() - started,
        "peak": peak,
        "output": captures[out[0]].text(),
        "error": captures[err[0]].text(),
        "cut": captures[out[0]].cut + captures[err[0]].cut,
        "sha256": captures[out[0]].whole(),
    }


def enter_child(action, out, err, control, tells):
    """Run the action in the child, with a session and streams of its own; never return.

    With `tells`, what kept it from the action is reported: it says nothing about the script.
    """
    code = 70
    try:
        os.setsid()
        die_with_parent()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(out[1], 1)
        os.dup2(err[1], 2)
        close_internal(kept=control[1])
        code = action(control[1])
    except BaseException as error:
        traceback.print_exc()
        if tells and control[1] in INTERNAL_FDS:  # not yet handed over to the script
            words = "%s: %s" % (type(error).__name__, error)
            os.write(control[1], (words.replace("\n", " ") + "\n").encode("utf-8", "replace"))
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except Exception:
            pass
        os._exit(code if isinstance(code, int) else 1)


def watch(  # noqa: C901 -- one loop over streams, time and memory
    pid, captures, control, job, timeout, on_line, wake
):
    """(how it ended, exit status, peak of memory) of a child, whose streams are read meanwhile."""
    deadline = clock() + timeout
    peak = 0
    streams = set(captures) | {control}
    pending = b""
    ended, status, finished = "exit", None, None
    while True:
        for handle in wait_readable(streams, POLL):
            data = read_some(handle)
            if not data:
                streams.discard(handle)
            elif handle == control:
                lines = (pending + data).split(b"\n")
                pending = lines.pop()
                for line in lines:
                    deadline = clock() + timeout
                    on_line(line)
            else:
                captures[handle].add(data)
        now = clock()
        if status is None:
            status, most = poll_child(pid, wake)
            if status is None and job.get("memory"):
                most = measure_memory(pid, job["memory"])
            peak = max(peak, most)
            if status is not None:
                finished = now
            elif now > deadline:
                ended, deadline = "timeout", float("inf")
                kill_group(pid)
            elif job.get("memory") and most > job["memory"]:
                ended = "memory"
                kill_group(pid)
        if status is not None:
            if not streams:
                return end_of(ended, status), status, peak
            if now - finished > GRACE:
                kill_group(pid)
                kill_leftovers()
                if now - finished > 2 * GRACE:
                    return end_of(ended, status), status, peak


def end_of(ended, status):
    return "signal" if ended == "exit" and status < 0 else ended


def wait_readable(streams, seconds):
    if not streams:
        time.sleep(seconds / 10)
        return []
    try:
        return select.select(list(streams), [], [], seconds)[0]
    except (select.error, OSError) as error:
        if error.args[0] == errno.EINTR:
            return []
        raise


def read_some(handle):
    try:
        return os.read(handle, 1 << 16)
    except OSError:
        return b""


def poll_child(pid, wake):
    """Exit status of a child (negative: the signal; None while it runs), and its peak of memory.

    With `wake` a child that was stopped is made to go on: the warm process, by one of its scripts.
    """
    try:
        found, status, used = os.wait4(pid, os.WNOHANG | (os.WUNTRACED if wake else 0))
        if found and os.WIFSTOPPED(status):
            os.kill(pid, signal.SIGCONT)
            return None, 0
    except OSError:
        return -signal.SIGKILL, 0
    if found == 0:
        return None, 0
    peak = used.ru_maxrss * (1024 if sys.platform.startswith("linux") else 1)
    status = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return status, peak


def kill_group(pid):
    for target in (-pid, pid):
        try:
            os.kill(target, signal.SIGKILL)
        except OSError:
            pass


def kill_leftovers():
    """Kill what a script left behind: as subreaper, this process is the parent of its orphans."""
    for _ in range(20):
        left = list_descendants(os.getpid())
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except OSError:
            return
        time.sleep(0.01)
