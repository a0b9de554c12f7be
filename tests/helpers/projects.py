"""A project of a package index, without an index."""

from __future__ import annotations

from datetime import datetime, timezone

from packaging.version import Version

from calipertf.index.client import Project, ReleaseFile


def make_file(version: str) -> ReleaseFile:
    return ReleaseFile(
        filename=f"six-{version}.tar.gz",
        url=f"https://x/six-{version}.tar.gz",
        version=Version(version),
        hashes={},
        size=1,
        uploaded=datetime(2020, 1, 1, tzinfo=timezone.utc),
        yanked=False,
        requires_python=None,
    )


PROJECT = Project(name="six", files=(make_file("1.10.0"), make_file("1.16.0")))
