"""The flags of stage 1: apart from what it needs to run, which takes a second to import."""

from __future__ import annotations

import argparse
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from calipertf.cli import count
from calipertf.config.choices import EnvironmentKind

if TYPE_CHECKING:
    from calipertf.config.model import Config


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a run is done: what the flags say, else the configuration."""

    #: Folder of records and results.
    dir: Path
    #: Kind of environment that is asked for: auto, or a key of BACKENDS.
    environment: str = "auto"
    #: Address, scheduler file or `local`: the Dask cluster that runs the cells. None: no cluster.
    cluster: str | None = None
    #: Cells at once; None: one a core, or what each worker takes.
    jobs: int | None = None
    #: Whether images stay on the engine after their cells.
    keep_images: bool = False
    #: Whether cells run that have a record.
    force: bool = False
    #: Whether the packages are searched for that break what works with those of another date.
    find_causes: bool = False
    #: Whether the plan is printed and nothing run.
    dry_run: bool = False
    #: Name of this run, on what it makes and has to remove: host, process number, random part.
    run_id: str


def name_run() -> str:
    """Return a new name for a run of this process, which clean-up finds the process by."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def read_options(arguments: argparse.Namespace, config: Config) -> RunOptions:
    """Return the options that flags and configuration give together."""
    analysis = config.analysis
    return RunOptions(
        dir=arguments.dir,
        environment=arguments.environment or analysis.environment,
        cluster=find_cluster(arguments.scheduler, config),
        jobs=arguments.jobs or analysis.jobs,
        keep_images=arguments.keep_images,
        force=arguments.force,
        find_causes=arguments.find_causes,
        dry_run=arguments.dry_run,
        run_id=name_run(),
    )


def find_cluster(flag: str | None, config: Config) -> str | None:
    """Return the cluster that the flag names, else the configuration; None for `none`.

    A scheduler file is relative to the root in the configuration, and to here on the command line.
    """
    if flag is not None:
        return None if flag == "none" else flag
    address = config.analysis.scheduler
    if address is None or address == "none":
        return None
    return address if address == "local" or "://" in address else str(config.root / address)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of stage 1 to a parser."""
    parser.add_argument("--config", type=str, default="caliper.yaml", help="default: caliper.yaml")
    parser.add_argument(
        "--environment", choices=get_args(EnvironmentKind), help="instead of the configured one"
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
    parser.add_argument(
        "--find-causes",
        action="store_true",
        help="where a cell fails and the same version works with packages of another date, put "
        "them back one after the other, and try what to install instead",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan and stop")
