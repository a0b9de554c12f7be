"""Linux: system calls through the C library, and what /proc says of processes and memory."""

from __future__ import print_function

import os
import signal
import sys
import time

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 1, 4, 24, 36

CLOCK_MONOTONIC = 1  # of Linux


def load_libc():
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def prctl(option, value):
    """Set an option of this process, as Linux alone can; return whether it was taken."""
    return sys.platform.startswith("linux") and load_libc().prctl(option, value, 0, 0, 0) == 0


def find_clock():
    """Return the clock that nobody sets. Python 2 has none: there it is the C library's."""
    if hasattr(time, "monotonic"):
        return time.monotonic
    try:
        import ctypes

        read = load_libc().clock_gettime
    except (ImportError, AttributeError, OSError):
        return time.time
    moment = (ctypes.c_long * 2)()  # seconds and nanoseconds

    def tell_time():
        read(CLOCK_MONOTONIC, moment)
        return moment[0] + moment[1] * 1e-9

    known = sys.platform.startswith("linux") and read(CLOCK_MONOTONIC, moment) == 0
    return tell_time if known else time.time


clock = find_clock()


def die_with_parent():
    """A script does not outlive the process that watches over it, even one that was killed.

    What the script itself has started goes where that process was process 1 of a namespace.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def encode(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


def write_file(path, text):
    with open(path, "w") as handle:
        handle.write(text)


def list_children(pid):
    """Return process numbers of the children of a process; none where /proc does not say."""
    found = []  # type: list[int]
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task)) as handle:
                found.extend(int(word) for word in handle.read().split())
    except (IOError, OSError):
        pass
    return found


def list_descendants(pid):
    found, queue = [], [pid]
    while queue:
        children = list_children(queue.pop())
        found.extend(children)
        queue.extend(children)
    return found


def measure_memory(pid, limit):
    """Return the bytes of memory that a process and all below it hold, shared pages once.

    Adding up is cheap and counts what forks share for each of them: only a sum above the limit is
    worth the exact look.
    """
    family = [pid] + list_descendants(pid)
    size = sum(read_resident(number) for number in family)
    return size if size <= limit else sum(read_proportional(number) for number in family)


def read_resident(pid):
    try:
        with open("/proc/%d/statm" % pid) as handle:
            return int(handle.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (IOError, OSError, IndexError):
        return 0


def read_proportional(pid):
    """Return bytes held, each shared page divided by those who share it (Linux 4.14 and later)."""
    try:
        with open("/proc/%d/smaps_rollup" % pid) as handle:
            for line in handle:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except (IOError, OSError, IndexError):
        pass
    return read_resident(pid)


def count_oom_kills():
    """Return processes that the kernel has ended for want of memory; None where it does not say."""
    return read_counter("/proc/vmstat", "oom_kill")


def met_its_limit():
    """Return whether the container may have met its memory's limit, at any time."""
    group = "/sys/fs/cgroup/"
    met = read_counter(group + "memory.events", "oom")
    if met is not None:
        return met > 0
    # Version 1 of control groups. What is charged comes in steps: the limit is not met exactly.
    most = read_counter(group + "memory/memory.max_usage_in_bytes", None)
    limit = read_counter(group + "memory/memory.limit_in_bytes", None)
    return most is None or limit is None or most > 0.95 * limit


def read_counter(path, name):
    """Return the number after a name in one of the kernel's files, or the file's only one.

    Else None.
    """
    try:
        with open(path) as handle:
            lines = [line.split() for line in handle]
        found = [int(words[-1]) for words in lines if name is None or words[0] == name]
        return found[0]
    except (IOError, OSError, IndexError, ValueError):
        return None
