"""Which scripts are files of pytest tests: those are run by pytest, not as scripts."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from calipertf.config.model import Config

_NAME = re.compile(r"test_.*\.py|.*_test\.py")
# Python 2's syntax, which this Python cannot parse.
_OLD_TEST = re.compile(
    rb"^(?:def test\w*\s*\(|class Test\w*|class \w+\(.*TestCase\))", re.MULTILINE
)
_OLD_MAIN = re.compile(rb"^if\s*\(?\s*__name__\s*==", re.MULTILINE)


def is_pytest_file(path: Path) -> bool:
    """Return whether a file has a name and tests that pytest collects, and no `__main__` part.

    False for a file that cannot be read: whoever runs it says so.
    """
    if not _NAME.fullmatch(path.name):
        return False
    try:
        source = path.read_bytes()
    except OSError:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = list(_iter_statements(ast.parse(source).body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return bool(_OLD_TEST.search(source)) and not _OLD_MAIN.search(source)
    return any(map(_is_test, body)) and not any(map(_is_main, body))


def _iter_statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, also those under its conditions."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With) and not _is_main(statement):
            for name in ("body", "orelse", "finalbody"):
                yield from _iter_statements(getattr(statement, name, []))


def _is_test(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return statement.name.startswith("test")
    if not isinstance(statement, ast.ClassDef):
        return False
    bases = " ".join(ast.unparse(base) for base in statement.bases)
    return statement.name.startswith("Test") or "TestCase" in bases


def _is_main(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)


def explain_pytest(config: Config, scripts: Iterable[str]) -> list[str]:
    """Return a sentence where some scripts are run by pytest that no requirement seems to bring."""
    files = [script for script in scripts if is_pytest_file(config.root / script)]
    analysis = config.analysis
    brought = {canonicalize_name(analysis.dependency), *map(_read_name, analysis.requirements)}
    if not files or any(name.startswith("pytest") for name in brought):
        return []
    count = "1 file" if len(files) == 1 else f"{len(files)} files"
    names = f"{PurePosixPath(files[0]).name}{', ...' if files[1:] else ''}"
    sentence = (
        f"pytest runs {count} of tests ({names}), and no requirement names it; where the package "
        "does not bring it, add it: requirements: [pytest]"
    )
    return [sentence]


def _read_name(requirement: str) -> str:
    try:
        return canonicalize_name(Requirement(requirement).name)
    except InvalidRequirement:
        return ""
