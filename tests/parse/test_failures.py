from __future__ import annotations

import pytest

from calipertf.formats.records import Verdict
from calipertf.parse.failures import sign_failure
from calipertf.reasons.last_words import Failure

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
        (Verdict(outcome="run_failed", reason="other", detail="no  x 7"), [], "no x <number>"),
        (
            Verdict(outcome="run_failed", reason="dependency"),
            [],
            "exited without an exception",
        ),
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
