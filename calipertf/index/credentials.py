"""Credentials of a private index: from netrc, the environment or a keyring, never in caliper.yaml.

Whatever way they are given, installers and our own requests find them in a netrc file, which
requests, pip and uv all read. docs/config.md tells the ways.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shutil
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from netrc import NetrcParseError, netrc
from pathlib import Path
from urllib.parse import quote, urlsplit

from requests.utils import get_netrc_auth

from calipertf.errors import ConfigError
from calipertf.files.inputs import read_file
from calipertf.redact import remember_secret

log = logging.getLogger("calipertf")
#: Bytes of the largest netrc file, and seconds that a keyring has to answer.
_LARGEST_NETRC = 1024**2
_KEYRING_SECONDS = 60

USERNAME = "CALIPER_INDEX_USERNAME"
PASSWORD = "CALIPER_INDEX_PASSWORD"  # noqa: S105 -- the name of a variable
#: What a sentence that refuses credentials ends with.
WAY_OUT = (
    f"give them in ~/.netrc, by {USERNAME} and {PASSWORD} in the environment, or by a keyring "
    "(docs/config.md)"
)


def needs_credentials(url: str) -> bool:
    """Return whether an index is asked with credentials.

    Those of the environment, or of a netrc file.
    """
    return USERNAME in os.environ or get_netrc_auth(url) is not None


@contextlib.contextmanager
def lend_credentials(url: str) -> Iterator[None]:
    """Give credentials of the environment or a keyring to all requests to an index.

    They are in a netrc file that this user alone can read, with what the user's own holds, and in
    no variable but its name. It is removed on leaving. Nothing is lent where USERNAME is not set.
    Raises ConfigError where the password cannot be found, or cannot be handed on.
    """
    username = os.environ.get(USERNAME)
    if not username:
        if os.environ.get(PASSWORD):
            raise ConfigError(f"{PASSWORD} is set without {USERNAME}: set both, or neither")
        if found := get_netrc_auth(url):
            _remember(*found)
        yield
        return
    password = os.environ.get(PASSWORD) or _ask_keyring(url, username)
    for name, value in ((USERNAME, username), (PASSWORD, password)):
        if re.search(r"[\s\"'\\#]", value):
            raise ConfigError(
                f"{name} holds a space, a quote, a backslash or a #, which netrc files cannot; "
                "use a token without"
            )
    _remember(username, password)
    with tempfile.TemporaryDirectory(prefix="caliper-") as folder:
        path = Path(folder) / "netrc"
        host = urlsplit(url).hostname or ""
        # The last entry of a host counts, so ours comes after what the user's own says of it.
        own = _read_own_netrc()
        text = f"{own}\n\nmachine {host}\nlogin {username}\npassword {password}\n"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        with _set_environ({"NETRC": str(path), USERNAME: None, PASSWORD: None}):
            yield


def _remember(username: str, password: str) -> None:
    """Take a password out of everything from now on, in all spellings that requests have for it."""
    pair = b64encode(f"{username}:{password}".encode()).decode()
    for secret in (password, quote(password, safe=""), pair):
        remember_secret(secret)


def _read_own_netrc() -> str:
    """Return what the user's own netrc file holds; nothing, with a warning, where it is not one."""
    given = os.environ.get("NETRC")
    home = os.path.expanduser("~")  # noqa: PTH111 -- Path.home raises where there is none
    paths = [Path(given)] if given else [Path(home, ".netrc"), Path(home, "_netrc")]
    for path in paths:
        try:
            content = read_file(path, largest=_LARGEST_NETRC)
            netrc(str(path))
            return content.decode("utf-8")
        except (OSError, ValueError, NetrcParseError) as error:
            if not isinstance(error, OSError) or error.errno != errno.ENOENT:
                words = (error.strerror if isinstance(error, OSError) else None) or type(error)
                log.warning("%s is no netrc file and is left out (%s)", path, words)
    return ""


def _ask_keyring(url: str, username: str) -> str:
    program = shutil.which("keyring")
    if program:
        for service in (url, urlsplit(url).hostname or ""):
            try:
                found = subprocess.run(
                    [program, "get", service, username],
                    stdin=subprocess.DEVNULL,  # one that asks for a password would wait for ever
                    capture_output=True,
                    text=True,
                    errors="replace",
                    check=False,
                    timeout=_KEYRING_SECONDS,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise ConfigError(
                    f"{program} gives no password ({error}); set {PASSWORD}"
                ) from error
            if found.returncode == 0 and found.stdout.strip():
                return found.stdout.strip()
    where = "and the keyring has none" if program else "and there is no program named keyring"
    raise ConfigError(
        f"{USERNAME} is set without {PASSWORD}, {where} for {username} at {url}; set the password, "
        f"or run: keyring set {url} {username}"
    )


@contextlib.contextmanager
def _set_environ(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Yield the variables of this process and its children, as they were before on leaving."""
    before = {name: os.environ.get(name) for name in changes}

    def apply(values: Mapping[str, str | None]) -> None:
        for name, value in values.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    apply(changes)
    try:
        yield
    finally:
        apply(before)
