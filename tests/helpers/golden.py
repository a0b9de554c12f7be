"""TensorFlow's own golden API files as a truth for the static extraction.

They lie in its source tree, in ``tensorflow/tools/api/golden/v1`` and ``v2``: one text protobuf for
each module and class, with the names in it and their argument lists. ``tests/data`` keeps the facts
of one version, from the source package that Debian has (``apt-get source tensorflow``):

    PYTHONPATH=. python tests/helpers/golden.py GOLDEN/v2 tests/data/NAME.json.gz
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.api_truth import save_truth

#: TensorFlow's own test does not look below these, but for the packages of contrib and compat,
#: which are no part of what it promises.
OUT_OF_SCOPE = (
    "tensorflow.contrib",
    "tensorflow.compat",
    "tensorflow.keras",
    "tensorflow.experimental.numpy",
)

_LINE = re.compile(r"(?P<name>\w+)(?:: (?P<value>.*)| \{)|\}")
_CLASSES = re.compile(r"<type 'type'>|<class '.*(Meta|[Mm]etaclass|MessageType)'>")
_SPEC = re.compile(
    r"args=(?P<args>\[.*?\]), varargs=(?P<varargs>\S+), keywords=(?P<keywords>\S+), "
    r"defaults=(?P<defaults>None|\[.*\])"
)


def read_folder(folder: Path) -> dict[str, dict[str, Any]]:
    """Public path -> kind and signature, of all files of a golden folder."""
    truth: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.pbtxt")):
        owner, kind, members = _read_file(path.read_text(encoding="utf-8"))
        described = truth.setdefault(owner, {"kind": kind})
        described["kind"] = kind
        for member in members:
            if member["name"] == "__init__":
                described["signature"] = read_signature(member.get("argspec"))
                continue
            entry: dict[str, Any] = {"kind": _name_kind(kind, member)}
            if "argspec" in member:
                entry["signature"] = read_signature(member["argspec"])
            truth.setdefault(f"{owner}.{member['name']}", entry)
    return {
        name: entry
        for name, entry in sorted(truth.items())
        if not any(part.startswith("_") for part in name.split("."))
    }


def _read_file(text: str) -> tuple[str, str, list[dict[str, str]]]:
    """The path that a file is about, whether that is a module or a class, and its members."""
    owner, kind = "", "class"
    members: list[dict[str, str]] = []
    above: list[str] = []
    for name, value in _list_lines(text):
        if name is None:
            above.pop()
        elif value is None:
            above.append(name)
            kind = "module" if name == "tf_module" else kind
            if name.startswith("member"):
                members.append({"is": name})
        elif name == "path":
            owner = value
        elif above and above[-1].startswith("member"):
            members[-1][name] = value
    return owner, kind, members


def _list_lines(text: str) -> Iterator[tuple[str | None, str | None]]:
    """Name and value; no value where a block begins, no name where one ends."""
    for match in map(_LINE.fullmatch, filter(None, map(str.strip, text.splitlines()))):
        assert match is not None
        value = match["value"]
        yield match["name"], ast.literal_eval(value) if value and value[0] == '"' else value


def _name_kind(owner: str, member: dict[str, str]) -> str:
    if member["is"] == "member_method":
        return "function" if owner == "module" else "method"
    if member["mtype"] == "<type 'module'>":
        return "module"
    return "class" if _CLASSES.fullmatch(member["mtype"]) else "attribute"


def read_signature(argspec: str | None) -> dict[str, Any] | None:
    """The argument list as ``api_walker.py`` writes it; keyword-only names are among the others."""
    match = _SPEC.match(argspec or "")
    if match is None:
        return None
    varargs, keywords = (
        None if match[name] == "None" else match[name] for name in ("varargs", "keywords")
    )
    defaults = [] if match["defaults"] == "None" else ast.literal_eval(match["defaults"])
    return {
        "args": ast.literal_eval(match["args"]),
        "varargs": varargs,
        "keywords": keywords,
        "kwonly": None,
        "defaults": len(defaults),
    }


def main() -> None:
    folder, target = map(Path, sys.argv[1:])
    save_truth(read_folder(folder), target, package="tensorflow", source="golden API files")


if __name__ == "__main__":
    main()
