"""A real cell of an old day, which tests make again."""

from __future__ import annotations

import pytest

from calipertf.formats.records import Record
from helpers.run_project import MakeProject, Project

SHOW = "import certifi, requests\nprint(requests.__version__, certifi.__version__)\n"
GRID = """
dependency: requests
environment: venv
versions: [2.25.1]
python_versions: [cp38]
resolve: [release]
tests: [suite]
"""


@pytest.fixture
def judged(make_project: MakeProject) -> tuple[Project, Record]:
    project = make_project(GRID, {"suite/show.py": SHOW})
    done = project.run()
    assert done.returncode == 0, done.stderr
    return project, project.records()["pypi-requests-2.25.1-python-cp38"]
