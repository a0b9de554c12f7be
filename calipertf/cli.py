"""What the three scripts share: flags, logging, and the one place that catches CaliperError."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from calipertf import __version__, signals
from calipertf.errors import EXIT_INTERRUPTED, CaliperError
from calipertf.faults import tell_fault
from calipertf.files.inputs import explain_kind, is_folder
from calipertf.redact import RedactFilter

#: More than anything that is done at once.
_MOST = 1024


class ResultConsole(Console):
    """A console for results that survives a closed pipe: rich would exit with 1, a regression."""

    def on_broken_pipe(self) -> None:
        """Let run_main answer."""
        raise BrokenPipeError


log = logging.getLogger("calipertf")
#: Everything a person reads while a script works goes to stderr; results go to stdout.
console = Console(stderr=True, highlight=False)

EXIT_CODES = """\
exit codes: 0 done (whatever the verdicts), 1 regression found where --fail-on asks for it,
2 bad usage or configuration, 3 the index, the engine or the disk failed, 70 a fault of this tool
(please report it), 130 interrupted"""


def make_parser(description: str, *, example: str) -> argparse.ArgumentParser:
    """Return a parser with the flags that every script has: --dir and --verbose."""
    parser = argparse.ArgumentParser(
        description=description,
        epilog=f"example: {example}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--dir",
        "--outdir",
        dest="dir",
        type=folder,
        default=Path(".caliper"),
        metavar="FOLDER",
        help="where records, similarities and results lie (default: .caliper)",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("--verbose", action="store_true", help="say more on stderr")
    return parser


def count(text: str) -> int:
    """Return a flag's whole number, 1 or more; for argparse's type."""
    number = int(text) if text.isdecimal() and len(text) < 10 else 0
    if not 1 <= number <= _MOST:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number of 1 to {_MOST}")
    return number


def folder(text: str) -> Path:
    """Return a flag's folder, which is there or can be made; for argparse's type."""
    path = Path(text)
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty: name a folder")
    try:
        path.lstat()
    except (FileNotFoundError, PermissionError):
        return path  # it is made, or whoever makes it says why it cannot be
    except (OSError, ValueError) as error:
        words = (error.strerror if isinstance(error, OSError) else None) or error
        raise argparse.ArgumentTypeError(f"{text[:80]!r} can be no folder ({words})") from None
    if not is_folder(path):
        words = explain_kind(path) or "it is a file"
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no folder ({words}): name another")
    return path


def file(text: str) -> Path:
    """Return a flag's path that is not empty; for argparse's type."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty: name a file")
    return Path(text)


def configure_logging(*, verbose: bool) -> None:
    """Log lines on stderr: plain ones in a file or pipe, rich ones on a terminal."""
    handler: logging.Handler
    if console.is_terminal:
        handler = RichHandler(console=console, show_path=False, show_level=False, markup=False)
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    handler.addFilter(RedactFilter())
    log.handlers[:] = [handler]
    log.setLevel(logging.DEBUG if verbose else logging.INFO)
    log.propagate = False


def run_main(
    parser: argparse.ArgumentParser,
    main: Callable[[argparse.Namespace], int],
    argv: Sequence[str] | None = None,
) -> int:
    """Return the exit code of a script.

    Parses flags, runs `main`, reports errors in one sentence.
    """
    arguments = parser.parse_args(argv)
    configure_logging(verbose=arguments.verbose)
    signals.heed_signals()
    try:
        code = main(arguments)
        sys.stdout.flush()  # else a full disk is noticed when nobody can answer any more
    except CaliperError as error:
        log.debug("where it happened", exc_info=True)
        words = str(error).encode("utf-8", "backslashreplace").decode()
        console.print(f"error: {words}", style="red", markup=False, soft_wrap=True)
        return error.exit_code
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # the terminal may be gone
            console.print(
                "interrupted: what was finished is kept; the same command goes on from there",
                soft_wrap=True,
            )
        _drop_lost_streams()
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) went away: nothing is left to say to it.
        _drop_output()
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 -- the one place that reports what nobody expected
        if isinstance(error, OSError) and signals.stopped.is_set():
            # Something was still said while cleaning up, to a terminal that is gone.
            _drop_lost_streams()
            return EXIT_INTERRUPTED
        code = tell_fault(error, verbose=arguments.verbose)
        _drop_output()
        return code
    return code


def _drop_output() -> None:
    """Send what is still to be printed nowhere: its reader, or the room for it, is gone."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        return
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _drop_lost_streams() -> None:
    """Keep Python from ending with an error of its own where nobody reads its output any more."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
