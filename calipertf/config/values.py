"""The kinds of values that caliper.yaml and the flags may hold: each says what to write instead."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Mapping
from datetime import date, datetime, timezone
from typing import Annotated, Any
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from calipertf.index import DEFAULT_INDEX
from calipertf.index.credentials import WAY_OUT
from calipertf.redact import has_secret
from calipertf.versions import CPYTHONS, check_selector, parse_python, parse_version, python_key

#: Bytes below which no Python starts, and more than any machine has.
LEAST_MEMORY = 16 * 1024**2
MOST_MEMORY = 64 * 1024**4
#: Seconds: no interpreter starts in less than the least, nobody waits longer than a month.
LEAST_SECONDS = 0.1
MOST_SECONDS = 30 * 86400
#: Cells at once, more than any machine can run.
MOST_JOBS = 1024
#: Before this day there was no package index.
FIRST_DAY = date(2003, 1, 1)
#: Minor versions of Python 2 that packages were made for, and how many Pythons to come are taken.
_PYTHONS_2 = (6, 7)
_PYTHONS_TO_COME = 5
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
#: What names a file of requirements, not a package; an option of pip's too.
_FILE = re.compile(
    r"\s*(-|\.{0,2}/|[^\s@]+\.(txt|in|toml|lock|cfg|ini|ya?ml|whl|zip|tar\.gz)\s*$)", re.IGNORECASE
)
_NAME = re.compile(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", re.IGNORECASE)
#: The name of an image, as engines read it: host, path in lower case, tag, digest.
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?/)?{_PART}(?:/{_PART})*"
    r"(?::\w[\w.-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]+)?",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _refuse_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("write a number")  # noqa: TRY004 -- pydantic collects ValueErrors
    return value


def check_version(text: str) -> str:
    """Return a valid selector of versions unchanged; raise ValueError for any other text."""
    check_selector(text)
    return text


def check_python(text: str) -> str:
    """Return the tag of a Python; a selector of several stays as it is."""
    if re.match(r"[<>=!~]", text) or text in {"all", "latest"}:
        check_selector(text)
        return text
    return check_one_python(text)


def check_one_python(text: str) -> str:
    """Return the tag of a Python that there is, or will be before long."""
    tag = parse_python(text)
    major, minor = python_key(tag)
    latest = python_key(CPYTHONS[-1])[1]
    known = minor in _PYTHONS_2 if major == 2 else minor <= latest + _PYTHONS_TO_COME
    if not known:
        raise ValueError(f"there is no such Python; write one such as 2.7, 3.7 or 3.{latest}")
    return tag


def check_resolve(text: str) -> str:
    """Return a valid state of the index unchanged: today, release or a past date."""
    if text in {"today", "release"}:
        return text
    day = _read_day(text)
    if day is None:
        raise ValueError("write today, release or a date such as 2021-01-05")
    if day > datetime.now(timezone.utc).date():
        raise ValueError("the date is in the future; write today")
    if day < FIRST_DAY:
        raise ValueError("there was no package index then; write a day from 2003 on, or release")
    return text


def _read_day(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).date()
    except ValueError:
        return None


def _check_size(value: Any) -> Any:
    match = _SIZE.fullmatch(str(value).strip())
    if not match:
        raise ValueError("write a size such as 4GB or 512MB")
    size = float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " ")
    if size < LEAST_MEMORY:
        raise ValueError("no Python starts in less than 16MB; write a size such as 4GB or 512MB")
    if size > MOST_MEMORY:
        raise ValueError("no machine has more than 64TB; write a size such as 4GB or 512MB")
    return int(size)


def check_name(text: str) -> str:
    """Return the name of a package, as PEP 503 normalizes it."""
    if not _NAME.fullmatch(text):
        raise ValueError("write the name of one package; versions have a key of their own")
    return str(canonicalize_name(text))


def _check_requirement(text: str) -> str:
    if _FILE.match(text):
        raise ValueError('files are not read; write what it lists, such as [numpy, "scipy<1.8"]')
    try:
        Requirement(text)
    except InvalidRequirement:
        raise ValueError('write a requirement such as "numpy<2"') from None
    return str(_refuse_secret(text))


def _refuse_secret(value: Any) -> Any:
    """Return the value; raises ValueError where an address in it holds credentials."""
    if isinstance(value, dict):
        for item in value.values():
            _refuse_secret(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_secret(item)
    elif isinstance(value, str) and has_secret(value):
        raise ValueError(f"credentials would end up in records and reports; {WAY_OUT}")
    return value


def _check_import_name(text: str) -> str:
    parts = text.split(".")
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        raise ValueError("write a name that can be imported, such as sklearn")
    return text


def check_url(text: str) -> str:
    """Return the address of an index, without credentials."""
    if not re.fullmatch(r"https?://[^/\s]\S*", text) or not _has_host(text):
        raise ValueError(f"write an address such as {DEFAULT_INDEX}")
    return str(_refuse_secret(text))


def _has_host(text: str) -> bool:
    """Return whether an address names a host, and a port that there can be if it names one."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        # As it is asked for: labels of 1 to 63 letters.
        host.rstrip(".").encode("idna")
        return bool(host) and parts.port != 0
    except ValueError:
        return False


def _check_image(text: str) -> str:
    rest = text.replace("{version}", "3.7")
    if "{" in rest or "}" in rest:
        raise ValueError("the only placeholder is {version}, as in python:{version}")
    if not _IMAGE.fullmatch(rest):
        raise ValueError("write the name of an image, such as python:{version}")
    return text


def _check_args(value: Any) -> Any:
    """Return the template's values: what a record can hold and two runs can compare."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("write numbers that are finite; put quotes around what is a text")
    for item in value.values() if isinstance(value, Mapping) else ():
        _check_args(item)
    for item in value if isinstance(value, list) else ():
        _check_args(item)
    return value


#: What a JSON schema says of a key that takes one text or a list of some. An unquoted 2.10 is a
#: number to an editor; this tool reads it as text.
_TEXT = WithJsonSchema({"type": ["string", "number"]})
_LIST = WithJsonSchema(
    {
        "anyOf": [
            {"type": ["string", "number"]},
            {"type": "array", "items": {"type": ["string", "number"]}},
        ]
    }
)
Texts = Annotated[list[str], BeforeValidator(_listed), _LIST]
Versions = Annotated[
    list[Annotated[str, AfterValidator(check_version)]],
    BeforeValidator(_listed),
    Field(min_length=1),
    _LIST,
]
Pythons = Annotated[
    list[Annotated[str, AfterValidator(check_python)]],
    BeforeValidator(_listed),
    Field(min_length=1),
    _LIST,
]
Resolve = Annotated[str, AfterValidator(check_resolve), _TEXT]
Resolves = Annotated[list[Resolve], BeforeValidator(_listed), Field(min_length=1), _LIST]
Requirements = Annotated[
    list[Annotated[str, AfterValidator(_check_requirement)]], BeforeValidator(_listed), _LIST
]
#: One version, as PEP 440 spells it.
OneVersion = Annotated[str, AfterValidator(lambda text: str(parse_version(text))), _TEXT]
#: One Python, as its tag.
OnePython = Annotated[str, AfterValidator(check_one_python), _TEXT]
PackageName = Annotated[str, AfterValidator(check_name)]
ImportName = Annotated[str, AfterValidator(_check_import_name)]
Url = Annotated[str, AfterValidator(check_url)]
Image = Annotated[str, AfterValidator(_check_image)]
#: Bytes, written as 4GB.
Size = Annotated[
    int,
    BeforeValidator(_check_size),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["4GB", "512MB"]}),
]
Seconds = Annotated[
    float,
    BeforeValidator(_refuse_bool),
    Field(ge=LEAST_SECONDS, le=MOST_SECONDS, allow_inf_nan=False),
    WithJsonSchema({"type": "number", "minimum": LEAST_SECONDS, "maximum": MOST_SECONDS}),
]
Share = Annotated[
    float,
    BeforeValidator(_refuse_bool),
    Field(ge=0, lt=1, allow_inf_nan=False),
    WithJsonSchema({"type": "number", "minimum": 0, "exclusiveMaximum": 1}),
]
Count = Annotated[
    int,
    BeforeValidator(_refuse_bool),
    Field(ge=1, le=MOST_JOBS),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_JOBS}),
]
#: Values for the template.
Arguments = Annotated[dict[str, Any], AfterValidator(_check_args), AfterValidator(_refuse_secret)]
