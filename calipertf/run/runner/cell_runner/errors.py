"""What ends the runner."""

from __future__ import print_function


class RunnerError(Exception):
    """The runner, the disk or the system failed, not the script: there is no result."""
