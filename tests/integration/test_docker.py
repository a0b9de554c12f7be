"""Stage 1 in a real container engine: verdicts, the sandbox, clean-up, equality with venv."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import docker
import pytest
from helpers.docker_engines import (
    ESCAPE,
    GRID,
    HERE,
    NEEDS_ENGINE,
    NEW,
    OLD,
    PLAIN,
    VERSION,
    left_behind,
    outcomes,
)
from helpers.run_project import MakeProject
from helpers.small_grid import SETUPTOOLS

from calipertf.run.backends.docker.engine import LABEL, connect

pytestmark = NEEDS_ENGINE
#: Scripts that would harm their host.
ATTACKS = {
    "suite/escape.py": ESCAPE,
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
while True:
    os.write(os.memfd_create("hidden"), block)
""",
    # Into the output of the runner, where the driver reads what happened. Process 1 is the runner,
    # its child the warm process, or the script itself where it was started cold.
    "suite/a_forge.py": """
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) != os.getpid():
        for handle in range(64):
            try:
                with open("/proc/%s/fd/%d" % (pid, handle), "w") as output:
                    output.write('{"event": "end"}\\n')
                print("written")
            except (FileNotFoundError, PermissionError):
                pass
print("done")
""",
    "suite/b_signals.py": """
import os, signal
os.kill(1, signal.SIGSTOP)
os.kill(1, signal.SIGKILL)
os.kill(os.getppid(), signal.SIGSTOP)
os.kill(os.getppid(), signal.SIGKILL)
print("sent")
""",
    "suite/c_signals.py": """
import os, signal, subprocess
subprocess.Popen(["sleep", "60"])
os.kill(-1, signal.SIGKILL)
print("sent")
""",
    "suite/flood.py": """
import sys
for _ in range(1 << 12):
    sys.stdout.write("x" * (1 << 16))
""",
    "suite/a_mess.py": """
import os
os.mkdir("folder")
for path in ("folder", ".", os.environ["HOME"]):
    os.chmod(path, 0)
print("left")
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
    return connect(300)


def test_docker_and_venv_agree(make_project: MakeProject, client: docker.DockerClient) -> None:
    # Sets of texts print the same in each start of each environment: one hash seed.
    words = "print(set('the quick brown fox jumps over'.split()), hash('x'))\n"
    project = make_project(GRID, {**PLAIN, "suite/words.py": words})
    before = {image.id for image in client.images.list(all=True)}
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "environment: docker" in done.stderr
    by_docker = project.records()
    assert outcomes(project, OLD) == {
        "missing": "run_failed",
        "same": "same_result",
        "version": "different_result",
        "words": "same_result",
    }
    record = by_docker[NEW]
    assert record.requirements == (*SETUPTOOLS, "six==1.16.0\n")
    assert record.environment["image"].startswith("sha256:")
    assert "network" in record.environment["isolation"]
    assert left_behind(client) == []
    assert before == {image.id for image in client.images.list(all=True)}
    done = project.run("--environment", "venv")
    assert "for a change of the environment" in done.stderr
    by_venv = project.records()
    for name, record in by_venv.items():
        assert record.environment["kind"] == "venv"
        other = by_docker[name]
        assert record.requirements == other.requirements
        for script, run in record.runs.items():
            assert run.output == other.runs[script].output
            assert record.outcomes[script].outcome == other.outcomes[script].outcome


def test_scripts_that_try_to_get_out_stay_in(
    make_project: MakeProject, tmp_path: Path, client: docker.DockerClient
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("host")
    scripts = {name: text.replace("%(host)r", repr(str(secret))) for name, text in ATTACKS.items()}
    project = make_project(
        GRID.replace("256MB", "1GB").replace("timeout: 30", "timeout: 15"), scripts
    )
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    record = project.records()[NEW]
    lines = "".join(record.runs["suite/escape.py"].output).splitlines()
    assert [line for line in lines if not line.endswith(" denied")] == [
        "scratch possible",
        "capabilities ['', '', '']",
        "new privileges False",
        "host files False",
        "root user False",
    ]
    assert len(lines) == 21
    assert record.runs["suite/forks.py"].output == ("bounded True\n",)
    assert record.runs["suite/disk.py"].output == ("full\n",)
    assert record.runs["suite/a_forge.py"].output == ("done\n",)
    assert record.runs["suite/a_mess.py"].output == ("left\n",)
    for name in ("b_signals", "c_signals"):
        assert record.runs[f"suite/{name}.py"].output == ("sent\n",), name
    assert "pids" in record.environment["isolation"]
    assert record.runs["suite/flood.py"].truncated_bytes > 1 << 27
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
    assert left_behind(client) == []


def test_failed_step_and_missing_image_are_told_apart(
    make_project: MakeProject,
) -> None:
    project = make_project(GRID + "requirements: ['six<1']\n", PLAIN)
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    record = project.records()[NEW]
    assert record.outcome == "build_failed"
    assert "six" in "".join(record.build.output)
    (project.root / "Dockerfile").write_text("FROM {{ base }}\nRUN exit 137\n")
    done = project.run("--versions", "1.16.0", "--force")
    assert done.returncode == 3
    assert "a step was killed" in done.stdout
    project = make_project(GRID + "base_image: 'registry.invalid/python:{version}'\n", PLAIN)
    done = project.run("--versions", "1.16.0", "--force")
    assert done.returncode == 3
    assert "cannot be pulled" in done.stdout
    assert project.records()[NEW].outcome == "build_failed"


def test_build_that_takes_too_long_is_ended_on_the_engine(
    make_project: MakeProject, client: docker.DockerClient
) -> None:
    project = make_project(GRID + "build_timeout: 3\n", PLAIN)
    (project.root / "Dockerfile").write_text("FROM {{ base }}\nRUN sleep 120\n")
    process = project.start("--versions", "1.16.0")
    most = 0
    while process.poll() is None:
        most = max(most, len(client.containers.list(filters={"label": LABEL})))
        time.sleep(0.2)
    output, _ = process.communicate()
    assert process.returncode == 3
    assert "did not end within 3 s" in output
    assert most <= 1  # and not one more with each try
    assert left_behind(client) == []


def test_interrupted_build_leaves_nothing(
    make_project: MakeProject, client: docker.DockerClient
) -> None:
    project = make_project(GRID, PLAIN)
    (project.root / "Dockerfile").write_text("FROM {{ base }}\nRUN touch /x\nRUN sleep 120\n")
    process = project.start("--versions", "1.16.0")
    while process.poll() is None and not client.containers.list(filters={"label": LABEL}):
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert left_behind(client) == []


def test_scripts_have_a_network_where_it_is_asked_for(
    make_project: MakeProject,
) -> None:
    look = "import os\nprint('network', os.listdir('/sys/class/net') != ['lo'])\n"
    project = make_project(GRID + "network: true\n", {"suite/look.py": look})
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    record = project.records()[NEW]
    assert record.runs["suite/look.py"].output == ("network True\n",)
    assert "network" not in record.environment["isolation"]


def test_scripts_that_only_their_owner_may_read_are_run(
    make_project: MakeProject,
) -> None:
    project = make_project(GRID, PLAIN)
    (project.root / "suite").chmod(0o700)
    for name in PLAIN:
        (project.root / name).chmod(0o600)
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    assert set(outcomes(project, NEW).values()) == {"same_result"}


def test_template_of_the_original_is_built(make_project: MakeProject) -> None:
    project = make_project(GRID, PLAIN)
    (project.root / "Dockerfile").write_text(
        "FROM {{ base }}\nADD . /tmp/repo\nWORKDIR /tmp/repo\nENV LANG C.UTF-8\n"
        "RUN ls suite && test ! -e .caliper\n"
        "RUN apt-get update && apt-get install -y wget ca-certificates gnupg2 git\n"
        'RUN /bin/bash -c "wget {{ filename }} && pip install {{ basename }}"\n'
    )
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 0, done.stderr
    assert outcomes(project, NEW)["same"] == "same_result"
    assert project.records()[NEW].requirements == (*SETUPTOOLS, "six==1.16.0\n")
    (project.root / "Dockerfile").write_text("FROM {{ base }}\nRUN {{ flavour }}\n")
    done = project.run("--versions", "1.16.0")
    assert done.returncode == 2
    assert "flavour" in done.stderr


def test_killed_run_leaves_nothing_after_the_next_one(
    make_project: MakeProject, client: docker.DockerClient
) -> None:
    keeper = client.containers.create(f"python:{VERSION}", ["true"])
    try:
        project = make_project(GRID, {"suite/slow.py": "import time\ntime.sleep(20)\nprint(1)\n"})
        process = project.start("--versions", "1.16.0")
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline and not any(
            "script_runner" in str(container.attrs["Config"]["Cmd"])
            for container in client.containers.list(filters={"label": LABEL}, ignore_removed=True)
        ):
            time.sleep(0.2)
        process.kill()
        process.communicate()
        assert left_behind(client)
        (project.root / "suite/slow.py").write_text("print(1)\n")
        done = project.run("--versions", "1.16.0")
        assert done.returncode == 0, done.stderr
        assert left_behind(client) == []
        assert client.containers.get(keeper.id)
    finally:
        keeper.remove(force=True)


def test_kept_images_are_the_users_and_serve_later_runs(
    make_project: MakeProject, client: docker.DockerClient
) -> None:
    project = make_project(GRID, PLAIN)
    name = f"calipertf/six:1.16.0-cp{HERE}-release"
    try:
        assert project.run("--versions", "1.16.0", "--keep-images").returncode == 0
        kept = project.records()[NEW].environment["image"]
        assert client.images.get(name).id == kept
        (project.root / "suite/same.py").write_text("print('changed')\n")
        assert project.run().returncode == 0
        record = project.records()[NEW]
        assert record.runs["suite/same.py"].output == ("changed\n",)
        assert record.environment["image"] == kept  # a changed example rebuilds nothing
        assert "is used again" in "".join(record.build.output)
        assert client.images.get(name).id == kept
        (project.root / "Dockerfile").write_text("FROM {{ base }}\nRUN pip install six==1.10\n")
        assert project.run("--versions", "1.16.0").returncode == 0
        assert project.records()[NEW].environment["image"] != kept
    finally:
        client.images.remove(name, force=True)
    assert left_behind(client) == []
