"""The paths that caliper.yaml names: found below its root, and looked at before they are used."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from calipertf.files.inputs import explain_kind, is_folder
from calipertf.scripts import list_scripts

#: Bytes of the largest script, and of the largest template.
LARGEST_SCRIPT = 16 * 1024**2
LARGEST_TEMPLATE = 1024**2
#: Entries of folders that are looked through for a script of a like name.
_LOOKED_AT = 20_000


def resolve(path: Path) -> Path:
    """Return where a path leads; the path itself where it leads in a circle."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path


def is_outside(pattern: str) -> bool:
    """Return whether a path is spelled so that it leaves its root."""
    return Path(pattern).is_absolute() or ".." in Path(pattern).parts


def is_below(root: Path, path: Path) -> bool:
    """Return whether a path leads to a place in the root, links followed."""
    return resolve(path).is_relative_to(resolve(root))


@dataclass(frozen=True, kw_only=True)
class FoundScripts:
    """What `tests` names, relative to the root, each once."""

    scripts: tuple[str, ...] = ()
    #: Python files of its folders that are only imported by others.
    helpers: tuple[str, ...] = ()


def find_scripts(root: Path, pattern: str) -> FoundScripts:
    """Return the scripts of a file, a folder (with all below it) or a glob, relative to root.

    A file that is named itself is a script whatever its name. Raises ConfigError for a folder of
    more files than anybody has scripts.
    """
    if not pattern or is_outside(pattern):
        return FoundScripts()
    path = root / pattern
    helpers: list[Path] = []
    if is_folder(path):
        paths, helpers = list_scripts(path)
    elif os.path.lexists(path):
        paths = [path]
    else:
        globbed = [item for item in _expand_glob(root, pattern) if not is_folder(item)]
        paths = [item for item in globbed if not item.name.startswith(("_", "."))]
    return FoundScripts(
        scripts=tuple(item.relative_to(root).as_posix() for item in paths),
        helpers=tuple(item.relative_to(root).as_posix() for item in helpers),
    )


def find_notebook(root: Path, pattern: str, found: Sequence[str]) -> str | None:
    """Return the notebook that an entry of `tests` means; None where it means scripts."""
    if pattern.lower().endswith(".ipynb"):
        return pattern
    if found or not pattern or is_outside(pattern):
        return None
    inside = f"{pattern.rstrip('/')}/**/*" if is_folder(root / pattern) else pattern
    notebooks = _expand_glob(root, inside, ".ipynb")
    return notebooks[0].relative_to(root).as_posix() if notebooks else None


def _expand_glob(root: Path, pattern: str, ending: str = ".py") -> list[Path]:
    # **/** is **, and takes a hundred times as long.
    plain = re.sub(r"(\*\*/)+", "**/", pattern)
    try:
        return sorted(item for item in root.glob(plain) if item.suffix.lower() == ending)
    except (ValueError, IndexError, OSError, NotImplementedError, re.error):
        return []  # "**" beside other characters, before Python 3.13; names that no file can have


def explain_script(root: Path, script: str) -> str | None:
    """Return why a file cannot be a script of the grid, in a few words; None where it can."""
    path = root / script
    kind = explain_kind(path, largest=LARGEST_SCRIPT)
    if kind is not None:
        return kind
    if not is_below(root, path):
        return f"it is a link to {resolve(path)}, outside of {root}: copy it there"
    if any(not letter.isprintable() for letter in script):
        return "its name has characters that cannot be printed: give it another"
    return None


def explain_data(root: Path, data: str) -> str | None:
    """Return why a folder cannot be the data of scripts, in a few words; None where it can.

    A link in the root may lead out of it: whoever made it wants that.
    """
    path = root / data
    if not is_folder(path):
        return f"is not a folder in {root}"
    if is_outside(data):
        return f"is outside of {root}: put it there, or a link to it"
    if resolve(root).is_relative_to(resolve(path)) and resolve(path) != resolve(root):
        return f"leads to {resolve(path)}, which holds {root} itself: name a folder below"
    return None


def list_known(root: Path) -> Iterator[str]:
    """Yield scripts in a folder and below, of the first few thousand files there."""
    left = _LOOKED_AT
    for where, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(".py"):
                yield (Path(where) / name).relative_to(root).as_posix()
        left -= len(files) + len(folders)
        if left < 0:
            return
