"""The public API of one version of a package, read from its wheel without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from calipertf.assess.model import Api

#: Where versions are looked up unless told otherwise.
DEFAULT_INDEX = "https://pypi.org/simple/"


def extract_api(
    package: str,
    version: str,
    *,
    index_url: str = DEFAULT_INDEX,
    cache_dir: Path | None = None,
    python: str | None = None,
) -> Api:
    """The public API and function database of one version.

    ``cache_dir`` is ``.caliper/functiondb``: what is there is used, what was extracted is kept.
    ``python`` is the tag of the run's Python, such as cp37; None takes the newest wheel's.
    """
    raise NotImplementedError
