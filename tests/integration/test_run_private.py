"""Stage 1 on an index that asks for a user and a password."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.package_server import PackageServer
from helpers.packages import make_package
from helpers.run_project import MakeProject
from helpers.small_grid import HERE

from calipertf.index.credentials import PASSWORD, USERNAME

pytestmark = pytest.mark.network
LOGIN = ("somebody", "s3cret-Pa55")


@pytest.fixture
def server() -> Iterator[PackageServer]:
    with PackageServer(login=LOGIN) as server:
        for name, requires in (("outer", ("inner",)), ("inner", ()), ("setuptools", ())):
            tag = "py2.py3-none-any"
            server.add(f"{name}-1.0-{tag}.whl", make_package(name, "1.0", *requires))
        yield server


@pytest.mark.parametrize("way", ["environment", "netrc", "none"])
def test_private_index_is_asked_with_the_credentials_given(
    make_project: MakeProject, server: PackageServer, tmp_path: Path, way: str
) -> None:
    # Python 2.7 is served by pip through the time machine, the other one by uv.
    grid = f"""\
dependency: outer
environment: venv
index_url: {server.index_url}
python_versions: [{"2.7, " if way == "environment" else ""}{HERE}]
resolve: [2021-01-05]
tests: [suite]
"""
    project = make_project(grid, {"suite/a.py": "import outer, inner\nprint('imported')\n"})
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1\nlogin {LOGIN[0]}\npassword {LOGIN[1]}\n")
    ways = {
        "environment": dict(zip((USERNAME, PASSWORD), LOGIN, strict=True)),
        "netrc": {"NETRC": str(netrc)},
        "none": {"NETRC": os.devnull},
    }
    project.environ = ways[way]
    done = project.run("--verbose")
    if way == "none":
        assert done.returncode == 3
        assert "answered 401" in done.stderr
        assert "CALIPER_INDEX_USERNAME" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    records = project.records()
    here = [record for record in records.values() if record.outcome != "no_interpreter"]
    assert len(records) == (2 if way == "environment" else 1)
    assert here
    for record in here:
        assert record.runs["suite/a.py"].output == ("imported\n",), record.build
    kept = [path.read_bytes() for path in project.root.rglob("*") if path.is_file()]
    written = [done.stdout.encode(), done.stderr.encode(), *kept]
    assert not any(LOGIN[1].encode() in text for text in written)
