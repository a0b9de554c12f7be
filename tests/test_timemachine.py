from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import requests

from calipertf.releases import Index
from calipertf.run.build_tools import with_newest
from calipertf.run.timemachine import serve_past

FILES = [
    {
        "filename": "demo-1.0.tar.gz",
        "upload-time": "2020-01-01T00:00:00Z",
        "hashes": {"sha256": "ab"},
    },
    {
        "filename": "demo-2.0-py3-none-any.whl",
        "upload-time": "2021-01-01T00:00:00Z",
        "requires-python": ">=3.6",
        "yanked": True,
    },
]
TOOLS = [
    {"filename": "wheel-0.29-py3-none-any.whl", "upload-time": "2016-02-05T00:00:00Z"},
    {"filename": "wheel-0.33-py3-none-any.whl", "upload-time": "2019-08-18T00:00:00Z"},
    {"filename": "wheel-0.48-py3-none-any.whl", "upload-time": "2026-08-11T00:00:00Z"},
]


def test_index_of_a_date(
    make_index: Callable[..., Path], serve_folder: Callable[[Path], str]
) -> None:
    url = serve_folder(make_index({"demo": FILES, "wheel": TOOLS}))
    with Index(url) as index, serve_past(index) as machine:
        early = machine.url(datetime(2020, 6, 1, tzinfo=timezone.utc), "cp37")
        late = machine.url(datetime(2022, 6, 1, tzinfo=timezone.utc), "cp37")
        page = requests.get(f"{early}Demo/", timeout=5).text
        assert "demo-1.0.tar.gz#sha256=ab" in page
        assert "demo-2.0" not in page
        page = requests.get(f"{late}demo/", timeout=5).text
        assert 'data-requires-python="&gt;=3.6"' in page
        assert 'data-yanked=""' in page
        ancient = datetime(2014, 6, 1, tzinfo=timezone.utc)
        old, new, newest = (
            machine.url(ancient, python) for python in ("cp37", "cp312", with_newest("cp37"))
        )
        # No older than the Python needs, though that is after the date.
        page = requests.get(f"{old}wheel/", timeout=5).text
        assert "wheel-0.29" in page
        assert "wheel-0.33" not in page
        assert "wheel-0.33" in requests.get(f"{new}wheel/", timeout=5).text
        assert "wheel-0.48" not in requests.get(f"{new}wheel/", timeout=5).text
        # The newest; other packages do follow the date.
        assert "wheel-0.48" in requests.get(f"{newest}wheel/", timeout=5).text
        assert "demo-1.0" not in requests.get(f"{newest}demo/", timeout=5).text
        assert requests.get(f"{early}nothing/", timeout=5).status_code == 404
        assert requests.get(f"{early}demo/x/", timeout=5).status_code == 404
