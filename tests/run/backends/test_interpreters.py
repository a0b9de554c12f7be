from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from calipertf.run.backends.venv import interpreters

HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}"


def test_running_python_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("PYENV_ROOT", "/nowhere")
    found = interpreters.find_interpreter(HERE)
    assert found is not None
    assert found.version is not None
    assert found.version.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")


def test_folder_of_another_user_holds_no_python(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setattr(Path, "glob", refuse)
    assert interpreters.find_interpreter(HERE) is not None
    assert os.environ["PYENV_ROOT"] == str(tmp_path)


def test_a_python_is_asked_once_whatever_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\necho >>{count}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", "/nowhere")
    for tag in ("cp27", "cp36", HERE):
        found = interpreters.find_interpreter(tag)
    assert found is not None
    assert count.read_text() == "\n"
