"""What is made of installers' own words, which data/installer_failures.json holds."""

from __future__ import annotations

import json

import pytest
from helpers import DATA

from calipertf.formats.records import Run
from calipertf.run.builds.failures import judge_first, judge_second

WORDS: dict[str, dict[str, list[str]]] = json.loads((DATA / "installer_failures.json").read_text())
CASES = [(tool, case) for tool, cases in WORDS.items() for case in cases]
#: What only a build backend's run can say: one build is enough.
BACKEND = {"true compile", "true setup raises", "true setup syntax"}


def make_run(tool: str, case: str) -> Run:
    return Run(output=tuple(f"{line}\n" for line in WORDS[tool][case]), retval=1)


def test_words_of_both_installers_are_there() -> None:
    assert len(CASES) > 60
    assert {case.partition(" ")[0] for _, case in CASES} >= {"page", "file", "own", "true"}


@pytest.mark.parametrize(("tool", "case"), CASES)
def test_first_failure_is_believed_of_a_backend_only(tool: str, case: str) -> None:
    expected = "package" if case in BACKEND else "unclear"
    assert judge_first(make_run(tool, case)).fault == expected


@pytest.mark.parametrize(("tool", "case"), CASES)
def test_failure_that_the_driver_saw_happen_is_no_verdict(tool: str, case: str) -> None:
    verdict = judge_second(make_run(tool, case), ["the index answered 500 for reldep"])
    assert verdict.fault == "infrastructure"
    assert verdict.why == "the index answered 500 for reldep"


@pytest.mark.parametrize(
    ("tool", "case"), [pair for pair in CASES if pair[1].startswith(("true", "network"))]
)
def test_failure_of_a_build_that_got_everything_is_the_packages(tool: str, case: str) -> None:
    # A setup.py that downloads says nothing of the package where it was refused.
    expected = "infrastructure" if case.startswith("network") else "package"
    assert judge_second(make_run(tool, case), []).fault == expected


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: Could not install packages: [Errno 28] No space left on device",
        "OSError: [Errno 122] Disk quota exceeded",
        "  cause: failed to write to file: Read-only file system (os error 30)",
        "g++: fatal error: Killed signal terminated program cc1plus",
        "virtual memory exhausted: Cannot allocate memory",
        "error: Failed to spawn: Too many open files (os error 24)",
    ],
)
@pytest.mark.parametrize("words", ["", "  cause: The build backend returned an error\n"])
def test_what_the_machine_lacks_is_no_verdict(line: str, words: str) -> None:
    run = Run(output=("first\n", words, f"{line}\n", "last\n"), retval=1)
    assert judge_first(run).fault == "infrastructure"
    assert judge_second(run, []).fault == "infrastructure"
    assert judge_second(run, []).why == line.strip()


@pytest.mark.parametrize(
    ("line", "is_network"),
    [
        ("error: Request failed after 3 retries\n  cause: dns error", True),
        ("urllib3.exceptions.ReadTimeoutError: Read timed out.", True),
        ("wget: unable to resolve host address 'files.pythonhosted.org'", True),
        ("Connecting to files.example|192.0.2.1|:443... failed: Connection timed out.", True),
        ("2026-11-25 09:00:00 ERROR 503: Service Unavailable.", True),
        ("2026-11-25 09:00:00 ERROR 404: Not Found.", True),
        ("curl: (6) Could not resolve host: files.pythonhosted.org", True),
        ("E: Failed to fetch http://deb.debian.org/debian/ Temporary failure resolving", True),
        ("<urlopen error [Errno -2] Name or service not known>", True),
        ("ssl.SSLEOFError: EOF occurred in violation of protocol (_ssl.c:1129)", True),
        ("fatal: the remote end hung up unexpectedly", True),
        ("urllib.error.HTTPError: HTTP Error 403: Forbidden", True),
        ("requests.exceptions.HTTPError: 404 Client Error: Not Found for url: https://x", True),
        ("error: No solution found when resolving dependencies", False),
        ("ERROR: No matching distribution found for protobuf==99", False),
        ("error: command 'gcc' failed with exit status 1", False),
        ("SyntaxError: unexpected EOF while parsing", False),
    ],
)
def test_network_of_a_builds_own_steps_is_told_from_the_package(
    line: str, is_network: bool
) -> None:
    run = Run(output=("first\n", f"{line}\n", "last\n"), retval=1)
    expected = "infrastructure" if is_network else "package"
    assert judge_second(run, []).fault == expected
    backend = Run(output=("The build backend returned an error\n", f"{line}\n"), retval=1)
    assert (judge_first(backend).fault == "package") is not (is_network or "No matching" in line)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (
            Run(retval=1, termination="timeout", seconds=1800.4),
            "longer than 1800 s; raise build_timeout",
        ),
        (Run(retval=-9), "signal 9"),
    ],
)
def test_installer_that_was_ended_says_nothing(run: Run, words: str) -> None:
    for verdict in (judge_first(run), judge_second(run, [])):
        assert verdict.fault == "infrastructure"
        assert words in verdict.why


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        # A template's own step, and pip that a template sends to another index.
        ("/bin/sh: 1: pyhton: not found", "infrastructure"),
        ("ERROR: No matching distribution found for six==1.16.0", "infrastructure"),
        ("ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/", "package"),
        ("error: No solution found when resolving dependencies", "package"),
    ],
)
def test_build_that_asked_for_nothing_is_the_packages_only_for_contradictions(
    line: str, fault: str
) -> None:
    run = Run(output=(f"{line}\n",), retval=1)
    assert judge_second(run, [], asked=False).fault == fault


@pytest.mark.parametrize(
    "lines",
    [
        # pip 23 and later, in images.
        ["  error: subprocess-exited-with-error", "error: metadata-generation-failed"],
        ["  × Building wheel for x (pyproject.toml) did not run successfully."],
        ["  × python setup.py egg_info did not run successfully.", "  │ exit code: 1"],
        ["  × Getting requirements to build wheel did not run successfully."],
        ["  ERROR: Failed building wheel for lxml"],
    ],
)
def test_backend_in_an_image_is_believed_at_once(lines: list[str]) -> None:
    run = Run(output=tuple(f"{line}\n" for line in lines), retval=1)
    assert judge_first(run).fault == "package"
    refused = [*lines, "  × pip subprocess to install build dependencies did not run successfully."]
    run = Run(output=tuple(f"{line}\n" for line in refused), retval=1)
    assert judge_first(run).fault == "unclear"
