"""Stage 1 in a real container engine: verdicts, the sandbox, clean-up, equality with venv."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from calipertf.errors import EngineError
from calipertf.run.environments.docker_engine import LABEL, connect

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def find_engine() -> str | None:
    """Why the tests of this file cannot be run; None where they can."""
    try:
        client = connect(60)
    except EngineError as error:
        return f"{error} (.ci/docker installs and starts one)"
    try:
        client.images.get(f"python:{VERSION}")
    except docker.errors.DockerException:
        return f"the engine has no image python:{VERSION} (.ci/docker makes one)"
    return None


MISSING = find_engine()
pytestmark = [
    pytest.mark.docker,
    pytest.mark.network,
    pytest.mark.skipif(MISSING is not None, reason=str(MISSING)),
]
HERE = VERSION.replace(".", "")
GRID = f"""\
dependency: six
environment: docker
versions: [1.10.0, 1.16.0]
python_versions: [{VERSION}]
resolve: [release]
timeout: 30
memory: 256MB
tests: [suite]
baselines:
  suite: {{version: 1.16.0, python: {VERSION}, resolve: release}}
"""
NEW = f"pypi-six-1.16.0-python-cp{HERE}"
OLD = f"pypi-six-1.10.0-python-cp{HERE}"
PLAIN = {
    "suite/same.py": "import six\nprint('text:', six.text_type.__name__)\n",
    "suite/version.py": "import six\nprint('version:', six.__version__)\n",
    "suite/missing.py": "import six\nprint('value:', six.ensure_str('x'))\n",
}
ATTEMPT = """
import os, socket
def attempt(name, action):
    try:
        action()
        print(name, "possible")
    except (OSError, IOError) as error:
        print(name, "denied")
here = os.path.dirname(os.path.abspath(__file__))
"""
ESCAPES = {
    "suite/escape.py": ATTEMPT
    + """
attempt("network", lambda: socket.create_connection(("192.0.2.1", 80), timeout=2))
attempt("examples", lambda: open(os.path.join(here, "new"), "w"))
attempt("root", lambda: open("/new", "w"))
attempt("runner", lambda: open("/caliper/script_runner.py", "a"))
attempt("shadow", lambda: open("/etc/shadow").read())
attempt("owner", lambda: os.chown("/caliper", 65534, 65534))
attempt("scratch", lambda: open("new", "w"))
print("host files", os.path.exists(%(host)r))
print("root user", os.getuid() == 0)
""",
    "suite/forks.py": """
import subprocess
running = []
try:
    while len(running) < 5000:
        running.append(subprocess.Popen(["sleep", "60"]))
except OSError:
    pass
print("bounded", len(running) < 1000)
""",
    "suite/endless.py": """
import os, time
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(1)
""",
    "suite/memory.py": "keep = []\nwhile True: keep.append(bytes(bytearray(1 << 24)) + b'x')\n",
    # Memory that no process has in its address space: the engine's limit alone meets it.
    "suite/hidden_memory.py": """
import os
block = b"x" * (1 << 26)
handle = os.memfd_create("hidden")
while True:
    os.write(handle, block)
""",
    "suite/disk.py": """
try:
    with open("big", "wb") as file:
        for _ in range(8 << 10):
            file.write(b"x" * (1 << 20))
    print("endless")
except OSError as error:
    print("full")
""",
}


@pytest.fixture
def client() -> docker.DockerClient:
    return connect(60)


def made_by_us(client: docker.DockerClient) -> list[str]:
    filters = {"label": LABEL}
    containers = client.containers.list(all=True, filters=filters)
    return [
        *(item.id for item in containers),
        *(item.id for item in client.images.list(all=True, filters=filters)),
    ]


def outcomes(project: object, name: str) -> dict[str, str]:
    record = project.records()[name]
    return {script[6:-3]: verdict.outcome for script, verdict in record.outcomes.items()}


def test_docker_and_venv_agree(
    make_project: Callable[..., object], client: docker.DockerClient
) -> None:
    project = make_project(GRID, PLAIN)
    before = {image.id for image in client.images.list(all=True)}
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "environment: docker" in done.stderr
    by_docker = project.records()
    assert outcomes(project, OLD) == {
        "missing": "run_failed",
        "same": "same_result",
        "version": "different_result",
    }
    record = by_docker[NEW]
    assert record.requirements == ("six==1.16.0\n",)
    assert record.environment["image"].startswith("sha256:")
    assert "network" in record.environment["isolation"]
    assert made_by_us(client) == []
    assert before == {image.id for image in client.images.list(all=True)}
    done = project.run("--environment", "venv")
    assert "for a change of environment" in done.stderr
    by_venv = project.records()
    for name, record in by_venv.items():
        assert record.environment["kind"] == "venv"
        other = by_docker[name]
        assert record.requirements == other.requirements
        for script, run in record.runs.items():
            assert run.output == other.runs[script].output
            assert record.outcomes[script].outcome == other.outcomes[script].outcome


def test_scripts_that_try_to_get_out_stay_in(
    make_project: Callable[..., object], tmp_path: Path, client: docker.DockerClient
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("host")
    scripts = {name: text.replace("%(host)r", repr(str(secret))) for name, text in ESCAPES.items()}
    project = make_project(GRID.replace("256MB", "1GB"), scripts)
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    record = project.records()[NEW]
    lines = "".join(record.runs["suite/escape.py"].output).splitlines()
    assert lines == [
        "network denied",
        "examples denied",
        "root denied",
        "runner denied",
        "shadow denied",
        "owner denied",
        "scratch possible",
        "host files False",
        "root user False",
    ]
    assert record.runs["suite/forks.py"].output == ("bounded True\n",)
    assert record.runs["suite/disk.py"].output == ("full\n",)
    endless = record.outcomes["suite/endless.py"]
    assert (endless.outcome, endless.reason in {"killed", "timeout"}) == ("run_failed", True)
    for name in ("memory", "hidden_memory"):
        verdict = record.outcomes[f"suite/{name}.py"]
        assert (verdict.outcome, verdict.reason, verdict.detail) == (
            "run_failed",
            "killed",
            "out of memory",
        ), name
    assert not (project.root / "suite" / "new").exists()
    assert made_by_us(client) == []


def test_failed_step_and_missing_image_are_told_apart(
    make_project: Callable[..., object],
) -> None:
    project = make_project(GRID + "requirements: ['six<1']\n", PLAIN)
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    record = project.records()[NEW]
    assert record.outcome == "build_failed"
    assert "six" in "".join(record.build.output)
    project = make_project(GRID + "base_image: 'registry.invalid/python:{version}'\n", PLAIN)
    done = project.run("--versions", "1.16.0", "--force")
    assert done.returncode == 3
    assert "cannot be pulled" in done.stdout
    assert project.records()[NEW].outcome == "build_failed"


def test_template_of_the_original_is_built(make_project: Callable[..., object]) -> None:
    project = make_project(GRID, PLAIN)
    (project.root / "Dockerfile").write_text(
        "FROM {{ base }}\nADD . /tmp/repo\nWORKDIR /tmp/repo\nRUN ls suite && test ! -e .caliper\n"
        "RUN pip install {{ basename.split('-')[0] }}=={{ version }} # {{ filename }}\n"
    )
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    assert outcomes(project, NEW)["same"] == "same_result"
    (project.root / "Dockerfile").write_text("FROM {{ base }}\nRUN {{ flavour }}\n")
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 2
    assert "flavour" in done.stderr


def test_killed_run_leaves_nothing_after_the_next_one(
    make_project: Callable[..., object], client: docker.DockerClient
) -> None:
    keeper = client.containers.create(f"python:{VERSION}", ["true"])
    try:
        project = make_project(GRID, {"suite/slow.py": "import time\ntime.sleep(20)\nprint(1)\n"})
        process = project.start("--versions", "1.16.0")
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline and not client.containers.list(filters={"label": LABEL}):
            time.sleep(0.2)
        process.kill()
        process.communicate()
        assert made_by_us(client)
        (project.root / "suite/slow.py").write_text("print(1)\n")
        done = project.run("--versions", "1.16.0")
        assert done.returncode == 0, done.stderr
        assert made_by_us(client) == []
        assert client.containers.get(keeper.id)
    finally:
        keeper.remove(force=True)


def test_engine_that_does_not_answer_is_no_verdict(make_project: Callable[..., object]) -> None:
    project = make_project(GRID, PLAIN)
    project.environ["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    done = project.run()
    assert done.returncode == 3
    assert "no container engine answers" in done.stderr
    assert not project.records()
    done = project.run("--environment", "auto", "--versions", "1.16.0")
    assert done.returncode == 0
    assert "environment: venv" in done.stderr


@pytest.mark.skipif(
    os.environ.get("CALIPER_TEST_KILLS_DOCKERD") != "1",
    reason="kills the engine: only where CALIPER_TEST_KILLS_DOCKERD=1 allows it, as .ci/run does",
)
def test_engine_that_dies_in_the_middle(make_project: Callable[..., object]) -> None:
    project = make_project(GRID, {"suite/slow.py": "import time\ntime.sleep(15)\nprint(1)\n"})
    process = project.start("--jobs", "1")
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and not connect(60).containers.list(filters={"label": LABEL}):
        time.sleep(0.2)
    subprocess.run(["pkill", "-KILL", "-x", "dockerd"], check=True)
    output, error = process.communicate(timeout=400)
    assert process.returncode == 3, error
    assert "not judged" in output
    assert not any(record.outcome == "run_failed" for record in project.records().values())
    repository = Path(__file__).resolve().parents[2]
    subprocess.run([repository / ".ci" / "docker", VERSION], check=True, capture_output=True)
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert {record.outcome for record in project.records().values()} == {"same_result"}
