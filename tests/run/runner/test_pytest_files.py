"""Files of pytest tests: which scripts are, and what becomes of their tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.run_scripts import run

from calipertf.config.model import load_config
from calipertf.reasons.last_words import parse_exception
from calipertf.reasons.owners import make_owners
from calipertf.run.cell import read_run
from calipertf.run.judge import judge_failure
from calipertf.run.runner.pytest_files import explain_pytest, is_pytest_file

TEST = "def test_a(): pass\n"


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("test_a.py", TEST, True),
        ("a_test.py", TEST, True),
        ("a.py", TEST, False),
        ("tests.py", TEST, False),
        ("test_a.py", "async def test_a(): pass\n", True),
        ("test_a.py", "class TestA:\n    def test_a(self): pass\n", True),
        ("test_a.py", "import unittest as u\nclass A(u.TestCase): pass\n", True),
        (
            "test_a.py",
            "try:\n    import x\nexcept ImportError:\n    x = 1\nelse:\n    " + TEST,
            True,
        ),
        ("test_a.py", "if x:\n    " + TEST, True),
        ("test_a.py", "print('a script')\n", False),
        ("test_a.py", "def helper(): pass\nprint(helper())\n", False),
        ("test_a.py", TEST + "if __name__ == '__main__':\n    test_a()\n", False),
        ("test_a.py", "print 'old'\n" + TEST, True),
        ("test_a.py", "print 'old'\nclass A(unittest.TestCase):\n    pass\n", True),
        ("test_a.py", "print 'old'\n" + TEST + "if __name__ == '__main__':\n    test_a()\n", False),
        ("test_a.py", "print 'old'\n", False),
        ("test_a.py", "", False),
        ("test_a.py", "\0", False),
    ],
)
def test_what_is_a_pytest_file(tmp_path: Path, name: str, source: str, expected: bool) -> None:
    (tmp_path / name).write_text(source)
    assert is_pytest_file(tmp_path / name) is expected


def test_file_in_another_encoding_is_read_as_python_reads_it(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_bytes(
        "# coding: latin-1\n# é\n".encode("latin-1") + TEST.encode()
    )
    assert is_pytest_file(tmp_path / "test_a.py")
    assert not is_pytest_file(tmp_path / "test_none.py")


@pytest.mark.parametrize(
    ("dependency", "requirements", "told"),
    [
        ("six", "[]", True),
        ("six", "[numpy]", True),
        ("six", "['pytest>=7']", False),
        ("six", "[pytest-asyncio==0.23.3]", False),
        ("pytest", "[]", False),
    ],
)
def test_missing_pytest_is_told_with_the_plan(
    write_config: Callable[..., Path], dependency: str, requirements: str, told: bool
) -> None:
    text = f"analysis:\n  dependency: {dependency}\n  tests: [test_a.py, b.py]\n"
    scripts = {"test_a.py": TEST, "b.py": ""}
    config = load_config(write_config(f"{text}  requirements: {requirements}\n", scripts=scripts))
    lines = explain_pytest(config, config.scripts)
    assert [("requirements: [pytest]" in line, "test_a.py" in line) for line in lines] == (
        [(True, True)] if told else []
    )
    assert explain_pytest(config, ["b.py"]) == []


def run_tests(tmp_path: Path, sources: dict[str, str], **job: Any) -> dict[str, Any]:
    folder = tmp_path / "scripts"
    scripts = [
        {"name": f"{name}.py", "path": str(folder / f"{name}.py"), "pytest": name[:5] == "test_"}
        for name in sources
        if name != "conftest"
    ]
    return run(tmp_path, sources, scripts=scripts, python=sys.executable, **job)


MIXED = """
    import unittest, pytest
    def test_sum(four):
        print("noise")
        assert 2 + 2 == four
    def test_breaks(four):
        assert four == 5
    @pytest.mark.parametrize("x", [1.5, "a"])
    def test_each(x): pass
    @pytest.mark.skip
    def test_skipped(): pass
    @pytest.mark.xfail
    def test_expected(): assert 0
    class TestC:
        def test_m(self): raise KeyError("k")
    class Old(unittest.TestCase):
        def test_u(self): self.assertEqual(1, 1)
    def test_fixture(nothing_like_it): pass
"""


def test_each_test_gives_a_line_and_the_first_failure_a_traceback(tmp_path: Path) -> None:
    conftest = "import pytest\n@pytest.fixture\ndef four(): return 4\n"
    sources = {"conftest": conftest, "test_mixed": MIXED, "plain": "print('plain')\n"}
    events = run_tests(tmp_path, sources)
    event = events["test_mixed.py"]
    assert event["output"].splitlines() == [
        "Old::test_u PASSED",
        "TestC::test_m FAILED",
        "test_breaks FAILED",
        "test_each[1.5] PASSED",
        "test_each[a] PASSED",
        "test_expected XFAIL",
        "test_fixture ERROR",
        "test_skipped SKIPPED",
        "test_sum PASSED",
    ]
    assert (event["retval"], event["start"], event["run_by"]) == (1, "cold", "pytest")
    assert (events["plain.py"]["start"], events["plain.py"].get("run_by")) == ("warm", None)
    assert "test session starts" in event["error"]
    assert not list(tmp_path.glob("scripts/**/*cache*"))
    verdict = judge_failure(read_run(event), imports=True, owners=make_owners("json"))
    assert verdict.exception is not None
    assert (verdict.exception.type, verdict.exception.message) == (
        "AssertionError",
        "assert 4 == 5",
    )
    assert verdict.detail == "3 of 9 tests failed: TestC::test_m, test_breaks, test_fixture"


@pytest.mark.parametrize(
    ("sources", "retval", "output", "exception"),
    [
        ({"test_a": TEST}, 0, "test_a PASSED\n", None),
        # In a file or a fixture that cannot be imported no test runs.
        ({"test_a": "import nosuch\n" + TEST}, 2, "collection ERROR\n", "nosuch"),
        ({"test_a": "x = = 1\n" + TEST}, 2, "collection ERROR\n", "invalid syntax"),
        ({"conftest": "import json\njson.nosuch\n", "test_a": TEST}, 4, "", "nosuch"),
        ({"test_a": "import pytest\npytest.importorskip('nosuch')\n" + TEST}, 5, "", None),
        ({"test_a": "def test_a(nosuch): pass\n"}, 1, "test_a ERROR\n", "no fixture 'nosuch'"),
        # What a user has set for his own runs of pytest does not count.
        ({"test_a": "import os\ndef test_a(): assert os.getcwd()\n"}, 0, "test_a PASSED\n", None),
    ],
)
def test_what_pytest_cannot_run_is_no_pass(
    tmp_path: Path, sources: dict[str, str], retval: int, output: str, exception: str | None
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --nosuchoption\n")
    event = run_tests(tmp_path, sources, environ={"PYTEST_ADDOPTS": "--nosuchoption"})["test_a.py"]
    assert (event["retval"], event["output"]) == (retval, output)
    failure = parse_exception(event["error"].splitlines(keepends=True))
    if exception is None:
        assert failure is None
    else:
        assert failure is not None
        assert exception in failure.message
