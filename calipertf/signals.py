"""What stops a run from without: Ctrl-C, a scheduler's SIGTERM, a terminal that was closed."""

from __future__ import annotations

import signal
import threading

#: Set once a signal has stopped this process.
stopped = threading.Event()
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heed_signals() -> None:
    """Make signals that end this process raise KeyboardInterrupt, so that it cleans up.

    Those that were ignored from the start stay so: nohup lets a run outlive its terminal, and a
    shell lets one in the background go on at a Ctrl-C.
    """
    for number in _STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: object) -> None:
    # A second signal would end the clean-up that the first one began.
    for number in _STOPPING:
        signal.signal(number, signal.SIG_IGN)
    stopped.set()
    raise KeyboardInterrupt
