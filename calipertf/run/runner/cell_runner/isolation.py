"""What scripts and the package are kept from: namespaces, mounts, capabilities, cores."""

from __future__ import print_function

import fcntl
import os
import resource
import signal
import sys

from .errors import RunnerError
from .linux import (
    PR_CAPBSET_DROP,
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    die_with_parent,
    encode,
    load_libc,
    prctl,
    write_file,
)

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

# What a script run by root does without: linux_immutable, net_admin, net_raw, sys_module,
# sys_rawio, sys_ptrace, sys_admin, sys_boot, sys_resource, sys_time, mknod, mac_override,
# mac_admin, syslog, perfmon, bpf, checkpoint_restore: with them it could undo the isolation.
DROPPED = (9, 12, 13, 16, 17, 19, 21, 22, 24, 25, 27, 32, 33, 34, 38, 39, 40)

CAPABILITY_VERSION = 0x20080522


def isolate(job):
    """Return names of the isolations that could be put in force for this process and its children.

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
    # Processes of the same user must not trace this process or open its file descriptors.
    prctl(PR_SET_DUMPABLE, 0)
    if os.getpid() == 1:
        # The kernel drops signals sent to process 1 unless it has a handler for them. Python
        # installs one for SIGINT: remove it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return done


def enter_namespaces(libc, job):
    """Return namespaces for network, mounts and process numbers.

    Names of what they keep scripts from.
    """
    wanted = CLONE_NEWNS | (0 if job.get("network") else CLONE_NEWNET)
    if can_number_processes(libc):
        wanted |= CLONE_NEWPID
    # One that is refused does not take the others along.
    choices = [wanted, wanted & ~CLONE_NEWNET, CLONE_NEWNS]
    given = next((flags for flags in choices if unshare(libc, flags)), None)
    if given is None:
        return []
    done = []
    if given & CLONE_NEWNET:
        raise_loopback()
        done.append("network")
    if not make_mounts_private(libc):
        return done
    if given & CLONE_NEWPID:
        become_init(libc)
    if protect_files(libc, job):
        done.append("read-only")
        job["protected"] = True
    return done


def make_mounts_private(libc):
    return libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0


def mount_proc(libc):
    return libc.mount(b"proc", b"/proc", b"proc", MS_PROC, None) == 0


def can_number_processes(libc):
    """Return whether a namespace of process numbers, with the /proc that belongs to it, can be had.

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


def become_init(libc):
    """Return as process 1 of the namespace; its end ends all processes in it."""
    pid = os.fork()
    if pid:
        status = os.waitpid(pid, 0)[1]
        os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
    die_with_parent()
    if not mount_proc(libc):
        raise RunnerError("/proc could not be mounted in a namespace of process numbers")


def protect_files(libc, job):
    """Return whether the file system is now read-only but for the folders in `writable` and /tmp.

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
    refused = [folder for folder in folders if not mount_read_only(libc, folder)]
    return not refused


def list_needed_in_tmp(job):
    """Return names in /tmp of what holds scripts, their data, this Python or the cell."""
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


def unshare(libc, flags):
    """Return whether this process now has namespaces of its own.

    As a plain user, through a user's one.
    """
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
    """Return whether a folder is now read-only; without `bind` it is a mount point already."""
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
    """Return Python 2 has no sched_setaffinity."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    mask = 0
    for cpu in cpus:
        mask |= 1 << cpu
    words = (ctypes.c_ulong * 16)(*[(mask >> (64 * i)) & (2**64 - 1) for i in range(16)])
    return load_libc().sched_setaffinity(0, ctypes.sizeof(words), words) == 0


def restore_defaults():
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


def raise_oom_score():
    """Where memory runs out, the kernel ends the script and not the processes that watch it."""
    try:
        write_file("/proc/self/oom_score_adj", "1000")
    except (IOError, OSError):
        pass


def limit_files(job):
    """Limit the size of files to the memory limit: the scratch folder may be in memory."""
    try:
        if job.get("memory"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (job["memory"], job["memory"]))
    except (ValueError, OSError, OverflowError):
        pass  # more than any file can have: no limit
