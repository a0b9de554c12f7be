"""Credentials of a private index: from netrc, the environment or a keyring, never in caliper.yaml.

Whatever way they are given, installers and our own requests find them in a netrc file, which
requests, pip and uv all read. docs/config.md tells the ways.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from requests.utils import get_netrc_auth

from calipertf.errors import ConfigError
from calipertf.redact import remember_secret

USERNAME = "CALIPER_INDEX_USERNAME"
PASSWORD = "CALIPER_INDEX_PASSWORD"  # noqa: S105 -- the name of a variable
#: What a sentence that refuses credentials ends with.
WAY_OUT = (
    f"give them in ~/.netrc, by {USERNAME} and {PASSWORD} in the environment, or by a keyring "
    "(docs/config.md)"
)


def needs_credentials(url: str) -> bool:
    """Whether an index is asked with credentials: those of the environment, or of a netrc file."""
    return USERNAME in os.environ or get_netrc_auth(url) is not None


@contextlib.contextmanager
def lend_credentials(url: str) -> Iterator[None]:
    """Credentials of the environment or a keyring for all that asks the index of this address.

    They are in a netrc file that this user alone can read, with what the user's own holds, and in
    no variable but its name. It is removed on leaving. Nothing is done where USERNAME is not set.
    Raises ConfigError where the password cannot be found, or cannot be handed on.
    """
    username = os.environ.get(USERNAME)
    if not username:
        yield
        return
    password = os.environ.get(PASSWORD) or _ask_keyring(url, username)
    for name, value in ((USERNAME, username), (PASSWORD, password)):
        if re.search(r"[\s\"'\\#]", value):
            raise ConfigError(
                f"{name} holds a space, a quote, a backslash or a #, which netrc files cannot; "
                "use a token without"
            )
    remember_secret(password)
    with tempfile.TemporaryDirectory(prefix="caliper-") as folder:
        path = Path(folder) / "netrc"
        host = urlsplit(url).hostname or ""
        text = f"machine {host}\nlogin {username}\npassword {password}\n\n{_read_own_netrc()}"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        with _set_environ({"NETRC": str(path), USERNAME: None, PASSWORD: None}):
            yield


def _read_own_netrc() -> str:
    given = os.environ.get("NETRC")
    paths = [Path(given)] if given else [Path.home() / ".netrc", Path.home() / "_netrc"]
    for path in paths:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return path.read_text(encoding="utf-8")
    return ""


def _ask_keyring(url: str, username: str) -> str:
    program = shutil.which("keyring")
    if program:
        for service in (url, urlsplit(url).hostname or ""):
            found = subprocess.run(
                [program, "get", service, username], capture_output=True, text=True, check=False
            )
            if found.returncode == 0 and found.stdout.strip():
                return found.stdout.strip()
    where = "and the keyring has none" if program else "and there is no program named keyring"
    raise ConfigError(
        f"{USERNAME} is set without {PASSWORD}, {where} for {username} at {url}; set the password, "
        f"or run: keyring set {url} {username}"
    )


@contextlib.contextmanager
def _set_environ(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Variables of this process and its children, as they were before on leaving."""
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
