"""A cell is made again from its lock, its pins and its Dockerfile, whatever the day gives."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from helpers.rebuilt import SHOW, judged  # noqa: F401 -- a fixture
from helpers.run_project import Project
from uv import find_uv_bin

from calipertf.formats.records import Record
from calipertf.run.backends.venv.interpreters import find_interpreter

pytestmark = pytest.mark.network


def call(*command: str | Path, text: str | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, input=text)
    assert done.returncode == 0, done.stderr
    return done.stdout


def install_again(folder: Path, *flags: str | Path) -> tuple[list[str], str]:
    """Return pip freeze and what the script prints in a new environment."""
    interpreter = find_interpreter("cp38")
    assert interpreter is not None
    uv, python = find_uv_bin(), folder / "bin" / "python"
    call(uv, "venv", "-q", "--python", interpreter.source, folder)
    call(uv, "pip", "install", "-q", "--no-config", "--python", python, *flags)
    frozen = call(uv, "pip", "freeze", "--no-config", "--python", python).splitlines()
    return frozen, call(python, "-c", SHOW)


def test_lock_and_pins_give_the_cell_again(judged: tuple[Project, Record], tmp_path: Path) -> None:
    project, record = judged
    lines = [line.strip() for line in record.requirements]
    printed = "".join(record.runs["suite/show.py"].output)
    lock = project.data / record.lock["file"]
    assert install_again(tmp_path / "by-lock", "-r", lock) == (lines, printed)
    pins = tmp_path / "pins.txt"
    pins.write_text("".join(record.requirements))
    assert install_again(tmp_path / "by-pins", "--no-deps", "-r", pins) == (lines, printed)
    # Today the same request gives another environment.
    assert install_again(tmp_path / "by-name", "requests==2.25.1")[0] != lines


def test_lock_stands_beside_its_record_and_is_named_in_it(
    judged: tuple[Project, Record],
) -> None:
    project, record = judged
    data = json.loads((project.data / "pypi-requests-2.25.1-python-cp38.json").read_text())
    assert data["lock"]["left_out"] == []
    assert sorted(path.name for path in project.data.iterdir()) == [
        data["lock"]["file"],
        "pypi-requests-2.25.1-python-cp38.json",
    ]
    assert record.lock == data["lock"]
