"""Run one file by pytest and print what became of each of its tests: for Python 2.7 to 3.13.

It is run by the cell's own Python as `python -c SOURCE ROOT FILE`. Standard output gets one line a
test, such as `test_sum PASSED`, in the order of their names, without what differs from one pytest
to another. What pytest itself prints goes to standard error; where something failed, the traceback
of the first failure comes last there, as Python prints it. The exit status is pytest's own.
"""

from __future__ import print_function

import os
import sys
import traceback

# Worst first: a test that passes and cannot be taken down is an error.
RANKS = ("ERROR", "FAILED", "SKIPPED", "XFAIL", "XPASS", "PASSED")
# Plugins that write beside the tests or change their order.
WITHOUT = ("cacheprovider", "randomly", "random_order", "random-order")


class Outcomes(object):
    """A plugin of pytest that notes the outcome of each test and the first failure."""

    def __init__(self):
        self.found = {}
        self.failure = None

    def note(self, nodeid, outcome):
        name = nodeid.partition("::")[2].replace("::()", "") or "collection"
        known = self.found.get(name, outcome)
        self.found[name] = min(known, outcome, key=RANKS.index)

    def pytest_runtest_logreport(self, report):
        expected = hasattr(report, "wasxfail")
        if report.outcome == "failed":
            self.note(report.nodeid, "FAILED" if report.when == "call" else "ERROR")
        elif report.outcome == "skipped":
            self.note(report.nodeid, "XFAIL" if expected else "SKIPPED")
        elif report.outcome == "passed" and report.when == "call":
            self.note(report.nodeid, "XPASS" if expected else "PASSED")

    def pytest_collectreport(self, report):
        if report.outcome == "failed":
            self.note("", "ERROR")

    def pytest_exception_interact(self, call):
        self.keep(call.excinfo)

    def pytest_internalerror(self, excinfo):
        self.keep(excinfo)

    def keep(self, excinfo):
        if self.failure is None and excinfo is not None:
            self.failure = describe(excinfo.type, excinfo.value, excinfo.tb)


def describe(kind, value, trace):
    """The traceback of a failure as Python prints it, without pytest's frames around the test."""
    if kind.__name__ == "FixtureLookupError":
        return "Traceback (most recent call last):\nFixtureLookupError: no fixture %r\n" % (
            value.argname
        )
    if kind.__name__ == "CollectError":
        inner = getattr(value, "__cause__", None) or getattr(value, "__context__", None)
        if inner is None:
            # Python 2 does not keep what an exception comes of; pytest's own words have it.
            words = [line[1:].strip() for line in str(value).splitlines() if line[:2] == "E "]
            return "Traceback (most recent call last):\n%s\n" % (words or [kind.__name__])[-1]
        kind, value, trace = type(inner), inner, inner.__traceback__
    while trace.tb_next is not None and is_frame_of_pytest(trace):
        trace = trace.tb_next
    return "".join(traceback.format_exception(kind, value, trace))


def is_frame_of_pytest(trace):
    parts = trace.tb_frame.f_code.co_filename.replace("\\", "/").split("/")
    return bool({"_pytest", "pluggy", "importlib"} & set(parts)) or parts[0].startswith("<frozen")


def find_broken_conftest(root, path):
    """Return the traceback of the conftest.py that kept pytest from starting.

    None where none did.
    """
    folder = os.path.dirname(path)
    folders = [folder]
    while folder != root and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
        folders.insert(0, folder)
    for folder in folders:
        name = os.path.join(folder, "conftest.py")
        if not os.path.isfile(name):
            continue
        sys.path.insert(0, folder)
        try:
            with open(name, "rb") as handle:
                source = handle.read()
            exec(compile(source, name, "exec", 0, True), {"__name__": "conftest", "__file__": name})
        except Exception:
            kind, value, trace = sys.exc_info()
            return "".join(
                traceback.format_exception(kind, value, (trace and trace.tb_next) or trace)
            )
    return None


def make_arguments(version, root, path):
    """Return the arguments of pytest.

    No settings of a user, nothing written, no order but the file's.
    """
    arguments = ["-c", os.devnull, "-v"]
    for plugin in WITHOUT:
        arguments += ["-p", "no:" + plugin]
    if version >= (3, 5):
        arguments += ["--rootdir", root]
    arguments += ["--confcutdir", root, path]
    return arguments


def main():
    root, path = sys.argv[1:]
    sys.dont_write_bytecode = True
    os.environ.pop("PYTEST_ADDOPTS", None)
    import pytest

    results = os.dup(1)
    os.dup2(2, 1)
    numbers = pytest.__version__.split(".")[:2]
    version = tuple(int(part) if part.isdigit() else 0 for part in numbers)
    sys.argv = ["pytest", path]
    outcomes = Outcomes()
    code = int(pytest.main(make_arguments(version, root, path), plugins=[outcomes]))
    lines = ["%s %s\n" % (name, outcomes.found[name]) for name in sorted(outcomes.found)]
    sys.stdout.flush()
    with os.fdopen(results, "wb") as stream:
        for line in lines:
            stream.write(line if isinstance(line, bytes) else line.encode("utf-8", "replace"))
    failure = outcomes.failure
    if code and failure is None and not lines:
        failure = find_broken_conftest(root, path)
    if code and failure:
        sys.stderr.flush()
        os.write(2, failure if isinstance(failure, bytes) else failure.encode("utf-8", "replace"))
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    sys.exit(main())
