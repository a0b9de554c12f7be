"""What stage 2 prints about a package: a line for each version, what is missing, a summary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from calipertf.assess.api.pool import describe_bytes
from calipertf.assess.collect import Collection
from calipertf.errors import CaliperError
from calipertf.reasons.messages import name_some

#: Stands in a reason for the package and version that it is about.
_VERSION = "{version}"
#: Versions named of those that are missing for one reason.
_SHOWN = 3


def count_versions(count: int) -> str:
    """Return the number of versions in words."""
    return "1 version" if count == 1 else f"{count} versions"


def list_missing(package: str, missing: Mapping[str, CaliperError]) -> list[str]:
    """Return why versions are missing, grouped by reason."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for version, error in missing.items():
        reason = str(error).replace(f"{package} {version}", _VERSION)
        # Names of files differ by the version alone: six-*.tar.gz cannot be downloaded.
        by_reason[reason.replace(f"-{version}", "-*")].append(version)
    lines = []
    for reason, versions in by_reason.items():
        if len(versions) == 1:
            lines.append(
                f"{package} {versions[0]} is missing: "
                + reason.replace(_VERSION, "it").replace("-*", f"-{versions[0]}")
            )
            continue
        names = name_some(versions, _SHOWN)
        reason = reason.replace(_VERSION, "each")
        lines.append(f"{package}: {len(versions)} versions are missing ({names}): {reason}")
    return lines


def summarise(
    package: str, versions: Sequence[str], collected: Collection, cells: int, changes: str
) -> list[str]:
    """Return the lines that close a package: what is new, cached and missing, and what it cost."""
    new = [done for done in collected.extractions if done.error is None]
    published = sum(not item.api_sources for item in collected.entries)
    missing = sum(version in collected.missing for version in versions)
    cached = len(versions) - len(new) - published - missing
    found = [f"{len(new)} new", f"{cached} cached"]
    if published:
        found.append(f"{published} as function databases alone")
    found.append(f"{missing} missing")
    size = f"{count_versions(len(versions))} ({', '.join(found)}), {cells} cells"
    lines = [f"{package}: {size}; changes: {changes}"]
    if new:
        lines.append(
            f"{package}: {describe_bytes(new)}; a version took at most "
            f"{max(done.seconds for done in new):.0f} s and "
            f"{max(done.peak_memory for done in new) / 1e6:.0f} MB of memory"
        )
    return lines
