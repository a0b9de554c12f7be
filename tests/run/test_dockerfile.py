from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import docker
import docker.errors
import pytest
from packaging.version import Version

from calipertf.config.model import Analysis
from calipertf.errors import ConfigError, EngineError, InfrastructureError
from calipertf.formats.records import Cell, Run
from calipertf.index.client import ReleaseFile
from calipertf.run.backends.docker.archives import is_open, make_context
from calipertf.run.backends.docker.build import blame_step, prepare_dockerfile
from calipertf.run.backends.docker.engine import (
    find_own_address,
    is_unknown_image,
    list_proxies,
)
from calipertf.run.backends.docker.owner import describe_owner, is_dead
from calipertf.run.backends.docker.sandbox import make_limits, pin_local_wheel, share_cores
from calipertf.run.dockerfile import check_template, render_dockerfile
from calipertf.scripts import walk_files

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
        template,
        cell=CELL,
        file=FILE,
        base_image="mirror/python:{version}",
        args=args,
        labels={"calipertf.version": CELL.version},
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
        ("{% for k, v in labels.items() %}{{ k }}={{ v }}{% endfor %}", "calipertf.version=2.10.0"),
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


@pytest.mark.parametrize(
    ("keep", "last"), [(None, []), ("1f", ['LABEL run="" owner="" calipertf.key="1f"'])]
)
def test_labels_and_arguments_stand_in_each_stage(keep: str | None, last: list[str]) -> None:
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


def test_setuptools_is_made_the_one_of_venv_on_the_image_of_a_python_alone() -> None:
    template = "FROM tools AS t\nRUN 1\nFROM mirror/python:3.10 AS p\nRUN 2\n"
    lines = prepare_dockerfile(template, {"run": "1"}, [], base="mirror/python:3.10").splitlines()
    steps = [number for number, line in enumerate(lines) if line.startswith('RUN ["python", "-c"')]
    assert [lines[number - 2] for number in steps] == ["FROM mirror/python:3.10 AS p"]


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("FROM x\nRUN pip install y\n", ["Dockerfile.caliper"]),
        ("FROM x\nADD https://x/y /y\n", ["Dockerfile.caliper"]),
        ("FROM x\nADD . /repo\n", ["Dockerfile.caliper", "examples/a.py"]),
        ("FROM x\nCOPY constraints.txt \\\n  /\n", ["Dockerfile.caliper", "constraints.txt"]),
        ('FROM x\ncopy --chown=1 ["tools", "/x"]\n', ["Dockerfile.caliper", "tools/b.py"]),
        ("FROM x\nCOPY .git .caliper ../x /x/\n", ["Dockerfile.caliper"]),
        ("FROM x\nCOPY --from=y /etc /etc\n", ["Dockerfile.caliper"]),
    ],
)
def test_context_holds_what_the_template_needs(
    tmp_path: Path, dockerfile: str, expected: list[str]
) -> None:
    needed = "examples/a.py", "tools/b.py", "constraints.txt"
    others = "examples/__pycache__/a.pyc", "examples/env/pyvenv.cfg", ".git/x", ".caliper/data/x"
    for name in (*needed, *others, "other.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    buffer: io.BytesIO = make_context(dockerfile, tmp_path, tmp_path / "examples")
    with tarfile.open(fileobj=buffer) as archive:
        assert archive.getnames() == expected


def test_only_environments_and_hidden_files_are_private(tmp_path: Path) -> None:
    for name in ("venv_like.py", "venvs/data.txt", "venv/pyvenv.cfg", "venv/x.py", ".hidden/x"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    names = [path.relative_to(tmp_path).as_posix() for path in walk_files(tmp_path)]
    assert names == ["venv_like.py", "venvs/data.txt"]


@pytest.mark.parametrize(("name", "mode"), [("examples", 0o700), ("examples/a.py", 0o600)])
def test_folder_with_anything_that_others_may_not_read_is_not_open(
    tmp_path: Path, name: str, mode: int
) -> None:
    path = tmp_path / "examples" / "a.py"
    path.parent.mkdir(mode=0o755)
    path.touch(mode=0o644)
    assert is_open(tmp_path / "examples")
    (tmp_path / name).chmod(mode)
    assert not is_open(tmp_path / "examples")


RUN = Run(output=("log\n",), retval=0)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("The command '/bin/sh -c pip install x' returned a non-zero code: 2", 2),
        ('building at STEP "RUN pip install \\\n x": while running runtime: exit status 77', 77),
        # A program that is not in the image, started without a shell: runc's words, then crun's.
        ('runc create failed: exec: "python": executable file not found in $PATH: unknown', 127),
        ('exec: "/opt/x": stat /opt/x: no such file or directory: unknown', 127),
        ("crun: executable file `python` not found in $PATH: No such file or directory", 127),
    ],
)
def test_failed_step_is_told_in_the_words_of_each_engine(error: str, code: int) -> None:
    build = blame_step(error, "log\n", RUN, memory=1)
    assert (build.image, build.run.retval) == (None, code)


@pytest.mark.parametrize(
    ("error", "log", "kind"),
    [
        ("COPY failed: no source files were specified", "", EngineError),
        ("The command 'x' returned a non-zero code: 137", "", InfrastructureError),
        (
            'building at STEP "RUN x": while running runtime: exit status 1',
            "error running container: from /usr/bin/crun: cgroups",
            EngineError,
        ),
    ],
)
def test_step_that_failed_for_other_reasons_is_no_verdict(
    error: str, log: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        blame_step(error, log, RUN, memory=1)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("six==1.16.0\n", "six==1.16.0\n"),
        (
            "tf-nightly @ file:///tmp/repo/tf_nightly-2.0%2Bcpu-cp37-cp37m-linux_x86_64.whl#sha256=1\n",
            "tf-nightly==2.0+cpu\n",
        ),
        ("six @ file:///tmp/six-1.16.0.tar.gz\n", "six @ file:///tmp/six-1.16.0.tar.gz\n"),
        ("six @ git+https://x/six.git@1f\n", "six @ git+https://x/six.git@1f\n"),
    ],
)
def test_wheel_that_a_template_fetched_is_a_requirement_like_others(
    line: str, expected: str
) -> None:
    assert pin_local_wheel(line) == expected


def test_limits_hold_for_every_container() -> None:
    limits = make_limits({"run": "1"}, 1 << 30)
    assert limits["network_mode"] == "none"
    assert limits["mem_limit"] == limits["memswap_limit"] > 1 << 30
    assert make_limits({}, 1, network=True)["network_mode"] == "bridge"


@pytest.mark.parametrize(
    ("cpus", "local", "expected"),
    [
        (None, True, {}),
        ((0, 2), True, {"cpuset_cpus": "0,2"}),
        # Another machine may not have cores of these numbers.
        ((6, 7), False, {"cpu_period": 100_000, "cpu_quota": 200_000}),
    ],
)
def test_cores_are_those_of_this_machine_or_as_many(
    cpus: tuple[int, ...] | None, local: bool, expected: dict[str, object]
) -> None:
    assert share_cores(cpus, local=local) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (docker.errors.NotFound("404", explanation="manifest unknown: manifest unknown"), True),
        (docker.errors.NotFound("404", explanation="Not Found"), False),  # Podman, of anything
        (docker.errors.APIError("500", explanation="dial tcp: no such host"), False),
    ],
)
def test_image_is_missing_only_where_the_registry_says_so(error: Exception, expected: bool) -> None:
    assert is_unknown_image(error) is expected


def test_builds_have_the_proxies_of_docker_but_for_our_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert list_proxies("127.0.0.1") == {}
    proxies = {"default": {"httpProxy": "http://proxy:3128", "noProxy": "intern"}}
    (tmp_path / "config.json").write_text(json.dumps({"proxies": proxies}))
    found = list_proxies("127.0.0.1")
    assert found["HTTP_PROXY"] == found["http_proxy"] == "http://proxy:3128"
    assert found["NO_PROXY"] == found["no_proxy"] == "intern,127.0.0.1"


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("", "127.0.0.1"),
        ("unix:///run/docker.sock", "127.0.0.1"),
        ("tcp://127.0.0.1:2375", "127.0.0.1"),
        ("ssh://me@no-such-host.invalid", "127.0.0.1"),
    ],
)
def test_own_address_is_the_loopback_for_an_engine_here(
    monkeypatch: pytest.MonkeyPatch, engine: str, expected: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine)
    assert find_own_address() == expected


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


def test_template_is_tried_on_the_first_cell_with_a_file() -> None:
    analysis = Analysis(dependency="tensorflow", tests=[])
    config = SimpleNamespace(analysis=analysis, template="FROM {{ bsae }}")
    blank = SimpleNamespace(cell=CELL, file=None)
    check_template(config, [blank])
    with pytest.raises(ConfigError, match="bsae"):
        check_template(config, [blank, SimpleNamespace(cell=CELL, file=FILE)])
