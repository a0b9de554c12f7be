"""What an installer resolved, and the order in which it would have to choose to agree with pip.

Where two packages cannot both be at their newest, pip keeps the one that requires the other, and uv
the one that it met first. TensorFlow 2.4.4 asks for protobuf and tensorboard: on the index of 2026
pip takes tensorboard 2.11.2, which asks for protobuf below 4; uv takes protobuf 5.29.6 and goes
back to a tensorboard that does not mind, and TensorFlow cannot be imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.utils import canonicalize_name

_LINE = re.compile(
    r"(?P<pin>(?P<name>[\w.-]+)(?:\S*==\S+| @ \S+))(?P<marker>\s*;[^#]*)?(?:\s*# via (?P<via>.*))?"
)
_NAME = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One package of a resolution."""

    name: str
    #: As the installer takes it: name==version, or name @ URL.
    requirement: str
    #: Names of the packages that require it; empty for what was asked for.
    via: frozenset[str]


def parse_resolution(lines: Iterable[str]) -> list[Pin]:
    """Return the packages in the output of `uv pip compile --annotation-style line`."""
    matches = (_LINE.fullmatch(line.strip()) for line in lines)
    return [
        Pin(
            name=canonicalize_name(match["name"]),
            requirement=match["pin"] + (match["marker"] or "").rstrip(),
            via=frozenset(canonicalize_name(name.strip()) for name in _split(match["via"])),
        )
        for match in matches
        if match
    ]


def _split(via: str | None) -> list[str]:
    return via.split(",") if via else []


def order_by_need(pins: Iterable[Pin]) -> list[str]:
    """Return names, each behind those that require it; a circle is entered by its first name."""
    waiting = {pin.name: pin.via for pin in pins}
    ordered: list[str] = []
    while waiting:
        ready = [name for name, via in waiting.items() if not via & (waiting.keys() - {name})]
        for name in ready or [next(iter(waiting))]:
            ordered.append(name)
            del waiting[name]
    return ordered


def keep_needed(pins: Iterable[Pin], wanted: Iterable[str]) -> list[Pin]:
    """Return the pins of `wanted` requirements and of what they require, directly or not."""
    pins = list(pins)
    names = (_NAME.match(requirement) for requirement in wanted)
    needed: set[str] = {canonicalize_name(name[0]) for name in names if name}
    while True:
        more = {pin.name for pin in pins if pin.name not in needed and pin.via & needed}
        if not more:
            return [pin for pin in pins if pin.name in needed]
        needed |= more
