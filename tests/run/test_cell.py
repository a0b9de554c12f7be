from __future__ import annotations

import json

import pytest

from calipertf.formats.records import Run
from calipertf.run.cell import explain_import, read_run


def test_half_a_character_stands_as_its_escape() -> None:
    # Python 2.7 reads the bytes ED A0 80 as one.
    line = '{"output": "a \\ud800\\n", "error": "", "retval": 0, "ended": "exit", "cut": 0}'
    assert read_run(json.loads(line)).output == ("a \\ud800\n",)


@pytest.mark.parametrize(
    ("asked", "modules", "hint"),
    [
        ("frog", ["packaging"], "; import_name of caliper.yaml is frog, and the package brings"),
        ("packaging.frog", ["packaging"], None),
        ("frog", [], None),
        (None, ["packaging"], None),
    ],
)
def test_failed_import_says_what_import_name_does_not_fit(
    asked: str | None, modules: list[str], hint: str | None
) -> None:
    tried = Run(error=("ModuleNotFoundError: No module named 'frog'\n",), retval=1)
    told = explain_import(tried, asked, {"import_name": "frog", "modules": modules}) or ""
    assert told.startswith("import frog fails: ModuleNotFoundError: No module named 'frog'")
    assert told.endswith("'frog'") if hint is None else hint in told
