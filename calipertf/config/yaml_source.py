"""A YAML file as plain data, with the line of each key, and scalars as they were written.

YAML reads an unquoted 2.10 as the number 2.1 and 2021-01-05 as a date: under the keys named in
`literal` every scalar stays the text that stands in the file.
"""

from __future__ import annotations

import errno
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from calipertf.errors import ConfigError
from calipertf.files.inputs import read_file

Location = tuple[str | int, ...]

#: Bytes of the largest file that is read, and how many values it may hold and how deep: far more
#: than any configuration. An alias counts as often as it is used, for each use is a value.
LARGEST_FILE = 8 * 1024**2
MOST_VALUES = 100_000
DEEPEST = 50

_MERGE = "tag:yaml.org,2002:merge"
_NULL = "tag:yaml.org,2002:null"
_DATE = "tag:yaml.org,2002:timestamp"


@dataclass(frozen=True, kw_only=True)
class YamlFile:
    """Parsed contents, and the line of each key."""

    path: Path
    data: Any
    #: Location of a key or item -> its line, counted from 1.
    lines: Mapping[Location, int]
    #: Keys that stand twice in one mapping: (location, line).
    duplicates: tuple[tuple[Location, int], ...] = ()

    def find_line(self, location: Location) -> int | None:
        """Return the line of a location, or of the nearest one around it."""
        for size in range(len(location), 0, -1):
            if location[:size] in self.lines:
                return self.lines[location[:size]]
        return None


class _LimitError(yaml.MarkedYAMLError):
    """The file is YAML, and no configuration."""


class _Loader(yaml.SafeLoader):
    """A loader that gives up on a file with too many values, or too deep ones, while it reads."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._values = 0
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node, as the library does."""
        self._values += 1
        self._depth += 1
        event = self.peek_event()  # type: ignore[no-untyped-call]
        _check_limits(self._values, self._depth, event.start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def _check_limits(values: int, depth: int, mark: Any) -> None:
    if values > MOST_VALUES:
        problem = f"more than {MOST_VALUES:,} values, aliases counted as often as they are used"
    elif depth > DEEPEST:
        problem = f"lists in lists more than {DEEPEST} deep, or an alias that holds itself"
    else:
        return
    raise _LimitError(problem=f"{problem}: this is no configuration", problem_mark=mark)


@dataclass(kw_only=True)
class _Reader:
    loader: yaml.SafeLoader
    literal: Collection[str]
    lines: dict[Location, int] = field(default_factory=dict)
    duplicates: list[tuple[Location, int]] = field(default_factory=list)
    values: int = 0

    def convert(self, node: yaml.Node, location: Location, *, literal: bool) -> Any:
        self._count(node, len(location))
        self.lines.setdefault(location, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self.convert_mapping(node, location, literal=literal)
        if isinstance(node, yaml.SequenceNode):
            return [
                self.convert(item, (*location, number), literal=literal)
                for number, item in enumerate(node.value)
            ]
        # Dates stay as they were written: JSON has none.
        if (literal and node.tag != _NULL) or node.tag == _DATE:
            return _check_text(node.value, node)
        return self._construct(node)

    def _construct(self, node: yaml.Node) -> Any:
        try:
            value = self.loader.construct_object(node, deep=True)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            problem = f"{str(node.value)[:80]!r} is not what its tag or its shape promises"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from error
        if isinstance(value, bytes):
            problem = "binary data has no place in a configuration"
            raise _LimitError(problem=problem, problem_mark=node.start_mark)
        return _check_text(value, node) if isinstance(value, str) else value

    def _count(self, node: yaml.Node, depth: int) -> None:
        self.values += 1
        _check_limits(self.values, depth, node.start_mark)

    def convert_mapping(
        self, node: yaml.MappingNode, location: Location, *, literal: bool
    ) -> dict[str, Any]:
        data: dict[str, Any] = {}
        merged: list[tuple[str, yaml.Node, yaml.Node]] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged += self._list_merged(value_node, len(location))
                continue
            key = _read_key(key_node)
            if key in data:
                self.duplicates.append(((*location, key), key_node.start_mark.line + 1))
            data[key] = self._convert_value(key_node, value_node, (*location, key), literal)
        for key, key_node, value_node in merged:
            # What a mapping says itself comes before what it merges in.
            if key not in data:
                data[key] = self._convert_value(key_node, value_node, (*location, key), literal)
        return data

    def _convert_value(
        self, key_node: yaml.Node, value_node: yaml.Node, here: Location, literal: bool
    ) -> Any:
        self.lines[here] = key_node.start_mark.line + 1
        return self.convert(value_node, here, literal=literal or here[-1] in self.literal)

    def _list_merged(self, node: yaml.Node, depth: int) -> list[tuple[str, yaml.Node, yaml.Node]]:
        """Return the pairs of what `<<:` names, a mapping or a list of some, the nearest first."""
        self._count(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [pair for item in node.value for pair in self._list_merged(item, depth + 1)]
        if not isinstance(node, yaml.MappingNode):
            problem = "<< takes a mapping, or a list of mappings"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        own: list[tuple[str, yaml.Node, yaml.Node]] = []
        further: list[tuple[str, yaml.Node, yaml.Node]] = []
        for key_node, value_node in node.value:
            self._count(key_node, depth)
            if key_node.tag == _MERGE:
                further += self._list_merged(value_node, depth + 1)
            else:
                own.append((_read_key(key_node), key_node, value_node))
        return own + further


def _read_key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        problem = "a key has to be a word, this one is a list or a mapping"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    return _check_text(node.value, node)


def _check_text(text: str, node: yaml.Node) -> str:
    """Return a text that a file name, a terminal and a file of UTF-8 can hold."""
    for letter in text if not text.isprintable() else "":
        if letter not in "\t\n\r\x85" and unicodedata.category(letter) in {"Cc", "Cs"}:
            problem = f"a text has the control character {ord(letter):#x}"
            raise _LimitError(problem=problem, problem_mark=node.start_mark)
    return text


def read_yaml(path: Path, *, literal: Collection[str] = ()) -> YamlFile:
    """Return the file's contents; raises ConfigError that names the line where it is not YAML."""
    try:
        text = read_file(path, largest=LARGEST_FILE).decode("utf-8-sig")
    except OSError as error:
        missing = error.errno == errno.ENOENT and not path.is_symlink()
        why = "does not exist" if missing else f"cannot be read: {error.strerror}"
        raise ConfigError(
            f"{path} {why}; name a configuration file with --config", path=path
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}, line {line}: this is no UTF-8 text", path=path) from error
    try:
        return _parse(path, text, literal)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}{_explain(error, text)}", path=path) from error
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        # PyYAML lets some of its own mistakes through: a character \UFFFFFFFF, %YAML 1.x, odd tags.
        raise ConfigError(f"{path} is not YAML: {error}", path=path) from error


def _parse(path: Path, text: str, literal: Collection[str]) -> YamlFile:
    loader = _Loader(text)
    reader = _Reader(loader=loader, literal=literal)
    try:
        node = loader.get_single_node()
        data = None if node is None else reader.convert(node, (), literal=False)
    finally:
        loader.dispose()
    return YamlFile(path=path, data=data, lines=reader.lines, duplicates=tuple(reader.duplicates))


def _explain(error: yaml.YAMLError, text: str) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        number = text[: error.position].count("\n") + 1
        return f", line {number}: not YAML: it has the control character {error.character:#x}"
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    if isinstance(error, _LimitError) and mark is not None:
        return f", line {mark.line + 1}: {problem}"
    if mark is None:
        return f" is not YAML: {problem}"
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in problem:
        return f", line {mark.line + 1}: YAML is indented with spaces; this line has a tab"
    return f", line {mark.line + 1}: not YAML: {problem}"
