"""The cores of this machine, and how cells share them."""

from __future__ import annotations

import os
from collections.abc import Sequence


def list_cpus() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def count_jobs(jobs: int | None) -> int:
    """Return the cells at once on this machine: those asked for, or one a core."""
    return jobs or len(list_cpus())


def share_cpus(cpus: Sequence[int], jobs: int) -> list[tuple[int, ...]]:
    """Return the cores of each of `jobs` cells at once; with more cells than cores, shared ones."""
    if jobs >= len(cpus):
        return [(cpus[number % len(cpus)],) for number in range(jobs)]
    return [tuple(cpus[number::jobs]) for number in range(jobs)]
