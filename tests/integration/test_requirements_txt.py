"""The three scripts in a virtual environment that has requirements.txt and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import REPOSITORY
from uv import find_uv_bin

CONFIG = f"""
analysis:
  dependency: six
  environment: venv
  versions: [1.16.0]
  python_versions: [cp{sys.version_info[0]}{sys.version_info[1]}]
  tests: [scripts]
"""


@pytest.mark.network
@pytest.mark.slow
def test_checkout_runs_where_only_requirements_txt_is_installed(
    tmp_path: Path, shared_cache: Path
) -> None:
    checkout, project, environment = (tmp_path / name for name in ("checkout", "mine", "venv"))
    left_out = shutil.ignore_patterns(".venv", ".git", "tests", "__pycache__", "*.egg-info")
    shutil.copytree(REPOSITORY, checkout, ignore=left_out)
    subprocess.run([find_uv_bin(), "venv", "-q", "-p", sys.executable, environment], check=True)
    python = environment / "bin" / "python"
    install = [find_uv_bin(), "pip", "install", "-q", "-p", python]
    subprocess.run([*install, "-r", checkout / "requirements.txt"], check=True)
    (project / "scripts").mkdir(parents=True)
    (project / "scripts" / "one.py").write_text("import six\nprint(six.__version__)\n")
    (project / "caliper.yaml").write_text(CONFIG)
    environ = {name: text for name, text in os.environ.items() if name[:6] != "PYTHON"}
    for script in ("1.run_analysis.py", "2.assess_change.py", "3.parse_data.py"):
        done = subprocess.run(
            [python, checkout / script],
            cwd=project,
            env={**environ, "CALIPER_CACHE": str(shared_cache)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (project / ".caliper" / "report.html").is_file()
