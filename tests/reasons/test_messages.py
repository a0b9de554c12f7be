from __future__ import annotations

import pytest

from calipertf.reasons.messages import normalise_message, shorten


@pytest.mark.parametrize(
    ("message", "normal"),
    [
        ("object at 0x7f3A01", "object at <address>"),
        ("<urlopen error https://a.b/c?d=1>", "<urlopen error <address>"),
        ("cannot open /tmp/x-1/y.so: no", "cannot open <path>: no"),
        (r"cannot open C:\Users\me\y.dll", "cannot open <path>"),
        ("Descriptors cannot not be created directly.", "Descriptors cannot be created directly."),
        (
            "module 'tensorflow_core._api.v2.random' has no attribute 'x'",
            "module 'tensorflow.random' has no attribute 'x'",
        ),
        ("expected 3, got 2.5e-3", "expected <number>, got <number>"),
        ("shape (2, 3) and [1, 28, 28]", "shape <numbers> and <numbers>"),
        ("name conv2d_v2 and Conv2D", "name conv2d_v2 and Conv2D"),
        ("an  odd\tspace ", "an odd space"),
        ("\x1b[1;31mred\x1b[0m and \x1b]0;title\x07plain\x00", "red and plain"),
        ("и/или: é ∞", "и/или: é ∞"),
        ("", ""),
        ("x" * 400, "x" * 159 + "…"),
    ],
)
def test_message_without_its_accidents(message: str, normal: str) -> None:
    assert normalise_message(message) == normal


@pytest.mark.parametrize("message", ["shape (1, 2)", "at 0x12", "/a/b/c", "x" * 400, "3 3 3"])
def test_normal_message_stays(message: str) -> None:
    once = normalise_message(message)
    assert normalise_message(once) == once


def test_one_failure_has_one_signature_on_all_versions() -> None:
    messages = [
        "module 'tensorflow_core._api.v2.random' has no attribute 'x'",
        "module 'tensorflow._api.v2.random' has no attribute 'x'",
        "module 'tensorflow.random' has no attribute 'x'",
    ]
    assert len({normalise_message(message) for message in messages}) == 1


#: What different Pythons and machines say of one failure.
CIRCULAR = " (most likely due to a circular import)"
ONE = [
    (
        "'DataFrame' object has no attribute 'append'",
        "'DataFrame' object has no attribute 'append'. Did you mean: '_append'?",
    ),
    ("No module named foo.bar", "No module named 'foo.bar'"),
    (
        "cannot import name 'x' from 'y' (/cell/env/lib/python3.8/site-packages/y.py)",
        "cannot import name 'x' from 'y' (/cell/env/lib/python3.11/site-packages/y.py)",
        "cannot import name 'x' from 'y' (unknown location)",
        "cannot import name 'x' from 'y' (lib/python3.9/y.py). Did you mean: 'z'?",
    ),
    ("cannot import name gcd", "cannot import name 'gcd'"),
    (
        "__init__() got an unexpected keyword argument 'x'",
        "Client.__init__() got an unexpected keyword argument 'x'",
        "make.<locals>.Client.__init__() got an unexpected keyword argument 'x'",
    ),
    (
        "module 'a' has no attribute 'b'",
        f"partially initialized module 'a' has no attribute 'b'{CIRCULAR}",
    ),
    (
        "Missing parentheses in call to 'print'",
        "Missing parentheses in call to 'print'. Did you mean print('a')?",
        "Missing parentheses in call to 'print'. Did you mean print(...)?",
    ),
    ("one\n  two", "one two"),
]


@pytest.mark.parametrize("messages", ONE)
def test_one_failure_has_one_name_on_every_python(messages: tuple[str, ...]) -> None:
    assert len({normalise_message(message) for message in messages}) == 1


def test_different_failures_have_different_names() -> None:
    assert len({normalise_message(messages[0]) for messages in ONE}) == len(ONE)


def test_a_text_is_shortened_to_one_line() -> None:
    assert shorten("a\n  b", 10) == "a b"
    assert shorten("abc " * 9, 10) == "abc abc a…"
