"""Files of scripts: which ones a folder holds, what they import, and which are only helpers."""

from __future__ import annotations

import fnmatch
import re
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath

from calipertf.errors import ConfigError
from calipertf.files.inputs import read_file
from calipertf.imports import Import, list_imports

#: Files and folders that one walk may meet; more is a home folder or a data set, not scripts.
MOST_FILES = 50_000
#: Bytes of the largest Python file that is looked into.
LARGEST_SOURCE = 16 * 1024**2
#: Folders that hold no input of scripts, beside hidden ones and virtual environments.
_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules"})
#: Byte code, and what editors and desktops leave beside files.
_SKIPPED_FILES = ("*.pyc", "*~", ".DS_Store", ".#*", ".*.sw[a-p]")
#: Python files of a folder that others run: pytest and installers.
_RUN_BY_OTHERS = frozenset({"conftest.py", "setup.py"})


def is_left_out(path: Path) -> bool:
    """Return whether a folder, or a file below one, is nothing that scripts need.

    Hidden folders, byte code, virtual environments, node_modules, and what editors leave behind.
    """
    if any(fnmatch.fnmatch(path.name, pattern) for pattern in _SKIPPED_FILES):
        return True
    if not path.is_dir():
        return False
    hidden = path.name.startswith(".") or path.name in _SKIPPED_FOLDERS
    return hidden or (path / "pyvenv.cfg").exists()


def walk_files(folder: Path, leave_out: Collection[Path] = ()) -> Iterator[Path]:
    """Yield the files below a folder (or the file itself) that scripts may need, in order.

    Links are followed wherever they lead; a folder inside itself is entered once. `leave_out` are
    resolved folders to stay out of. Raises ConfigError for more than MOST_FILES.
    """
    if folder.is_file():
        yield folder
        return
    yield from (path for path in _list_entries(folder, leave_out) if path.is_file())


def _list_entries(folder: Path, leave_out: Collection[Path] = ()) -> Iterator[Path]:
    """Yield everything below a folder that is not left out, pipes and links to nowhere included."""
    left = MOST_FILES
    for path in _walk(folder, frozenset({*leave_out, folder.resolve()})):
        left -= 1
        if left < 0:
            raise ConfigError(
                f"{folder} holds more than {MOST_FILES} files: scripts and what they read belong "
                "in a folder of their own; move them there, or set root in caliper.yaml to it",
                path=folder,
            )
        yield path


def _walk(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return  # what we may not read, scripts may not read either
    for path in paths:
        if is_left_out(path):
            continue
        if not path.is_dir():
            yield path
        elif (real := path.resolve()) not in above:
            yield path
            yield from _walk(path, above | {real})


def list_scripts(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return scripts of a folder and of those below, and its helpers, which are not run as scripts.

    Helpers are modules that another file of the folder imports and that have no `__main__` part,
    and what pytest or an installer runs. Names that begin with _ or . are neither.
    """
    # What is no file, or a link to nowhere, is a script all the same: it is refused by name.
    files = [path for path in _list_entries(folder) if path.suffix == ".py" and not path.is_dir()]
    named = [path for path in files if not path.name.startswith(("_", "."))]
    imported = find_imported(files)
    helpers = [
        path
        for path in named
        if path.name in _RUN_BY_OTHERS or (path in imported and not has_main(read_source(path)))
    ]
    scripts = [path for path in named if path not in helpers]
    if named and not scripts:
        # They import one another: somebody has to be run.
        return [path for path in named if path.name not in _RUN_BY_OTHERS], []
    return scripts, helpers


def find_imported(files: Iterable[Path]) -> set[Path]:
    """Return those of some files that another of them imports from its own folder or below.

    A file named like a module of today's standard library does not count: the import may mean that
    module. A name that only older Pythons had, such as `commands` or `parser`, is the file's.
    """
    known = set(files)
    imported = set()
    for path in known:
        for item in list_imports(read_source(path)):
            if item.level or item.root not in sys.stdlib_module_names:
                imported |= {other for other in _candidates(path, item) if other in known - {path}}
    return imported


def _candidates(path: Path, item: Import) -> Iterator[Path]:
    """Yield files that an import may mean, for a script whose folder is the first on sys.path."""
    base = path.parent
    for _ in range(item.level - 1):
        base = base.parent
    parts = PurePosixPath(*item.module.split(".")).parts if item.module else ()
    for end in range(1, len(parts) + 1):
        yield base.joinpath(*parts[:end]).with_suffix(".py")
        yield base.joinpath(*parts[:end], "__init__.py")
    for name in item.names:
        yield base.joinpath(*parts, f"{name}.py")


def read_source(path: Path) -> str:
    """Return the text of a Python file, whatever its encoding; empty where it cannot be read."""
    try:
        return read_file(path, largest=LARGEST_SOURCE).decode("utf-8-sig", errors="replace")
    except OSError:
        return ""


def has_main(source: str) -> bool:
    """Return whether a file does something of its own when it is run as a script."""
    return bool(re.search(r"^if\s+__name__\s*==", source, re.MULTILINE))
