#!/usr/bin/env python3
"""Stage 1: build and run every cell of the grid that caliper.yaml describes.

Reads caliper.yaml, the Dockerfile template, the scripts and the package index.
Writes one JSON record a cell under .caliper/data, and prints which versions work where.

    python 1.run_analysis.py --config caliper.yaml
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def run(arguments: argparse.Namespace) -> int:
    """Return the exit code of stage 1, for flags that are right."""
    from calipertf.run import main as stage

    return stage.run_stage(arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of stage 1."""
    from calipertf.signals import heed_signals

    heed_signals()  # loading the rest takes a second or two
    from calipertf import cli
    from calipertf.run.options import add_arguments

    parser = cli.make_parser(
        "Build and run each cell of a grid: package versions x Pythons x resolve dates.",
        example="python 1.run_analysis.py --config caliper.yaml",
    )
    add_arguments(parser)
    return cli.run_main(parser, run, argv)


if __name__ == "__main__":
    from calipertf.faults import run_script

    sys.exit(run_script(main))
