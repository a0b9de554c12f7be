"""From what a cell's environment holds to its lock."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import InvalidVersion, Version

from calipertf.errors import VersionError
from calipertf.formats.locks import Lock, make_lock
from calipertf.formats.records import Observation
from calipertf.formats.requirements import Installed, compare_requirements, read_freeze
from calipertf.index.client import Index, ReleaseFile
from calipertf.index.tags import choose_file


def lock_cell(index: Index, seen: Observation, platforms: Sequence[str]) -> Lock | None:
    """Return the lock of a built cell; None where nothing was built.

    Raises IndexUnavailableError where the index cannot say which files there are.
    """
    if not seen.is_built:
        return None
    files: dict[str, ReleaseFile] = {}
    left_out: list[str] = []
    for item in read_freeze(seen.requirements).installed:
        file = _find_file(index, item, seen.cell.python, platforms)
        if file is None or not file.hashes.get("sha256"):
            left_out.append(item.line)
        else:
            files[item.name] = file
    tools = seen.environment.get("build_tools") or {}
    return make_lock(
        seen.cell,
        files,
        index_url=index.url,
        left_out=left_out,
        tool={"build-tools": list(tools.get("used") or ())},
    )


def _find_file(
    index: Index, item: Installed, python: str, platforms: Sequence[str]
) -> ReleaseFile | None:
    """Return the file that an installer takes for a pin; None where the index has none."""
    try:
        version = Version(item.version or "")
        project = index.fetch_version(item.name, version)
    except (InvalidVersion, VersionError):
        return None
    return choose_file(project, version, python, platforms)


def list_pins(seen: Observation) -> tuple[str, ...]:
    """Return name==version of everything in a cell, as a Dockerfile installs it again."""
    return tuple(line.strip() for line in seen.requirements if not line.startswith("#"))


def find_base(seen: Observation) -> str | None:
    """Return the base image of a cell with its digest, as any engine can pull it.

    None where there was none, or where it was made on this engine: no other one knows its id.
    """
    image = str(seen.environment.get("base_image") or "")
    return image if "@sha256:" in image else None


def list_moves(old: Observation, seen: Observation) -> list[str]:
    """Return what differs between two environments of a cell, such as protobuf 4.25.3 -> 5.26.0.

    Empty where the earlier one was not built: nothing moved then.
    """
    if not old.requirements:
        return []
    before, now = (read_freeze(each.requirements).installed for each in (old, seen))
    return [
        f"{item.name} {item.here or 'absent'} -> {item.there or 'absent'}"
        for item in compare_requirements(before, now)
    ]
