"""Processes of a run: each has a timeout, and all of them end when the run is stopped."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from calipertf.formats.records import Run

T = TypeVar("T")

#: Lines of a build's output that are kept, from its end.
KEPT_LINES = 400


class Stopped(BaseException):
    """The run was stopped: what this thread was doing is to be forgotten."""


class Process(subprocess.Popen[bytes]):
    """A process that leads a group of its own, which is ended before its number can be another's.

    Once a process was waited for, its number, and the group's, may be given to a stranger.
    """

    def __init__(self, command: Sequence[str], **options: Any) -> None:
        self._reaping = threading.Lock()
        super().__init__(command, start_new_session=True, **options)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status; what is left of the group is ended then."""
        if self.returncode is None and timeout is None and hasattr(os, "waitid"):
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            with self._reaping:
                if self.returncode is None:
                    self._kill_group()
                    return super().wait()
        return super().wait(timeout)

    def kill_group(self) -> None:
        """End the process and all of its group; nothing where it was waited for."""
        with self._reaping:
            if self.returncode is None:
                self._kill_group()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def has_ended(self) -> bool:
        """Return whether it has ended; it stays to be waited for."""
        if self.returncode is not None:
            return True
        if not hasattr(os, "waitid"):
            return self.poll() is not None
        try:
            options = os.WEXITED | os.WNOWAIT | os.WNOHANG
            return os.waitid(os.P_PID, self.pid, options) is not None
        except ChildProcessError:
            return True


class Processes:
    """The child processes of a run, which `stop` ends together from any thread."""

    def __init__(self) -> None:
        self._running: set[Process] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    @contextlib.contextmanager
    def start(
        self,
        command: Sequence[str | Path],
        *,
        timeout: float,
        environ: Mapping[str, str],
        cwd: Path | None = None,
        merge: bool = False,
    ) -> Iterator[tuple[Process, threading.Event]]:
        """A process in a group of its own, killed whole after `timeout` seconds or on leaving.

        Gives the process and an event that is set where the timeout struck.
        """
        self.check()
        process = Process(
            [os.fspath(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            env=dict(environ),
            cwd=cwd,
        )
        expired = threading.Event()
        # A timer cannot wait for longer than the system's clock can count.
        timer = threading.Timer(min(timeout, threading.TIMEOUT_MAX), _expire, (process, expired))
        timer.daemon = True
        try:
            with self._lock:
                self._running.add(process)
            # `stop` may have come after the first check: then it has not met this process.
            self.check()
            timer.start()
            yield process, expired
        finally:
            timer.cancel()
            process.kill_group()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            process.wait()
            with self._lock:
                self._running.discard(process)
        self.check()

    def run(
        self,
        command: Sequence[str | Path],
        *,
        timeout: float,
        environ: Mapping[str, str],
        cwd: Path | None = None,
        text: str = "",
    ) -> Run:
        """Return what a command left behind; one that outlives `timeout` has ended "timeout"."""
        started = time.monotonic()
        with self.start(command, timeout=timeout, environ=environ, cwd=cwd) as (process, expired):
            output, error = process.communicate(text.encode("utf-8"))
            self.check()
            return Run(
                output=_split(output),
                error=_split(error),
                retval=process.returncode,
                seconds=time.monotonic() - started,
                termination="timeout" if expired.is_set() else "exit",
            )

    def check(self) -> None:
        """Raise Stopped once the run was stopped."""
        if self._stopping.is_set():
            raise Stopped

    def pause(self, seconds: float) -> None:
        """Sleep; raises Stopped at once where the run is stopped meanwhile."""
        self._stopping.wait(seconds)
        self.check()

    def stop(self) -> None:
        """End every process, and let none start any more."""
        self._stopping.set()
        with self._lock:
            running = list(self._running)
        for process in running:
            process.kill_group()


def wait_for(work: Callable[[], T], check: Callable[[], None]) -> T:
    """Return what `work` gives; meanwhile ask `check`, which raises where the run is stopped.

    For work that nothing can break off, such as a request: it is left to itself then.
    """
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((work(), None))
        except BaseException as error:  # noqa: BLE001 -- raised again below
            answers.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    while True:
        check()
        with contextlib.suppress(queue.Empty):
            result, error = answers.get(timeout=0.2)
            if error is not None:
                raise error
            return cast("T", result)


def _expire(process: Process, expired: threading.Event) -> None:
    if not process.has_ended():
        expired.set()
        process.kill_group()


def _split(data: bytes) -> tuple[str, ...]:
    lines = data.decode("utf-8", "backslashreplace").splitlines(keepends=True)
    return tuple(lines[-KEPT_LINES:])


def clean_environ(*dropped: str) -> dict[str, str]:
    """This process's environment without what steers another Python, and without the names given.

    Proxies and certificates stay: installers need them.
    """
    unwanted = ("PYTHON", "VIRTUAL_ENV", "UV_", "PIP_", "CONDA", "PYENV_VERSION", "__PYVENV")
    kept = {"PIP_CERT", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_PYTHON_INSTALL_DIR"}
    return {
        name: value
        for name, value in os.environ.items()
        if name in kept or not (name.startswith(unwanted) or name in dropped)
    }
