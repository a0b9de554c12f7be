"""Stage 1 on source archives, built for real with build tools of two days from an index of ours."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator

import pytest
from helpers.package_server import PackageServer
from helpers.run_project import MakeProject
from helpers.small_grid import HERE, SETUPTOOLS

BACKEND = """\
import os, sys, zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    if os.path.exists({refused!r}):
        sys.exit("error in demo setup command: {refused} is invalid.")
    version = open("version").read()
    name = "demo-%s-py3-none-any.whl" % version
    info = "demo-%s.dist-info/" % version
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("demo.py", "")
        wheel.writestr(info + "METADATA", open("PKG-INFO").read())
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""
GRID = f"""\
dependency: {{package}}
environment: venv
index_url: {{index}}
versions: [{{versions}}]
python_versions: [{HERE}]
resolve: [release, today]
tests: [suite]
"""


def make_wheel(name: str, version: str, files: dict[str, str], requires: str = "") -> bytes:
    stream = io.BytesIO()
    folder = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
    wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    own = {f"{folder}/METADATA": metadata, f"{folder}/WHEEL": wheel, f"{folder}/RECORD": ""}
    with zipfile.ZipFile(stream, "w") as archive:
        for path, content in {**files, **own}.items():
            archive.writestr(path, content)
    return stream.getvalue()


def make_source(version: str, extra: str) -> bytes:
    stream = io.BytesIO()
    project = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "backend"\n'
    info = f"Metadata-Version: 1.0\nName: demo\nVersion: {version}\n"
    files = {"pyproject.toml": project, "PKG-INFO": info, "version": version, extra: ""}
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"demo-{version}/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return stream.getvalue()


@pytest.fixture
def index() -> Iterator[str]:
    """Two versions of demo, one for the setuptools of 2019 and one for that of 2025, and an app."""
    with PackageServer() as server:
        for version, day, refused in (
            ("41.5", "2019-10-01", "for_new_tools"),
            ("90.0", "2025-11-01", "for_old_tools"),
        ):
            files = {"backend.py": BACKEND.format(refused=refused)}
            wheel = make_wheel("setuptools", version, files)
            server.add(f"setuptools-{version}-py3-none-any.whl", wheel, uploaded=f"{day}T00:00:00Z")
        server.add("demo-1.0.tar.gz", make_source("1.0", "for_old_tools"))
        server.add("demo-2.0.tar.gz", make_source("2.0", "for_new_tools"))
        # A wheel for another Python and system, and one that needs the archive.
        server.add("demo-1.0-cp35-cp35m-win32.whl", make_wheel("demo", "1.0", {}))
        app = make_wheel("app", "1.0", {"app.py": ""}, "Requires-Dist: demo==1.0\n")
        server.add("app-1.0-py3-none-any.whl", app)
        yield server.index_url


def test_source_archive_is_built_with_the_tools_of_its_day_else_with_the_newest(
    make_project: MakeProject, index: str
) -> None:
    grid = GRID.format(package="demo", index=index, versions="1.0, 2.0")
    project = make_project(grid, {"suite/a.py": "import demo\nprint('here')\n"})
    plan = project.run("--dry-run")
    assert "demo-1.0.tar.gz, source archive, 0 MB" in plan.stdout
    assert "4 cells, 0 wheels and 2 source archives to download" in plan.stdout
    done = project.run()
    assert done.returncode == 0, done.stderr
    found = {
        (record.cell.version, record.cell.resolve): record for record in project.records().values()
    }
    assert {cell: record.outcome for cell, record in found.items()} == {
        ("1.0", "release"): "not_compared",
        ("1.0", "today"): "build_failed",
        ("2.0", "release"): "not_compared",
        ("2.0", "today"): "not_compared",
    }
    failed = found["1.0", "today"]
    assert failed.message == "error in demo setup command: for_old_tools is invalid."
    assert failed.reason == "dependency"
    assert project.cache.name not in "".join(failed.build.error)
    used = {cell: record.environment["build_tools"]["used"] for cell, record in found.items()}
    assert used["1.0", "release"] == ["setuptools==41.5"]
    assert used["1.0", "today"] == ["setuptools==90.0"]
    # Those of its day could not, so the newest were tried.
    assert found["2.0", "release"].environment["build_tools"] == {
        "as_of": "newest",
        "used": ["setuptools==90.0"],
    }
    assert found["2.0", "release"].requirements == ("demo==2.0\n", *SETUPTOOLS)
    assert found["1.0", "release"].environment["wheel"] == "demo-1.0.tar.gz"
    assert not list((project.cache / "builds").iterdir())


def test_dependency_is_built_by_the_same_rule(make_project: MakeProject, index: str) -> None:
    grid = GRID.format(package="app", index=index, versions="1.0")
    project = make_project(grid, {"suite/a.py": "import app, demo\n"})
    done = project.run()
    assert done.returncode == 0, done.stderr
    records = project.records()
    assert records[f"release/pypi-app-1.0-python-{HERE}"].outcome == "not_compared"
    failed = records[f"today/pypi-app-1.0-python-{HERE}"]
    assert failed.outcome == "build_failed"
    assert failed.message.startswith("build of demo==1.0: error in demo setup command: ")


def test_wheels_alone_where_sources_are_never_built(make_project: MakeProject, index: str) -> None:
    grid = GRID.format(package="demo", index=index, versions="1.0") + "sources: never\n"
    project = make_project(grid, {"suite/a.py": "import demo\n"})
    config = project.root / "caliper.yaml"
    text = config.read_text()
    # A record of an archive that is now left out is no more.
    config.write_text(text.replace("sources: never", "sources: auto"))
    assert project.run("--resolve", "release").returncode == 0
    (built,) = project.records().values()
    assert built.outcome == "not_compared"
    config.write_text(text)
    assert project.run().returncode == 0
    assert len(project.records()) == 2
    for record in project.records().values():
        assert record.outcome == "no_release"
        assert "left out by sources: never" in record.message
