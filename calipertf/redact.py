"""Removal of credentials and host names from logs, errors and records."""

from __future__ import annotations

import logging
import re
import socket
from functools import lru_cache
from typing import Any

#: In the place of a secret.
HIDDEN = "****"
#: User and password in an address; git's own user is no secret.
_USERINFO = re.compile(r"(?<=://)(?!git@)[^\s/?#\"'<>\\]*@")
_QUERY = re.compile(
    r"([?&;](?:[\w-]*token|[\w-]*password|[\w-]*secret|api[_-]?key|auth|key|sig|signature"
    r"|x-amz-[\w-]+|x-goog-[\w-]+)=)[^&;\s\"'<>]+",
    re.IGNORECASE,
)
_HEADER = re.compile(r"(authorization['\"]?\s*[:=]\s*['\"]?\w+\s+)[^\s'\"]+", re.IGNORECASE)
#: Secrets that this process was given, which may be printed in any form.
_KNOWN: set[str] = set()
#: Letters below which a secret is too short to be found in a text without harm.
_LEAST = 4


def remember_secret(secret: str) -> None:
    """Take this text out of everything from now on."""
    if len(secret) >= _LEAST:
        _KNOWN.add(secret)


def redact(text: str) -> str:
    """Return the text without users and passwords in addresses, tokens and known secrets."""
    for secret in _KNOWN:
        text = text.replace(secret, HIDDEN)
    if "://" in text:
        text = _QUERY.sub(rf"\1{HIDDEN}", _USERINFO.sub(f"{HIDDEN}@", text))
    return _HEADER.sub(rf"\1{HIDDEN}", text) if "uthorization" in text else text


def redact_all(value: Any) -> Any:
    """Return the same for every text in a JSON value, or in the tuples of a record."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redact_all(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(redact_all(item) for item in value)
    return value


def has_secret(text: str) -> bool:
    """Return whether an address holds a user, a password or a token."""
    return redact(text) != text


def mask_host(text: str) -> str:
    """Return the text with this machine's name as `host`."""
    pattern = _host_pattern()
    return pattern.sub("host", text) if pattern else text


# Not `cache`: errors are reported on Python 3.8, too.
@lru_cache(maxsize=1)
def _host_pattern() -> re.Pattern[str] | None:
    name = socket.gethostname()
    if len(name) < _LEAST or name == "localhost":
        return None
    return re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])")


class RedactFilter(logging.Filter):
    """Takes credentials out of log lines and of the tracebacks that follow them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass, without credentials."""
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True
