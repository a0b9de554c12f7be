"""Which files scripts need: hashed, mounted, packed and copied by one answer."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from calipertf import scripts as scripts_module
from calipertf.config.model import load_config
from calipertf.errors import ConfigError
from calipertf.imports import list_imports
from calipertf.run import sources as sources_module
from calipertf.run import store
from calipertf.run.backends.docker.archives import is_whole, make_context, pack_folder
from calipertf.run.backends.docker.sandbox import REPOSITORY, pack_folders
from calipertf.run.cluster.bundle import pack_bundle, unpack_bundle
from calipertf.run.sources import SourceTree, find_sources
from calipertf.run.store import list_changes, make_fingerprint
from calipertf.scripts import list_scripts, walk_files

ONE_FOLDER = "analysis:\n  dependency: six\n  tests: [suite]\n"
TWO_FOLDERS = "analysis:\n  dependency: six\n  tests: [a, b]\n"
IN_THE_ROOT = "analysis:\n  dependency: six\n  tests: [one.py]\n"


@pytest.mark.parametrize(
    ("config", "script", "needed"),
    [
        (ONE_FOLDER, {"suite/x.py": "1\n"}, "suite/sub/_common.py"),
        (ONE_FOLDER, {"suite/x.py": "1\n"}, "suite/sub/table.csv"),
        (ONE_FOLDER, {"suite/x.py": "1\n"}, "suite/.settings"),
        (ONE_FOLDER, {"suite/x.py": "import helper\n"}, "suite/helper.py"),
        (TWO_FOLDERS, {"a/x.py": "1\n", "b/y.py": "2\n"}, "a/sub/_common.py"),
        (TWO_FOLDERS, {"a/x.py": "import common\n", "b/y.py": "2\n"}, "common.py"),
        (TWO_FOLDERS, {"a/x.py": "'../shared/x.csv'\n", "b/y.py": "2\n"}, "shared/x.csv"),
        (IN_THE_ROOT, {"one.py": "import tools.text\n"}, "tools/text.py"),
        (IN_THE_ROOT, {"one.py": "import _helper\n"}, "_helper.py"),
        (IN_THE_ROOT, {"one.py": "open('table.csv')\n"}, "table.csv"),
        (IN_THE_ROOT, {"one.py": "glob('*.csv')\n"}, "table.csv"),
        (IN_THE_ROOT, {"one.py": "for x in here.iterdir(): ...\n"}, "LICENSE"),
        (IN_THE_ROOT, {"one.py": "1\n"}, "data/deep/x.bin"),
    ],
)
def test_a_change_of_what_scripts_may_read_runs_cells_again(
    write_config: Callable[..., Path], config: str, script: dict[str, str], needed: str
) -> None:
    def fingerprint(content: str) -> dict[str, Any]:
        loaded = load_config(write_config(config, scripts={**script, needed: content}))
        return make_fingerprint(loaded, loaded.scripts, "venv", [])

    old = fingerprint("one = 1\n")
    assert list_changes(old, fingerprint("one = 1\n")) == []
    assert list_changes(old, fingerprint("two = 2\n")) == ["support"]


@pytest.mark.parametrize(
    ("config", "script", "unneeded"),
    [
        (ONE_FOLDER, {"suite/x.py": "1\n"}, "suite/__pycache__/x.pyc"),
        (ONE_FOLDER, {"suite/x.py": "1\n"}, "suite/.git/HEAD"),
        (ONE_FOLDER, {"suite/x.py": "1\n"}, "suite/.caliper/data/x.json"),
        (ONE_FOLDER, {"suite/x.py": "1\n"}, "suite/.x.py.swp"),
        (ONE_FOLDER, {"suite/x.py": "1\n"}, "suite/results/data/x.json"),
        (ONE_FOLDER, {"suite/x.py": "1\n"}, "elsewhere/x.csv"),
        (IN_THE_ROOT, {"one.py": "1\n"}, "README.md"),
        (IN_THE_ROOT, {"one.py": "1\n"}, ".bash_history"),
        (IN_THE_ROOT, {"one.py": "1\n"}, "Videos/holiday.mp4"),
        (IN_THE_ROOT, {"one.py": "open('x.yaml')\n"}, "caliper.yaml"),
    ],
)
def test_a_change_of_anything_else_does_not(
    write_config: Callable[..., Path], config: str, script: dict[str, str], unneeded: str
) -> None:
    def fingerprint(content: str) -> dict[str, Any]:
        path = write_config(config, scripts=script)
        other = path.parent / unneeded
        other.parent.mkdir(parents=True, exist_ok=True)
        with other.open("a") as file:
            file.write(content)
        loaded = load_config(path)
        tree = find_sources(loaded, [path.parent / "suite" / "results"])
        return make_fingerprint(loaded, loaded.scripts, "venv", [], tree)

    assert list_changes(fingerprint("# one\n"), fingerprint("# two\n")) == []


def test_a_file_that_moves_is_another(write_config: Callable[..., Path]) -> None:
    path = write_config(ONE_FOLDER, scripts={"suite/x.py": "1\n", "suite/old/t.csv": "1"})
    before = find_sources(load_config(path)).support
    (path.parent / "suite" / "old").rename(path.parent / "suite" / "new")
    assert find_sources(load_config(path)).support != before


def test_part_of_the_scripts_depends_on_the_same_files(write_config: Callable[..., Path]) -> None:
    path = write_config(TWO_FOLDERS, scripts={"a/x.py": "1\n", "b/y.py": "2\n"})
    config = load_config(path)
    whole = make_fingerprint(config, config.scripts, "venv", [])
    part = make_fingerprint(config, ["a/x.py"], "venv", [])
    assert list_changes(whole, part) == []


def test_another_runner_and_other_variables_run_cells_again(
    write_config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config(write_config(ONE_FOLDER, scripts={"suite/x.py": "1\n"}))
    old = make_fingerprint(config, config.scripts, "venv", [])
    monkeypatch.setattr(store, "hash_runner", lambda: "mended")
    assert list_changes(old, make_fingerprint(config, config.scripts, "venv", [])) == ["runner"]
    monkeypatch.undo()
    monkeypatch.setattr(store, "SCRIPT_ENVIRON", {"TZ": "CET"})
    assert list_changes(old, make_fingerprint(config, config.scripts, "venv", [])) == ["environ"]
    before = {name: value for name, value in old.items() if name != "runner"}
    assert list_changes(before, old) == ["runner"]


def test_links_count_as_what_they_point_to_and_loops_end(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep" / "x.csv").write_text("1")
    suite = tmp_path / "root" / "suite"
    suite.mkdir(parents=True)
    (suite / "x.py").write_text("1\n")
    (suite / "tables").symlink_to(outside)
    (outside / "back").symlink_to(suite)
    (suite / "self").symlink_to("self")
    (suite / "gone").symlink_to("nowhere")
    os.mkfifo(suite / "pipe")
    tree = SourceTree(root=tmp_path / "root", scripts=("suite/x.py",))
    assert [path.relative_to(suite).as_posix() for path in tree.list_files()] == [
        "tables/deep/x.csv",
        "x.py",
    ]
    before = tree.support
    (outside / "deep" / "x.csv").write_text("2")
    assert SourceTree(root=tree.root, scripts=tree.scripts).support != before
    assert not is_whole(suite)


def test_too_many_files_are_refused_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts_module, "MOST_FILES", 3)
    for number in range(4):
        (tmp_path / f"{number}.py").touch()
    with pytest.raises(ConfigError, match=r"set root in caliper\.yaml"):
        list(walk_files(tmp_path))


def test_very_large_data_are_told_by_size_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sources_module, "MOST_HASHED", 10)
    path = tmp_path / "suite" / "x.bin"
    path.parent.mkdir()
    path.write_bytes(b"1" * 20)
    os.utime(path, (1, 1))

    def support() -> str:
        return SourceTree(root=tmp_path, scripts=("suite/a.py",)).support

    before = support()
    assert "noticed by their size and time" in caplog.text
    assert support() == before
    os.utime(path, (2, 2))
    assert support() != before


FILES = {
    "a/x.py": "import common\n",
    "a/__pycache__/x.pyc": "",
    "a/.git/HEAD": "",
    "b/y.py": "2\n",
    "b/deep/t.csv": "3",
    "common.py": "4\n",
    "README.md": "5",
    "env/pyvenv.cfg": "",
}


@pytest.mark.parametrize("way", ["bundle", "copy", "context"])
def test_every_way_into_a_cell_takes_the_same_files(
    write_config: Callable[..., Path], tmp_path: Path, way: str
) -> None:
    config = load_config(write_config(TWO_FOLDERS, scripts=FILES))
    tree = find_sources(config)
    expected = ["a/x.py", "b/deep/t.csv", "b/y.py", "common.py"]
    assert sorted(path.relative_to(tree.root).as_posix() for path in tree.list_files()) == expected
    assert sorted(list_arrivals(way, tree, tmp_path)) == expected


def list_arrivals(way: str, tree: SourceTree, tmp_path: Path) -> list[str]:
    if way == "bundle":
        folder = unpack_bundle(pack_bundle(tree.root, tree.paths), tmp_path / "there")
        return [path.relative_to(folder).as_posix() for path in walk_files(folder)]
    if way == "copy":
        folders: Mapping[Path, str] = {path: f"{REPOSITORY}/{path.name}" for path in tree.paths}
        (archive,) = pack_folders(folders).values()
        return list_tar(archive)
    context = make_context("FROM x\nCOPY . /x\n", tree.root, *tree.paths).getvalue()
    return [name for name in list_tar(context) if name != "Dockerfile.caliper"]


def list_tar(archive: bytes) -> list[str]:
    import io

    with tarfile.open(fileobj=io.BytesIO(archive)) as file:
        return file.getnames()


def test_folders_alone_are_a_volume_each(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.py").write_text("1\n")
    assert pack_folders({tmp_path / "a": "/repository/a"}) == {
        "/repository/a": pack_folder(tmp_path / "a")
    }


@pytest.mark.parametrize(
    ("files", "scripts", "helpers"),
    [
        ({"a.py": "import b", "b.py": "def f(): ..."}, ["a.py"], ["b.py"]),
        ({"a.py": "from . import b", "b.py": "x = 1"}, ["a.py"], ["b.py"]),
        ({"a.py": "from pkg.b import f", "pkg/b.py": "x = 1"}, ["a.py"], ["pkg/b.py"]),
        ({"a.py": "from pkg import b", "pkg/b.py": "", "pkg/_c.py": ""}, ["a.py"], ["pkg/b.py"]),
        ({"a.py": "print 'x'\nimport b\n", "b.py": "print 'y'"}, ["a.py"], ["b.py"]),
        ({"_a.py": "import b", "b.py": "", "c.py": ""}, ["c.py"], ["b.py"]),
        ({"a.py": "import b", "b.py": "if __name__ == '__main__':\n  f()"}, ["a.py", "b.py"], []),
        ({"a.py": "import b", "b.py": "import a"}, ["a.py", "b.py"], []),
        ({"a.py": "import logging", "logging.py": "print(1)"}, ["a.py", "logging.py"], []),
        # Python 2 had modules of these names; beside a script they are the script's.
        ({"a.py": "import commands, parser", "commands.py": "", "parser.py": ""}, ["a.py"],
         ["commands.py", "parser.py"]),
        ({"sub/a.py": "import b", "b.py": "print(1)"}, ["b.py", "sub/a.py"], []),
        ({"a.py": "1", "conftest.py": "", "setup.py": ""}, ["a.py"], ["conftest.py", "setup.py"]),
        ({"a.py": "1", ".venv/x.py": "", "env/pyvenv.cfg": "", "env/y.py": ""}, ["a.py"], []),
        ({"a.py": "(" * 5000}, ["a.py"], []),
    ],
)  # fmt: skip
def test_helpers_are_not_run_as_scripts(
    tmp_path: Path, files: dict[str, str], scripts: list[str], helpers: list[str]
) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = list_scripts(tmp_path)
    names = [[path.relative_to(tmp_path).as_posix() for path in paths] for paths in found]
    assert names == [scripts, helpers]


def test_a_helper_that_is_named_is_a_script_and_one_still(
    write_config: Callable[..., Path],
) -> None:
    text = "analysis:\n  dependency: six\n  tests: [suite, suite/b.py, suite/_c.py]\n"
    files = {"suite/a.py": "import b, _c\n", "suite/b.py": "1\n", "suite/_c.py": "1\n"}
    config = load_config(write_config(text, scripts=files))
    assert (config.scripts, config.helpers) == (("suite/a.py", "suite/b.py", "suite/_c.py"), ())
    before = make_fingerprint(config, ["suite/a.py"], "venv", [])
    (config.root / "suite" / "b.py").write_text("2\n")
    again = make_fingerprint(load_config(config.path), ["suite/a.py"], "venv", [])
    assert list_changes(before, again) == ["support"]


def test_imports_are_read_wherever_they_stand() -> None:
    source = (
        "import a.b, c as d\nfrom e import f\n"
        "try:\n    import g\nexcept ImportError:\n    import h\n"
        "def i():\n    import j\n"
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import k\n"
    )
    found = {item.module: item.optional for item in list_imports(source)}
    assert found == {
        "a.b": False, "c": False, "e": False, "g": True, "h": True, "j": False, "typing": False,
        "k": True,
    }  # fmt: skip
    old = list_imports("print 'x'\nimport m, n as o\nfrom p import q\n")
    assert {item.module for item in old} == {"m", "n", "p"}
