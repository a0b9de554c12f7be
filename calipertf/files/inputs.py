"""Files that somebody else wrote: read only where they are regular ones, and only up to a size.

A device or a pipe in the place of a file would be read without end; a link may lead to one.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

#: Bytes of the largest file that is read whole: the record of a cell with hundreds of scripts.
LARGEST = 1024**3
_CHUNK = 64 * 1024

_KINDS = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
    (stat.S_ISCHR, "it is a device, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
)


def read_file(path: Path, *, largest: int = LARGEST) -> bytes:
    """Return the content of a regular file.

    Raises OSError, with plain words as its strerror, for everything else: a folder, a device, a
    pipe, a link that leads nowhere, a file that cannot be read or that has more than `largest`
    bytes. Never waits for another program.
    """
    try:
        _check_kind(path, path.stat(), largest)
        # The path may lead elsewhere by now, so what was opened is looked at again.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(descriptor)
            _check_kind(path, found, largest)
            content = _read_open(descriptor, max(found.st_size, _CHUNK) + 1, largest)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OSError(error.errno, _explain(path, error), str(path)) from error
    except ValueError as error:  # a name that no file can have: it holds a null byte
        raise OSError(errno.EINVAL, f"no file can have this name: {error}", str(path)) from error
    except MemoryError as error:
        raise OSError(errno.ENOMEM, "there is not enough memory for it", str(path)) from error
    if len(content) > largest:
        raise _too_large(path, largest)
    return content


def _read_open(descriptor: int, size: int, largest: int) -> bytes:
    """Return the content up to one byte more than `largest`, in parts of a size."""
    parts: list[bytes] = []
    length = 0
    while length <= largest and (part := os.read(descriptor, size)):
        parts.append(part)
        length += len(part)
    return b"".join(parts) if len(parts) != 1 else parts[0]


def explain_kind(path: Path, *, largest: int = LARGEST) -> str | None:
    """Return in a few words why read_file would refuse a path; None where it would not."""
    try:
        _check_kind(path, path.stat(), largest)
    except OSError as error:
        return _explain(path, error)
    except ValueError as error:
        return f"no file can have this name: {error}"
    return None if os.access(path, os.R_OK) else "it may not be read by you"


def is_folder(path: Path) -> bool:
    """Return whether a path leads to a folder; False for a name that no file can have."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _check_kind(path: Path, found: os.stat_result, largest: int) -> None:
    for is_kind, words in _KINDS:
        if is_kind(found.st_mode):
            raise OSError(errno.EINVAL, words, str(path))
    if found.st_size > largest:
        raise _too_large(path, largest)


def _too_large(path: Path, largest: int) -> OSError:
    size = f"{largest / 1024**2:.0f} MB" if largest >= 1024**2 else f"{largest / 1024:.0f} kB"
    return OSError(errno.EFBIG, f"it has more than {size}", str(path))


def _explain(path: Path, error: OSError) -> str:
    """Return plain words for what the system said; a link is said to be one."""
    if error.errno == errno.ENOENT and path.is_symlink():
        return "it is a link that leads nowhere"
    if error.errno == errno.ELOOP:
        return "it is a link in a loop of links"
    if error.errno == errno.EAGAIN:
        return "it does not answer at once, as a file does"
    return error.strerror or str(error)


def load_json(content: bytes) -> Any:
    """Return the JSON, with a question mark for what is no Unicode text.

    Scripts may print any bytes, and so the original's records may hold any. Raises ValueError for
    what is no JSON, NaN and nesting without end included.
    """
    text = content.decode("utf-8", errors="replace")
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if "\\ud" in text.lower():
        # Halves of surrogate pairs, which JSON can spell and no file of text can hold.
        whole = json.dumps(data, ensure_ascii=False).encode("utf-8", errors="replace")
        data = json.loads(whole)
    return data


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")
