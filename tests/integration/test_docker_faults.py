"""An index that fails while an image is built, and base images that are not what they should be."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import docker
import pytest
from helpers import REPOSITORY
from helpers.demo_builds import LONG_AGO, build_once, find_planned, make_demo_task
from helpers.docker_engines import HERE, NEEDS_ENGINE, VERSION
from helpers.fault_index import Fault, FaultIndex, serve_faults

from calipertf.config.model import Analysis
from calipertf.errors import ImageError, InfrastructureError
from calipertf.formats.records import Cell, Run
from calipertf.index.client import Index
from calipertf.index.snapshot import TimeMachine, serve_past
from calipertf.run.backends.docker.backend import DockerBackend
from calipertf.run.backends.docker.engine import connect
from calipertf.run.dockerfile import render_dockerfile
from calipertf.run.processes import Processes

pytestmark = [*NEEDS_ENGINE, pytest.mark.usefixtures("quick_index")]
TEMPLATE = (REPOSITORY / "Dockerfile").read_text()


@dataclass(kw_only=True)
class Builder:
    """Builds an image with reldemo 1.0 in it, as a cell of stage 1 is built."""

    server: FaultIndex
    machine: TimeMachine
    folder: Path

    def build(
        self,
        cutoff: datetime | None = None,
        requirements: tuple[str, ...] = (),
        base_image: str = "python:{version}",
        template: str = TEMPLATE,
    ) -> tuple[Run, dict[str, str]]:
        """The build and, where it failed, what its record will say of the index."""
        file = find_planned(self.server, self.machine)
        cell = Cell(package="reldemo", version="1.0", python=f"cp{HERE}")
        analysis = Analysis(
            dependency="reldemo",
            index_url=self.server.url,
            base_image=base_image,
            tests=["a.py"],
            requirements=list(requirements),
            build_timeout=100,
            memory=1 << 28,
        )
        environment = DockerBackend(
            processes=Processes(),
            machine=lambda _: self.machine,
            run_id=f"faults-{self.folder.name}",
            base_image=base_image,
            build_timeout=100,
        )
        dockerfile = render_dockerfile(
            template,
            cell=cell,
            file=file,
            base_image=base_image,
            args={},
            requirements=requirements,
            index_url=environment.index_url(cutoff, self.server.url),
        )
        task = make_demo_task(
            analysis, file, cell.python, self.folder, cutoff=cutoff, dockerfile=dockerfile
        )
        return build_once(environment, task)


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[Builder]:
    with (
        serve_faults() as server,
        Index(server.url) as index,
        serve_past(index) as machine,
    ):
        yield Builder(server=server, machine=machine, folder=tmp_path)


@pytest.mark.parametrize(
    ("target", "kind"),
    [("page", "429"), ("page", "portal"), ("file", "garbled")],
)
def test_fault_that_only_pip_meets_is_survived(builder: Builder, target: str, kind: str) -> None:
    fault = Fault(who="pip", target=target, kind=kind)
    builder.server.faults.append(fault)
    run, _ = builder.build()
    assert fault.struck
    assert run.retval == 0


@pytest.mark.parametrize(
    ("cutoff", "target", "kind", "words"),
    [
        (None, "page", "403", "answered 403 for reldep"),
        (LONG_AGO, "page", "500", "answered 500 for reldep"),
    ],
)
def test_fault_that_everybody_meets_is_no_verdict_and_healed_it_is_judged(
    builder: Builder, cutoff: datetime | None, target: str, kind: str, words: str
) -> None:
    builder.server.faults.append(Fault(who="all", target=target, kind=kind))
    with pytest.raises(InfrastructureError, match=words):
        builder.build(cutoff)
    builder.server.faults.clear()
    run, _ = builder.build(cutoff)
    assert run.retval == 0


def test_what_pip_decides_is_the_packages(builder: Builder) -> None:
    run, index = builder.build(requirements=("reldep<1",))
    assert run.retval != 0
    assert set(index) == {"reldemo", "reldep"}


def test_step_of_a_template_that_fails_for_every_cell_is_no_verdict(builder: Builder) -> None:
    with pytest.raises(InfrastructureError, match="before anything was asked of the index"):
        builder.build(template="FROM {{ base }}\nRUN pyhton -m pip install {{ package }}\n")


def test_wheel_that_a_template_fetches_itself_comes_through_the_driver(builder: Builder) -> None:
    template = (
        "FROM {{ base }}\n"
        "RUN python -c \"import urllib.request as u; u.urlretrieve('{{ filename }}', "
        "'{{ basename }}')\" && pip install --index-url {{ index_url }} ./{{ basename }}\n"
    )
    fault = Fault(who="Python-urllib", target="file", kind="403", project="reldemo")
    builder.server.faults.append(fault)
    run, _ = builder.build(template=template)
    assert fault.struck == 1
    assert run.retval == 0


@pytest.fixture
def wrong_images() -> Iterator[str]:
    """A repository whose images are named for every Python and have one, or none."""
    client: docker.DockerClient = connect(60)
    repository = "calipertf-test-wrong"
    files = {
        f"other-{VERSION}": b"FROM python:3.8\n",
        f"none-{VERSION}": f"FROM python:{VERSION}\nENV PATH=/nowhere\n".encode(),
    }
    for tag, content in files.items():
        client.images.build(fileobj=io.BytesIO(content), tag=f"{repository}:{tag}", rm=True)
    yield repository
    for tag in files:
        client.images.remove(f"{repository}:{tag}", force=True)
    client.close()


@pytest.mark.parametrize(
    ("kind", "words"),
    [("other", f"has Python 3.8, and cp{HERE} needs"), ("none", "has no command named python")],
)
def test_base_image_of_another_python_is_refused_by_name(
    builder: Builder, wrong_images: str, kind: str, words: str
) -> None:
    base_image = f"{wrong_images}:{kind}-{{version}}"
    with pytest.raises(ImageError, match=words) as caught:
        builder.build(base_image=base_image)
    assert f"base_image: {wrong_images}:{kind}-{VERSION}" in str(caught.value)
