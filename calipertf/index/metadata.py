"""What a wheel says of itself, without downloading it: the metadata that an index has beside it."""

from __future__ import annotations

import requests
from packaging.metadata import parse_email

from calipertf.errors import InfrastructureError
from calipertf.index.client import ReleaseFile
from calipertf.index.http import shorten_error

#: Answers of an index that has no metadata beside its wheels.
_ABSENT = frozenset({400, 401, 403, 404, 405, 410})


def fetch_metadata(session: requests.Session, file: ReleaseFile) -> bytes | None:
    """Return a wheel's METADATA as the index gives it (PEP 658); None where it gives none.

    Raises InfrastructureError where the index cannot be asked.
    """
    try:
        answer = session.get(f"{file.url}.metadata")
    except requests.RequestException as error:
        raise InfrastructureError(
            f"the metadata of {file.filename} cannot be had ({shorten_error(error)})",
            url=file.url,
        ) from error
    if answer.ok:
        return answer.content
    if answer.status_code in _ABSENT:
        return None
    raise InfrastructureError(
        f"the index answered {answer.status_code} for the metadata of {file.filename}",
        url=file.url,
    )


def list_required(content: bytes) -> list[str]:
    """Return the Requires-Dist lines of a METADATA."""
    return parse_email(content)[0].get("requires_dist", [])
