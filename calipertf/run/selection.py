"""What the flags of stage 1 take out of the grid."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from calipertf.config.values import check_python, check_resolve, check_version
from calipertf.errors import ConfigError
from calipertf.run.plan import Selection


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
