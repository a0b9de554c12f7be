"""An index that fails while cells are built: never a verdict, and judged once it is healed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from helpers.demo_builds import LONG_AGO, build_once, find_planned, make_demo_task
from helpers.fault_index import Fault, FaultIndex, make_installable, serve_faults
from helpers.run_project import MakeProject

from calipertf.config.model import Analysis
from calipertf.errors import InfrastructureError
from calipertf.formats.records import Run
from calipertf.index.client import Index
from calipertf.index.snapshot import TimeMachine, serve_past
from calipertf.run.backends.venv.backend import VenvBackend
from calipertf.run.backends.venv.interpreters import find_interpreter
from calipertf.run.builds.evidence import KEY
from calipertf.run.processes import Processes

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("quick_index")]
HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}"
#: uv needs nothing but the demo there: environments of 3.12 and later have no setuptools.
PLAIN = "cp313"
OLD = "cp27"


@dataclass(kw_only=True)
class Builder:
    """Builds reldemo 1.0 from an index, as a cell of stage 1 is built."""

    server: FaultIndex
    machine: TimeMachine
    folder: Path
    cache: Path

    def build(
        self, python: str, cutoff: datetime | None = None, requirements: tuple[str, ...] = ()
    ) -> tuple[Run, dict[str, str]]:
        """The build and, where it failed, what its record will say of the index."""
        if find_interpreter(python) is None:
            pytest.skip(f"there is no {python} here")
        file = find_planned(self.server, self.machine)
        analysis = Analysis(
            dependency="reldemo",
            index_url=self.server.url,
            tests=["a.py"],
            requirements=list(requirements),
            build_timeout=60,
        )
        task = make_demo_task(analysis, file, python, self.folder, cutoff=cutoff)
        environment = VenvBackend(
            processes=Processes(),
            cache=self.cache,
            cells=self.folder / "cells",
            machine=lambda: self.machine,
        )
        return build_once(environment, task)


@pytest.fixture
def builder(tmp_path: Path, shared_cache: Path) -> Iterator[Builder]:
    with (
        serve_faults() as server,
        Index(server.url) as index,
        serve_past(index) as machine,
    ):
        yield Builder(server=server, machine=machine, folder=tmp_path, cache=shared_cache)


#: What only the installer meets: project, target, fault.
UV = [
    ("reldep", "page", "403"),
    ("reldep", "page", "portal"),
    ("reldep", "page", "garbled"),
    ("reldep", "metadata", "garbled"),
    ("reldep", "file", "cut"),
    ("reldemo", "page", "no-files"),
    ("reldemo", "file", "portal"),
]
PIP = [
    ("reldep", "page", "500"),
    ("reldep", "page", "401"),
    ("reldep", "page", "portal"),
    ("reldep", "file", "garbled"),
]


@pytest.mark.parametrize(
    ("python", "who", "project", "target", "kind"),
    [
        *((PLAIN, "uv", *row) for row in UV),
        *((OLD, "pip", *row) for row in PIP),
    ],
)
def test_fault_that_only_the_installer_meets_is_survived(
    builder: Builder, python: str, who: str, project: str, target: str, kind: str
) -> None:
    fault = Fault(who=who, target=target, kind=kind, project=project)
    builder.server.faults.append(fault)
    run, _ = builder.build(python)
    assert fault.struck
    assert run.retval == 0


@pytest.mark.parametrize(
    ("python", "cutoff", "target", "kind", "words"),
    [
        (PLAIN, None, "page", "500", "answered 500 for reldep"),
        (PLAIN, None, "page", "portal", "no simple index page"),
        (PLAIN, None, "file", "404", "answered with 404"),
        (PLAIN, None, "file", "garbled", "has sha256"),
        (OLD, None, "page", "429", "answered 429 for reldep"),
        # The time machine's own 503.
        (OLD, LONG_AGO, "page", "reset", "cannot be reached"),
    ],
)
def test_fault_that_everybody_meets_is_no_verdict_and_healed_it_is_judged(
    builder: Builder,
    python: str,
    cutoff: datetime | None,
    target: str,
    kind: str,
    words: str,
) -> None:
    builder.server.faults.append(Fault(who="all", target=target, kind=kind))
    with pytest.raises(InfrastructureError, match=words):
        builder.build(python, cutoff)
    builder.server.faults.clear()
    run, _ = builder.build(python, cutoff)
    assert run.retval == 0


def test_index_that_accepts_and_never_answers_ends_the_build(builder: Builder) -> None:
    fault = Fault(who="all", target="page", kind="silent", project="reldemo")
    builder.server.faults.append(fault)
    started = time.monotonic()
    with pytest.raises(InfrastructureError, match="gives no page of reldemo now"):
        builder.build(PLAIN)
    assert time.monotonic() - started < 20


def test_file_that_is_not_the_planned_one_is_no_verdict(builder: Builder) -> None:
    builder.server.faults += [
        Fault(who="uv", target="file", kind="silent", project="reldemo"),
        Fault(who="planner", target="page", kind="no-files", project="reldemo"),
    ]
    with pytest.raises(InfrastructureError, match="does not list it any more"):
        builder.build(PLAIN)


@pytest.mark.parametrize(
    ("python", "requirements", "named"),
    [
        (PLAIN, ("reldep<1",), {"reldemo", "reldep"}),
        (PLAIN, ("nowhere",), {"reldemo", "nowhere"}),
        (PLAIN, ("reldemo<1",), {"reldemo"}),
        (OLD, ("nowhere",), {"reldemo", "nowhere"}),
    ],
)
def test_what_the_resolver_decides_is_the_packages(
    builder: Builder, python: str, requirements: tuple[str, ...], named: set[str]
) -> None:
    run, index = builder.build(python, requirements=requirements)
    assert run.retval != 0
    assert set(index) == named


STAGE = f"""\
dependency: reldemo
environment: venv
versions: [1.0]
python_versions: [{PLAIN}]
resolve: [%s]
timeout: 20
tests: [suite]
index_url: "%s"
"""
SCRIPT = {"suite/a.py": "import reldemo\nprint('one')\n"}
NAME = f"pypi-reldemo-1.0-python-{PLAIN}"


def test_failed_build_is_tried_again_when_the_index_changed_its_mind(
    make_project: MakeProject,
) -> None:
    with FaultIndex() as server:
        server.add("reldemo-1.0-py2.py3-none-any.whl", make_installable("reldemo", "1.0", ("dep",)))
        server.add("dep-0.5-py2.py3-none-any.whl", make_installable("dep", "0.5", ("reldemo<1",)))
        project = make_project(STAGE % ("today, 2020-06-01", server.url), SCRIPT)
        assert project.run().returncode == 0
        records = project.records()
        assert {record.outcome for record in records.values()} == {"build_failed"}
        assert set(records[f"today/{NAME}"].inputs[KEY]) == {"reldemo", "dep"}
        assert "2 of 2 cells have their record already" in project.run().stderr
        # Uploaded after the date: the past is what it was.
        server.uploaded["dep-1.0-py2.py3-none-any.whl"] = "2021-01-01T00:00:00Z"
        server.add("dep-1.0-py2.py3-none-any.whl", make_installable("dep", "1.0"))
        done = project.run()
        assert "run again, for a change of what the index has of dep" in done.stderr
        assert "1 of 2 cells have their record already" in done.stderr
        assert project.records()[f"today/{NAME}"].outcome == "not_compared"
        assert project.records()[f"2020-06-01/{NAME}"].outcome == "build_failed"


def test_plan_from_an_old_page_is_said_in_log_and_record(
    make_project: MakeProject, tmp_path: Path
) -> None:
    with serve_faults() as server:
        project = make_project(STAGE % ("today", server.url), SCRIPT)
        project.cache = tmp_path / "cache"
        assert project.run("--dry-run").returncode == 0
        server.faults.append(Fault(who="planner", target="page", kind="500", project="reldemo"))
        done = project.run()
        assert done.returncode == 0, done.stderr
        assert "planning from its page in the cache, which may be old" in done.stderr
        assert project.records()[NAME].inputs["stale_index"] is True


def test_plan_that_cannot_be_made_blames_the_index(
    make_project: MakeProject, tmp_path: Path
) -> None:
    with serve_faults() as server:
        project = make_project(STAGE % ("today", server.url), SCRIPT)
        project.cache = tmp_path / "cache"
        for kind in ("no-files", "version-2"):
            server.faults[:] = [Fault(who="all", target="page", kind=kind, project="reldemo")]
            done = project.run("--dry-run")
            assert done.returncode == 3, done.stderr
            assert "Traceback" not in done.stderr
            assert server.url in done.stderr
            assert "caliper.yaml" not in done.stderr


@pytest.mark.parametrize("options", ["size=16k", "ro"])
def test_cache_without_room_is_done_without(
    make_project: MakeProject, tmp_path: Path, options: str
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(cache)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        with serve_faults() as server:
            project = make_project(STAGE % ("today", server.url), SCRIPT)
            project.cache = cache
            project.environ["CALIPER_CELLS"] = str(tmp_path / "cells")
            done = project.run("--dry-run")
        assert done.returncode == 0, done.stderr
        assert "cannot be kept in" in done.stderr
    finally:
        subprocess.run(["umount", str(cache)], check=True)
