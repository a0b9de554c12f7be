from __future__ import annotations

import pytest

from calipertf.exceptions import Failure
from calipertf.parse.failures import normalise_message, sign_failure
from calipertf.records import Verdict


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


ERROR = Failure(type="ValueError", message="shape (2, 3)")


@pytest.mark.parametrize(
    ("verdict", "error", "signature"),
    [
        (Verdict(outcome="same_result"), [], None),
        (Verdict(outcome="different_result", exception=ERROR), [], None),
        (Verdict(outcome="no_release"), [], None),
        (Verdict(outcome="run_failed", exception=ERROR), [], "ValueError: shape <numbers>"),
        (Verdict(outcome="run_failed", exception=Failure(type="E", message="")), [], "E"),
        (Verdict(outcome="run_failed", reason="timeout"), [], "ran out of time"),
        (Verdict(outcome="run_failed", reason="killed", detail="SIGSEGV"), [], "SIGSEGV"),
        (Verdict(outcome="run_failed", reason="other"), [], "exited without an exception"),
        (Verdict(outcome="run_failed"), [], "failed"),
        (Verdict(outcome="build_failed"), [], "build of p"),
        (
            Verdict(outcome="build_failed", detail="x.c:1:2: fatal error: y.h: No such file"),
            ["error: Failed to build `p==1.0`\n"],
            "build of p: x.c:<number>:<number>: fatal error: y.h: No such file",
        ),
        (
            Verdict(outcome="build_failed"),
            ["Collecting x\n", "ERROR: No matching distribution found for q==1.0\n"],
            "build of p: ERROR: No matching distribution found for q==<number>",
        ),
        (
            Verdict(outcome="build_failed"),
            ["  × No solution found when resolving dependencies:\n", "  ╰─▶ Because ...\n"],
            "build of p: No solution found when resolving dependencies:",
        ),
        (
            Verdict(outcome="build_failed"),
            ["Traceback (most recent call last):\n", "KeyError: 'x'\n"],
            "build of p: KeyError: 'x'",
        ),
    ],
)
def test_signature_of_a_failure(verdict: Verdict, error: list[str], signature: str | None) -> None:
    assert sign_failure(verdict, error, "p") == signature


def test_one_failure_has_one_signature_on_all_versions() -> None:
    messages = [
        "module 'tensorflow_core._api.v2.random' has no attribute 'x'",
        "module 'tensorflow._api.v2.random' has no attribute 'x'",
        "module 'tensorflow.random' has no attribute 'x'",
    ]
    assert len({normalise_message(message) for message in messages}) == 1
