from __future__ import annotations

import pytest

from calipertf.reasons.classify import classify_failure
from calipertf.reasons.last_words import parse_exception
from calipertf.reasons.owners import make_owners

SITE = '  File "/env/lib/python3.8/site-packages/'


def traceback(last: str, frame: str = '  File "/x/script.py", line 3, in <module>') -> list[str]:
    text = f"noise\nTraceback (most recent call last):\n{frame}\n    code()\n{last}\n"
    return text.splitlines(keepends=True)


@pytest.mark.parametrize(
    ("last", "kind", "message"),
    [
        ("AttributeError: module 'tensorflow' has no attribute 'mul'", "AttributeError", "module "),
        ("tensorflow.python.framework.errors_impl.OpError: x", "OpError", "x"),
        ("StopIteration", "StopIteration", ""),
        ("ValueError: \n  on the next line", "ValueError", ""),
    ],
)
def test_exception_is_read(last: str, kind: str, message: str) -> None:
    failure = parse_exception(traceback(last))
    assert failure is not None
    assert failure.type == kind
    assert failure.message.startswith(message)


def test_last_of_two_tracebacks_counts() -> None:
    lines = [*traceback("KeyError: 1"), "\nDuring handling...\n\n", *traceback("OSError: 2")]
    failure = parse_exception(lines)
    assert failure is not None
    assert (failure.type, failure.message) == ("OSError", "2")


def test_no_traceback_no_exception() -> None:
    assert parse_exception(["just\n", "words: here\n"]) is None


def test_syntax_error_is_found_without_traceback() -> None:
    lines = ['  File "a.py", line 1\n', "    print 1\n", "SyntaxError: Missing parentheses\n"]
    failure = parse_exception(lines)
    assert failure is not None
    assert failure.type == "SyntaxError"


TENSORFLOW = make_owners("tensorflow", {"import_name": "tensorflow"})
TF_FRAME = SITE + 'tensorflow/python/ops.py", line 1, in f'
NUMPY_FRAME = SITE + 'numpy/core.py", line 1, in f'


@pytest.mark.parametrize(
    ("last", "frame", "importing", "reason"),
    [
        ("AttributeError: module 'tensorflow' has no attribute 'x'", None, False, "api_missing"),
        ("ModuleNotFoundError: No module named 'tensorflow.contrib'", None, False, "api_missing"),
        ("ImportError: No module named tensorflow.contrib", None, False, "api_missing"),
        ("ModuleNotFoundError: No module named 'pandas'", None, False, "script"),
        ("AttributeError: module 'urllib' has no attribute 'urlretrieve'", None, False, "python"),
        ("AttributeError: module 'numpy' has no attribute 'object'", TF_FRAME, True, "dependency"),
        ("AttributeError: 'Tensor' object has no attribute 'numpy'", None, False, "api_missing"),
        ("TypeError: f() got an unexpected keyword argument 'x'", None, False, "api_changed"),
        ("TypeError: f() got an unexpected keyword argument 'x'", TF_FRAME, False, "dependency"),
        ("TypeError: f() got an unexpected keyword argument 'x'", NUMPY_FRAME, False, "dependency"),
        ("TypeError: Descriptors cannot not be created directly.", TF_FRAME, True, "dependency"),
        ("TypeError: anything at all", NUMPY_FRAME, True, "dependency"),
        ("FileNotFoundError: [Errno 2] No such file", None, False, "data"),
        ("urllib.error.URLError: <urlopen error>", None, False, "data"),
        ("NameError: name 'display' is not defined", None, False, "other"),
        ("RuntimeError: boom", None, False, "other"),
        ("MemoryError", None, False, "killed"),
    ],
)
def test_reason(last: str, frame: str | None, importing: bool, reason: str) -> None:
    lines = traceback(last, frame) if frame else traceback(last)
    assert classify_failure(1, "exit", lines, owners=TENSORFLOW, importing=importing)[0] == reason


@pytest.mark.parametrize(
    ("retval", "ended", "expected"),
    [
        (-9, "timeout", ("timeout", None)),
        (-9, "memory", ("killed", "out of memory")),
        (-11, "signal", ("killed", "SIGSEGV")),
        (3, "exit", ("other", None)),
    ],
)
def test_how_it_ended(retval: int, ended: str, expected: tuple[str, str | None]) -> None:
    assert classify_failure(retval, ended, [], owners=TENSORFLOW) == expected
