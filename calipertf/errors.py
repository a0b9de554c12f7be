"""The errors that Caliper raises on purpose.

Each one is a sentence that says what happened and what to do about it, keeps the values it speaks
of as attributes, and knows the exit code that the command line ends with. They are caught once, in
``calipertf.cli``. A cell that fails is not an error: it is a record
(``calipertf.formats.records``).
"""

from __future__ import annotations

import traceback
from pathlib import Path

from calipertf.redact import redact

#: Exit codes of the three scripts.
EXIT_OK = 0
EXIT_REGRESSION = 1
EXIT_USAGE = 2
EXIT_INFRASTRUCTURE = 3
EXIT_FAULT = 70
EXIT_INTERRUPTED = 130


class CaliperError(Exception):
    """A failure of this tool or of its input, in one sentence with the way out."""

    exit_code = EXIT_USAGE

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(redact(message))
        #: What the message speaks of, by name, for tests and for callers that react to it.
        self.values = values


class ConfigError(CaliperError):
    """caliper.yaml or a flag cannot be used."""


class VersionError(CaliperError, ValueError):
    """A version, Python tag or selector cannot be read, or selects nothing."""


class RecordError(CaliperError):
    """A file under .caliper/ is not what its name promises."""


class InfrastructureError(CaliperError):
    """The index, the engine, the disk or the network failed: nothing is said about a package."""

    exit_code = EXIT_INFRASTRUCTURE


class IndexUnavailableError(InfrastructureError):
    """The package index could not be reached and the cache does not hold the answer."""


class ImageError(InfrastructureError):
    """An image is not what its name in caliper.yaml promises: trying again changes nothing."""


class EngineError(InfrastructureError):
    """The container engine could not be reached, or failed for reasons of its own."""


class FaultError(InfrastructureError):
    """Caliper itself is at fault: nothing is said about a package, and a report is asked for."""

    exit_code = EXIT_FAULT


def describe_fault(error: BaseException) -> str:
    """Return what an unexpected exception is and where it was raised, in one line to report."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    words = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {words}{where}: this is a fault of Caliper, please report it"
