"""The problems of a caliper.yaml, collected so that all are reported at once, by line."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from calipertf.config.yaml_source import Location, YamlFile
from calipertf.errors import ConfigError
from calipertf.versions import find_nearest

#: Kind of pydantic's error -> what to write instead.
_PLAIN = {
    "list_type": "write a list",
    "string_type": "write one text",
    "dict_type": "write keys with values",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "finite_number": "write a number",
    "int_parsing_size": "write a whole number",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "too_short": "name at least one, or leave the key out",
}
_BOUNDS = {
    "greater_than": "it has to be more than {gt}",
    "greater_than_equal": "it has to be {ge} or more",
    "less_than": "it has to be less than {lt}",
    "less_than_equal": "it has to be {le} or less",
}


#: Problems that are listed, and characters of each.
LISTED = 30
_WIDTH = 400


class Problems:
    """What is wrong with one file."""

    def __init__(self, file: YamlFile) -> None:
        self.file = file
        self._found: list[tuple[int, str]] = []

    def add(self, location: Location, text: str) -> None:
        """One more, at the line of a key."""
        self._found.append((self.file.find_line(location) or 1, text))

    def add_line(self, line: int, text: str) -> None:
        """One more, at a line."""
        self._found.append((line, text))

    def add_invalid(self, item: Any, known: Collection[str]) -> None:
        """Add one of pydantic's errors under `analysis:`; `known` are the keys allowed there."""
        self.add(("analysis", *item["loc"]), _describe(item, known))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._found)

    def check(self) -> None:
        """Raise ConfigError that lists the problems by line, if there are any."""
        if not self._found:
            return
        problems = [f"line {line}: {_shorten(text)}" for line, text in sorted(self._found)]
        listing = "\n".join(f"  {problem}" for problem in problems[:LISTED])
        if len(problems) > LISTED:
            listing += f"\n  and {len(problems) - LISTED} more"
        count = f"{len(problems)} problem" + ("s" if len(problems) != 1 else "")
        raise ConfigError(
            f"{self.file.path} has {count}:\n{listing}", path=self.file.path, problems=problems
        )


def _shorten(text: str) -> str:
    """Return a problem whose value may be megabytes long: its beginning and its way out."""
    half = _WIDTH // 2
    return text if len(text) <= _WIDTH else f"{text[:half]} ... {text[-half:]}"


def spell(location: Location) -> str:
    """Return a location as people write it: baselines.suite.python, tests (item 2)."""
    words = ""
    for part in location:
        if isinstance(part, int):
            words += f" (item {part + 1})"
        else:
            words += f".{part}" if words else part
    return words or "analysis"


def _describe(item: Any, known: Collection[str]) -> str:
    """Return one sentence for one of pydantic's errors."""
    key, kind = spell(item["loc"]), item["type"]
    if kind == "extra_forbidden":
        nearest = find_nearest(str(item["loc"][-1]), known)
        hint = f"did you mean {nearest}?" if nearest else f"known: {', '.join(known)}"
        return f"unknown key {key}; {hint}"
    if kind == "missing":
        return f"{key} is missing"
    found = "nothing" if item["input"] is None else repr(item["input"])[:80]
    context = item.get("ctx") or {}
    if kind == "literal_error":
        nearest = find_nearest(str(item["input"]), re.findall(r"'([^']+)'", context["expected"]))
        hint = f"; did you mean {nearest}?" if nearest else ""
        return f"{key} is {found}; allowed: {context['expected']}{hint}"
    if kind in {"model_type", "model_attributes_type"}:
        return f"{key} is {found}: write {{{', '.join(f'{name}: ...' for name in known)}}}"
    if kind in _BOUNDS:
        return f"{key} is {found}: {_BOUNDS[kind].format(**context)}"
    if kind == "string_type" and isinstance(item["input"], (int, float)):
        return f"{key} is {found}: put quotes around it"
    message = _PLAIN.get(kind) or str(context.get("error") or item["msg"])
    if message.startswith(f"{found} is "):
        return f"{key}: {message}"
    return f"{key} is {found}: {message[:1].lower()}{message[1:]}"
