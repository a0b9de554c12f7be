from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from calipertf.run.backends.venv.bundled import find_bundled, render_step

HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}"


def list_installed(python: Path) -> dict[str, str]:
    command = [python, "-m", "pip", "--disable-pip-version-check", "freeze", "--all"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(line.split("==") for line in output.split() if "==" in line)


@pytest.mark.slow
def test_setuptools_is_the_one_that_venv_brings(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    bundled = find_bundled(python, HERE)
    version = bundled.version if bundled else None
    assert version == list_installed(python).get("setuptools")
    # What an image gets: nothing more where it is there, the same where it is not.
    step = json.loads(render_step().removeprefix("RUN "))
    for command in ([*step[1:]], ["-m", "pip", "uninstall", "--yes", "setuptools"], [*step[1:]]):
        subprocess.run([python, *command], check=True, capture_output=True)
    assert version == list_installed(python).get("setuptools")


@pytest.mark.parametrize("tag", ["cp27", "cp312", "cp313"])
def test_newer_and_older_pythons_bring_none(tag: str) -> None:
    assert find_bundled(Path(sys.executable), tag) is None


def test_interpreter_without_ensurepip_has_what_its_last_releases_brought(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho\n")
    python.chmod(0o755)
    bundled = find_bundled(python, "cp39")
    assert bundled is not None
    assert (bundled.requirement, bundled.source) == ("setuptools==58.1.0", [])
