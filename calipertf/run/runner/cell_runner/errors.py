"""What ends the runner."""

from __future__ import print_function


class RunnerError(Exception):
    """This runner, the disk or the system failed, not the script: no result may come of it."""
