"""Which file of a version an installer takes: the tags that a Python on a platform installs."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable

from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags
from packaging.version import Version

from calipertf.index.client import Project, ReleaseFile
from calipertf.versions import python_key


def target_tags(python: str, platforms: Iterable[str]) -> list[Tag]:
    """Return wheel tags that a CPython on some platforms installs, the best first.

    `python` is a tag such as cp37; `platforms` are platform tags, the best first.
    """
    version = python_key(python)
    interpreter = f"cp{version[0]}{version[1]}"
    names = list(platforms)
    abis = _list_abis(version)
    return [
        *cpython_tags(version, abis, names),
        *compatible_tags(version, interpreter, names),
    ]


def _list_abis(version: tuple[int, int]) -> list[str]:
    """Return ABI tags of the ordinary build: cp27mu and cp37m had a suffix until Python 3.8."""
    base = f"cp{version[0]}{version[1]}"
    if version < (3, 3):
        return [f"{base}mu"]
    return [f"{base}m" if version < (3, 8) else base]


def linux_platforms(machine: str = "x86_64", glibc: tuple[int, int] = (2, 36)) -> list[str]:
    """Return platform tags of a Linux container with a glibc, the best first."""
    # The musl and older manylinux names are aliases that pip knows: PEP 600.
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(glibc[1], 4, -1)]
    aliases = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    result: list[str] = []
    for tag in tags:
        result.append(tag)
        alias = aliases.get(int(tag.split("_")[2]))
        if alias:
            result.append(f"{alias}_{machine}")
    return [*result, f"linux_{machine}"]


def local_platforms() -> list[str]:
    """Return platform tags of this machine, the best first."""
    if sys.platform == "linux":
        libc, version = platform.libc_ver()
        if libc == "glibc":
            major, minor = (int(part) for part in version.split(".")[:2])
            return linux_platforms(platform.machine(), (major, minor))
    return list(platform_tags())


def choose_wheel(
    project: Project, version: Version, python: str, platforms: Iterable[str]
) -> ReleaseFile | None:
    """Return the wheel that an installer would take for this Python; None where there is none."""
    ranks = {tag: rank for rank, tag in enumerate(target_tags(python, platforms))}
    candidates = [
        (min(ranks[tag] for tag in file.tags if tag in ranks), file)
        for file in project.release_files(version)
        if any(tag in ranks for tag in file.tags) and file.allows_python(python)
    ]
    if not candidates:
        return None
    best = min(rank for rank, _ in candidates)
    return max((file for rank, file in candidates if rank == best), key=lambda file: file.build)


def choose_sdist(project: Project, version: Version, python: str) -> ReleaseFile | None:
    """Return the source archive of a version that a Python may have; None where there is none."""
    files = [
        file
        for file in project.release_files(version)
        if not file.is_wheel and file.allows_python(python)
    ]
    return min(files, key=lambda file: not file.filename.endswith(".tar.gz"), default=None)


def choose_file(
    project: Project,
    version: Version,
    python: str,
    platforms: Iterable[str],
    *,
    sources: bool = True,
) -> ReleaseFile | None:
    """Return what pip would install on a Python: the best wheel, else the source archive.

    None where pip could not even try. Without `sources` wheels alone count.
    """
    wheel = choose_wheel(project, version, python, platforms)
    return wheel or (choose_sdist(project, version, python) if sources else None)
