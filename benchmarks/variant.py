"""A configuration with a change, beside the one that it was made from: paths in it stay right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def vary_config(config: Path, name: str, change: Callable[[str], str]) -> Iterator[Path]:
    """A copy of a file whose text is changed; removed on leaving."""
    copy = config.with_name(f".{config.stem}-{name}.yaml")
    copy.write_text(change(config.read_text(encoding="utf-8")), encoding="utf-8")
    try:
        yield copy
    finally:
        copy.unlink()
