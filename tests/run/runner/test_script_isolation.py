"""What the runner keeps scripts from: each other, what they import, the runner itself."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.run_scripts import run, start_runner

from calipertf.files.atomic import warn_once
from calipertf.run.backends.venv.interpreters import find_interpreter
from calipertf.run.backends.venv.workspace import remove_tree
from calipertf.run.runner.isolation import list_missing, tell_missing

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


@linux
def test_background_children_do_not_stay(tmp_path: Path) -> None:
    marker = f"stays-{tmp_path.name}-{os.getpid()}"
    source = f"""
        import subprocess, sys
        code = "import time; time.sleep(1000)"
        subprocess.Popen([sys.executable, "-c", code, {marker!r}], start_new_session=True)
    """
    look = f"""
        import glob
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            if {marker!r}.encode() in open(path, "rb").read():
                print(path)
    """
    events = run(tmp_path, {"a": source, "b": look})
    assert (events["a"]["retval"], events["b"]["output"]) == (0, "")
    assert not list_processes(marker)


def list_processes(word: str) -> list[str]:
    """Command lines on this machine that hold a word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().decode("utf-8", "replace"))
    return [line for line in found if word in line]


ATTACKS = {
    "stops its parent": "os.kill(os.getppid(), signal.SIGSTOP)\ntime.sleep(0.5)\n",
    "kills its parent": "os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(0.5)\n",
    "kills everything": "subprocess.Popen(['sleep', '9'])\nos.kill(-1, 9)\ntime.sleep(0.5)\n",
    "interrupts the first": "os.kill(1, signal.SIGINT)\ntime.sleep(0.5)\n",
    "stops the first": "os.kill(1, signal.SIGSTOP)\ntime.sleep(0.5)\n",
}


@linux
@pytest.mark.parametrize("python", ["cp27", "here"])
@pytest.mark.parametrize("start", ["warm", "cold"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_script_does_not_harm_what_watches_it(
    tmp_path: Path, attack: str, start: str, python: str
) -> None:
    interpreter = find_interpreter("cp27") if python == "cp27" else None
    if python == "cp27" and interpreter is None:
        pytest.skip("needs Python 2.7")
    if not can_number_processes():
        pytest.skip("this machine lets nobody have a namespace of process numbers")
    events = run(
        tmp_path,
        {
            "a": "print('a')\n",
            "b": f"import os, signal, subprocess, time\n{ATTACKS[attack]}",
            "c": "print('c')",
        },
        start=start,
        timeout=4,
        **({"python": interpreter.source} if interpreter else {}),
    )
    assert "pids" in events["start"]["isolation"]
    assert (events["a"]["output"], events["c"]["output"]) == ("a\n", "c\n")
    assert (events["b"]["retval"], events["b"]["ended"]) == (0, "exit")
    assert events["end"]["cpu"] > 0


def can_number_processes() -> bool:
    """Whether this user may have one: util-linux tries, not the code under test."""
    command = ["unshare", "--pid", "--mount", "--fork", "--mount-proc", "true"]
    if os.getuid():
        command.insert(1, "--map-root-user")
    with contextlib.suppress(OSError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


@linux
@pytest.mark.parametrize("start", ["warm", "cold"])
def test_killed_runner_takes_its_scripts_along(tmp_path: Path, start: str) -> None:
    if not can_number_processes():
        pytest.skip("this machine lets nobody have a namespace of process numbers")
    marker = f"killed-{tmp_path.name}-{os.getpid()}"
    child = "[sys.executable, '-c', 'import time; time.sleep(1000)', " + repr(marker) + "]"
    source = f"import subprocess, sys\nsubprocess.call({child})\n"
    process = start_runner(tmp_path, {"a": source}, start=start)
    assert comes_true(lambda: list_processes(marker))
    process.kill()
    process.communicate()
    assert comes_true(lambda: not list_processes(marker))


def comes_true(reached: Callable[[], object]) -> bool:
    """Whether something is so within twenty seconds."""
    deadline = time.monotonic() + 20
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_isolation_in_force_is_what_scripts_meet(tmp_path: Path) -> None:
    source = """
        import os, socket
        def attempt(name, action):
            try:
                action()
                print(name, "possible")
            except (OSError, IOError):
                print(name, "denied")
        here = os.path.dirname(os.path.abspath(__file__))
        attempt("examples", lambda: open(os.path.join(here, "new"), "w"))
        attempt("etc", lambda: open("/etc/caliper-test", "w"))
        attempt("scratch", lambda: open("new", "w"))
        attempt("network", lambda: socket.create_connection(("192.0.2.1", 80), timeout=2))
    """
    events = run(tmp_path, {"a": source})
    isolation = events["start"]["isolation"]
    lines = events["a"]["output"].splitlines()
    assert "scratch possible" in lines
    if "read-only" in isolation:
        assert "examples denied" in lines
        assert "etc denied" in lines
    if "network" in isolation:
        assert "network denied" in lines
    assert not Path("/etc/caliper-test").exists()


@pytest.mark.parametrize("start", ["warm", "cold"])
def test_script_cannot_change_what_others_import(tmp_path: Path, start: str) -> None:
    package = tmp_path / "env" / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("x = 1\n")
    vandal = f"open({str(package / '__init__.py')!r}, 'a').write('raise RuntimeError')\n"
    events = run(
        tmp_path,
        {"a": vandal, "b": "import package\nprint(package.x)\n"},
        start=start,
        writable=[str(tmp_path / "env")],
        environ={"PYTHONPATH": str(tmp_path / "env")},
    )
    if "read-only" not in events["start"]["isolation"]:
        pytest.skip("scripts cannot be kept from writing here")
    assert "Read-only file system" in events["a"]["error"]
    assert events["b"]["output"] == "1\n"


@pytest.mark.parametrize("start", ["warm", "cold"])
def test_script_cannot_write_the_results_of_others(tmp_path: Path, start: str) -> None:
    forged: dict[str, Any] = dict.fromkeys(("output", "error"), "forged")
    forged.update(event="script", name="good", retval=0, cut=0, ended="exit", start="warm")
    source = f"""
        import os
        for handle in range(3, 64):
            try:
                os.write(handle, {json.dumps(forged)!r}.encode() + b"\\n")
            except OSError:
                pass
        for pid in os.listdir("/proc"):
            for handle in range(64):
                try:
                    if int(pid) != os.getpid():
                        with open("/proc/%s/fd/%d" % (pid, handle), "w") as output:
                            output.write({json.dumps(forged)!r} + "\\n")
                        print("written")
                except (OSError, ValueError):
                    pass
    """
    events = run(tmp_path, {"forger": source, "good": "print('fine')"}, start=start)
    assert events["good"]["output"] == "fine\n"
    if "pids" in events["start"]["isolation"]:
        assert events["forger"]["output"] == ""


@linux
def test_namespace_that_is_refused_does_not_take_the_others_along(tmp_path: Path) -> None:
    limit = 'echo 0 >/proc/sys/user/max_net_namespaces && exec "$@"'
    prefix = ("unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh")
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs user namespaces")
    events = run(tmp_path, {"a": "print('a')"}, prefix=prefix)
    assert events["a"]["output"] == "a\n"
    isolation = events["start"]["isolation"]
    assert ("network" in isolation, "read-only" in isolation) == (False, True)


@linux
@pytest.mark.parametrize("start", ["warm", "cold"])
def test_script_writes_neither_beside_its_cell_nor_on_other_file_systems(
    tmp_path: Path, start: str
) -> None:
    cells = tmp_path / "cells"
    other = Path(tempfile.mkdtemp(dir="/var/tmp"))  # /tmp itself is the scripts' to write in
    (cells / "neighbour").mkdir(parents=True)
    (cells / "own" / "scratch").mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(other)]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    source = f"""
        import ctypes
        # What would undo the protection, for whoever has the right to.
        ctypes.CDLL(None).mount(None, b"/", None, 32 | 4096, None)
        for folder in ({str(cells / "neighbour")!r}, {str(other)!r}, "/var/tmp", "."):
            try:
                open(folder + "/caliper-test", "w").close()
                print("possible")
            except OSError:
                print("denied")
    """
    try:
        events = run(
            tmp_path,
            {"a": source},
            start=start,
            scratch=str(cells / "own" / "scratch"),
            read_only=[str(cells), str(tmp_path / "scripts")],
        )
    finally:
        if mounted:
            subprocess.run(["umount", str(other)], check=True)
        other.rmdir()
    if "read-only" not in events["start"]["isolation"]:
        pytest.skip("scripts cannot be kept from writing here")
    assert events["a"]["output"].split() == ["denied", "denied", "denied", "possible"]


@linux
@pytest.mark.parametrize("python", ["cp27", "here"])
@pytest.mark.parametrize("start", ["warm", "cold"])
def test_what_lies_below_tmp_is_as_read_only_as_the_rest(
    tmp_path: Path, start: str, python: str
) -> None:
    interpreter = find_interpreter("cp27") if python == "cp27" else None
    if python == "cp27" and interpreter is None:
        pytest.skip("needs Python 2.7")
    base = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        (base / "records").mkdir()
        (base / "helper").write_text("read\n")
        here = os.path.relpath(base, base / "scratch" / "script" / "work")
        source = f"""
            import os
            print(open({str(base / "helper")!r}).read().strip())
            for folder in ({str(base / "records")!r}, {here!r} + "/records", ".", "/tmp"):
                try:
                    open(folder + "/caliper-test", "w").close()
                    print("possible")
                except (OSError, IOError):
                    print("denied")
            print(sorted(os.listdir("/tmp")) == ["caliper-test", {base.name!r}])
        """
        sources = {"a": source}
        options = {"python": interpreter.source} if interpreter else {}
        events = run(base, sources, start=start, read_only=[str(base / "scripts")], **options)
        if "read-only" not in events["start"]["isolation"]:
            pytest.skip("scripts cannot be kept from writing here")
        found = events["a"]["output"].split()
        assert found[:5] == ["read", "denied", "denied", "possible", "possible"]
        if python == "here" and not sys.executable.startswith("/tmp/"):
            assert found[5] == "True"
        assert not Path("/tmp/caliper-test").exists()
        assert not list((base / "records").iterdir())
    finally:
        remove_tree(base)


@pytest.mark.parametrize("folder", ["/tmp", "/"])
@linux
def test_scripts_that_lie_in_tmp_itself_run(tmp_path: Path, folder: str) -> None:
    events = run(
        tmp_path, {"a": "open('/tmp/caliper-x', 'w')\nprint('fine')\n"}, read_only=[folder]
    )
    assert events["a"]["output"] == "fine\n"
    assert not Path("/tmp/caliper-x").exists()


@pytest.mark.parametrize(
    ("isolation", "network", "missing"),
    [
        (["network", "read-only", "pids", "processes", "memory"], False, []),
        (["cpus"], False, ["network", "read-only", "pids", "processes", "memory"]),
        (["read-only", "pids", "processes", "memory"], True, []),
        (["read-only", "pids", "processes", "memory"], False, ["network"]),
    ],
)
def test_missing_isolation_is_told_once(
    isolation: list[str], network: bool, missing: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    warn_once.cache_clear()
    assert list_missing(isolation, network=network) == missing
    for _ in range(2):
        tell_missing({"isolation_missing": missing})
    assert caplog.text.count("isolation is incomplete here") == bool(missing)
    assert ("network: false" in caplog.text) == ("network" in missing)
