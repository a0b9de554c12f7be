"""The programs that run inside a cell, and how they get there."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

#: The modules of the program that runs the scripts of a cell, on the cell's own Python.
CELL_RUNNER = Path(__file__).with_name("cell_runner")
#: Runs one file of pytest tests inside pytest, on a cell's own Python.
PYTEST_RUNNER = Path(__file__).with_name("pytest_runner.py")
#: Name of the archive that Python is given to run.
ARCHIVE = "script_runner.zip"
_MAIN = "from cell_runner.job import run\n\nrun()\n"


@cache
def pack_runner() -> bytes:
    """Return the script runner as an archive that Python 2.7 to 3.13 and later run.

    It is not compressed: not every Python has zlib.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        files = {"__main__.py": _MAIN}
        for path in sorted(CELL_RUNNER.glob("*.py")):
            files[f"{CELL_RUNNER.name}/{path.name}"] = path.read_text(encoding="utf-8")
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    return buffer.getvalue()


def write_runner(folder: Path) -> Path:
    """Write the script runner into a folder and return its path."""
    path = folder / ARCHIVE
    path.write_bytes(pack_runner())
    return path
