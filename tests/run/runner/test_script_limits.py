"""What the runner does where a script meets the limits of the machine, or leaves a mess."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.run_scripts import run

from calipertf.run.backends.venv.interpreters import find_interpreter
from calipertf.run.backends.venv.workspace import remove_tree
from calipertf.run.runner import CELL_RUNNER
from calipertf.run.runner.cell_runner import cold

GOOD = "print('fine')\n"
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone has it")
STARTS = pytest.mark.parametrize("start", ["warm", "cold"])


@pytest.mark.parametrize("python", ["cp27", "here"])
@pytest.mark.parametrize("jump", [3600, -3600])
def test_clock_that_is_set_changes_no_verdict(tmp_path: Path, jump: int, python: str) -> None:
    interpreter = find_interpreter("cp27") if python == "cp27" else None
    if python == "cp27" and interpreter is None:
        pytest.skip("needs Python 2.7")
    # A wall clock that somebody sets an hour on, or back, each time that it is looked at.
    wrapper = tmp_path / "wrapper.py"
    wrapper.write_text(
        "import runpy, sys, time\n"
        "state = [time.time()]\n"
        "def jump():\n"
        f"    state[0] += {jump}\n"
        "    return state[0]\n"
        "time.time = jump\n"
        "runpy.run_path(sys.argv[-1], run_name='__main__')\n"
    )
    source = interpreter.source if interpreter else sys.executable
    sources = {"a": "import time\ntime.sleep(0.2)\nprint('fine')\n", "loop": "while True: pass\n"}
    events = run(tmp_path, sources, start="cold", timeout=2, prefix=(source, str(wrapper)))
    assert (events["a"]["output"], events["a"]["ended"]) == ("fine\n", "exit")
    assert events["loop"]["ended"] == "timeout"
    assert 0 < events["a"]["seconds"] < 60
    assert 0 < events["loop"]["seconds"] < 60


@contextlib.contextmanager
def small_disk(folder: Path, options: str) -> Iterator[str]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if not sys.platform.startswith("linux") or subprocess.run(mount, check=False).returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        yield str(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


FILLERS = {
    "fails": "open('x', 'wb').write(b'x' * (6 << 20))\n",
    "fails and removes it": (
        "import tempfile\n"
        "with tempfile.NamedTemporaryFile() as file: file.write(b'x' * (6 << 20)); file.flush()\n"
    ),
    "goes on": (
        "try: open('x', 'wb').write(b'x' * (6 << 20))\n"
        "except OSError as error: print('could not', error.errno)\n"
    ),
    "has no more files": (
        "import os\n"
        "try:\n    for number in range(10000): open(str(number), 'w').close()\n"
        "except OSError: print(number)\n"
    ),
}


@STARTS
@pytest.mark.parametrize("how", FILLERS)
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_full_scratch_is_no_result(tmp_path: Path, how: str, start: str) -> None:
    options = "nr_inodes=100" if "files" in how else "size=1m"
    with small_disk(tmp_path / "disk", options) as folder:
        with pytest.raises(subprocess.CalledProcessError) as caught:
            run(tmp_path, {"a": FILLERS[how]}, scratch=folder, start=start)
        assert "RunnerError: a: " in caught.value.stderr
        assert '"name": "a"' not in caught.value.output


@pytest.mark.parametrize(
    "source",
    [
        "print('x', file=open('/dev/full', 'w'), flush=True)\n",
        "import os; raise OSError(122, os.strerror(122))\n",
        "import sys; sys.exit('cannot write: No space left on device')\n",
        "print('E  OSError: [Errno 28] No space left on device'); raise SystemExit(1)\n",
    ],
)
@linux
def test_script_that_met_a_full_disk_has_no_result(tmp_path: Path, source: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(tmp_path, {"a": source})
    assert "RunnerError: a: it met a full disk" in caught.value.stderr


def test_import_that_meets_a_full_disk_has_no_result(tmp_path: Path) -> None:
    (tmp_path / "full.py").write_text("raise OSError(28, 'No space left on device')\n")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(tmp_path, {}, import_name="full", environ={"PYTHONPATH": str(tmp_path)})
    assert "RunnerError: import full: " in caught.value.stderr


def test_script_that_only_speaks_of_a_full_disk_has_its_result(tmp_path: Path) -> None:
    sources = {
        "fails": "print('No space left on device')\nraise ValueError\n",
        "works": "import sys\nprint('No space left on device', file=sys.stderr)\n",
    }
    events = run(tmp_path, sources)
    assert (events["fails"]["retval"], events["works"]["retval"]) == (1, 0)


@STARTS
def test_limit_beyond_all_files_is_none(tmp_path: Path, start: str) -> None:
    events = run(tmp_path, {"a": "open('x', 'w').write('x')\nprint('fine')\n"}, memory=10**24)
    assert (events["a"]["retval"], events["a"]["output"]) == (0, "fine\n")


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"timeout": 1e-9}, "timeout: in 1e-09 s"),
        ({"timeout": float("nan")}, "timeout: in nan s"),
        ({"timeout": 0}, "timeout: in 0 s"),
        ({"memory": 1}, "memory: 1 bytes"),
        ({"memory": 4096}, "memory: 4096 bytes"),
    ],
)
@linux
def test_limit_that_no_script_can_keep_is_no_result(
    tmp_path: Path, limits: dict[str, float], said: str
) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(tmp_path, {"a": GOOD}, **limits)
    assert said in caught.value.stderr
    assert "fine" not in caught.value.output


@pytest.mark.parametrize("error", ["OSError(12, 'Cannot allocate memory')", "MemoryError()"])
def test_what_keeps_a_script_from_its_start_is_no_result(error: str) -> None:
    # In a process of its own: the runner ends all other children of its process.
    code = f"""
from cell_runner.supervise import supervise

def action(_):
    raise {error}

supervise(action, {{"limit": 100}}, 10)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=CELL_RUNNER.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert re.search(rf"RunnerError: .*{error.partition('(')[0]}", done.stderr)


@contextlib.contextmanager
def small_memory(name: str, size: int) -> Iterator[tuple[str, ...]]:
    """What puts a command into a control group with so much memory, as a small machine has it."""
    for parent, limit in (
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ("/sys/fs/cgroup", "memory.max"),
    ):
        group = Path(parent) / name
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(size))
            yield ("sh", "-c", f'echo $$ >{group}/cgroup.procs && exec "$@"', "sh")
            return  # noqa: TRY300 -- what comes after is for the next kind of group
        except FileNotFoundError:
            continue
        finally:
            group.rmdir()
    pytest.skip("needs the right to make a control group for memory")


@linux
def test_script_that_a_small_machine_has_no_memory_for_has_no_result(tmp_path: Path) -> None:
    greedy = "keep = b'x' * (150 << 20)\nprint(len(keep))\n"
    with small_memory(f"caliper-test-{os.getpid()}", 100 << 20) as prefix:
        with pytest.raises(subprocess.CalledProcessError) as caught:
            run(tmp_path, {"a": greedy}, prefix=prefix, memory=1 << 30)
        assert "this machine's memory ran out" in caught.value.stderr
        itself = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
        events = run(tmp_path / "other", {"a": itself}, prefix=prefix, memory=1 << 30)
        assert (events["a"]["retval"], events["a"]["ended"]) == (-9, "signal")


KILLED = {"retval": -9, "ended": "signal", "error": "", "output": "", "peak": 50}


@pytest.mark.parametrize(
    ("result", "job", "kills", "met", "lack", "ended"),
    [
        ({}, {}, 1, True, True, "signal"),  # the kernel ended it, below its limit
        ({}, {}, 0, True, False, "signal"),  # it ended itself
        ({"peak": 101}, {}, 1, True, False, "memory"),  # it took too much faster than we look
        ({"retval": -11}, {}, 1, True, False, "signal"),
        ({"ended": "memory"}, {}, 1, True, False, "memory"),  # we ended it
        ({}, {"memory": None}, 1, True, True, "signal"),
        ({}, {"contained": True}, 1, True, False, "signal"),  # its engine says so
        ({}, {"contained": True}, 1, False, True, "signal"),  # the engine's machine
        ({}, {}, None, True, False, "signal"),
    ],
)
def test_script_that_the_kernel_ended_for_the_machines_memory(
    result: dict[str, object],
    job: dict[str, object],
    kills: int | None,
    met: bool,
    lack: bool,
    ended: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    after = None if kills is None else 7 + kills
    monkeypatch.setattr(cold, "count_oom_kills", lambda: after)
    monkeypatch.setattr(cold, "met_its_limit", lambda: met)
    outcome = {**KILLED, **result}
    job = {"scratch": str(tmp_path), "memory": 100, **job}
    found = cold.find_shortage(job, outcome, 7)  # type: ignore[no-untyped-call]
    assert (bool(found), outcome["ended"]) == (lack, ended)


#: Root without the right to go past modes: as a plain user is, and as a container's root may be.
MODES_COUNT = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
NO_NAMESPACES = (
    *("unshare", "--user", "--map-root-user", "sh", "-c"),
    (
        "cd /proc/sys/user && echo 0 >max_user_namespaces && echo 0 >max_mnt_namespaces && "
        'cd "$OLDPWD" && exec "$@"'
    ),
    "sh",
)
MESSES = {
    "no rights": "os.mkdir('d'); os.chmod('d', 0); os.chmod('.', 0); os.chmod(home, 0)",
    "read-only": "os.mkdir('d'); os.chmod('d', 0o555); os.chmod(home, 0o555)",
    "no rights above": "os.chmod(os.path.dirname(home), 0)",
    "no rights in /tmp": "os.chmod('/tmp', 0)",
    "link": "os.chdir('/'); shutil.rmtree(home); os.symlink('/etc', home)",
    "link to itself": "os.chdir('/'); shutil.rmtree(home); os.symlink(home, home)",
    "file": "os.chdir('/'); shutil.rmtree(home); open(home, 'w').close()",
    "deep": "[(os.mkdir('d'), os.chdir('d')) for _ in range(1200)]",
    "immutable": "subprocess.call(['chattr', '+i', home])",
    "all above removed": "os.chdir('/'); shutil.rmtree(os.path.dirname(home), True)",
    "link above": (
        "os.chdir('/'); above = os.path.dirname(home); shutil.rmtree(above, True)\n"
        "try: os.rename(above, above + '2'); os.symlink('/etc', above)\n"
        "except OSError: pass"
    ),
}
LOOK = """
import os, tempfile
home, work = os.path.split(os.getcwd())
print(os.listdir("."), os.path.basename(home), work, home == os.environ["HOME"])
tempfile.NamedTemporaryFile().close()
open("/tmp/caliper-look-%d" % os.getuid(), "w").close()
os.remove("/tmp/caliper-look-%d" % os.getuid())
"""


@linux
@pytest.mark.parametrize("namespaces", [True, False])
@pytest.mark.parametrize("mess", MESSES)
def test_mess_of_one_script_costs_no_other_its_result(
    tmp_path: Path, mess: str, namespaces: bool
) -> None:
    prefix = MODES_COUNT if os.geteuid() == 0 else ()
    prefix = prefix if namespaces else (*prefix, *NO_NAMESPACES)
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs setpriv and user namespaces")
    if mess == "no rights in /tmp" and not namespaces:
        pytest.skip("would do so to the real one")
    source = f"import os, shutil, subprocess\nhome = os.environ['HOME']\n{MESSES[mess]}\n"
    # Each is run again, cold: so both kinds of start meet the mess.
    scripts = [
        {"name": name, "path": str(tmp_path / "scripts" / f"{name}.py"), "times": 2}
        for name in ("mess", "look")
    ]
    try:
        events = run(tmp_path, {"mess": source, "look": LOOK}, scripts=scripts, prefix=prefix)
    finally:
        remove_tree(tmp_path / "scratch")
    assert (events["look"]["start"], events["look!"]["start"]) == ("warm", "cold")
    for name in ("look", "look!"):
        assert (events[name]["error"], events[name]["retval"]) == ("", 0)
        assert events[name]["output"] == "[] script work True\n"
