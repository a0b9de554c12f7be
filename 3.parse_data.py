#!/usr/bin/env python3
"""Stage 3: where the scripts work, what broke, why, and whether the similarities foresaw it.

Reads the records under .caliper/data and the similarities under .caliper/sims; needs no network.
Writes tables to .caliper/compiled, figures to .caliper/plots, and the page .caliper/report.html.

    python 3.parse_data.py --dir .caliper
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def run(arguments: argparse.Namespace) -> int:
    """The exit code of stage 3, for flags that are right."""
    from calipertf.parse import main as stage

    return stage.run_stage(arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of stage 3."""
    from calipertf.signals import heed_signals

    heed_signals()  # loading the rest takes a second or two
    from calipertf import cli
    from calipertf.parse.options import add_arguments

    parser = cli.make_parser(
        "Merge records and similarities into tables, figures and a page to explore.",
        example="python 3.parse_data.py --compare .caliper-before --fail-on regression",
    )
    add_arguments(parser)
    return cli.run_main(parser, run, argv)


if __name__ == "__main__":
    from calipertf.faults import run_script

    sys.exit(run_script(main))
