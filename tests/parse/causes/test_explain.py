from __future__ import annotations

import pytest
from helpers.grids import make_cell, make_change, make_result, make_sims

from calipertf.parse.causes.changes import ChangeIndex, list_parameters
from calipertf.parse.causes.explain import Explainer, describe_change
from calipertf.parse.causes.packages import find_suspects
from calipertf.parse.causes.symbols import Symbol
from calipertf.parse.requirements import parse_requirements

CHANGES = [
    make_change("added", "p.early", "0.12.1rc0", "1.0"),
    make_change("removed", "p.gone"),
    make_change("removed", "p.gone", "4.0", "5.0"),
    make_change("moved", "p.went", to="p.sub.came"),
    make_change("removed", "p.contrib", object="module"),
    make_change("removed", "p.layers.Conv.shape", object="method"),
    make_change("removed", "p.other.inner.relu"),
    make_change(
        "changed",
        "p.split",
        old="(dim, num, value)",
        new="(value, num, axis=0)",
        details=("parameter dim removed", "positional parameters reordered: now value, num, axis"),
    ),
    make_change(
        "changed",
        "p.nn.relu",
        old="(x, name=None)",
        new="(x, name='')",
        details=("default of name changed from None to ''",),
    ),
    make_change(
        "changed",
        "p.nn.gan",
        old="(targets)",
        new="(labels)",
        details=("parameter targets renamed to labels",),
    ),
    make_change(
        "changed", "p.nn.pool", old="(x, wide)", new="(x)", details=("parameter wide removed",)
    ),
    make_change(
        "changed",
        "p.Model.call",
        old="(self, x)",
        new="(self, x, training)",
        details=("required parameter training added",),
        object="method",
    ),
    make_change("added", "p.contrib", "2.0", "3.0", package="q"),
    make_change("removed", "tensorflow.keras.Old", package="tensorflow"),
    make_change("removed", "keras.Old", package="keras"),
]
INDEX = ChangeIndex(CHANGES)


def rooted(path: str, *, module: bool = False) -> Symbol:
    return Symbol(path=path, rooted=True, module=module)


def called(path: str, argument: str | None = None, *, alias: bool = False) -> Symbol:
    return Symbol(path=path, rooted=False, called=True, alias=alias, argument=argument)


@pytest.mark.parametrize(
    ("symbol", "works", "fails", "path"),
    [
        (rooted("p.gone"), "1.0", "2.0", "p.gone"),
        (rooted("p.gone"), "0.9", "3.0", "p.gone"),
        # Reaches beyond the two, and says so by its versions.
        (rooted("p.gone"), "1.0", "1.5", "p.gone"),
        (rooted("p.gone"), "2.0", "3.0", None),
        (rooted("p.gone"), "2.0", "1.0", None),
        (rooted("p.never"), "1.0", "2.0", None),
        (rooted("p.early"), "1.0", "0.12.1rc0", "p.early"),
        (rooted("p.early"), "1.0", "0.12.0", "p.early"),
        (rooted("p.early"), "0.12.0", "1.0", None),
        # Up, where it was; down, where it went to.
        (rooted("p.went"), "1.0", "2.0", "p.went"),
        (rooted("p.went"), "2.0", "1.0", None),
        (rooted("p.sub.came"), "2.0", "1.0", "p.went"),
        (rooted("p.sub.came"), "1.0", "2.0", None),
        # A module that is not found may lie in one that is gone; a name's module is there.
        (rooted("p.contrib.a.b", module=True), "1.0", "2.0", "p.contrib"),
        (rooted("p.contrib.a"), "1.0", "2.0", None),
        (rooted("p.contrib"), "3.0", "2.0", None),
        # A private path by its end; a public one that did not change did not change.
        (rooted("p.python.ops.inner.relu"), "1.0", "2.0", "p.other.inner.relu"),
        (rooted("p.more.inner.relu"), "1.0", "2.0", None),
        (rooted("numpy.core.inner.relu"), "1.0", "2.0", None),
        (Symbol(path="Conv.shape", rooted=False), "1.0", "2.0", "p.layers.Conv.shape"),
        (Symbol(path="NoneType.shape", rooted=False), "1.0", "2.0", None),
        (Symbol(path="np.gone", rooted=False, alias=True), "1.0", "2.0", "p.gone"),
        (Symbol(path="self.shape", rooted=False, alias=True), "1.0", "2.0", None),
        # A call fails of what changed in the parameters, not of a default.
        (called("split", "value"), "2.0", "1.0", "p.split"),
        (called("split", "value"), "1.0", "2.0", "p.split"),
        (called("split"), "1.0", "2.0", "p.split"),
        (called("relu"), "1.0", "2.0", None),
        (called("relu", "name"), "1.0", "2.0", None),
        (called("gan", "labels"), "2.0", "1.0", "p.nn.gan"),
        (called("gan", "logits"), "2.0", "1.0", None),
        (called("t.nn.pool", "wide", alias=True), "1.0", "2.0", "p.nn.pool"),
        (called("t.pool", "wide", alias=True), "1.0", "2.0", None),
        (called("nn.pool", "wide", alias=True), "1.0", "2.0", "p.nn.pool"),
        (called("Model.call", "training"), "1.0", "2.0", "p.Model.call"),
        (called("net.call", "training", alias=True), "1.0", "2.0", None),
        (called("gone"), "1.0", "2.0", None),
    ],
)
def test_change_that_takes_a_symbol_away(
    symbol: Symbol, works: str, fails: str, path: str | None
) -> None:
    found = INDEX.find("p", symbol, works, fails)
    assert (found.path if found else None) == path


def test_nearest_change_to_where_it_works_is_told() -> None:
    up = INDEX.find("p", rooted("p.gone"), "1.0", "6.0")
    late = INDEX.find("p", rooted("p.gone"), "3.0", "6.0")
    assert up is not None
    assert late is not None
    assert (up.a, late.a) == ("1.0", "4.0")
    again = ChangeIndex(
        make_change("added", "p.x", a, b) for a, b in [("1.0", "2.0"), ("3.0", "4.0")]
    ).find("p", rooted("p.x"), "5.0", "0.1")
    assert again is not None
    assert again.a == "3.0"


@pytest.mark.parametrize(
    ("package", "found"),
    [("tensorflow", "tensorflow.keras.Old"), ("keras", "keras.Old"), ("p", None)],
)
def test_keras_is_tensorflows_only_in_tensorflow(package: str, found: str | None) -> None:
    change = INDEX.find(package, rooted("keras.Old"), "1.0", "2.0")
    assert (change.path if change else None) == found


@pytest.mark.parametrize(
    ("signature", "names"),
    [
        ("(a, /, b=1, *args, c, **more)", ("a", "b", "c")),
        ("()", ()),
        ("(a=...)", ("a",)),
        ("(a=<object>)", None),
        ("x: 1\nimport os #", None),
        (None, None),
    ],
)
def test_parameters_of_a_signature(signature: str | None, names: tuple[str, ...] | None) -> None:
    assert list_parameters(signature) == names


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (make_change("removed", "p.x"), "p.x was removed between 1.0 and 2.0"),
        (make_change("moved", "p.x", to="p.y"), "p.x was moved to p.y between 1.0 and 2.0"),
        (make_change("changed", "p.x"), "p.x changed between 1.0 and 2.0"),
        (
            make_change("changed", "p.x", details=("a removed", "b added")),
            "p.x changed between 1.0 and 2.0: a removed; b added",
        ),
    ],
)
def test_change_in_words(change: object, text: str) -> None:
    assert describe_change(change) == text


INSTALLED = {
    *("absl-py", "google-auth", "h5py", "numpy", "p", "protobuf", "setuptools", "six"),
    "tensorflow-estimator",
}
FRAME = '  File "/e/lib/python3.7/site-packages/{}", line 1, in f\n'
TRACE = "Traceback (most recent call last):\n"


@pytest.mark.parametrize(
    ("files", "exception", "suspects"),
    [
        (["p/a.py", "google/protobuf/descriptor.py"], "TypeError: Descriptors", ["protobuf"]),
        (["p/a.py", "h5py/_hl/x.py", "numpy/core/y.py"], "E: x", ["numpy"]),
        # What the message names, before whose code it was.
        (["h5py/a.py"], "AttributeError: module 'numpy' has no attribute 'x'", ["numpy", "h5py"]),
        (["p/a.py"], "ImportError: cannot import name 'x' from 'google.protobuf'", ["protobuf"]),
        (["p/a.py"], "ModuleNotFoundError: No module named 'google.auth'", ["google-auth"]),
        (["p/a.py"], "ModuleNotFoundError: No module named 'absl'", ["absl-py"]),
        (["p/a.py"], "ImportError: No module named pkg_resources", ["setuptools"]),
        (["tensorflow_estimator/a.py"], "E: x", ["tensorflow-estimator"]),
        (["six.py"], "E: x", ["six"]),
        ([], "E: x", []),
    ],
)
def test_suspects_of_a_failure(files: list[str], exception: str, suspects: list[str]) -> None:
    error = [TRACE, *(FRAME.format(name) for name in files)]
    result = make_result("import_failed", error=error, exception=exception)
    found = find_suspects(result, INSTALLED)
    assert [item.name for item in found if item.direct] == suspects


MISSING = "p.gone (line 3): function removed; p.nn.x (line 9): takes 1 argument, 2 given"
EXPLAINER = Explainer(
    CHANGES,
    make_sims(usage=[("p", "s/a.py", "1.0", "3.0", 4, 2, 0.5, MISSING)])["usage"],
    {
        make_cell("3.0"): parse_requirements(["protobuf==4.0", "numpy==1.2", "p==3.0", "six==1"]),
        make_cell("1.0"): parse_requirements(["protobuf==3.0", "numpy==1.2", "p==1.0"]),
    },
)
PROTOBUF = [TRACE, FRAME.format("google/protobuf/x.py")]


@pytest.mark.parametrize(
    ("outcome", "reason", "exception", "error", "kind", "text"),
    [
        (
            "run_failed",
            "api_missing",
            "AttributeError: module 'p' has no attribute 'gone'",
            (),
            "api",
            "p.gone was removed between 1.0 and 2.0",
        ),
        (
            "import_failed",
            "dependency",
            "TypeError: Descriptors",
            PROTOBUF,
            "requirements",
            "protobuf is 4.0 here and 3.0 where the import works (1.0 on Python 3.7, today)",
        ),
        (
            "run_failed",
            "dependency",
            "TypeError: x",
            PROTOBUF,
            "requirements",
            "protobuf is 4.0 here and 3.0 where it works (1.0 on Python 3.7, today)",
        ),
        (
            "import_failed",
            "dependency",
            "ModuleNotFoundError: No module named 'six'",
            (),
            "requirements",
            "six is 1 here and not installed where the import works (1.0 on Python 3.7, today)",
        ),
        # The same version on both sides is no cause, and no name of the API breaks the import.
        ("run_failed", "dependency", "E: numpy", (), None, None),
        (
            "import_failed",
            "api_missing",
            "AttributeError: module 'p' has no attribute 'gone'",
            (),
            None,
            None,
        ),
        # A name that no table has, such as one that the package hands on from another.
        (
            "run_failed",
            "api_missing",
            "ImportError: cannot import name 'Markup' from 'p' (/cell/p/__init__.py)",
            (),
            "usage",
            "p.Markup is there in 1.0, where it works, and not in 3.0",
        ),
        (
            "run_failed",
            "api_missing",
            "AttributeError: escape",
            [TRACE, "    print(p.escape('<a>'))", "    raise AttributeError(name)"],
            "usage",
            "p.escape is there in 1.0, where it works, and not in 3.0",
        ),
        (
            "run_failed",
            "api_missing",
            "AttributeError: 'G' object has no attribute 'nowhere'",
            (),
            None,
            None,
        ),
        # What usage says counts where the exception speaks of it, by its name or its line.
        (
            "run_failed",
            "api_changed",
            "TypeError: x() takes 1 argument",
            (),
            "usage",
            "the script uses p.nn.x (line 9), which 3.0 has otherwise: takes 1 argument, 2 given",
        ),
        (
            "run_failed",
            "api_missing",
            "AttributeError: odd",
            [
                TRACE,
                '  File "/x/s/a.py", line 3, in <module>\n',
                '  File "/y/b.py", line 9, in f\n',
            ],
            "usage",
            "the script uses p.gone (line 3), which 3.0 does not have",
        ),
        ("run_failed", "api_missing", "AttributeError: odd", (), None, None),
        # Where the exception speaks of none of them, all that changed are candidates.
        (
            "run_failed",
            "other",
            "AttributeError: odd",
            (),
            "usage",
            f"perhaps what 3.0 has otherwise of what the script uses: {MISSING}",
        ),
        ("run_failed", "killed", None, (), None, None),
        ("build_failed", None, None, (), None, None),
    ],
)
def test_cause_of_a_failure(
    outcome: str, reason: str, exception: str, error: list[str], kind: str | None, text: str | None
) -> None:
    result = make_result(outcome, "3.0", reason=reason, exception=exception, error=error)
    cause = EXPLAINER.explain(result, make_cell("1.0"))
    assert (cause and cause.kind, cause and cause.text) == (kind, text)


def test_home_stands_in_where_it_works_nowhere() -> None:
    verdict = {"reason": "api_missing", "exception": "A: module 'p' has no attribute 'gone'"}
    home = {"version": "1.0", "python": "cp37", "resolve": "today"}
    result = make_result("run_failed", "3.0", script="s/b.py", baseline=home, **verdict)
    cause = EXPLAINER.explain(result, None)
    assert cause is not None
    assert cause.path == "p.gone"
    assert (
        EXPLAINER.explain(make_result("run_failed", "3.0", script="s/b.py", **verdict), None)
        is None
    )


def test_one_version_on_one_python_differs_in_requirements_alone() -> None:
    requirements = {
        make_cell("3.0"): parse_requirements(["keras==3.4", "p==3.0"]),
        make_cell("3.0", resolve="release"): parse_requirements(["keras==3.1", "p==3.0"]),
        make_cell("3.0", python="cp38"): parse_requirements(["keras==3.1", "p==3.0"]),
    }
    explainer = Explainer(CHANGES, make_sims()["usage"], requirements)
    result = make_result(
        "run_failed",
        "3.0",
        reason="other",
        exception="ValueError: bad threshold",
        error=[TRACE, FRAME.format("keras/src/metrics.py")],
    )
    cause = explainer.explain(result, make_cell("3.0", resolve="release"))
    assert cause is not None
    assert cause.text == "keras is 3.4 here and 3.1 where it works (3.0 on Python 3.7, release)"
    # On another Python, it may be that.
    cause = explainer.explain(result, make_cell("3.0", python="cp38"))
    assert cause is not None
    assert (cause.kind, cause.text) == (
        "python",
        "Python 3.7 here, 3.8 where it works (3.0, today): keras (3.4, not 3.1) raised it",
    )
