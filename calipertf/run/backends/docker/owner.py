"""The process that made a container or image, named so that others can see whether it lives."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def describe_owner(pid: int | None = None) -> str:
    """Return machine, boot, process namespace, process number and start of a process (this one).

    Process numbers are used again, and two hosts or CI jobs can share one engine: the number alone
    does not name a process.
    """
    pid = os.getpid() if pid is None else pid
    machine = f"{socket.gethostname()}.{_read('/etc/machine-id')[:8]}"
    boot = _read("/proc/sys/kernel/random/boot_id")
    try:
        namespace = str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        namespace = "-"
    return " ".join((machine, boot, namespace, str(pid), _read_start(pid)))


def is_dead(owner: str) -> bool:
    """Return whether the process has certainly ended.

    Of another machine or namespace nobody can tell.
    """
    here = describe_owner().split(" ")
    parts = owner.split(" ")
    if len(parts) != len(here) or parts[0] != here[0] or not parts[3].isdigit():
        return False
    if parts[1] != here[1]:
        return True  # this machine, before it was started anew
    if parts[2] != here[2]:
        return False
    try:
        os.kill(int(parts[3]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _read_start(int(parts[3])) != parts[4]


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip() or "-"
    except (OSError, UnicodeDecodeError):
        return "-"


def _read_start(pid: int) -> str:
    """Start of a process in clock ticks since the machine's start; - where /proc does not say."""
    # The name of the program, in brackets, may hold spaces: what counts comes after it.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else "-"
