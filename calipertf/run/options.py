"""The flags of stage 1, and what they take out of the grid."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from calipertf.cli import count
from calipertf.config.values import check_python, check_resolve, check_version
from calipertf.errors import ConfigError
from calipertf.run.plan import Selection


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


def make_selection(arguments: argparse.Namespace) -> Selection:
    """Return what the flags take out of the grid; raises ConfigError for what cannot be read."""
    return Selection(
        versions=check_flag("--versions", arguments.versions, check_version),
        pythons=check_flag("--python", arguments.python, check_python),
        resolves=check_flag("--resolve", arguments.resolve, check_resolve),
        tests=arguments.tests,
    )


def check_flag(flag: str, values: Sequence[str], check: Callable[[str], str]) -> list[str]:
    """Return the values of a flag, each as caliper.yaml would have it."""
    try:
        return [check(value) for value in values]
    except ValueError as error:
        words = f"{flag} {' '.join(values)}: {error}"
        raise ConfigError(words, value=values) from error
