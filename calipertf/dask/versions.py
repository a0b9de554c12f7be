"""The software of two processes that exchange pickled objects: Python, this package, Dask."""

from __future__ import annotations

import hashlib
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import dask

import calipertf


@dataclass(frozen=True, kw_only=True)
class Software:
    """Versions of what two processes that exchange pickled objects have to agree on."""

    python: str
    dask: str
    distributed: str


@dataclass(frozen=True, kw_only=True)
class Package:
    """The state of this package in a process, and whether it can be used there."""

    #: SHA-256 of its sources; None where it cannot be imported.
    digest: str | None
    #: Why it cannot be imported.
    trouble: str | None = None
    #: Whether Dask's profiler may lock the process up.
    may_hang: bool = False


def describe_software() -> Software:
    """Return the software of this process."""
    return Software(
        python=platform.python_version(),
        dask=version("dask"),
        distributed=version("distributed"),
    )


def describe_package() -> Package:
    """Return this package in this process."""
    return Package(digest=hash_package(), may_hang=may_hang())


def may_hang() -> bool:
    """Return whether this process can lock up in Dask's profiler: on Python 3.11 before 3.11.9.

    Seen here after 2,485 short cells; https://github.com/dask/distributed/issues/8616.
    """
    return (3, 11) <= sys.version_info < (3, 11, 9) and bool(
        dask.config.get("distributed.worker.profile.enabled", default=True)
    )


def hash_package() -> str:
    """Return SHA-256 over the sources of this package, names included."""
    root = Path(calipertf.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def compare_software(name: str, here: Software, there: Software) -> tuple[list[str], list[str]]:
    """Return the differences that forbid to work together, and harmless ones, both sides named."""
    errors: list[str] = []
    warnings: list[str] = []
    for key in ("python", "dask", "distributed"):
        mine, theirs = getattr(here, key), getattr(there, key)
        if mine.split(".")[:2] != theirs.split(".")[:2]:
            errors.append(f"{key} is {theirs} on {name} and {mine} on the driver")
        elif mine != theirs:
            warnings.append(f"{key} is {theirs} on {name} and {mine} on the driver")
    return errors, warnings


def compare_package(name: str, here: Package, there: Package) -> tuple[list[str], list[str]]:
    """Return the same for this package."""
    errors: list[str] = []
    warnings: list[str] = []
    if there.digest is None:
        errors.append(
            f"{name} cannot import calipertf ({there.trouble}): start it in a checkout (`python -m "
            "dask worker ...`) or put one on its PYTHONPATH, with requirements.txt installed"
        )
    elif there.digest != here.digest:
        errors.append(
            f"calipertf is of another state on {name} ({there.digest[:12]}) than on the driver "
            f"({(here.digest or '')[:12]}): check out the same commit"
        )
    if there.may_hang:
        warnings.append(
            f"Dask's profiler can lock {name} up on this Python: start it with "
            "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False, or with Python 3.11.9 or later"
        )
    return errors, warnings
