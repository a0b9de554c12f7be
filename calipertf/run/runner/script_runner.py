"""Run scripts inside a cell and report on each: one file, standard library alone.

It is run by the cell's own Python, 2.7 to 3.13 and later. It reads one JSON object, one line of
standard input, and writes one JSON line an event to standard output, as each happens:

    {"event": "start", "python": "3.7.16", "isolation": [...], "import_name": "tensorflow",
     "modules": ["tensorflow"]}
    {"event": "import", "retval": 0, "output": "...", "error": "...", "seconds": 2.1, "ended": "exit"}
    {"event": "script", "name": "...", "start": "warm", ...as above...}
    {"event": "end", "cpu": 12.3}

`cpu` is in seconds, of all scripts and imports together.

The object: `scripts` [{name, path, times, pytest}] (those of `pytest` true are run cold, by the
program in `pytest`: the source of pytest_runner.py), `import_name` (null: found by `distribution`),
`start` (warm or cold), `timeout` (seconds a script), `memory` (bytes a script), `limit` (bytes kept
of each stream), `scratch` (an empty folder; each script gets a fresh one in it), `read_only` and `writable` (folders; writable until the package was
imported), `network` (may scripts use it),
`cpus` (numbers of the cores to keep to, or null), `environ` (added to the environment; what Python
reads as it starts, such as the hash seed, has to be in it before),
`contained` (whether a container keeps scripts from network and files: then this runner does not).

Three processes: this one never imports the package; its child, the warm process, imports it once
and forks for each script; a script that fails warm is run again cold, and the cold result counts.
Where the system allows it, this one is process 1 of its own namespace: signals of scripts do not
reach it, and they cannot open what it has open.
Where the cold run of one script has confirmed that a name is not there, others of the same cell
that failed on the same name are not run again: they say which one by `confirmed_by`.
"""

from __future__ import print_function

import codecs
import errno
import fcntl
import hashlib
import json
import os
import re
import resource
import select
import shutil
import signal
import sys
import time
import traceback

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
MS_KEPT = 2 | 4 | 8 | 1024 | 2048  # nosuid, nodev, noexec, noatime, nodiratime
REMOTE = (
    "autofs",
    "nfs",
    "cifs",
    "smb",
    "fuse",
    "ceph",
    "lustre",
    "gpfs",
    "beegfs",
    "afs",
    "orangefs",
)
MS_PROC = 2 | 4 | 8  # nosuid, nodev, noexec
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 1, 4, 24, 36
# What a script run by root does without: linux_immutable, net_admin, net_raw, sys_module, sys_rawio, sys_ptrace,
# sys_admin, sys_boot, sys_resource, sys_time, mknod, mac_override, mac_admin, syslog, perfmon, bpf,
# checkpoint_restore. With them it could undo the isolation, or more.
DROPPED = (9, 12, 13, 16, 17, 19, 21, 22, 24, 25, 27, 32, 33, 34, 38, 39, 40)
CAPABILITY_VERSION = 0x20080522
TEXT = type(b"".decode("ascii"))  # unicode on Python 2; formatters take away a u before quotes
POLL = 0.05  # seconds between two looks at memory and time
GRACE = 0.3  # seconds that output is still read after a script ended
SHORTEST = 0.1  # seconds: no Python starts and ends in less
ROOM = 64 * 1024  # bytes: a file system with less is full
FULL = r"\[Errno (?:%d|%d)\]" % (errno.ENOSPC, errno.EDQUOT)  # as Python says it
FULL_WORDS = FULL + "|No space left on device|Disk quota exceeded"
CLOCK_MONOTONIC = 1  # of Linux


def load_libc():
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def prctl(option, value):
    """Whether this process took an option of prctl(2), which Linux alone has."""
    return sys.platform.startswith("linux") and load_libc().prctl(option, value, 0, 0, 0) == 0


def find_clock():
    """The clock that nobody sets. Python 2 has none: there it is the C library's."""
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


# -- isolation ---------------------------------------------------------------------------------


def isolate(job):
    """Names of the isolations that could be put in force for this process and its children.

    It may come back in a child of this process, which then waits for that child and ends.
    """
    done = []
    if keep_to_cpus(job.get("cpus")):
        done.append("cpus")
    if not sys.platform.startswith("linux"):
        return done
    libc = load_libc()
    # In a container, namespaces of its own would give scripts capabilities in them.
    if not job.get("contained"):
        done += enter_namespaces(libc, job)
    if os.getpid() == 1:
        done.append("pids")
    if prctl(PR_SET_CHILD_SUBREAPER, 1):
        done.append("processes")
    if os.path.isdir("/proc/self"):
        done.append("memory")
    # Who is of the same user may neither trace this process nor open what it has open.
    prctl(PR_SET_DUMPABLE, 0)
    if os.getpid() == 1:
        # Of process 1 the kernel keeps signals away that have no handler; Python's own is one.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return done


def enter_namespaces(libc, job):
    """Namespaces for network, mounts and process numbers; names of what they keep scripts from."""
    wanted = CLONE_NEWNS | (0 if job.get("network") else CLONE_NEWNET)
    if can_number_processes(libc):
        wanted |= CLONE_NEWPID
    # One that is refused does not take the others along.
    choices = [wanted, wanted & ~CLONE_NEWNET, CLONE_NEWNS]
    wanted = next((flags for flags in choices if unshare(libc, flags)), None)
    if wanted is None:
        return []
    done = []
    if wanted & CLONE_NEWNET:
        raise_loopback()
        done.append("network")
    if not make_mounts_private(libc):
        return done
    if wanted & CLONE_NEWPID:
        go_on_as_init(libc)
    if protect_files(libc, job):
        done.append("read-only")
        job["protected"] = True
    return done


def make_mounts_private(libc):
    return libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0


def mount_proc(libc):
    return libc.mount(b"proc", b"/proc", b"proc", MS_PROC, None) == 0


def can_number_processes(libc):
    """Whether a namespace of process numbers, with the /proc that belongs to it, can be had.

    It is tried in a child: there is no way back out of one.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if unshare(libc, CLONE_NEWNS | CLONE_NEWPID) and make_mounts_private(libc):
                inner = os.fork()
                if inner == 0:
                    os._exit(0 if mount_proc(libc) else 1)
                code = os.waitpid(inner, 0)[1] and 1
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1] == 0


def go_on_as_init(libc):
    """Come back as process 1 of the namespace, whose end is the end of all that is in it."""
    pid = os.fork()
    if pid:
        status = os.waitpid(pid, 0)[1]
        os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
    die_with_parent()
    if not mount_proc(libc):
        raise Trouble("/proc could not be mounted in a namespace of process numbers")


def protect_files(libc, job):
    """Whether the file system is now read-only but for the folders in `writable` and /tmp.

    Other local file systems become so where the system lets them. /tmp becomes a folder of the
    scratch folder, in which nothing of the real one is seen but what the cell needs, read-only.
    """
    private = os.path.join(job["scratch"], "shared-tmp")
    if not os.path.isdir(private):
        os.makedirs(private)
    own = job["writable"] + [job["scratch"]]
    shown = [name for name in list_needed_in_tmp(job) if prepare_mount(name, private)]
    binds = [(path, path) for path in own]
    binds += [(os.path.join("/tmp", name), os.path.join(private, name)) for name in shown]
    for source, target in binds + [(private, "/tmp")]:
        if libc.mount(encode(source), encode(target), None, MS_BIND | MS_REC, None) != 0:
            return False
        if target.startswith(private + "/") and not mount_read_only(libc, target, bind=False):
            return False
    for point in list_mounts(own, private):
        mount_read_only(libc, point, bind=False)
    os.chdir(job["scratch"])  # the way up from where we were led into the real /tmp
    folders = ["/"] + [path for path in job["read_only"] if os.path.realpath(path) != "/tmp"]
    return all([mount_read_only(libc, folder) for folder in folders])


def list_needed_in_tmp(job):
    """Names in /tmp of what holds scripts, their data, this Python or the cell."""
    needed = job["writable"] + job["read_only"] + [job["scratch"], sys.executable]
    needed += [script["path"] for script in job.get("scripts", ())]
    needed += [job.get("environ", {}).get("CALIPER_DATA", "/")]
    paths = [path for name in needed for path in (os.path.abspath(name), os.path.realpath(name))]
    if "/tmp" in paths:
        return sorted(os.listdir("/tmp"))
    return sorted(set(path.split("/")[2] for path in paths if path.startswith("/tmp/")))


def prepare_mount(name, private):
    """Whether there is now a place in the private /tmp for what has this name in the real one."""
    source, target = os.path.join("/tmp", name), os.path.join(private, name)
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return False
    if os.path.isdir(source):
        os.mkdir(target)
        return True
    if os.path.isfile(source):
        open(target, "w").close()
        return True
    return False


def list_mounts(left_out, private):
    """Mount points of local file systems, without /tmp and those in or below some folders.

    What is mounted in the private /tmp is among them, although that lies in one of the folders.

    Of remote ones not even the flags are looked at: one whose server is gone would hold us up.
    """
    left_out = [os.path.realpath(folder) for folder in left_out] + ["/proc", "/sys", "/dev"]
    try:
        with open("/proc/self/mountinfo") as handle:
            lines = [line.split() for line in handle]
        points = [words[4] for words in lines if not words[words.index("-") + 1].startswith(REMOTE)]
    except (IOError, OSError, IndexError, ValueError):
        return []
    for code, letter in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        points = [point.replace(code, letter) for point in points]
    return [
        point
        for point in points
        if point not in ("/", "/tmp")
        and (
            point.startswith(os.path.realpath(private) + "/")
            or not any((point + "/").startswith(folder + "/") for folder in left_out)
        )
    ]


def protect_environment(job):
    """Make what was writable for the first import, and its .pyc files, read-only for scripts.

    A script that changes an installed package would change the results of all that follow.
    """
    if job.get("protected"):
        libc = load_libc()
        for folder in job["writable"]:
            if not os.statvfs(folder).f_flag & MS_RDONLY:
                mount_read_only(libc, folder)


def encode(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


def unshare(libc, flags):
    """Whether this process now has namespaces of its own; as a plain user, through a user's one."""
    if libc.unshare(flags) == 0:
        return True
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(flags | CLONE_NEWUSER) != 0:
        return False
    try:
        write_file("/proc/self/setgroups", "deny")
        write_file("/proc/self/uid_map", "%d %d 1" % (uid, uid))
        write_file("/proc/self/gid_map", "%d %d 1" % (gid, gid))
    except (IOError, OSError):
        pass
    return True


def write_file(path, text):
    with open(path, "w") as handle:
        handle.write(text)


def raise_loopback():
    """Bring up the loopback of a fresh network namespace: programs talk to themselves on it."""
    import socket
    import struct

    try:
        handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        fcntl.ioctl(handle, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40) + b"\0" * 22)
        handle.close()
    except (IOError, OSError):
        pass


def mount_read_only(libc, folder, bind=True):
    """Whether a folder is now read-only; without `bind` it is a mount point already."""
    name = encode(folder)
    # "/" is one, too; binding it to itself would hide the binds made inside it.
    if bind and folder != "/" and libc.mount(name, name, None, MS_BIND | MS_REC, None) != 0:
        return False
    # The flags that the file system has may not be dropped from within a user namespace.
    try:
        kept = os.statvfs(folder).f_flag & MS_KEPT
    except OSError:
        return False
    return libc.mount(None, name, None, MS_BIND | MS_REMOUNT | MS_RDONLY | kept, None) == 0


def keep_to_cpus(cpus):
    if not cpus or not hasattr(os, "sched_setaffinity"):
        return keep_to_cpus_by_libc(cpus) if cpus else False
    try:
        os.sched_setaffinity(0, cpus)
    except OSError:
        return False
    return True


def keep_to_cpus_by_libc(cpus):
    """Python 2 has no sched_setaffinity."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    mask = 0
    for cpu in cpus:
        mask |= 1 << cpu
    words = (ctypes.c_ulong * 16)(*[(mask >> (64 * i)) & (2**64 - 1) for i in range(16)])
    return load_libc().sched_setaffinity(0, ctypes.sizeof(words), words) == 0


# -- one supervised child ----------------------------------------------------------------------


class Capture(object):
    """The first and last bytes of a stream, within a limit; says how many it left out."""

    def __init__(self, limit):
        self.half = max(limit // 2, 1)
        self.head = b""
        self.tail = b""
        self.cut = 0
        self.digest = hashlib.sha256()

    def add(self, data):
        self.digest.update(data)
        room = self.half - len(self.head)
        self.head += data[:room]
        self.tail += data[room:] if room > 0 else data
        if len(self.tail) > 2 * self.half:
            self.trim()

    def trim(self):
        extra = len(self.tail) - self.half
        if extra > 0:
            self.cut += extra
            self.tail = self.tail[extra:]

    def text(self):
        self.trim()
        middle = b""
        if self.cut:
            middle = ("\n[... %d bytes cut ...]\n" % self.cut).encode("ascii")
        return (self.head + middle + self.tail).decode("utf-8", "caliper")

    def whole(self):
        """SHA-256 of everything that came, where not all of it was kept; else None."""
        self.trim()
        return self.digest.hexdigest() if self.cut else None


def escape_bytes(error):
    """What is no UTF-8 as escapes: Python 2's own handler cannot decode."""
    data = bytearray(error.object[error.start : error.end])
    return TEXT("").join(TEXT("\\x%02x") % byte for byte in data), error.end


codecs.register_error("caliper", escape_bytes)


OURS = set()  # file descriptors that carry our own events: no script is left one of them


def make_pipe():
    read, write = os.pipe()
    for handle in (read, write):
        flags = fcntl.fcntl(handle, fcntl.F_GETFD)
        fcntl.fcntl(handle, fcntl.F_SETFD, flags | fcntl.FD_CLOEXEC)
        OURS.add(handle)
    return read, write


def close_ours(kept=None):
    for handle in list(OURS):
        if handle != kept:
            close_one(handle)


def close_one(handle):
    OURS.discard(handle)
    os.close(handle)


class Trouble(Exception):
    """This runner, the disk or the system failed, not the script: no result may come of it."""


def supervise(action, job, timeout, on_line=None):
    """Run action(control) in a fork and return what became of it as a dict.

    `control` is a file descriptor to write lines to; `on_line` gets each of them. Without it, a line
    says what kept the action from being done. `timeout` is in seconds from the start; with on_line,
    from the last line. `peak` are the bytes of memory that were seen at the most.
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
    troubles = []
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
        raise Trouble(troubles[0].decode("utf-8", "replace"))
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
    """Never returns: the child's own session, streams and end.

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
        close_ours(kept=control[1])
        code = action(control[1])
    except BaseException as error:
        traceback.print_exc()
        if tells and control[1] in OURS:  # not yet handed over to the script
            words = "%s: %s" % (type(error).__name__, error)
            os.write(control[1], (words.replace("\n", " ") + "\n").encode("utf-8", "replace"))
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except Exception:
            pass
        os._exit(code if isinstance(code, int) else 1)


def die_with_parent():
    """A script does not outlive the process that watches over it, even one that was killed.

    What the script itself has started goes where that process was process 1 of a namespace.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def watch(pid, captures, control, job, timeout, on_line, wake):
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


def list_children(pid):
    """Process numbers of the children of a process; none where /proc does not say."""
    found = []
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


def kill_leftovers():
    """Kill whatever a script left behind: as subreaper we are the parent of its orphans."""
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


def measure_memory(pid, limit):
    """Bytes of memory that a process and all below it hold, shared pages once.

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
    """Bytes held, each shared page divided by those who share it (Linux 4.14 and later)."""
    try:
        with open("/proc/%d/smaps_rollup" % pid) as handle:
            for line in handle:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except (IOError, OSError, IndexError):
        pass
    return read_resident(pid)


# -- scripts -----------------------------------------------------------------------------------


def run_cold(job, script):
    folder = make_scratch(job)

    def action(_):
        enter_scratch(folder)
        limit_files(job)
        # Unbuffered, as the warm process is: what was printed before a crash is not lost.
        os.execv(sys.executable, [sys.executable, "-u"] + find_command(job, script))

    return run_alone(action, job, folder, script["name"])


def run_warm(job, script):
    folder = make_scratch(job)

    def action(_):
        enter_scratch(folder)
        limit_files(job)
        close_ours()
        return run_as_main(script["path"])

    result = supervise(action, job, job["timeout"])
    del result["peak"]
    return name_scratch(result, job, folder)


def run_alone(action, job, folder, name):
    """What became of a process whose result counts. Raises Trouble where the machine spoilt it."""
    before = count_oom_kills()
    result = supervise(action, job, job["timeout"])
    lack = find_lack(job, result, before)
    if lack:
        raise Trouble("%s: %s" % (name, lack))
    del result["peak"]
    return name_scratch(result, job, folder)


def find_lack(job, result, before):
    """What the machine ran out of while a script ran; None where it did not, or it was the script.

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


def is_full(job):
    """Whether the file system that a script writes to is full now."""
    for folder in [job["scratch"]] + (["/tmp"] if job.get("contained") else []):
        try:
            status = os.statvfs(folder)
        except OSError:
            continue  # a script has taken it away
        free = (status.f_bavail if os.geteuid() else status.f_bfree) * status.f_frsize
        files = status.f_favail or status.f_ffree
        if (status.f_blocks and free < ROOM) or (status.f_files and not files):
            return True
    return False


def count_oom_kills():
    """Processes that the kernel has ended for want of memory; None where it does not say."""
    return read_counter("/proc/vmstat", "oom_kill")


def met_its_limit():
    """Whether the container has ever met its memory's limit; so it may where the kernel is silent."""
    group = "/sys/fs/cgroup/"
    met = read_counter(group + "memory.events", "oom")
    if met is not None:
        return met > 0
    # Version 1 of control groups. What is charged comes in steps: the limit is not met exactly.
    most = read_counter(group + "memory/memory.max_usage_in_bytes", None)
    limit = read_counter(group + "memory/memory.limit_in_bytes", None)
    return most is None or limit is None or most > 0.95 * limit


def read_counter(path, name):
    """The number after a name in one of the kernel's files, or the file's only one; else None."""
    try:
        with open(path) as handle:
            lines = [line.split() for line in handle]
        found = [int(words[-1]) for words in lines if name is None or words[0] == name]
        return found[0]
    except (IOError, OSError, IndexError, ValueError):
        return None


def make_scratch(job):
    """A fresh folder of the next script's own, whatever the one before has made of its own.

    It has the same name each time: scripts print it. Where what has that name cannot be removed or
    moved away, the new one has another; that nobody was before in it is sure in any case.
    """
    try:
        restore_parent(job)
        folder = os.path.join(job["scratch"], "script")
        clear_away(folder)
        try:
            os.mkdir(folder, 0o700)
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise
            folder = invent_name(folder)
            os.mkdir(folder, 0o700)
        os.mkdir(os.path.join(folder, "work"))
        os.mkdir(os.path.join(folder, "tmp"))
    except (IOError, OSError) as error:
        raise Trouble("no scratch folder: %s" % error)
    return folder


def invent_name(path):
    """A name that nobody can foresee."""
    return "%s-%s" % (path, str(codecs.encode(os.urandom(4), "hex").decode("ascii")))


def restore_parent(job):
    """Undo what a script has done to the folder of scratch folders, or to /tmp, where it could."""
    parent = job["scratch"]
    if job.get("protected"):
        allow_owner("/tmp")
    if os.path.islink(parent) or os.path.isfile(parent):
        os.unlink(parent)
    if not os.path.isdir(parent):
        os.makedirs(parent)
    allow_owner(parent)


def allow_owner(folder):
    """Let a folder's owner enter and change it again; nothing where that is somebody else."""
    try:
        if os.stat(folder).st_mode & 0o700 != 0o700:
            os.chmod(folder, 0o700)
    except OSError:
        pass


def clear_away(path):
    """Remove what an earlier script left, links not followed, or give it another name."""
    for prepare in (None, give_rights):
        try:
            if os.path.islink(path) or not os.path.isdir(path):
                os.unlink(path)
            else:
                if prepare:
                    prepare(path)
                shutil.rmtree(path, ignore_errors=True)
        except Exception:  # deeper than Python can follow, among others
            pass
        if not os.path.lexists(path):
            return
    try:
        os.rename(path, invent_name(path))
    except OSError:
        pass


def give_rights(folder):
    """Let the owner enter and change all folders below (and itself) again."""
    left = [folder]
    while left:
        current = left.pop()
        try:
            os.chmod(current, 0o700)
            paths = [os.path.join(current, name) for name in os.listdir(current)]
        except OSError:
            continue
        left += [path for path in paths if os.path.isdir(path) and not os.path.islink(path)]


def name_scratch(result, job, folder):
    """The result with the scratch folder under the name that it has as a rule."""
    usual = os.path.join(job["scratch"], "script")
    if folder != usual:
        for stream in ("output", "error"):
            text = encode(result[stream]).replace(encode(folder), encode(usual))
            result[stream] = text.decode("utf-8")
    return result


def enter_scratch(folder):
    """Make a folder the working directory, home and temporary folder of this process, a script's."""
    be_ordinary()
    volunteer_for_oom()
    os.environ.update({"HOME": folder, "TMPDIR": os.path.join(folder, "tmp")})
    os.chdir(os.path.join(folder, "work"))
    sys.modules.get("tempfile", type("none", (), {})).tempdir = None


def be_ordinary():
    """The script's own process is like any other, without the rights to undo its isolation."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    prctl(PR_SET_DUMPABLE, 1)
    if sys.platform.startswith("linux"):
        drop_capabilities(load_libc())


def drop_capabilities(libc):
    """Give up what is in DROPPED for good; what this process has not is no loss."""
    import ctypes

    for number in DROPPED:
        prctl(PR_CAPBSET_DROP, number)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; and again above bit 31
    if libc.capget(header, sets) != 0:
        return
    for number in DROPPED:
        for kind in range(3):
            sets[3 * (number // 32) + kind] &= ~(1 << (number % 32)) & 0xFFFFFFFF
    libc.capset(header, sets)


def volunteer_for_oom():
    """Where memory runs out, the kernel ends the script and not the processes that watch it."""
    try:
        write_file("/proc/self/oom_score_adj", "1000")
    except (IOError, OSError):
        pass


def limit_files(job):
    """No file grows beyond the memory limit: the scratch folder may lie in memory."""
    try:
        if job.get("memory"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (job["memory"], job["memory"]))
    except (ValueError, OSError, OverflowError):
        pass  # more than any file can have: no limit


def run_as_main(path):
    """Exit status of a script run as __main__ in this process, ended as Python ends it."""
    import atexit
    import types

    module = types.ModuleType("__main__")
    module.__dict__.update({"__file__": path, "__builtins__": __builtins__})
    sys.modules["__main__"] = module
    sys.argv = [path]
    sys.path[0] = os.path.dirname(path)  # in the place of the current folder, see serve_warm
    code = 0
    try:
        with open(path, "rb") as handle:
            source = handle.read()
        exec(compile(source, path, "exec", 0, 1), module.__dict__)
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
    """The traceback as Python prints it for a script: without the frames of this file."""
    kind, value, trace = sys.exc_info()
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
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
    """In the warm process: import, then every script; ends with 0."""

    def send(event):
        data = (json.dumps(event) + "\n").encode("utf-8")
        while data:
            data = data[os.write(control, data) :]

    prctl(PR_SET_DUMPABLE, 1)  # a package may read what /proc says of it
    started = clock()
    sys.path.insert(0, "")  # as python -c has it; a script puts its own folder there
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


def check_import(job):
    """The bare import in a fresh process."""
    folder = make_scratch(job)

    def action(_):
        enter_scratch(folder)
        os.execv(sys.executable, [sys.executable, "-c", "import " + job["import_name"]])

    return run_alone(action, job, folder, "import " + job["import_name"])


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
    run_left(job, left, failed, emit)
    for script in job["scripts"]:
        again = script.get("times", 1) - 1 if script["name"] in passed else 0
        for _ in range(again):
            emit(dict(run_fresh(job, script), event="again", name=script["name"], start="cold"))


def run_left(job, left, failed, emit):
    """Run cold what has no warm result that counts."""
    confirmed = {}
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


def run_fresh(job, script):
    """The result of a cold run, which says so where pytest ran the file."""
    result = run_cold(job, script)
    return dict(result, run_by="pytest") if script.get("pytest") else result


def find_command(job, script):
    """What Python is given to run a script."""
    if not script.get("pytest"):
        return [script["path"]]
    return ["-c", job["pytest"], find_root(script), script["path"]]


def find_root(script):
    """The folder that a script's name is relative to; its own where it is not named so."""
    path, name = script["path"], "/" + script["name"]
    return path[: -len(name)] if path.endswith(name) else os.path.dirname(path)


def find_missing_name(error):
    """Last line of a traceback that ended because a name is not there; else None."""
    lines = error.rstrip().split("\n")
    kinds = ("AttributeError: ", "ImportError: ", "ModuleNotFoundError: ")
    return lines[-1] if lines[-1].startswith(kinds) else None


def find_import_name(distribution):
    """Name that a distribution is imported by: the module most like its own name.

    A dotted one where its top folder is shared with other distributions (google.cloud.storage).
    """
    wanted = fold_name(distribution)
    names = list_modules(distribution)
    for name in names:
        if fold_name(name) == wanted:
            return name
    # Some wheels hold more than what they are named for.
    own = [name for name in names if name.split(".")[0] not in ASIDE] or names
    tops = [name for name in own if "." not in name or not holds_parent(own, name)]
    related = [name for name in tops if fold_name(name.split(".")[-1]) in wanted]
    found = sorted(related or tops, key=lambda name: (name.count("."), name))
    return found[0] if found else distribution.replace("-", "_").replace(".", "_")


def list_roots(distribution):
    """Names of the distribution's modules that lie in none of its others, few enough for a record."""
    names = list_modules(distribution) if distribution else []
    roots = [name for name in names if not holds_parent(names, name)]
    return [name for name in roots if name.split(".")[0] not in ASIDE][:50]


ASIDE = ("benchmark", "benchmarks", "doc", "docs", "example", "examples", "scripts", "test")
ASIDE += ("testing", "tests", "tools")


def fold_name(name):
    return name.lower().replace("-", "").replace("_", "").replace(".", "")


def holds_parent(names, name):
    parts = name.split(".")
    return any(".".join(parts[:end]) in names for end in range(1, len(parts)))


def list_modules(distribution):
    """Names of the packages and modules that a distribution installed, in the order of their names.

    Read from its metadata's list of files, the same in every Python; folders without an
    __init__.py, and those that it calls namespaces, are left out.
    """
    folder = find_metadata(distribution)
    if folder is None:
        return []
    files = list_installed(folder)
    namespaces = read_lines(os.path.join(folder, "namespace_packages.txt"))
    found = set(find_modules(files)) - set(namespaces)
    if not found:
        paths = [os.path.splitext(path)[0] for path in files if path.endswith(".py")]
        found = set(path.replace("/", ".") for path in paths)
    if not found:
        found = set(read_lines(os.path.join(folder, "top_level.txt")))
    names = [name for name in found if all(is_public(part) for part in name.split("."))]
    return sorted(names)


def find_modules(files):
    for path in files:
        folder, _, name = path.rpartition("/")
        stem, _, ending = name.partition(".")
        if ending != "py" and not ending.endswith((".so", ".pyd")) and ending not in ("so", "pyd"):
            continue
        if stem == "__init__":
            yield folder.replace("/", ".")
        elif not folder:
            yield stem


def is_public(word):
    """Whether a name can be imported and is meant to be."""
    plain = word.replace("_", "a")
    return plain.isalnum() and not word[0].isdigit() and not word.startswith("_")


def list_installed(folder):
    """Paths of a distribution's files, relative to the folder that it is installed in."""
    files = [line.rsplit(",", 2)[0].strip('"') for line in read_lines(folder + "/RECORD")]
    if not files:
        # What setuptools itself installed; its paths begin in the metadata's own folder.
        lines = read_lines(folder + "/installed-files.txt")
        files = [line[3:] for line in lines if line.startswith("../")]
    return [path.replace("\\", "/") for path in files if not path.startswith((".", "/"))]


def find_metadata(distribution):
    """The folder with a distribution's metadata: X-1.0.dist-info or X-1.0-py3.7.egg-info."""
    wanted = fold_name(distribution)
    for path in sys.path:
        try:
            entries = sorted(os.listdir(path or "."))
        except (IOError, OSError):
            continue
        for entry in entries:
            stem, ending = os.path.splitext(entry)
            whole = os.path.join(path or ".", entry)
            if ending in (".dist-info", ".egg-info") and fold_name(stem.split("-")[0]) == wanted:
                if os.path.isdir(whole):
                    return whole
    return None


def read_lines(path):
    try:
        with open(path, "rb") as handle:
            text = handle.read().decode("utf-8", "replace")
    except (IOError, OSError):
        return []
    return [str(line.strip()) for line in as_native(text.splitlines()) if line.strip()]


def as_native(value):
    """JSON's text as the `str` of this Python: on Python 2, paths and names have to be bytes."""
    if sys.version_info[0] > 2:
        return value
    if isinstance(value, dict):
        return dict((as_native(key), as_native(item)) for key, item in value.items())
    if isinstance(value, list):
        return [as_native(item) for item in value]
    return value.encode("utf-8") if isinstance(value, TEXT) else value


def check_limits(job):
    """Nothing where a script could keep the limits; Trouble where none could."""
    if not job["timeout"] >= SHORTEST:
        raise Trouble("timeout: in %r s no script can start; raise it" % job["timeout"])
    taken = read_resident(os.getpid())
    if job.get("memory") and job["memory"] < taken:
        raise Trouble(
            "memory: %d bytes are less than Python takes by itself (%d); raise it"
            % (job["memory"], taken)
        )


def main():
    # The folder of this file holds modules that are not the cell's.
    del sys.path[0]
    job = json.loads(sys.stdin.readline())
    die_with_parent()
    os.chdir(job["scratch"])
    lines = os.dup(1)
    OURS.add(lines)
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


if __name__ == "__main__":
    try:
        main()
    except Trouble as trouble:
        sys.exit("%s: %s" % (type(trouble).__name__, trouble))
