"""The folders of environments and wheels, during a run and between runs."""

from __future__ import annotations

from calipertf.run.runner import CELL_RUNNER

import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import platformdirs

from calipertf.files.private import check_cache

#: A folder in memory, where Linux has one.
MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 -- each run makes a folder of its own in it
#: Bytes that one cell's files take at the most: TensorFlow 2.16 with all it needs takes 2.6 GB.
CELL_SIZE = 4 * 1024**3
_ST_NOEXEC = 8
#: The cache folder of a process that was given one.
_preferred: list[Path] = []
_PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
from cell_runner import isolation, linux
job = {"scratch": sys.argv[2], "writable": [], "read_only": [], "network": False}
sys.exit("read-only" not in isolation.enter_namespaces(linux.load_libc(), job))
"""


def prefer_cache(folder: Path) -> None:
    """Let this process, a cluster's worker, use a cache folder where CALIPER_CACHE names none."""
    _preferred[:] = [folder]


def cache_folder() -> Path:
    """Return the folder that keeps wheels and index pages between runs; CALIPER_CACHE moves it."""
    chosen = os.environ.get("CALIPER_CACHE")
    if chosen:
        return Path(chosen).absolute()  # links lead there, and programs start elsewhere
    return next(iter(_preferred), Path(platformdirs.user_cache_dir("caliper-tensorflow")))


def open_cache() -> Path:
    """Return the cache folder, made for this user alone where it is not there.

    Raises ConfigError where it is another user's, who could change what is installed from it.
    """
    folder = cache_folder()
    check_cache(folder)
    return folder


def cells_folder(cache: Path, jobs: int, memory: int) -> Path:
    """Return the folder in which a run makes its own.

    In memory where there is plenty, else in the cache.

    A wheel of TensorFlow is thousands of small files, which a busy disk takes 15 to 25 s to write
    and memory 3.5 s (measured with 1.15.5). `memory` is what one script may take, in bytes;
    CALIPER_CELLS names another folder.
    """
    chosen = os.environ.get("CALIPER_CELLS")
    if chosen:
        return Path(chosen).absolute()
    needed = jobs * (CELL_SIZE + memory)
    if _memory_available() > needed and _can_execute(MEMORY_FOLDER, jobs * CELL_SIZE):
        return MEMORY_FOLDER
    return cache / "cells"


def _memory_available() -> int:
    """Return bytes of memory that can be had without swapping; 0 where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _can_execute(folder: Path, size: int) -> bool:
    """Return whether a folder has room for `size` bytes and programs in it may be run."""
    try:
        status = os.statvfs(folder)
    except OSError:
        return False
    return status.f_bavail * status.f_frsize > size and not status.f_flag & _ST_NOEXEC


@cache
def can_protect() -> bool:
    """Return whether the script runner can make files read-only for scripts here.

    It needs a namespace of mounts, which not every container and no other system than Linux gives.
    """
    runner = str(CELL_RUNNER.parent)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            done = subprocess.run(
                [sys.executable, "-c", _PROBE, runner, scratch],
                capture_output=True,
                check=False,
                timeout=30,
            )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
