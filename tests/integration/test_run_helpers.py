"""Stage 1 on scripts with helpers, data and links; and what it tells who is new to it."""

from __future__ import annotations

import json

import pytest
from helpers.run_project import MakeProject
from helpers.small_grid import HERE

pytestmark = pytest.mark.network
GRID = f"""\
dependency: six
environment: venv
versions: [1.16.0]
python_versions: [{HERE}]
resolve: [today]
tests: [a, b]
baselines:
  b: {{version: 1.16.0, python: {HERE}, resolve: today}}
"""
SCRIPTS = {
    "a/one.py": (
        "import sys\nfrom pathlib import Path\nroot = Path(__file__).parent.parent\n"
        "sys.path.insert(0, str(root))\nimport helper, shared\nfrom sub import _common\n"
        "print(helper.X, shared.X, _common.X, (root / 'tables' / 'n.txt').read_text())\n"
    ),
    "a/helper.py": "X = 1\n",
    "a/sub/_common.py": "X = 2\n",
    "shared.py": "X = 3\n",
    "b/two.py": "import no_such_package_here\n",
}


def test_helpers_and_data_are_seen_and_their_changes_noticed(
    make_project: MakeProject,
) -> None:
    project = make_project(GRID, SCRIPTS)
    outside = project.root.parent / "tables"
    outside.mkdir()
    (outside / "n.txt").write_text("4")
    (project.root / "tables").symlink_to(outside)
    (project.root / "Dockerfile").unlink()  # nobody needs one
    done = project.run()
    assert done.returncode == 0, done.stderr
    (record,) = project.records().values()
    assert sorted(record.runs) == ["a/one.py", "b/two.py"]
    assert record.runs["a/one.py"].output == ("1 3 2 4\n",)
    assert "not run as scripts: a/helper.py" in done.stderr
    for stream in (done.stderr, done.stdout):
        assert "the baseline of b fails in six 1.16.0" in stream
        assert "requirements: [no_such_package_here]" in stream
    assert "1 of 1 cells have their record already" in project.run().stderr
    (project.root / "a" / "sub" / "_common.py").write_text("X = 5\n")
    assert "for a change of files beside the scripts" in project.run().stderr
    (outside / "n.txt").write_text("6")
    project.run()
    (record,) = project.records().values()
    assert record.runs["a/one.py"].output == ("1 3 5 6\n",)
    # A record that an older runner made is not kept.
    (path,) = project.data.glob("pypi-*.json")
    data = json.loads(path.read_text())
    del data["inputs"]["fingerprint"]["runner"]
    path.write_text(json.dumps(data))
    assert "for a change of the script runner" in project.run().stderr
