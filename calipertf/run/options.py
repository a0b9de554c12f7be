"""The flags of stage 1: apart from what it needs to run, which takes a second to import."""

from __future__ import annotations

import argparse

from calipertf.cli import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of stage 1 to a parser."""
    parser.add_argument("--config", type=str, default="caliper.yaml", help="default: caliper.yaml")
    parser.add_argument(
        "--environment", choices=("auto", "docker", "venv"), help="instead of the configured one"
    )
    for flag, what in (
        ("--versions", "package versions or selectors"),
        ("--python", "Pythons such as cp37 or 3.7"),
        ("--resolve", "resolve dates: today, release or an ISO date"),
        ("--tests", "scripts: paths, folders or globs"),
    ):
        parser.add_argument(flag, nargs="+", default=[], help=f"only these {what}")
    parser.add_argument("--jobs", type=count, help="cells at once (default: one a core)")
    parser.add_argument(
        "--keep-images", action="store_true", help="leave the cells' images on the engine"
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="run cells on a Dask cluster: tcp://host:port, a scheduler file, or local for one on "
        "this machine; none: without, whatever the configuration says",
    )
    parser.add_argument("--force", action="store_true", help="run cells that have a record, too")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and stop")
