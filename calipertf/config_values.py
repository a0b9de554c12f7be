"""The kinds of values that caliper.yaml and the flags may hold: each says what to write instead."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from typing import Annotated, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import AfterValidator, BeforeValidator, Field

from calipertf.credentials import WAY_OUT
from calipertf.redact import has_secret
from calipertf.versions import check_selector, parse_python, parse_version

#: The index of everybody.
DEFAULT_INDEX = "https://pypi.org/simple/"
#: Bytes below which no Python starts.
LEAST_MEMORY = 16 * 1024**2
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
#: What names a file of requirements, not a package; an option of pip's too.
_FILE = re.compile(
    r"\s*(-|\.{0,2}/|[^\s@]+\.(txt|in|toml|lock|cfg|ini|ya?ml|whl|zip|tar\.gz)\s*$)", re.IGNORECASE
)
_NAME = re.compile(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _refuse_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("write a number")  # noqa: TRY004 -- pydantic collects ValueErrors
    return value


def check_version(text: str) -> str:
    """A selector of versions that can be read, as it stands."""
    check_selector(text)
    return text


def check_python(text: str) -> str:
    """The tag of a Python; a selector of some, as it stands."""
    if re.match(r"[<>=!~]", text) or text in {"all", "latest"}:
        check_selector(text)
        return text
    return parse_python(text)


def check_resolve(text: str) -> str:
    """A state of the index, as it stands: today, release or a date that has been."""
    if text in {"today", "release"}:
        return text
    day = _read_day(text)
    if day is None:
        raise ValueError("write today, release or a date such as 2021-01-05")
    if day > datetime.now(timezone.utc).date():
        raise ValueError("that day is yet to come; write today")
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
    size = int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))
    if size < LEAST_MEMORY:
        raise ValueError("no Python starts in less than 16MB; write a size such as 4GB or 512MB")
    return size


def _check_name(text: str) -> str:
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
    """The value; raises ValueError where an address in it holds credentials."""
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
    if not all(part.isidentifier() for part in text.split(".")):
        raise ValueError("write a name that can be imported, such as sklearn")
    return text


def _check_url(text: str) -> str:
    if not re.match(r"https?://[^/\s]", text):
        raise ValueError(f"write an address such as {DEFAULT_INDEX}")
    return str(_refuse_secret(text))


def _check_image(text: str) -> str:
    try:
        text.format(version="3.7")
    except (KeyError, IndexError, ValueError):
        raise ValueError("the only placeholder is {version}, as in python:{version}") from None
    return text


Texts = Annotated[list[str], BeforeValidator(_listed)]
Versions = Annotated[
    list[Annotated[str, AfterValidator(check_version)]],
    BeforeValidator(_listed),
    Field(min_length=1),
]
Pythons = Annotated[
    list[Annotated[str, AfterValidator(check_python)]],
    BeforeValidator(_listed),
    Field(min_length=1),
]
Resolve = Annotated[str, AfterValidator(check_resolve)]
Resolves = Annotated[list[Resolve], BeforeValidator(_listed), Field(min_length=1)]
Requirements = Annotated[
    list[Annotated[str, AfterValidator(_check_requirement)]], BeforeValidator(_listed)
]
#: One version, as PEP 440 spells it.
OneVersion = Annotated[str, AfterValidator(lambda text: str(parse_version(text)))]
#: One Python, as its tag.
OnePython = Annotated[str, AfterValidator(parse_python)]
PackageName = Annotated[str, AfterValidator(_check_name)]
ImportName = Annotated[str, AfterValidator(_check_import_name)]
Url = Annotated[str, AfterValidator(_check_url)]
#: Values for the template.
Arguments = Annotated[dict[str, Any], AfterValidator(_refuse_secret)]
Image = Annotated[str, AfterValidator(_check_image)]
#: Bytes, written as 4GB.
Size = Annotated[int, BeforeValidator(_check_size)]
Seconds = Annotated[float, BeforeValidator(_refuse_bool), Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, BeforeValidator(_refuse_bool), Field(ge=0, lt=1, allow_inf_nan=False)]
Count = Annotated[int, BeforeValidator(_refuse_bool), Field(ge=1)]
