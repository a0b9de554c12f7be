"""What the folder of a run's cells takes away, and what it leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from calipertf.errors import ConfigError, InfrastructureError
from calipertf.files import atomic as files
from calipertf.files.private import check_cache, is_private, make_private
from calipertf.run.backends.venv import folders
from calipertf.run.backends.venv.workspace import Workspace, remove_tree

HOME = f"calipertf-{os.geteuid()}"
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make another user's files")


@pytest.fixture(autouse=True)
def _say_again() -> Iterator[None]:
    files.warn_once.cache_clear()
    yield
    files.warn_once.cache_clear()


def list_tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def leave_killed_run(parent: Path) -> Path:
    """The folder of a run that was killed with a cell in it."""
    code = (
        "import os, sys; from pathlib import Path\n"
        "from calipertf.run.backends.venv.workspace import Workspace\n"
        "work = Workspace(Path(sys.argv[1])).folder; (work / 'cell').mkdir(); print(work)\n"
        "sys.stdout.flush(); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, parent], stdout=subprocess.PIPE, check=False)
    return Path(done.stdout.decode().strip())


def test_nothing_of_the_users_is_removed_wherever_it_lies(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    parent = tmp_path / "scratch"
    killed = leave_killed_run(parent)
    home = parent / HOME
    for folder in (parent, home, elsewhere):
        for name in ("thesis", "run-x", "run-8dasmipn", "lost+found"):
            (folder / name).mkdir(parents=True)
            (folder / name / "chapter.txt").write_text("mine")
            (folder / name / "lock").write_text("")
        (folder / "run-y.lock").write_text("mine, not a marker")
        (folder / "run-y").mkdir()
    (home / "run-link").symlink_to(elsewhere)
    (home / "run-link.lock").write_text((home / f"{killed.name}.lock").read_text())
    (home / "run-z.lock").symlink_to(home / f"{killed.name}.lock")
    (home / "run-z").mkdir()
    before = list_tree(tmp_path)
    work = Workspace(parent)
    (work.folder / "cell").mkdir()
    work.close()
    gone = before - list_tree(tmp_path)
    at = f"scratch/{HOME}/{killed.name}"
    assert gone == {at, f"{at}/cell", f"{at}.lock"}
    assert list_tree(tmp_path) <= before | {f"scratch/{HOME}/.caliper-lock"}


def test_run_leaves_nothing_behind(tmp_path: Path) -> None:
    first, second = Workspace(tmp_path), Workspace(tmp_path)
    assert is_private(first.folder)
    assert first.folder.is_dir()  # the second has not taken it for a killed run's
    second.close()
    assert first.folder.is_dir()
    first.close()
    assert list_tree(tmp_path) == set()


def test_killed_run_is_swept_by_the_next(tmp_path: Path) -> None:
    killed = leave_killed_run(tmp_path)
    assert (killed / "cell").is_dir()
    Workspace(tmp_path).close()
    assert list_tree(tmp_path) == set()


def test_runs_that_start_and_end_at_once_do_not_meet(tmp_path: Path) -> None:
    def claim(_: int) -> bool:
        work = Workspace(tmp_path)
        (work.folder / "cell").mkdir()
        there = (work.folder / "cell").is_dir()
        work.close()
        return there

    with ThreadPoolExecutor(8) as executor:
        assert all(executor.map(claim, range(200)))
    assert list_tree(tmp_path) == set()


@pytest.mark.parametrize("kind", ["open to all", "open to the group", "link", "file"])
def test_prepared_folder_is_not_trusted(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    parent = tmp_path / "parent"
    parent.mkdir()
    home = parent / HOME
    if kind == "link":
        home.symlink_to(target)
    elif kind == "file":
        home.write_text("")
    else:
        home.mkdir()
        home.chmod(0o777 if "all" in kind else 0o770)
    work = Workspace(parent)
    assert work.folder.parent.parent == parent
    assert work.folder.parent != home
    assert is_private(work.folder.parent)
    assert not list(target.iterdir())
    assert "it is not used" in caplog.text
    work.close()
    assert list_tree(parent) == {HOME}
    leave_killed_run(parent)
    Workspace(parent).close()
    assert list_tree(parent) == {HOME}


@root_only
def test_folder_of_another_user_is_not_trusted(tmp_path: Path) -> None:
    home = tmp_path / HOME
    home.mkdir(mode=0o700)
    os.chown(home, 65534, 65534)
    assert make_private(tmp_path, HOME) != home


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InfrastructureError, match="name another by CALIPER_CELLS"):
        Workspace(tmp_path / "file" / "cells")


def test_cache_is_made_for_its_user_alone(tmp_path: Path) -> None:
    check_cache(tmp_path / "cache")
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


def test_cache_that_others_can_write_to_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tmp_path.chmod(0o777)
    check_cache(tmp_path)
    check_cache(tmp_path)
    assert caplog.text.count("change what is installed") == 1


@root_only
def test_cache_of_another_user_is_refused_but_to_root(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(tmp_path, 65534, 65534)
    check_cache(tmp_path)
    assert "change what is installed" in caplog.text
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(ConfigError, match="belongs to another user"):
        check_cache(tmp_path)


@pytest.mark.parametrize("kind", ["no rights", "deep", "immutable"])
def test_what_scripts_leave_is_removed(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "cell"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("")
    if kind == "deep":
        code = "import os\nfor _ in range(1200):\n    os.mkdir('d'); os.chdir('d')\n"
        subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    elif kind == "immutable":
        if subprocess.run(["chattr", "+i", folder / "a" / "b" / "file"], check=False).returncode:
            pytest.skip("nobody may make a file immutable here")
    else:
        (folder / "a" / "b").chmod(0)
        (folder / "a").chmod(0)
    (folder / "link").symlink_to(tmp_path)
    remove_tree(folder)
    assert list_tree(tmp_path) == set()


def test_folders_that_are_named_from_here_hold_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALIPER_CACHE", "cache")
    monkeypatch.setenv("CALIPER_CELLS", "cells")
    assert folders.cache_folder() == tmp_path / "cache"
    assert folders.cells_folder(folders.cache_folder(), 1, 1) == tmp_path / "cells"
