"""The flags of stage 2: apart from what it needs to run, which takes seconds to import."""

from __future__ import annotations

import argparse

from calipertf.cli import count, file, folder
from calipertf.index import DEFAULT_INDEX


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of stage 2."""
    parser.add_argument(
        "--package",
        nargs="+",
        default=[],
        metavar="NAME",
        help="packages to compare the versions of (default: those of the records)",
    )
    parser.add_argument(
        "--versions",
        nargs="+",
        default=[],
        metavar="SELECTOR",
        help="versions or selectors such as all or '>=2.4' (default: those of the records)",
    )
    parser.add_argument(
        "--funcdb",
        type=file,
        metavar="PATH",
        help="function databases to take first: a file, a zip, a folder, a clone of "
        "caliper-metrics",
    )
    parser.add_argument(
        "--published",
        action="store_true",
        help="take function databases of caliper-metrics on GitHub before reading wheels",
    )
    parser.add_argument(
        "--export",
        type=folder,
        metavar="FOLDER",
        help="write the function databases there as well, in caliper-metrics' layout",
    )
    parser.add_argument(
        "--config",
        type=file,
        help="names the scripts whose usage is measured (default: caliper.yaml where there is one)",
    )
    parser.add_argument("--jobs", type=count, default=1, help="versions read at once (default: 1)")
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="extract on a Dask cluster: tcp://host:port, a scheduler file, or local",
    )
    parser.add_argument("--offline", action="store_true", help="use only what the cache holds")
    parser.add_argument(
        "--index-url", help=f"default: index_url of caliper.yaml, else {DEFAULT_INDEX}"
    )
    parser.add_argument(
        "--between",
        nargs=2,
        metavar=("A", "B"),
        help="print what changed between two versions, and stop",
    )
