from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from calipertf.config.model import Config, load_config
from calipertf.errors import ConfigError

Write = Callable[..., Path]


def load(write_config: Write, body: str, **options: dict[str, str]) -> Config:
    return load_config(write_config("analysis:\n" + body, **options))


def test_yaml_traps_are_read_as_written(write_config: Write) -> None:
    config = load(
        write_config,
        "  dependency: tensorflow\n  tests: a.py\n  versions: [2.10, 1.20]\n"
        "  python_versions: [3.10, 3.7, cp38]\n  resolve: [2021-01-05, release]\n",
    )
    assert config.analysis.versions == ["2.10", "1.20"]
    assert config.analysis.python_versions == ["cp310", "cp37", "cp38"]
    assert config.analysis.resolve == ["2021-01-05", "release"]


def test_file_of_the_original_is_read(write_config: Write) -> None:
    config = load(
        write_config,
        "  name: Testing tensorflow\n  packagemanager: pypi\n  dockerfile: Dockerfile\n"
        "  dependency: tensorflow\n  versions:\n  python_versions:\n   - cp27\n"
        "  tests:\n    - tensorflow_v1/1_Introduction/helloworld.py\n  args:\n    flavour: plain\n",
        scripts={"tensorflow_v1/1_Introduction/helloworld.py": ""},
    )
    assert config.analysis.versions is None
    assert config.analysis.args == {"flavour": "plain"}
    assert config.scripts == ("tensorflow_v1/1_Introduction/helloworld.py",)
    assert config.analysis.resolve == ["today"]


def test_folders_and_globs_of_scripts(write_config: Write) -> None:
    scripts = {
        "s/b.py": "",
        "s/a.py": "",
        "s/_skip.py": "",
        "t/x1.py": "",
        "t/x2.py": "",
        "t/n": "",
    }
    config = load(write_config, "  dependency: six\n  tests: [s, 't/x*.py']\n", scripts=scripts)
    assert config.scripts == ("s/a.py", "s/b.py", "t/x1.py", "t/x2.py")


def test_suite_is_the_longest_that_fits(write_config: Write) -> None:
    config = load(
        write_config,
        "  dependency: six\n  tests: [s]\n  memory: 512MB\n  baselines:\n"
        "    s: {version: 1.10, python: 3.8}\n    s/deep: {version: 1.11.0, python: cp39}\n",
        scripts={"s/a.py": "", "s/deep/b.py": ""},
    )
    assert config.find_suite("s/deep/b.py") == "s/deep"
    assert config.find_suite("s/a.py") == "s"
    assert config.analysis.baselines["s"].version == "1.10"
    assert config.analysis.baselines["s"].python == "cp38"
    assert config.analysis.memory == 512 * 1024**2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("  tests: a.py\n", ["dependency is missing"]),
        ("  dependency: six\n  tests: a.py\n  resolv: today\n", ["line 4", "did you mean resolve"]),
        ("  dependency: six\n  tests: [b.py]\n", ["line 3", "no script at 'b.py'"]),
        (
            "  dependency: six\n  tests: a.py\n  environment: dockr\n  timeout: soon\n",
            ["line 4", "did you mean docker", "line 5", "timeout is 'soon'", "2 problems"],
        ),
        ("  dependency: six\n  tests: a.py\n  versions: [frog]\n", ["line 4", "frog"]),
        ("  dependency: six\n  tests: a.py\n  python_versions: cp3x\n", ["cp3x", "cp310"]),
        ("  dependency: six\n  tests: a.py\n  resolve: [2021-13-05]\n", ["2021-13-05", "release"]),
        ("  dependency: six\n  tests: a.py\n  tests: a.py\n", ["line 4", "is given twice"]),
        (
            "  dependency: six\n  tests: a.py\n  baselines:\n    a.py: {version: 1, pyton: 3.7}\n",
            ["did you mean python", "baselines.a.py.python is missing"],
        ),
        ("  dependency: six\n  tests: a.py\n  dockerfile: Dokerfile\n", ["line 4", "Dokerfile"]),
        ("  dependency: six\n\ttests: a.py\n", ["line 3", "tab"]),
        ("  dependency: [six\n", ["not YAML"]),
        ("  dependency: six\n  tests: []\n", ["line 3", "tests names no script"]),
        ("  dependency: six\n  tests: ['**x/[']\n", ["line 3", "no script"]),
        ("  dependency: six\n  tests: [a.py, ../b.py]\n", ["no script at '../b.py'"]),
        ("  dependency: six\n  tests: [b.ipynb]\n", ["line 3", "nbconvert --to script b.ipynb"]),
        ("  dependency: six\n  tests: ['*.IPYNB']\n", ["line 3", "is no script"]),
        ("  dependency: six==1.16\n  tests: a.py\n", ["line 2", "name of one package"]),
        ("  dependency: six\n  tests: a.py\n  versions: []\n", ["leave the key out"]),
        ("  dependency: six\n  tests: a.py\n  resolve: [2999-01-01]\n", ["in the future"]),
        ("  dependency: six\n  tests: a.py\n  resolve: [20210105]\n", ["such as 2021-01-05"]),
        ("  dependency: six\n  tests: a.py\n  timeout: .inf\n", ["timeout is inf"]),
        ("  dependency: six\n  tests: a.py\n  jobs: true\n", ["jobs is True", "a number"]),
        ("  dependency: six\n  tests: a.py\n  memory: 4\n", ["less than 16MB"]),
        ("  dependency: six\n  tests: a.py\n  requirements: ['numpy<']\n", ["item 1", "numpy<2"]),
        (
            "  dependency: six\n  tests: a.py\n  requirements: requirements.txt\n",
            ["files", "numpy"],
        ),
        ("  dependency: six\n  tests: a.py\n  requirements: [-r x.txt]\n", ["item 1", "files"]),
        ("  dependency: six\n  tests: a.py\n  requirements: [./x]\n", ["item 1", "files"]),
        ("  dependency: six\n  tests: a.py\n  import_name: os; x\n", ["sklearn"]),
        ("  dependency: six\n  tests: a.py\n  index_url: pypi.org\n", ["https://"]),
        ("  dependency: six\n  tests: a.py\n  base_image: 'p:{versoin}'\n", ["{version}"]),
        ("  dependency: six\n  tests: a.py\n  root: nix\n", ["line 4", "'nix' is no folder"]),
        ("  dependency: six\n  tests: a.py\n  name: 'a\0b'\n", ["line 4", "control character"]),
        ("  dependency: six\n  tests: a.py\n  args: &a\n    b: *a\n", ["alias"]),
        (
            "  dependency: six\n  verions: 1.0\n  tests: [b.py]\n  dockerfile: Dokerfile\n",
            ["3 problems", "did you mean versions", "no script at 'b.py'", "Dokerfile"],
        ),
    ],
)
def test_problems_name_line_key_and_way_out(
    write_config: Write, body: str, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write_config, body)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("pattern", ["books", "books/*"])
def test_folder_of_notebooks_alone_is_refused(write_config: Write, pattern: str) -> None:
    scripts = {"a.py": "", "books/deep/b.ipynb": "{}", "books/c.ipynb": "{}"}
    text = f"analysis:\n  dependency: six\n  tests: [{pattern}]\n"
    with pytest.raises(ConfigError, match=r"nbconvert --to script books/c\.ipynb"):
        load_config(write_config(text, scripts=scripts))


def test_conftest_and_notebooks_beside_scripts_are_no_scripts(write_config: Write) -> None:
    scripts = {"s/conftest.py": "", "s/a.ipynb": "{}", "s/test_a.py": "def test_a(): pass\n"}
    text = "analysis:\n  dependency: six\n  tests: [s]\n"
    assert load_config(write_config(text, scripts=scripts)).scripts == ("s/test_a.py",)


def test_problems_are_told_by_line(write_config: Write) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write_config, "  tests: [b.py]\n  timeout: soon\n  frog: 1\n")
    lines = [line.split(":")[0] for line in str(caught.value).splitlines()[1:]]
    assert lines == [f"  line {number}" for number in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "nothing"), ("- a\n", "list"), ("analysys:\n  a: 1\n", "did you mean analysis")],
)
def test_file_without_analysis(write_config: Write, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_config(write_config(text))


def test_file_that_is_no_text_is_told_by_line(tmp_path: Path) -> None:
    path = tmp_path / "caliper.yaml"
    path.write_bytes(b"analysis:\n  name: caf\xe9\n")
    with pytest.raises(ConfigError, match="line 2"):
        load_config(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--config"):
        load_config(tmp_path / "nowhere.yaml")


def test_extras_of_the_package_become_a_requirement(write_config: Write) -> None:
    config = load(write_config, "  dependency: celery[redis]\n  tests: a.py\n  requirements: six\n")
    assert config.analysis.dependency == "celery"
    assert config.analysis.requirements == ["six", "celery[redis]"]


def test_template_that_nobody_named_is_ours(write_config: Write) -> None:
    path = write_config("analysis:\n  dependency: six\n  tests: a.py\n")
    (path.parent / "Dockerfile").unlink()
    assert "FROM {{ base }}" in load_config(path).template
