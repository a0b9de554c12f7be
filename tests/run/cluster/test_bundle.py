"""Scripts packed for the road."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from calipertf.errors import ConfigError
from calipertf.run.cluster import bundle
from calipertf.run.cluster.bundle import pack_bundle, unpack_bundle


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content of " + os.fsencode(name))


def list_files(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): os.fsdecode(path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_a_folder_arrives_as_scripts_see_it(tmp_path: Path) -> None:
    root = tmp_path / "here"
    write(root, "suite/a.py", "suite/deep/data.txt", "suite/.hidden", "elsewhere/b.py")
    write(root, "suite/.git/c", "suite/__pycache__/d.py", "suite/results/e", "suite/venv/f.py")
    write(root, "suite/venv/pyvenv.cfg", "outside.txt")
    (root / "suite" / "link.txt").symlink_to(root / "outside.txt")
    packed = pack_bundle(root, [root / "suite"], leave_out=[root / "suite" / "results"])
    folder = unpack_bundle(packed, tmp_path / "there")
    assert list_files(folder) == {
        "suite/a.py": "content of suite/a.py",
        "suite/deep/data.txt": "content of suite/deep/data.txt",
        "suite/.hidden": "content of suite/.hidden",
        "suite/link.txt": "content of outside.txt",
    }


def test_odd_names_and_loops_of_links_travel(tmp_path: Path) -> None:
    root = tmp_path / "here"
    write(root, "suite/with space/ä.py", "suite/\udcff.txt")
    (root / "suite" / "loop").symlink_to(root / "suite")
    folder = unpack_bundle(pack_bundle(root, [root / "suite"]), tmp_path / "there")
    assert set(list_files(folder)) == {"suite/with space/ä.py", "suite/\udcff.txt"}


def test_what_lies_outside_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "shared/n.txt", "here/suite/a.py")
    root = tmp_path / "here"
    with pytest.raises(ConfigError, match="outside"):
        pack_bundle(root, [root / "suite", root / "../shared"])


def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "suite/a.py")

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ConfigError, match=r"suite/a\.py cannot be sent"):
        pack_bundle(tmp_path, [tmp_path / "suite"])


def test_it_is_unpacked_once(tmp_path: Path) -> None:
    write(tmp_path, "suite/a.py")
    packed = pack_bundle(tmp_path, [tmp_path / "suite"])
    first = unpack_bundle(packed, tmp_path / "there")
    (first / "mark").touch()
    assert unpack_bundle(packed, tmp_path / "there") == first
    assert (first / "mark").exists()
    assert [path.name for path in (tmp_path / "there").iterdir()] == [first.name]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda path: path.touch(), True),
        (lambda path: path.write_text("other"), False),
        (lambda path: path.chmod(0o755), False),
        (lambda path: path.rename(path.with_name("b.py")), False),
    ],
    ids=["time", "content", "mode", "name"],
)
def test_the_hash_is_that_of_the_content(tmp_path: Path, change: object, same: bool) -> None:
    write(tmp_path, "suite/a.py")
    before = pack_bundle(tmp_path, [tmp_path / "suite"]).digest
    change(tmp_path / "suite" / "a.py")
    assert (pack_bundle(tmp_path, [tmp_path / "suite"]).digest == before) is same


def test_too_much_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "LIMIT", 10)
    write(tmp_path, "suite/big.bin")
    with pytest.raises(ConfigError, match=r"suite/big\.bin"):
        pack_bundle(tmp_path, [tmp_path / "suite"])
