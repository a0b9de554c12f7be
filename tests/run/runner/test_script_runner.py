"""The runner run for real, by this Python, on scripts that misbehave."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.run_scripts import run

from calipertf.run.backends.venv.interpreters import find_interpreter

OLD = find_interpreter("cp27")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
GOOD = "print('fine')\n"


@pytest.mark.parametrize("start", ["warm", "cold"])
def test_script_sees_what_python_gives_it(tmp_path: Path, start: str) -> None:
    source = """
        import os, sys
        print(__name__, os.path.basename(__file__), len(sys.argv), os.listdir("."))
        print(os.path.basename(sys.path[0]), os.environ["PYTHONHASHSEED"])
    """
    event = run(tmp_path, {"a": source}, start=start)["a"]
    assert event["output"] == "__main__ a.py 1 []\nscripts 0\n"
    assert (event["start"], event["retval"], event["ended"]) == (start, 0, "exit")


@pytest.mark.parametrize("python", [sys.executable, OLD and OLD.source])
@pytest.mark.parametrize("start", ["warm", "cold"])
def test_package_is_imported_beside_a_main_like_a_scripts(
    tmp_path: Path, start: str, python: str | None
) -> None:
    """A library may note as it is imported what program it is in; click does."""
    if python is None:
        pytest.skip("no Python 2.7 here")
    library = tmp_path / "library"
    library.mkdir()
    (library / "noting.py").write_text(
        "import sys\nPACKAGE = getattr(sys.modules['__main__'], '__package__', 'none')\n"
    )
    source = "import noting\nprint(noting.PACKAGE)\n"
    environ = {"PYTHONHASHSEED": "0", "PYTHONPATH": str(library)}
    event = run(
        tmp_path, {"a": source}, start=start, python=python, import_name="noting", environ=environ
    )["a"]
    assert (event["start"], event["output"]) == (start, "None\n")


def test_failure_is_a_cold_one_with_a_clean_traceback(tmp_path: Path) -> None:
    events = run(tmp_path, {"bad": "def f():\n    {}['x']\nf()\n", "good": GOOD})
    assert events["bad"]["start"] == "cold"
    assert events["bad"]["retval"] == 1
    assert events["bad"]["error"].endswith("KeyError: 'x'\n")
    assert "script_runner" not in events["bad"]["error"]
    assert events["good"]["start"] == "warm"
    assert events["import"]["retval"] == 0


def test_script_that_only_fails_warm_passes(tmp_path: Path) -> None:
    source = "import sys\nassert 'json' not in sys.modules\nprint('cold')\n"
    event = run(tmp_path, {"a": source})["a"]
    assert (event["start"], event["output"]) == ("cold", "cold\n")


def test_one_cold_run_confirms_a_missing_name_for_all(tmp_path: Path) -> None:
    missing = "import json\n{}json.nothing\n"
    sources = {"a": missing.format(""), "b": missing.format("x = 1\n"), "c": "import json.none\n"}
    events = run(tmp_path, sources)
    assert [events[name]["start"] for name in "abc"] == ["cold", "warm", "cold"]
    assert events["b"]["confirmed_by"] == "a"
    assert "no attribute 'nothing'" in events["b"]["error"]


def test_only_a_cold_failure_confirms(tmp_path: Path) -> None:
    source = "import sys\nif 'json' in sys.modules: sys.nothing\nprint('cold')\n"
    events = run(tmp_path, {"a": source, "b": source})
    assert [events[name]["output"] for name in "ab"] == ["cold\n", "cold\n"]


def test_import_that_fails_is_told_and_everything_runs_cold(tmp_path: Path) -> None:
    events = run(tmp_path, {"a": GOOD}, import_name="no_such_module")
    assert events["import"]["retval"] == 1
    assert "no_such_module" in events["import"]["error"]
    assert events["a"]["start"] == "cold"


@linux
def test_endless_script_ends_in_time_and_others_run(tmp_path: Path) -> None:
    started = time.monotonic()
    events = run(tmp_path, {"loop": "while True: pass\n", "good": GOOD}, timeout=1)
    assert events["loop"]["ended"] == "timeout"
    assert events["good"]["retval"] == 0
    assert time.monotonic() - started < 60


@linux
def test_greedy_script_is_ended_for_its_memory(tmp_path: Path) -> None:
    source = "keep = []\nwhile True: keep.append(bytes(bytearray(1 << 24)) + b'x')\n"
    events = run(tmp_path, {"greedy": source, "good": GOOD}, memory=300 << 20)
    assert events["greedy"]["ended"] == "memory"
    assert events["good"]["retval"] == 0


@linux
def test_memory_that_forks_share_counts_once(tmp_path: Path) -> None:
    source = """
        import os, time
        block = bytes(bytearray(80 << 20))
        for _ in range(8):
            if os.fork() == 0:
                time.sleep(1.5)
                os._exit(0)
        time.sleep(1.5)
        print("done", len(block))
    """
    event = run(tmp_path, {"a": source}, memory=300 << 20)["a"]
    assert (event["retval"], event["ended"]) == (0, "exit")


@pytest.mark.parametrize("start", ["warm", "cold"])
def test_file_without_end_is_ended(tmp_path: Path, start: str) -> None:
    source = """
        with open("big", "wb") as file:
            try:
                while True:
                    file.write(bytes(1 << 20))
            except OSError as error:
                print(error.strerror, file.tell() >> 20)
    """
    event = run(tmp_path, {"a": source}, start=start, memory=300 << 20)["a"]
    assert (event["start"], event["output"]) == (start, "File too large 300\n")


def test_script_that_kills_itself(tmp_path: Path) -> None:
    source = "import os, signal\nprint('bye', flush=True)\nos.kill(os.getpid(), signal.SIGSEGV)\n"
    event = run(tmp_path, {"a": source})["a"]
    assert (event["retval"], event["ended"], event["output"]) == (-11, "signal", "bye\n")


def test_much_output_keeps_head_and_tail(tmp_path: Path) -> None:
    source = "for i in range(200000): print('line', i)\n"
    event = run(tmp_path, {"a": source})["a"]
    assert event["retval"] == 0
    assert event["output"].startswith("line 0\n")
    assert event["output"].endswith("line 199999\n")
    assert "bytes cut" in event["output"]
    assert len(event["output"]) < 4100
    assert event["cut"] > 1_000_000


def test_bytes_that_are_no_text_are_kept_readable(tmp_path: Path) -> None:
    source = r"import os; os.write(1, b'\xff\xfe \x1b[31mred' + b'\n')"
    event = run(tmp_path, {"a": source})["a"]
    assert event["output"] == "\\xff\\xfe \x1b[31mred\n"


@pytest.mark.skipif(OLD is None, reason="needs Python 2.7: `pyenv install 2.7` gets it")
@pytest.mark.parametrize("start", ["warm", "cold"])
def test_python_2_sees_and_says_what_python_3_does(tmp_path: Path, start: str) -> None:
    sources = {
        "file": "import os\nprint(type(__file__).__name__)\n",
        "bytes": r"import os; os.write(1, b'\xff\xfe caf\xc3\xa9\n')",
    }
    events = run(tmp_path, sources, start=start, python=OLD.source if OLD else "")
    assert (events["file"]["start"], events["file"]["output"]) == (start, "str\n")
    assert events["bytes"]["output"] == "\\xff\\xfe caf\u00e9\n"


EVERY = [find_interpreter(tag) for tag in ("cp27", "cp36", "cp39", "cp313")]


@pytest.mark.parametrize(
    "python",
    [pytest.param(found.source, id=found.tag) for found in EVERY if found]
    or [pytest.param(sys.executable, id="this")],
)
def test_hash_seed_is_in_force_in_every_start(tmp_path: Path, python: str) -> None:
    source = "print(set('the quick brown fox jumps over'.split()), hash('x'))\n"
    job = {"scripts": [{"name": "a", "path": str(tmp_path / "1/scripts/a.py"), "times": 2}]}
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    events = run(tmp_path / "1", {"a": source}, python=python, **job)
    other = run(tmp_path / "2", {"a": source}, python=python, start="cold")
    assert (events["a"]["start"], other["a"]["start"]) == ("warm", "cold")
    assert events["a"]["output"] == events["a!"]["output"] == other["a"]["output"]


def test_whole_output_is_hashed_where_it_is_cut(tmp_path: Path) -> None:
    source = "for i in range(20000): print('line', {})\n"
    sources = {
        name: source.format(line) for name, line in (("a", "i"), ("b", "i"), ("c", "i or 1"))
    }
    sources["short"] = GOOD
    hashes = {
        name: event["sha256"] for name, event in run(tmp_path, sources).items() if len(name) < 2
    }
    assert hashes["a"] == hashes["b"] != hashes["c"]
    whole = "".join(f"line {i}\n" for i in range(20000)).encode()
    assert hashes["a"] == hashlib.sha256(whole).hexdigest()


def test_output_that_is_kept_whole_has_no_hash(tmp_path: Path) -> None:
    source = "import sys\nprint('short')\nsys.stderr.write('x' * 100000)\n"
    event = run(tmp_path, {"a": source})["a"]
    assert (event["sha256"], event["output"]) == (None, "short\n")
    assert event["cut"] > 0


def test_trouble_of_the_runner_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run(tmp_path, {"a": GOOD}, scratch=str(tmp_path / "scripts" / "a.py"))
    assert "a.py" in caught.value.stderr
    assert "fine" not in caught.value.output


def test_exit_code_and_exit_functions(tmp_path: Path) -> None:
    source = "import atexit, sys\natexit.register(print, 'last')\nsys.exit({})\n"
    events = run(tmp_path, {"ok": source.format(0), "no": source.format("'words'")})
    assert (events["ok"]["retval"], events["ok"]["output"]) == (0, "last\n")
    assert (events["no"]["retval"], events["no"]["error"]) == (1, "words\n")


def test_second_run_is_cold(tmp_path: Path) -> None:
    scripts = [{"name": "a", "path": str(tmp_path / "scripts" / "a.py"), "times": 2}]
    events = run(tmp_path, {"a": GOOD}, scripts=scripts)
    assert events["a"]["start"] == "warm"
    assert events["a!"]["start"] == "cold"
    assert events["a!"]["output"] == events["a"]["output"]


def test_import_name_is_found_by_the_distribution(tmp_path: Path) -> None:
    event = run(tmp_path, {}, import_name=None, distribution="PyYAML")["start"]
    assert event["import_name"] == "yaml"


@pytest.mark.parametrize("start", ["warm", "cold"])
def test_what_was_printed_before_a_crash_is_kept(tmp_path: Path, start: str) -> None:
    source = "import os, signal\nprint('bye')\nos.kill(os.getpid(), signal.SIGSEGV)\n"
    quiet = "import os\nprint('quiet')\nos._exit(0)\n"
    events = run(tmp_path, {"crash": source, "quiet": quiet}, start=start)
    assert events["crash"]["output"] == "bye\n"
    assert (events["quiet"]["start"], events["quiet"]["output"]) == (start, "quiet\n")
