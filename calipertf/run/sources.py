"""Which files scripts need: one answer for what is hashed, mounted, packed and copied."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from calipertf.config.model import Config
from calipertf.config.paths import resolve
from calipertf.errors import ConfigError
from calipertf.scripts import find_imported, is_left_out, read_source, walk_files

log = logging.getLogger("calipertf")
#: Bytes of files beside scripts that are hashed by content: about a second. Of more, size and time
#: of change are hashed.
MOST_HASHED = 1024**3
#: What a script says that looks at everything in a folder.
_LISTS = re.compile(r"\b(?:iterdir|listdir|scandir|os\.walk|rglob)\b|glob\(\s*[\"']\*[\"']")
_WORD = re.compile(r"[\w.+-]+")


@dataclass(frozen=True, kw_only=True)
class SourceTree:
    """The scripts of a configuration and what they may read beside themselves.

    Folders right below the root that hold scripts belong to it whole. Where scripts are in the root
    itself, or in several of its folders, so do files and folders of the root that the scripts name,
    the modules beside scripts in the root, and a folder named data.
    """

    root: Path
    #: Scripts relative to the root.
    scripts: tuple[str, ...]
    #: Folder that scripts find as CALIPER_DATA; None where there is none.
    data: Path | None = None
    #: Files that are ours, not the scripts': caliper.yaml and the template.
    own: frozenset[Path] = frozenset()
    #: Resolved folders that are no input: what this tool writes.
    leave_out: frozenset[Path] = frozenset()

    @property
    def mount(self) -> Path:
        """Return the folder that holds all of it."""
        return find_mount(self.root, self.scripts)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return files and folders right below the root that belong to it, by name, in order."""
        tops = {Path(script).parts[0] for script in self.scripts}
        if len(tops) > 1 or any("/" not in script for script in self.scripts):
            tops |= set(self._list_named())
        if self.data is not None and self.data.is_relative_to(self.root) and self.data != self.root:
            tops.add(self.data.relative_to(self.root).parts[0])
        return tuple(sorted(tops))

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return the same as paths, with a folder of data that is elsewhere."""
        paths = tuple(self.root / name for name in self.names)
        outside = self.data is not None and not self.data.is_relative_to(self.root)
        return (*paths, self.data) if outside and self.data else paths

    def _list_named(self) -> Iterator[str]:
        beside = any("/" not in script for script in self.scripts)
        tops = {Path(script).parts[0] for script in self.scripts if "/" in script}
        modules = {
            path for top in tops for path in walk_files(self.root / top) if path.suffix == ".py"
        }
        modules |= set(self.root.glob("*.py")) if beside else set()
        text = "\n".join(read_source(path) for path in sorted(modules))
        words = frozenset((*_WORD.findall(text), *re.findall(r"\w+", text)))
        takes_all = beside and _LISTS.search(text) is not None
        for path in _list_folder(self.root):
            if not (path.is_dir() or path.is_file()):
                continue  # a pipe, a device, a link to nowhere
            if path in self.own or resolve(path) in self.leave_out or is_left_out(path):
                continue
            named = _is_named(path, text, words)
            if path.is_dir():
                if named or path.name == "data":
                    yield path.name
            elif named or (beside and (path.suffix == ".py" or takes_all)):
                yield path.name

    def list_files(self) -> Iterator[Path]:
        """Yield every file of it."""
        for path in self.paths:
            yield from walk_files(path, self.leave_out)

    @cached_property
    def support(self) -> str:
        """Return SHA-256 over what scripts may read beside themselves: helper modules and data.

        Names count relative to the root. A script that another one imports is a helper as well.
        """
        files = list(self.list_files())
        scripts = {self.root / script for script in self.scripts}
        alone = scripts - find_imported(path for path in files if path.suffix == ".py")
        return hash_files(self.root, [path for path in files if path not in alone])


def find_sources(config: Config, leave_out: Collection[Path] = ()) -> SourceTree:
    """Return what the scripts of a configuration need."""
    analysis = config.analysis
    return SourceTree(
        root=config.root,
        scripts=config.scripts,
        data=resolve(config.root / analysis.data) if analysis.data else None,
        own=frozenset({config.path, config.root / analysis.dockerfile}),
        leave_out=frozenset(resolve(path) for path in leave_out),
    )


def find_mount(root: Path, scripts: Sequence[str]) -> Path:
    """Return the folder that holds all scripts: their common top folder, or the root."""
    tops = {Path(script).parts[0] for script in scripts if len(Path(script).parts) > 1}
    single = len(tops) == 1 and all(len(Path(script).parts) > 1 for script in scripts)
    return root / tops.pop() if single else root


def _list_folder(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _is_named(path: Path, text: str, words: Collection[str]) -> bool:
    """Return whether a text names a file or folder.

    By its name, a module, or how a file's name ends.
    """
    if path.name in words or (path.suffix == ".py" and path.stem in words):
        return True
    if path.is_file() and path.suffix and any(word.endswith(path.suffix) for word in words):
        return True
    return not _WORD.fullmatch(path.name) and path.name in text


def hash_file(path: Path) -> str:
    """Return SHA-256 of a file, hexadecimal. Raises ConfigError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", path=path) from error
    return digest.hexdigest()


def hash_files(root: Path, paths: Sequence[Path]) -> str:
    """Return SHA-256 over files by name relative to a root, and content.

    Of very much, size and time.
    """
    states = _list_states(paths)
    total = sum(state.st_size for state in states.values())
    if total > MOST_HASHED:
        largest = max(states, key=lambda path: states[path].st_size)
        log.warning(
            "scripts have %.1f GB of files beside them (the largest is %s): whether they changed "
            "is noticed by their size and time",
            total / 1e9,
            largest,
        )
    digest = hashlib.sha256()
    for path in sorted(states):
        state = states[path]
        digest.update(os.fsencode(os.path.relpath(path, root)) + b"\0")
        if total > MOST_HASHED:
            digest.update(f"{state.st_size} {state.st_mtime_ns}\0".encode())
        else:
            digest.update(_hash_or_mark(path).encode() + b"\0")
    return digest.hexdigest()


def _list_states(paths: Sequence[Path]) -> Mapping[Path, os.stat_result]:
    states = {}
    for path in paths:
        try:
            states[path] = path.stat()
        except OSError:
            continue  # gone since the folder was listed
    return states


def _hash_or_mark(path: Path) -> str:
    # What we may not read, a script may not read either.
    try:
        return hash_file(path)
    except ConfigError:
        return "unreadable"
