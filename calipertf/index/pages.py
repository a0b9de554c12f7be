"""Pages of a simple index: HTML for old installers (PEP 503), JSON for those that know it (691)."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable
from datetime import timezone
from typing import Any

from calipertf.index.client import ReleaseFile

#: Media type of the JSON page.
JSON_PAGE = "application/vnd.pypi.simple.v1+json"
#: Where a file is to be had.
Location = Callable[[ReleaseFile], str]


def render_html(name: str, files: Iterable[ReleaseFile], locate: Location) -> str:
    """Return a project's page in HTML, with yanks (PEP 592) and metadata (PEP 658) marked."""
    body = "\n".join(_render_link(file, locate(file)) for file in files)
    return f"<!DOCTYPE html><html><head><title>{name}</title></head><body>\n{body}\n</body></html>"


def _render_link(file: ReleaseFile, url: str) -> str:
    digest = file.hashes.get("sha256")
    address = f"{url}#sha256={digest}" if digest else url
    extra = ' data-yanked=""' if file.yanked else ""
    if file.requires_python:
        extra += f' data-requires-python="{html.escape(file.requires_python)}"'
    if file.metadata is not None:
        known = file.metadata.get("sha256")
        value = f"sha256={known}" if known else "true"
        # The first name is the one of PEP 714, the second what pip before 23.2 reads.
        extra += f' data-core-metadata="{value}" data-dist-info-metadata="{value}"'
    return f'<a href="{html.escape(address)}"{extra}>{html.escape(file.filename)}</a><br>'


def render_json(name: str, files: Iterable[ReleaseFile], locate: Location) -> str:
    """Return a project's page in JSON, with sizes and upload times (PEP 700)."""
    files = list(files)
    # Version 1.1 promises a size for each file.
    is_sized = all(file.size is not None for file in files)
    page = {
        "meta": {"api-version": "1.1" if is_sized else "1.0"},
        "name": name,
        "versions": sorted({str(file.version) for file in files}),
        "files": [_describe_file(file, locate(file)) for file in files],
    }
    return json.dumps(page)


def _describe_file(file: ReleaseFile, url: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "filename": file.filename,
        "url": url,
        "hashes": dict(file.hashes),
        "yanked": file.yanked,
    }
    if file.requires_python:
        entry["requires-python"] = file.requires_python
    if file.size is not None:
        entry["size"] = file.size
    if file.uploaded is not None:
        moment = file.uploaded.astimezone(timezone.utc)
        entry["upload-time"] = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if file.metadata is not None:
        entry["core-metadata"] = dict(file.metadata) or True
    return entry
