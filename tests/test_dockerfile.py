from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from packaging.version import Version

from calipertf.errors import ConfigError
from calipertf.records import Cell
from calipertf.releases import ReleaseFile
from calipertf.run.dockerfile import render_dockerfile
from calipertf.run.environments.base import find_trouble
from calipertf.run.environments.docker_build import make_context, prepare_dockerfile
from calipertf.run.environments.docker_owner import describe_owner, is_dead

CELL = Cell(package="tensorflow", version="2.10.0", python="cp310", resolve="release")
FILE = ReleaseFile(
    filename="tensorflow-2.10.0-cp310-cp310-linux_x86_64.whl",
    url="https://files.example/tensorflow-2.10.0-cp310-cp310-linux_x86_64.whl",
    version=Version("2.10.0"),
    hashes={},
    size=1,
    uploaded=None,
    yanked=False,
    requires_python=None,
)


def render(template: str, **args: object) -> str:
    return render_dockerfile(
        template, cell=CELL, file=FILE, base_image="mirror/python:{version}", args=args
    )


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("FROM {{ base }}", "FROM mirror/python:3.10"),
        (
            "RUN wget {{ filename }} && pip install {{ basename }}",
            f"RUN wget {FILE.url} && pip install {FILE.filename}",
        ),
        (
            "{{ package }}=={{ version }} {{ python }} {{ flavour }}",
            "tensorflow==2.10.0 cp310 plain",
        ),
    ],
)
def test_template_gets_the_values_of_its_cell(template: str, expected: str) -> None:
    assert render(template, flavour="plain") == expected


@pytest.mark.parametrize(
    ("template", "words"), [("{{ flavor }}", "flavor"), ("{% if %}", "line 1")]
)
def test_template_that_cannot_be_rendered_is_told(template: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        render(template)


@pytest.mark.parametrize(("keep", "last"), [(False, []), (True, ['LABEL run="" owner=""'])])
def test_labels_and_arguments_stand_in_each_stage(keep: bool, last: list[str]) -> None:
    labels = {"run": "run-1", "owner": "host 1"}
    text = prepare_dockerfile("FROM a AS x\nRUN 1\nfrom b\n", labels, ["INDEX"], keep=keep)
    assert text.splitlines() == [
        "FROM a AS x",
        'LABEL run="run-1" owner="host 1"',
        "ARG INDEX",
        "RUN 1",
        "from b",
        'LABEL run="run-1" owner="host 1"',
        "ARG INDEX",
        *last,
    ]


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("FROM x\nRUN pip install y\n", ["Dockerfile.caliper"]),
        ("FROM x\nADD https://x/y /y\n", ["Dockerfile.caliper"]),
        ("FROM x\nADD . /repo\n", ["Dockerfile.caliper", "examples/a.py"]),
    ],
)
def test_context_holds_what_the_template_needs(
    tmp_path: Path, dockerfile: str, expected: list[str]
) -> None:
    for name in ("examples/a.py", "examples/__pycache__/a.pyc", ".git/x", ".caliper/data/x"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    buffer: io.BytesIO = make_context(dockerfile, tmp_path, tmp_path / "examples")
    with tarfile.open(fileobj=buffer) as archive:
        assert archive.getnames() == expected


@pytest.mark.parametrize(
    ("line", "is_trouble"),
    [
        ("error: Request failed after 3 retries\n  cause: dns error", True),
        ("ERROR: Could not install packages: [Errno 28] No space left on device", True),
        ("urllib3.exceptions.ReadTimeoutError: Read timed out.", True),
        ("error: No solution found when resolving dependencies", False),
        ("ERROR: No matching distribution found for protobuf==99", False),
        ("error: command 'gcc' failed with exit status 1", False),
    ],
)
def test_network_and_disk_are_told_from_the_package(line: str, is_trouble: bool) -> None:
    assert (find_trouble(f"first\n{line}\nlast") is not None) is is_trouble


def test_owner_is_dead_once_its_process_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = describe_owner(process.pid)
        assert not is_dead(owner)
        process.communicate(b"\n")
    assert is_dead(owner)
    assert not is_dead(describe_owner())


@pytest.mark.parametrize(
    ("number", "value", "expected"),
    [
        (0, "elsewhere.1234", False),  # nobody here can tell
        (1, "another-boot", True),
        (2, "4026539999", False),  # a container's process numbers are not ours
        (4, "12345", True),  # the number is used again
    ],
)
def test_owner_is_more_than_a_process_number(number: int, value: str, expected: bool) -> None:
    parts = describe_owner().split(" ")
    parts[number] = value
    assert is_dead(" ".join(parts)) is expected


@pytest.mark.parametrize("owner", ["", "no owner", "a b c d e"])
def test_label_of_others_is_left_alone(owner: str) -> None:
    assert not is_dead(owner)
