"""Whatever stands in caliper.yaml, the answer is a configuration or a CaliperError."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from helpers.projects import PROJECT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calipertf.config.model import Analysis, load_config
from calipertf.errors import CaliperError
from calipertf.index.tags import linux_platforms
from calipertf.run.dockerfile import render_dockerfile
from calipertf.run.plan import Selection, plan_grid
from calipertf.run.store import make_fingerprint

MANY = settings(
    max_examples=5000,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
VALID = {
    "name": "a grid",
    "dependency": "six",
    "versions": "[1.10.0, 1.16.0]",
    "python_versions": "[3.8, cp37]",
    "resolve": "[today, release, 2021-01-20]",
    "environment": "venv",
    "tests": "[s, a.py]",
    "baselines": "{s: {version: 1.16.0, python: 3.8, resolve: today}}",
    "timeout": "20",
    "memory": "512MB",
    "tolerance": "1e-3",
    "jobs": "2",
    "requirements": "['numpy<2']",
    "index_url": "https://pypi.org/simple/",
    "args": "{flavour: plain}",
    "data": "data",
    "base_image": "'python:{version}'",
    "dockerfile": "Dockerfile",
    "root": ".",
}
#: Pieces of YAML that some reader was once surprised by.
_PIECES = """
~|''|"\\0"|"\\ud800"|"\\x1b[31m"|"\\UFFFFFFFF"|true|no|.nan|-.inf|.inf|0|-1|1e-9|1e999|0x_|0b2|1_000
99999999999999999999|1:60:60|2021-13-45|2021-01-05|2021-01-05 10:00:00|1899-12-31|2999-01-01
!!int x|!!float x|!!bool x|!!timestamp x|!!binary aGk=|!!binary '%'|!!python/none x|!frog x|!!null x
[]|{}|[[]]|[~]|[1, a, ~]|{a: 1}|{a: {b: {c: 1}}}|&a [*a]|*nowhere|&a {<<: *a}|{<<: 3}|{? [a, b] : 1}
{<<: {x: 1}}|[a.py, a.py]|'**'|'**/*'|'[z-a]'|'**x'|/etc/passwd|../a.py|/|.|./s|s/|s//|"a\\nb"
999999999999TB|1B|1KB|64TB|9.9|2.0|cp00|cp3|cp399|3.99|">=3.8"|">=9"|"==1.*"|"===x"|all|latest
latest patch of each minor|latest patch of each frog|1!2.0|1.0+local|v1|'1.0,2.0'|six==1|'six[x]'
numpy @ file:///x|'numpy; python_version<"3"'|ftp://x/|https://|https://x:99999/|https://u:p@x/
'{version}'|'{version.x}'|'{version[0]}'|'{}'|'{'|python:{version:>99999999999}|a b|class|a.b.c|1a
|pipe|loop|dangling|folder.py|device|outside.py|long
"""
LONG = ("'" + "a" * 5000 + "'", "1" * 5000, "[" * 60 + "]" * 60)
ODD = [*_PIECES.replace("\n", "|").split("|"), *LONG]
KEYS = [*Analysis.model_fields, "resolv", "Tests", "analysis", "<<", "? x", "", "'a b'", "1"]
VALUES = st.sampled_from(ODD) | st.sampled_from(list(VALID.values())) | st.text(max_size=12)


@st.composite
def write_config(draw: st.DrawFn) -> str:
    """A good file with a few of its keys changed, taken out, added or given twice."""
    lines = dict(VALID)
    for key in draw(st.lists(st.sampled_from(list(VALID)), max_size=6)):
        lines.pop(key, None)
    changed = draw(st.lists(st.tuples(st.sampled_from(KEYS), VALUES), max_size=3))
    # Either as they are, some keys twice, or each once.
    pairs = [*lines.items(), *changed]
    if draw(st.booleans()):
        pairs = list(dict(pairs).items())
    text = "analysis:\n" + "".join(f"  {key}: {value}\n" for key, value in pairs)
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.text(max_size=3)) + text[at + draw(st.integers(0, 4)) :]
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of scripts beside everything that is no script."""
    folder = tmp_path_factory.mktemp("config")
    for name in ("s/b.py", "a.py", "data/x.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("print(1)\n")
    (folder / "Dockerfile").write_text("FROM {{ base }}\n{{ flavour }}\n")
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "folder.py").mkdir()
    (folder / "device").symlink_to("/dev/zero")
    (folder / "outside.py").symlink_to("/etc/passwd")
    return folder


PLATFORMS = linux_platforms()[:2]


def plan(path: Path) -> int:
    """Everything of stage 1 that needs neither a network nor an environment."""
    config = load_config(path)
    planned = plan_grid(config, PROJECT, PLATFORMS, Selection())
    analysis = config.analysis
    for item in planned[:2]:
        if item.file is not None:
            render_dockerfile(
                config.template,
                cell=item.cell,
                file=item.file,
                base_image=analysis.base_image,
                args=analysis.args,
                requirements=analysis.requirements,
            )
    made = make_fingerprint(config, config.scripts, "docker", ())
    assert json.loads(json.dumps(made, allow_nan=False)) == made, "a record gives it back as it is"
    return len(planned)


def check(path: Path, content: bytes) -> bool:
    """Whether a file is planned; else it was refused in words."""
    path.write_bytes(content)
    try:
        return plan(path) > 0
    except CaliperError as error:
        told = str(error), error.exit_code
    assert told[0]
    assert told[1] in {2, 3}
    return False


def test_good_file_is_planned(folder: Path) -> None:
    text = "analysis:\n" + "".join(f"  {key}: {value}\n" for key, value in VALID.items())
    assert check(folder / "caliper.yaml", text.encode())


def test_any_configuration_is_planned_or_refused(folder: Path) -> None:
    found = []

    @MANY
    @given(write_config())
    def try_config(text: str) -> None:
        found.append(check(folder / "caliper.yaml", text.encode("utf-8", "surrogatepass")))

    try_config()
    assert 200 < sum(found) < len(found) - 200, "both answers were asked for"


@settings(MANY, max_examples=1000)
@given(content=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode()))
def test_any_bytes_are_refused(folder: Path, content: bytes) -> None:
    assert not check(folder / "caliper.yaml", content)
