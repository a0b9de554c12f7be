"""What is told where a file cannot be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from calipertf import files
from calipertf.errors import InfrastructureError


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "No space left on device; free some space or choose another --outdir"),
        (errno.EACCES, "Permission denied; choose another --outdir"),
        (errno.EROFS, "Read-only file system; choose another --outdir"),
    ],
)
def test_what_cannot_be_written_is_told_with_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: str
) -> None:
    (tmp_path / "a.txt").write_text("old")

    def fail(_file: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InfrastructureError) as caught:
        files.write_text(tmp_path / "a.txt", "new")
    assert str(caught.value) == f"cannot write {tmp_path / 'a.txt'}: {told}"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"
