"""Pythons on this machine: on PATH, of pyenv, managed by uv, and the one that is running."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from uv import find_uv_bin

from calipertf.run.backends.base import Python
from calipertf.run.processes import clean_environ
from calipertf.versions import python_version

_PROBE = (
    "import sys, json, platform; sys.stdout.write(json.dumps(["
    "platform.python_implementation(), list(sys.version_info[:3]), sys.maxunicode]))"
)


def find_interpreter(tag: str) -> Python | None:
    """Return the interpreter with the highest patch version for a tag; None where there is none."""
    dotted = python_version(tag)
    found = [python for path in _list_candidates(dotted) if (python := probe(path, tag))]
    return max(found, key=_patch, default=None)


def _patch(python: Python) -> tuple[int, ...]:
    return tuple(int(part) for part in (python.version or "0").split("."))


def _list_candidates(dotted: str) -> Iterator[Path]:
    """Yield the paths that may be a Python of this version; the same file once."""
    seen: set[Path] = set()
    for path in (*_on_path(dotted), *_of_pyenv(dotted), *_of_uv(dotted), Path(sys.executable)):
        real = path.resolve()
        if real not in seen and os.access(path, os.X_OK):
            seen.add(real)
            yield path


def _on_path(dotted: str) -> Iterator[Path]:
    for name in (f"python{dotted}", "python3", "python"):
        found = shutil.which(name)
        if found:
            yield Path(found)


def _of_pyenv(dotted: str) -> Iterator[Path]:
    home = os.path.expanduser("~")  # noqa: PTH111 -- Path's raises where a user has none
    root = Path(os.environ.get("PYENV_ROOT") or Path(home) / ".pyenv")
    yield from _find(root / "versions", f"{dotted}.*/bin/python{dotted}")


def _of_uv(dotted: str) -> Iterator[Path]:
    folder = _managed_folder()
    if folder:
        yield from _find(folder, f"cpython-{dotted}.*/bin/python{dotted}")


def _find(folder: Path, pattern: str) -> list[Path]:
    """Return what fits below a folder; nothing where it is another user's, as with `su`."""
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


@cache
def _managed_folder() -> Path | None:
    """Return where uv keeps the Pythons that it installed."""
    done = subprocess.run(
        [find_uv_bin(), "python", "dir"], capture_output=True, text=True, check=False, timeout=30
    )
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def probe(path: Path, tag: str) -> Python | None:
    """Return the Python behind a path where it answers, is CPython and has the tag; else None."""
    answer = _ask(path)
    if answer is None:
        return None
    implementation, version, maxunicode = answer
    major, minor = version[:2]
    if implementation != "CPython" or f"cp{major}{minor}" != tag:
        return None
    if major == 2 and maxunicode < 0x10FFFF:
        return None  # a narrow build (cp27m) takes other wheels than the usual cp27mu
    return Python(tag=tag, version=".".join(map(str, version)), source=str(path))


@cache
def _ask(path: Path) -> tuple[str, tuple[int, ...], int] | None:
    """Return a Python's description of itself; each interpreter is asked once."""
    try:
        done = subprocess.run(
            [path, "-E", "-S", "-c", _PROBE],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env=clean_environ(),
        )
        implementation, version, maxunicode = json.loads(done.stdout)
        return str(implementation), tuple(int(part) for part in version), int(maxunicode)
    except (OSError, ValueError, TypeError, subprocess.TimeoutExpired):
        return None


@cache
def is_offered(tag: str) -> bool:
    """Return whether uv has a CPython of this version to download for this machine."""
    list_ = [find_uv_bin(), "python", "list", "--only-downloads", "--output-format", "json"]
    try:
        done = subprocess.run(
            [*list_, python_version(tag)],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env=clean_environ(),
        )
        return any(item["implementation"] == "cpython" for item in json.loads(done.stdout))
    except (OSError, ValueError, KeyError, TypeError, subprocess.TimeoutExpired):
        return False


def explain_how_to_get(tag: str) -> str:
    """Return one sentence on how a Python that is not here can be had."""
    version = python_version(tag)
    if is_offered(tag):
        return (
            f"this machine has no Python {version}; `uv python install {version}` gets it, as "
            "does `interpreters: install` in caliper.yaml"
        )
    return (
        f"this machine has no Python {version}, and uv has none to download; `pyenv install "
        f"{version}` builds it, or `environment: docker` takes the image python:{version}"
    )


def install_interpreter(tag: str) -> str | None:
    """Return none where uv has installed the Python, else why it could not, in uv's words."""
    done = subprocess.run(
        [find_uv_bin(), "python", "install", python_version(tag)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        env=clean_environ(),
    )
    return None if done.returncode == 0 else _last_line(done.stderr)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return re.sub(r"\x1b\[[0-9;]*m", "", lines[-1]) if lines else "no reason given"


def platform_name() -> str:
    """Return system and machine in the style of wheel tags: linux_x86_64."""
    return f"{platform.system().lower()}_{platform.machine().lower()}"
