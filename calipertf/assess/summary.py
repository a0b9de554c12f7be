"""What stage 2 tells about a package: a line a version, what is missing, and the closing lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from calipertf.assess.api.pool import Extraction
from calipertf.errors import CaliperError

if TYPE_CHECKING:
    from calipertf.assess.collect import Collected

#: Stands in a reason for the package and version that it is about.
_VERSION = "{version}"
#: Versions named of those that are missing for one reason.
_SHOWN = 3


def describe_extraction(done: Extraction) -> str:
    """The line that a log gets for a version."""
    name = f"{done.package} {done.version}"
    if done.error is not None:
        return f"{name}: {done.error}"
    return (
        f"{name}: {done.symbols} names, {describe_bytes([done])}, {done.seconds:.0f} s, "
        f"{done.peak_memory / 1e6:.0f} MB of memory"
    )


def describe_bytes(extractions: Iterable[Extraction]) -> str:
    """How much of the files was read; in kB where that is little."""
    sources = [source for done in extractions for source in done.sources]
    read = sum(source.bytes_read or 0 for source in sources)
    total = sum(source.bytes_total or 0 for source in sources)
    if total < 1e6:
        return f"{read / 1e3:.0f} of {total / 1e3:.0f} kB read"
    # Of a small wheel, the last bytes are read twice: first for the list of what it holds.
    share = min(read / total, 1.0)
    return f"{min(read, total) / 1e6:.1f} of {total / 1e6:.1f} MB read ({share:.1%})"


def count_versions(count: int) -> str:
    """The number of versions in words."""
    return "1 version" if count == 1 else f"{count} versions"


def list_missing(package: str, missing: Mapping[str, CaliperError]) -> list[str]:
    """Why versions are missing; those that lack for one reason are told together."""
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
        more = f" and {len(versions) - _SHOWN} more" if len(versions) > _SHOWN else ""
        names = f"{', '.join(versions[:_SHOWN])}{more}"
        reason = reason.replace(_VERSION, "each")
        lines.append(f"{package}: {len(versions)} versions are missing ({names}): {reason}")
    return lines


def summarise(
    package: str, versions: Sequence[str], collected: Collected, cells: int, changes: str
) -> list[str]:
    """The lines that close a package: what is new, cached and missing, and what it cost."""
    new = [done for done in collected.extractions if done.error is None]
    published = sum(not item.api_sources for item in collected.known)
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
