"""What a person can do about a failure that the script's surroundings explain."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any

from calipertf.formats.records import Run
from calipertf.reasons.last_words import Failure
from calipertf.reasons.network import lacks_network
from calipertf.reasons.tracebacks import STARTERS

_NO_FILE = re.compile(
    r"No such file or directory|[Ff]ile .*(?:does not exist|not found)|^[\w./\\ -]+ not found\.?$"
    r"|[Uu]nable to open file|[Nn]o such file"
)
_READ_ONLY = re.compile(r"Read-only file system")
_FILE_ERRORS = frozenset({"FileNotFoundError", "IOError", "OSError", "NotADirectoryError"})
_ABSOLUTE = re.compile(r"""(?:^|[\s'"(=])(?:/\w|[A-Za-z]:\\)""")
#: Functions that start another program, which may be what is missing.
_STARTERS = re.compile(rf"in (?:{'|'.join(STARTERS)})\b")
_NO_PYTEST = re.compile(r"No module named '?pytest'?$")

FOLDER = (
    "scripts run in an empty scratch folder; open files beside the script by "
    "Path(__file__).parent, or name their folder by the key data"
)
WRITING = "scripts can write in their working folder only, and in /tmp"
NETWORK = "scripts have no network here; network: true gives it to them"
PYTEST = "pytest runs this file and is not in the cell; name it: requirements: [pytest]"


def explain_surroundings(
    failure: Failure | None, run: Run, isolation: Container[str]
) -> tuple[str, str] | None:
    """Return reason and hint for a failure that comes of where scripts run; None for any other.

    `isolation` names what was in force in the cell.
    """
    if failure is None:
        return None
    if run.run_by == "pytest" and _NO_PYTEST.search(failure.message):
        return "script", PYTEST
    if failure.type in _FILE_ERRORS and _READ_ONLY.search(failure.message):
        return "data", WRITING
    if failure.type in _FILE_ERRORS and _NO_FILE.search(failure.message):
        # What is missing at an absolute path, or a program, is not beside the script.
        elsewhere = _ABSOLUTE.search(failure.message) or _STARTERS.search("".join(run.error))
        return None if elsewhere else ("data", FOLDER)
    if "network" in isolation and lacks_network(failure.type, failure.message):
        return "data", NETWORK
    return None


def hint_import_name(facts: Mapping[str, Any]) -> str | None:
    """Return that the module tried is none of the package's; None where it is, or none are known.

    `facts` are a record's `environment`.
    """
    tried, modules = str(facts.get("import_name") or ""), facts.get("modules") or []
    if not modules or tried.partition(".")[0] in modules:
        return None
    return (
        f"import_name is {tried}, and the package brings {', '.join(modules[:5])}; set import_name "
        "in caliper.yaml"
    )


def list_failed_tests(run: Run, limit: int = 10) -> str | None:
    """Return the tests of a pytest file that did not pass, in words; None where it is not known."""
    lines = [line.rstrip("\n").rpartition(" ") for line in run.output]
    failed = [name for name, _, outcome in lines if outcome in {"FAILED", "ERROR"}]
    if run.run_by != "pytest":
        return None
    if run.retval == 5:
        return "pytest ran no test: the file has none, or skips all of them"
    if not failed:
        return None
    if failed == ["collection"]:
        return "pytest could not read the file, so it ran no test"
    more = ", ..." if len(failed) > limit else ""
    return f"{len(failed)} of {len(lines)} tests failed: {', '.join(failed[:limit])}{more}"


def ran_a_test(run: Run) -> bool:
    """Return whether a pytest file did more than to skip; True for any other script."""
    return run.run_by != "pytest" or any(not line.endswith(" SKIPPED\n") for line in run.output)
