"""The Dockerfile of a record makes its cell again, built by a real engine."""

from __future__ import annotations

from pathlib import Path

import docker
from helpers.docker_engines import NEEDS_ENGINE
from helpers.rebuilt import SHOW, judged  # noqa: F401 -- a fixture
from helpers.run_project import Project

from calipertf.formats.records import Record

pytestmark = NEEDS_ENGINE


def test_dockerfile_of_a_record_gives_the_cell_again(
    judged: tuple[Project, Record], tmp_path: Path
) -> None:
    _, record = judged
    (tmp_path / "Dockerfile").write_text(str(record.inputs["dockerfile"]))
    client = docker.from_env()
    image, _ = client.images.build(path=str(tmp_path), network_mode="host", rm=True)
    try:
        command = ["python", "-m", "pip", "freeze", "--all"]
        frozen = client.containers.run(image, command, remove=True).decode().splitlines()
        kept = [line for line in frozen if line.partition("==")[0] not in {"pip", "wheel"}]
        assert kept == [line.strip() for line in record.requirements]
        shown = client.containers.run(image, ["python", "-c", SHOW], remove=True)
        assert shown.decode() == "".join(record.runs["suite/show.py"].output)
    finally:
        client.images.remove(image.id, force=True)
