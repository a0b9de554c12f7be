"""Exit code 1 is a regression and nothing else; what is unexpected is 70 and asks for a report."""

from __future__ import annotations

import errno
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import REPOSITORY

from calipertf import faults
from calipertf.cli import EXIT_CODES, make_parser, run_main
from calipertf.errors import (
    ConfigError,
    FaultError,
    IndexUnavailableError,
    InfrastructureError,
    describe_fault,
)
from calipertf.run.backends.venv.interpreters import find_interpreter
from calipertf.run.schedule import explain_failure

STAGES = ("1.run_analysis.py", "2.assess_change.py", "3.parse_data.py")


def fail(error: BaseException) -> Callable[[object], int]:
    def main(_: object) -> int:
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigError("no such key"), 2, "no such key"),
        (IndexUnavailableError("no index"), 3, "no index"),
        (FaultError("a cell met it"), 70, "a cell met it"),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), 3, "/x: No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 3, "/x: Permission denied"),
        (MemoryError(), 3, "not enough memory"),
        (RecursionError("too deep"), 70, "RecursionError: too deep"),
        (TypeError("an odd\nthing"), 70, "TypeError: an odd thing"),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"), 70, "UnicodeEncodeError"),
        (ConfigError("half a character: \ud800"), 2, "half a character"),
        (OSError(errno.EINVAL, "odd"), 70, "odd"),
        (AssertionError(), 70, "AssertionError"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (BrokenPipeError(), 130, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_failure_has_its_exit_code(
    error: BaseException,
    code: int,
    words: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = run_main(make_parser("x", example="x"), fail(error), [])
    told = capfd.readouterr().err
    assert done == code
    assert words in told
    assert "Traceback" not in told
    assert len(told.strip().splitlines()) <= 1
    kept = list(tmp_path.iterdir())
    if code == 70 and not isinstance(error, FaultError):
        assert "please report it with the traceback in" in told
        assert str(kept[0]) in told
        assert "Traceback" in kept[0].read_text()
        assert kept[0].stat().st_mode & 0o777 == 0o600
    else:
        assert not kept


def test_verbose_prints_the_traceback(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run_main(make_parser("x", example="x"), fail(TypeError("x")), ["--verbose"]) == 70
    assert "Traceback" in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


def test_traceback_that_cannot_be_kept_is_printed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
        assert faults.tell_fault(TypeError("x")) == 70
    told = capfd.readouterr().err
    assert "TypeError: x" in told
    assert "with the traceback above" in told


def test_fault_of_a_cell_is_told_as_one() -> None:
    class Task:
        cell = type("Cell", (), {"label": "six 1.0"})()

    found = explain_failure(Task(), KeyError("x"))  # type: ignore[arg-type]
    assert found.exit_code == 70
    assert "please report" in str(found)
    assert explain_failure(Task(), OSError("full")).exit_code == 3  # type: ignore[arg-type]
    assert pickle.loads(pickle.dumps(found)).exit_code == 70, "it comes back from a Dask worker"
    assert isinstance(found, InfrastructureError), "it is no verdict, and another worker may try"


def test_fault_says_where_it_was() -> None:
    with pytest.raises(IndexError) as caught:
        [].pop()
    told = describe_fault(caught.value)
    assert re.match(r"IndexError: .* \(test_exit_codes.py, line \d+\)", told)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ModuleNotFoundError("No module named 'rich'", name="rich"), 2, "rich is not installed"),
        (ModuleNotFoundError("No module", name="calipertf.x"), 70, "please report"),
        (ImportError("cannot import name 'x'"), 70, "please report"),
        (SyntaxError("odd"), 70, "please report"),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_modules_that_cannot_be_loaded_are_no_regression(
    error: BaseException,
    code: int,
    words: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def main() -> int:
        raise error

    assert faults.run_script(main) == code
    assert words in capfd.readouterr().err


def start(
    *command: object, cwd: Path, stdout: int | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd=cwd,
        timeout=60,
    )


@pytest.mark.parametrize("stage", STAGES)
def test_without_its_packages_a_stage_says_what_to_install(stage: str, tmp_path: Path) -> None:
    done = start(sys.executable, "-S", REPOSITORY / stage, cwd=tmp_path)
    assert done.returncode == 2
    assert "is not installed for" in done.stderr
    assert "pip install -r requirements.txt" in done.stderr


@pytest.mark.parametrize("version", ["3.8", "3.9"])
def test_python_that_is_too_old_is_told(version: str, tmp_path: Path) -> None:
    python = find_interpreter("cp" + version.replace(".", ""))
    if python is None or python.version is None:
        pytest.skip(f"there is no Python {version} here")
    done = start(python.source, REPOSITORY / STAGES[0], cwd=tmp_path)
    assert done.returncode == 2
    assert "Python 3.10 or later is needed" in done.stderr


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (("--config", "/dev/zero"), 2, "a device, not a file"),
        (("--config", "pipe"), 2, "a pipe, not a file"),
        (("--jobs", "1000000"), 2, "whole number of 1 to 1024"),
        (("--config", "bomb.yaml"), 2, "more than 100,000 values"),
    ],
)
def test_stage_1_ends_with_a_sentence(
    flags: tuple[str, ...], code: int, words: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bomb.yaml").write_text(
        "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(
            f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n"
            for before, name in zip("abcdefgh", "bcdefghi", strict=True)
        )
    )
    done = start(sys.executable, REPOSITORY / STAGES[0], *flags, cwd=tmp_path)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_output_on_a_full_disk_is_no_regression(tmp_path: Path) -> None:
    folder = tmp_path / ".caliper" / "data"
    folder.mkdir(parents=True)
    record = {"inputs": {"name": "pypi-p-1.0-python-cp37", "tests": "a.py"}}
    (folder / "pypi-p-1.0-python-cp37.json").write_text(json.dumps(record))
    with Path("/dev/full").open("w") as full:
        done = start(
            sys.executable,
            REPOSITORY / STAGES[2],
            "--formats",
            "csv",
            cwd=tmp_path,
            stdout=full.fileno(),
        )
    assert done.returncode == 3, done.stderr
    assert "No space left on device" in done.stderr


def test_help_lists_every_exit_code() -> None:
    assert all(f"{code} " in EXIT_CODES for code in (0, 1, 2, 3, 70, 130))


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_the_shell_closed_are_opened_on_nothing(tmp_path: Path, closed: str) -> None:
    told = tmp_path / "told"
    code = (
        "import os, sys; from calipertf.faults import run_script\n"
        "def main():\n"
        "    print('out', flush=True); print('err', file=sys.stderr, flush=True)\n"
        f"    file = open({str(told)!r}, 'w'); file.write(str(file.fileno() > 2)); return 0\n"
        "sys.exit(run_script(main))\n"
    )
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, code],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, told.read_text()) == (0, "True"), done.stderr
