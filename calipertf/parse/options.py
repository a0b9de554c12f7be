"""The flags of stage 3: apart from what it needs to run, which takes a second to import."""

from __future__ import annotations

import argparse

FORMATS = ("html", "png", "svg", "csv", "parquet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of stage 3."""
    from calipertf.cli import folder

    parser.add_argument(
        "--compare",
        type=folder,
        metavar="FOLDER",
        help="the .caliper folder of an earlier run: say what was fixed and what broke since; "
        "`last`: the records that a run replaced last",
    )
    parser.add_argument(
        "--fail-on",
        choices=["regression"],
        help="with --compare: exit code 1 if a script that worked there does not work here",
    )
    parser.add_argument(
        "--formats",
        type=read_formats,
        default=FORMATS,
        metavar="LIST",
        help=f"what to write, of {','.join(FORMATS)} (default: all)",
    )


def read_formats(text: str) -> tuple[str, ...]:
    """Return the formats of a list with commas; for argparse's type."""
    wanted = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown or not wanted:
        shown = repr(unknown[0]) if unknown else "an empty list"
        raise argparse.ArgumentTypeError(f"{shown} is not one of {', '.join(FORMATS)}")
    return tuple(name for name in FORMATS if name in wanted)
