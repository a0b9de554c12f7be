"""A YAML file as plain data that remembers its lines and keeps what was written.

YAML reads an unquoted 2.10 as the number 2.1 and 2021-01-05 as a date: under the keys named in
`literal` every scalar stays the text that stands in the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from calipertf.errors import ConfigError

Location = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class YamlFile:
    """Parsed contents and where each key stands."""

    path: Path
    data: Any
    #: Location of a key or item -> its line, counted from 1.
    lines: Mapping[Location, int]
    #: Keys that stand twice in one mapping: (location, line).
    duplicates: tuple[tuple[Location, int], ...] = ()

    def find_line(self, location: Location) -> int | None:
        """Line of a location, or of the nearest one around it."""
        for size in range(len(location), 0, -1):
            if location[:size] in self.lines:
                return self.lines[location[:size]]
        return None


@dataclass(kw_only=True)
class _Reader:
    loader: yaml.SafeLoader
    literal: Collection[str]
    lines: dict[Location, int] = field(default_factory=dict)
    duplicates: list[tuple[Location, int]] = field(default_factory=list)

    def convert(self, node: yaml.Node, location: Location, *, literal: bool) -> Any:
        self.lines.setdefault(location, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self.convert_mapping(node, location, literal=literal)
        if isinstance(node, yaml.SequenceNode):
            return [
                self.convert(item, (*location, number), literal=literal)
                for number, item in enumerate(node.value)
            ]
        if literal and node.tag != "tag:yaml.org,2002:null":
            return node.value
        return self.loader.construct_object(node, deep=True)

    def convert_mapping(
        self, node: yaml.MappingNode, location: Location, *, literal: bool
    ) -> dict[str, Any]:
        data: dict[str, Any] = {}
        self.loader.flatten_mapping(node)
        for key_node, value_node in node.value:
            key = str(key_node.value)
            here = (*location, key)
            line = key_node.start_mark.line + 1
            if key in data:
                self.duplicates.append((here, line))
            self.lines[here] = line
            data[key] = self.convert(value_node, here, literal=literal or key in self.literal)
        return data


def read_yaml(path: Path, *, literal: Collection[str] = ()) -> YamlFile:
    """The file's contents; raises ConfigError that names the line where it is not YAML."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path} does not exist; name a configuration file with --config", path=path
        ) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}, line {line}: this is no UTF-8 text", path=path) from error
    try:
        return _parse(path, text, literal)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}{_explain(error, text)}", path=path) from error
    except RecursionError as error:
        raise ConfigError(
            f"{path} has an alias that holds itself, or lists in lists without end", path=path
        ) from error


def _parse(path: Path, text: str, literal: Collection[str]) -> YamlFile:
    loader = yaml.SafeLoader(text)
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
    if mark is None:
        return f" is not YAML: {problem}"
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in problem:
        return f", line {mark.line + 1}: YAML is indented with spaces; this line has a tab"
    return f", line {mark.line + 1}: not YAML: {problem}"
