"""Configurations that cannot be meant, or that would never end: each is refused in a sentence."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.projects import PROJECT

from calipertf.cli import count, file
from calipertf.cli import folder as folder_flag
from calipertf.config.model import load_config
from calipertf.errors import CaliperError, ConfigError
from calipertf.files.inputs import read_file
from calipertf.run.dockerfile import render_dockerfile
from calipertf.run.selection import check_flag

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{','.join([f'*{before}'] * 9)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

#: The text of a whole file -> words of the answer.
FILES = [
    (BOMB, "line 1: more than 100,000 values"),
    (MERGES, "more than 100,000 values"),
    (f"? {{{BOMB.splitlines()[0]}}}\n: 1\n", "a key has to be a word"),
    ("[" * 100_000, "lists in lists"),
    ("- " * 5_000, "lists in lists"),
    ("a: " + "{b: " * 5_000, "lists in lists"),
    ("a: &a {<<: *a}\n", "an alias that holds itself"),
    ("analysis: &a\n  args: *a\n", "an alias that holds itself"),
    ("<<: 3\n", "<< takes a mapping"),
    ("%YAML " + "9" * 5000 + ".1\n---\na\n", "is not YAML"),
    ('analysis: "\\UFFFFFFFF"\n', "is not YAML"),
    ('analysis: {"a\\0": 1}\n', "control character 0x0"),
    ("analysis: {1: 2}\n", "unknown key 1"),
    ("a\n---\nb\n", "not YAML"),
]
#: A key and its value -> words of the answer.
VALUES = [
    ("timeout", "1e-9", "it has to be 0.1 or more"),
    ("timeout", "0", "it has to be 0.1 or more"),
    ("timeout", "-1", "it has to be 0.1 or more"),
    ("timeout", ".nan", "timeout is nan"),
    ("timeout", "1e300", "or less"),
    ("timeout", "31536000", "or less"),
    ("timeout", "2021-01-05", "write a number"),
    ("timeout", "!!int x", "not what its tag"),
    ("timeout", "!!bool x", "not what its tag"),
    ("timeout", "0x_", "not what its tag"),
    ("timeout", "9" * 5000, "not what its tag"),
    ("timeout", "[5]", "write a number"),
    ("build_timeout", "1e-9", "it has to be 0.1 or more"),
    ("build_timeout", ".inf", "build_timeout is inf"),
    ("memory", "999999999999TB", "no machine has more than 64TB"),
    ("memory", "9" * 400 + "TB", "no machine has more than 64TB"),
    ("memory", "1B", "less than 16MB"),
    ("memory", "-4GB", "write a size"),
    ("memory", "4 gigabytes", "write a size"),
    ("memory", "[4GB]", "write a size"),
    ("tolerance", "-0.1", "0 or more"),
    ("tolerance", "1", "less than 1"),
    ("tolerance", ".nan", "tolerance is nan"),
    ("jobs", "0", "1 or more"),
    ("jobs", "1000000", "1024 or less"),
    ("jobs", "9" * 30, "jobs is"),
    ("jobs", "1.5", "write a whole number"),
    ("resolve", "2999-01-01", "in the future"),
    ("resolve", "1999-12-31", "there was no package index then"),
    ("resolve", "0001-01-01", "there was no package index then"),
    ("resolve", "2021-02-30", "such as 2021-01-05"),
    ("resolve", "2021-01-05T25:00", "such as 2021-01-05"),
    ("resolve", "yesterday", "such as 2021-01-05"),
    ("resolve", "[]", "name at least one"),
    ("python_versions", "2.0", "there is no such Python"),
    ("python_versions", "9.9", "not a Python version"),
    ("python_versions", "cp00", "not a Python version"),
    ("python_versions", "3.99", "there is no such Python"),
    ("python_versions", "cp" + "3" * 5000, "not a Python version"),
    ("python_versions", "pypy3", "not a Python version"),
    ("versions", "1" * 5000, "not a version selector"),
    ("versions", "'>=frog'", "not a PEP 440 specifier"),
    ("versions", "latest patch of each frog", "not a version selector"),
    ("versions", "latest patch of each minor frog", "not a PEP 440 specifier"),
    ("versions", "''", "not a version selector"),
    ("versions", "{a: 1}", "write a list"),
    ("import_name", "class", "a name that can be imported"),
    ("import_name", "a b", "a name that can be imported"),
    ("import_name", "''", "a name that can be imported"),
    ("index_url", "https://x:99999/simple", "write an address"),
    ("index_url", "https://:80/", "write an address"),
    ("index_url", "'https://x /simple'", "write an address"),
    ("index_url", "file:///simple", "write an address"),
    ("index_url", "http://a..b/", "write an address"),
    ("index_url", "http://" + "a" * 300 + "/", "write an address"),
    ("base_image", "'python:{version.major}'", "the only placeholder is {version}"),
    ("base_image", "'python:{version:>99999999999}'", "the only placeholder is {version}"),
    ("base_image", "'{}'", "the only placeholder is {version}"),
    ("base_image", "'a image'", "write the name of an image"),
    ("base_image", '"python\\nRUN x"', "write the name of an image"),
    ("base_image", "-x", "write the name of an image"),
    ("base_image", "/x", "write the name of an image"),
    ("base_image", "a//b", "write the name of an image"),
    ("base_image", "a:b:c", "write the name of an image"),
    ("base_image", "PYTHON", "write the name of an image"),
    ("base_image", "'python:'", "write the name of an image"),
    ("args", "{a: .nan}", "finite"),
    ("args", "{a: [{b: .inf}]}", "finite"),
    ("args", "{a: !!binary aGk=}", "binary data"),
    ("args", "[1]", "write keys with values"),
    ("name", '"a\\ud800"', "control character 0xd800"),
    ("name", '"\\x1b[31m"', "control character 0x1b"),
    ("requirements", "['numpy<']", "numpy<2"),
    ("requirements", "5", "write a list"),
    ("root", "/", "the whole file system"),
    ("root", "nowhere", "is no folder"),
    ("root", "a.py", "is no folder"),
    ("root", "loop", "is no folder"),
    ("root", "'" + "a" * 5000 + "'", "is no folder"),
    ("data", "/", "is outside"),
    ("data", "/etc", "is outside"),
    ("data", "..", "is outside"),
    ("data", "top", "which holds"),
    ("data", "a.py", "is not a folder"),
    ("data", "'" + "a" * 5000 + "'", "is not a folder"),
    ("dockerfile", "/dev/zero", "a device, not a file"),
    ("dockerfile", "pipe", "a pipe, not a file"),
    ("dockerfile", "s", "it is a folder"),
    ("dockerfile", "dangling.py", "a link that leads nowhere"),
    ("dockerfile", "loop", "a loop of links"),
    ("dockerfile", "large", "more than 1 MB"),
    ("tests", "zero.py", "a device, not a file"),
    ("tests", "pipe", "a pipe, not a file"),
    ("tests", "socket", "a socket, not a file"),
    ("tests", "dangling.py", "a link that leads nowhere"),
    ("tests", "loop", "a loop of links"),
    ("tests", "outside.py", "outside of"),
    ("tests", "odd", "a link that leads nowhere"),
    ("tests", "'*.py'", "outside of"),
    ("tests", "huge.py", "more than 16 MB"),
    ("tests", "/etc/passwd", "no script"),
    ("tests", "'**/**/**/**/**/**/**/**/**/x*.py'", "no script"),
    ("tests", "'" + "a" * 5000 + "'", "no script"),
    ("tests", "''", "no script"),
    ("tests", "[[a.py]]", "put quotes|text"),
    ("tests", "{a.py: 1}", "write a list"),
    ("baselines", "{/etc: {version: 1, python: 3.8}}", "there is no suite"),
    ("baselines", "{./s: {version: 1, python: 3.8}}", "write it as 's'"),
    ("baselines", "{s: {version: 1, python: 9.9}}", "not a Python version"),
    ("baselines", "{s: {version: 1, python: 3.99}}", "no such Python"),
    ("baselines", "{s: {version: all, python: 3.8}}", "not a PEP 440 version"),
    ("baselines", "{s/: {version: 1, python: 3.8}, s: {version: 1, python: 3.8}}", "as well"),
    ("baselines", "[s]", "write keys with values"),
    ("environment", "[venv]", "allowed"),
    ("network", "maybe", "write true or false"),
    ("dependency", "six==1.0", "name of one package"),
    ("dependency", "[six]", "write one text"),
    ("keep_weels", "true", "did you mean keep_wheels"),
]
GOOD = [
    ("timeout", "0.5"),
    ("memory", "64TB"),
    ("resolve", "2003-01-01"),
    ("python_versions", "[2.7, 3.15, cp36]"),
    ("index_url", "http://127.0.0.1:8080/simple"),
    ("base_image", "'registry.example:5000/p/python@sha256:00'"),
    ("base_image", "'Registry.example/p__q/py-thon:{version}-slim-bullseye'"),
    ("base_image", "localhost/python"),
    ("index_url", "https://bücher.example/simple"),
    ("data", "data_outside"),
    ("data", "."),
    ("tests", "inside.py"),
    ("args", "{day: 2021-01-05, deep: {a: [1, true, ~]}}"),
    ("tests", "[" + ", ".join(["a.py"] * 3000) + "]"),
    ("name", "'" + "a" * 1_000_000 + "'"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of scripts beside everything that is no script."""
    folder = tmp_path_factory.mktemp("config")
    for name in ("a.py", "s/b.py", "odd/c.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("print(1)\n")
    (folder / "Dockerfile").write_text("FROM {{ base }}\n")
    for name, target in {
        "inside.py": "s/b.py",
        "outside.py": "/etc/passwd",
        "zero.py": "/dev/zero",
        "dangling.py": "nowhere",
        "odd/d.py": "nowhere",
        "loop": "loop",
        "top": "/",
        "data_outside": "/etc",
    }.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe")
    for name, size in {"large": 2 * 1024**2, "huge.py": 1024**4}.items():
        with (folder / name).open("wb") as file:
            file.truncate(size)
    with socket.socket(socket.AF_UNIX) as listener:
        before = Path.cwd()
        os.chdir(folder)  # the path of a socket may be a hundred characters long
        listener.bind("socket")
        os.chdir(before)
        yield folder


def write(folder: Path, text: str) -> Path:
    path = folder / "caliper.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return path


def make(key: str, value: str) -> str:
    lines = {"dependency": "six", "tests": "a.py", key: value}
    return "analysis:\n" + "".join(f"  {name}: {text}\n" for name, text in lines.items())


@pytest.mark.parametrize(("text", "words"), FILES, ids=range(len(FILES)))
def test_file_that_is_no_configuration(folder: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_config(write(folder, text))


@pytest.mark.parametrize(
    ("key", "value", "words"), VALUES, ids=[f"{key}-{value[:20]}" for key, value, _ in VALUES]
)
def test_value_that_cannot_be_meant(folder: Path, key: str, value: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(folder, make(key, value)))
    told = str(caught.value)
    assert any(word in told for word in words.split("|")), told
    assert len(told) < 4000


@pytest.mark.parametrize(("key", "value"), GOOD, ids=[f"{k}-{v[:20]}" for k, v in GOOD])
def test_value_that_can_be_meant(folder: Path, key: str, value: str) -> None:
    assert load_config(write(folder, make(key, value))).scripts


def test_merged_keys_give_way_to_a_mappings_own(folder: Path) -> None:
    text = (
        "analysis:\n  dependency: six\n  tests: a.py\n  args:\n    base: &b {x: 1, y: 2}\n"
        "    all: {x: 3, <<: *b}\n"
    )
    assert load_config(write(folder, text)).analysis.args["all"] == {"x": 3, "y": 2}


def test_thousands_of_problems_are_told_in_a_few_lines(folder: Path) -> None:
    names = ", ".join(f"x{number}.py" for number in range(3000))
    with pytest.raises(ConfigError, match="3000 problems") as caught:
        load_config(write(folder, make("tests", f"[{names}]")))
    assert "and 2970 more" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/dev/zero", "a device"),
        ("/dev/full", "a device"),
        ("pipe", "a pipe"),
        ("socket", "a socket"),
        ("s", "a folder"),
        ("loop", "a loop of links"),
        ("dangling.py", "leads nowhere"),
        ("huge.py", "more than 8 MB"),
        ("nowhere.yaml", "does not exist"),
        ("a" * 5000, "File name too long"),
        ("a\0b", "no file can have this name"),
    ],
    ids=lambda value: value[:20].replace("\0", "0"),
)
def test_configuration_that_is_no_file(folder: Path, name: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_config(folder / name)


def test_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_file(path, largest=5) == b"12345"
    with pytest.raises(OSError, match="it has more than"):
        read_file(path, largest=4)
    # What says that it is empty, and is not.
    assert b"Name:" in read_file(Path("/proc/self/status"))


@pytest.mark.parametrize(
    "template",
    [
        "{{ 1 / 0 }}",
        "{{ base + 1 }}",
        "{% include 'x' %}",
        "{{ nothing }}",
        "{% frog",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 'x' * 10 ** 10 }}",
        "{{ [1] * 10000000000 }}",
        "{% for i in range(1000000000) %}x{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ base.__class__.__mro__ }}",
    ],
)
def test_template_that_cannot_be_filled_in(template: str) -> None:
    from calipertf.formats.records import Cell

    with pytest.raises(ConfigError, match="dockerfile template"):
        render_dockerfile(
            template,
            cell=Cell(package="six", version="1.10.0", python="cp38"),
            file=PROJECT.files[0],
            base_image="python:{version}",
            args={},
        )


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "9" * 5000, "100000", "²", "", "x"])
def test_jobs_that_cannot_be_meant(text: str) -> None:
    from argparse import ArgumentTypeError

    with pytest.raises(ArgumentTypeError, match="whole number of 1 to 1024"):
        count(text)


@pytest.mark.parametrize("value", ["9.9", "2.0", "cp00", "3.99"])
def test_flags_are_checked_as_the_file_is(value: str) -> None:
    from calipertf.config.values import check_python

    check: Callable[[str], str] = check_python
    with pytest.raises(CaliperError, match=value):
        check_flag("--python", [value], check)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "it is empty"),
        (" ", "it is empty"),
        ("a.py", "it is a file"),
        ("a.py/x", "Not a directory"),
        ("loop", "a loop of links"),
        ("dangling.py", "leads nowhere"),
        ("pipe", "a pipe"),
        ("/dev/null", "a device"),
        ("a" * 300, "name too long"),
    ],
)
def test_folder_of_a_flag_that_can_be_none(folder: Path, name: str, words: str) -> None:
    from argparse import ArgumentTypeError

    with pytest.raises(ArgumentTypeError, match=words):
        folder_flag(str(folder / name) if name.strip() else name)


def test_folder_of_a_flag_may_be_one_to_come(folder: Path) -> None:
    assert folder_flag(str(folder / "new" / "er")) == folder / "new" / "er"
    assert folder_flag(str(folder / "data_outside")) == folder / "data_outside"
    assert file("x") == Path("x")


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("--index-url", "frog", "write an address"),
        ("--index-url", "http://a..b/", "write an address"),
        ("--index-url", "", "write an address"),
        ("--index-url", "https://u:hunter22@x/", "netrc"),
        ("--package", "", "name of one package"),
        ("--package", "../x", "name of one package"),
        ("--package", "celery[redis]", "name of one package"),
    ],
)
def test_flags_of_stage_2_are_checked_as_the_file_is(
    tmp_path: Path, flag: str, value: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from calipertf.assess import main as stage
    from calipertf.assess.options import add_arguments
    from calipertf.cli import make_parser, run_main

    parser = make_parser("", example="")
    add_arguments(parser)
    assert run_main(parser, stage.run_stage, ["--dir", str(tmp_path), flag, value]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "hunter22" not in told
