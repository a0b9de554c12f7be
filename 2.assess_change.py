#!/usr/bin/env python3
"""Stage 2: how far apart the versions of a package are, and what changed between them.

Reads the records under .caliper/data, the package index, and published function databases.
Writes similarities, tables and changelogs under .caliper/sims.

    python 2.assess_change.py --package tensorflow --versions "latest patch of each minor"
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def run(arguments: argparse.Namespace) -> int:
    """Return the exit code of stage 2, for flags that are right."""
    from calipertf.assess import main as stage

    return stage.run_stage(arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of stage 2."""
    # Imported here because each version is read in a process of its own, which imports this file
    # again: it needs neither pandas nor the command line.
    from calipertf.signals import heed_signals

    heed_signals()  # loading the rest takes a second or two
    from calipertf import cli
    from calipertf.assess.options import add_arguments

    parser = cli.make_parser(
        "Compare a package's versions: installed requirements, public APIs, function databases.",
        example='python 2.assess_change.py --package tensorflow --versions "all"',
    )
    add_arguments(parser)
    return cli.run_main(parser, run, argv)


if __name__ == "__main__":
    from calipertf.faults import run_script

    sys.exit(run_script(main))
