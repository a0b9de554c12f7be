"""Which name a distribution is imported by, read from what it installed, in every Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from calipertf.run.backends.venv.interpreters import find_interpreter
from calipertf.run.runner import CELL_RUNNER

OLD = [found for tag in ("cp27", "cp36", "cp37") if (found := find_interpreter(tag))]
PYTHONS = [sys.executable, *(found.source for found in OLD)]
#: Distribution, files that it installed, other metadata, the name.
INSTALLED = {
    # Wheels of flit, poetry and hatch have no top_level.txt.
    "markdown-it-py": (
        ["markdown_it/__init__.py", "markdown_it/cli/__init__.py"],
        {},
        "markdown_it",
    ),
    "PyYAML": (["_yaml/__init__.py", "yaml/__init__.py"], {}, "yaml"),
    "six": (["six.py"], {}, "six"),
    "Pillow": (["PIL/__init__.py"], {}, "PIL"),
    "Flask": (["flask/__init__.py", "../../../bin/flask"], {}, "flask"),
    "python-dateutil": (["dateutil/__init__.py", "dateutil/tz/__init__.py"], {}, "dateutil"),
    "msgpack-python": (["msgpack/__init__.py", "tests/__init__.py"], {}, "msgpack"),
    "beautifulsoup4": (["bs4/__init__.py"], {}, "bs4"),
    "tensorflow-gpu": (
        ["tensorflow/__init__.py", "tensorflow_core/__init__.py"],
        {},
        "tensorflow",
    ),
    "attrs": (["attr/__init__.py", "attrs/__init__.py"], {}, "attrs"),
    "ujson": (["ujson.cpython-37m-x86_64-linux-gnu.so"], {}, "ujson"),
    "google-cloud-storage": (
        ["google/cloud/storage/__init__.py", "google/cloud/storage_v1/__init__.py"],
        {},
        "google.cloud.storage",
    ),
    "protobuf": (
        ["google/__init__.py", "google/protobuf/__init__.py", "google/protobuf/a/__init__.py"],
        {"namespace_packages.txt": "google\n"},
        "google.protobuf",
    ),
    "ruamel.yaml": (["ruamel/yaml/__init__.py"], {}, "ruamel.yaml"),
    "sphinxcontrib-x": (["sphinxcontrib/x.py"], {}, "sphinxcontrib.x"),
    "weird": (["other/__init__.py", "docs/__init__.py"], {}, "other"),
    "old-egg": ([], {"top_level.txt": "egg\n_egg\n"}, "egg"),
    "no-files": ([], {}, "no_files"),
}
PROGRAM = f"""
import sys
sys.path.insert(0, {str(CELL_RUNNER.parent)!r})
from cell_runner import names
sys.path[:] = sys.argv[1:2]
for name in sys.argv[2:]:
    print(names.find_import_name(name))
"""


@pytest.mark.parametrize("python", PYTHONS)
def test_name_is_read_from_the_list_of_files(tmp_path: Path, python: str) -> None:
    for name, (files, more, _) in INSTALLED.items():
        folder = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        record = [f"{path},sha256=x,1\n" for path in [*files, f"{folder.name}/METADATA"]]
        (folder / "RECORD").write_text("".join(record))
        for title, text in more.items():
            (folder / title).write_text(text)
    command = [python, "-B", "-c", PROGRAM, str(tmp_path), *INSTALLED, "not-there"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    expected = [name for _, _, name in INSTALLED.values()]
    assert done.stdout.splitlines() == [*expected, "not_there"]
