"""Requirements and Pythons that differ between two cells, as the cause of a failure."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.grids import make_cell, make_result, make_sims

from calipertf.formats.requirements import Difference
from calipertf.parse.causes.declared import Declared, read_declared
from calipertf.parse.causes.drift import rate_change
from calipertf.parse.causes.explain import Cause, Explainer, refine_reason
from calipertf.parse.causes.packages import find_suspects
from calipertf.parse.causes.stdlib import describe_raiser, describe_standard
from calipertf.parse.requirements import parse_requirements
from calipertf.parse.results import Result
from calipertf.reasons.distributions import find_distribution, guess_distribution, split_words
from calipertf.reasons.last_words import Failure

TRACE = "Traceback (most recent call last):\n"
SITE = '  File "/e/lib/python3.9/site-packages/{}", line 1, in f\n'


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("numpy.core", "numpy"),
        ("PIL.Image", "pillow"),
        ("importlib_metadata", "importlib-metadata"),
        ("_yaml", "pyyaml"),
        ("google.protobuf.descriptor", "protobuf"),
        ("google.auth", "google-auth"),
        ("ruamel.yaml", "ruamel-yaml"),
        ("six.py", "six"),
    ],
)
def test_distribution_of_a_module(module: str, name: str) -> None:
    assert guess_distribution(module) == name


@pytest.mark.parametrize(
    ("module", "names", "name"),
    [
        ("Crypto.Cipher", {"pycrypto"}, "pycrypto"),
        ("jose", {"python-jose", "six"}, "python-jose"),
        ("foo", {"pyfoo"}, "pyfoo"),
        ("foo", {"food"}, None),
    ],
)
def test_distribution_among_those_installed(module: str, names: set[str], name: str | None) -> None:
    assert find_distribution(module, names) == name


def test_words_of_an_identifier() -> None:
    assert split_words("SyncHttpxClientWrapper") == ["sync", "httpx", "client", "wrapper"]
    assert split_words("importlib_metadata") == ["importlib", "metadata"]
    assert split_words("XLRDError") == ["xlrd", "error"]


OPENAI = [
    *(TRACE, '  File "/s/a.py", line 3, in <module>\n', "    client = p.OpenAI()\n"),
    *(SITE.format("p/_base_client.py"), "    self._client = SyncHttpxClientWrapper(\n"),
    *(SITE.format("p/_base_client.py"), "    super().__init__(**kwargs)\n"),
    "TypeError: Client.__init__() got an unexpected keyword argument 'proxies'\n",
]
KOMBU = [
    *(TRACE, SITE.format("kombu/utils/compat.py")),
    "    for ep in importlib_metadata.entry_points().get(namespace, [])\n",
    "AttributeError: 'EntryPoints' object has no attribute 'get'\n",
]
BLACK = [
    *(TRACE, "ImportError: cannot import name '_unicodefun' from 'click' (/e/click.py)\n"),
    *(TRACE, '  File "/s/a.py", line 4, in <module>\n', "    subprocess.check_call(x)\n"),
    "subprocess.CalledProcessError: Command 'black' returned non-zero exit status 1.\n",
]
SQL = [
    *(TRACE, SITE.format("sqlalchemy/x.py"), SITE.format("p/io/sql.py")),
    "AttributeError: 'OptionEngine' object has no attribute 'execute'\n",
]


@pytest.mark.parametrize(
    ("error", "message", "found"),
    [
        (OPENAI, "Client.__init__() got an unexpected keyword argument", [("httpx", "quoted")]),
        (KOMBU, "'EntryPoints' object has no attribute", [("importlib-metadata", "quoted")]),
        (BLACK, "Command 'black' returned non-zero", [("click", "raised")]),
        (SQL, "'OptionEngine' object has no attribute", [("sqlalchemy", "quoted")]),
        # An exception's class, and a requirement in the words of the message.
        ([TRACE, "xlrd.biffh.E: no\n"], "Excel xlsx file; not supported", [("xlrd", "raised")]),
        ([], "huggingface-hub<1.0 is required, but found 1.1", [("huggingface-hub", "quoted")]),
        ([], "numpy.dtype size changed", [("numpy", "named")]),
        ([], "A module compiled using NumPy 1.x cannot be run", [("numpy", "named")]),
        ([], "list index out of range", []),
    ],
)
def test_suspects_among_what_differs(
    error: list[str], message: str, found: list[tuple[str, str]]
) -> None:
    result = make_result("run_failed", error=error, exception=f"E: {message}")
    names = {"httpx", "jiter", "importlib-metadata", "click", "sqlalchemy", "xlrd", "numpy", "p"}
    suspects = find_suspects(result, names | {"huggingface-hub"})
    assert [(item.name, item.evidence) for item in suspects] == found


def test_suspects_of_what_only_stdout_says() -> None:
    result = make_result("run_failed", exception=None)
    run = result.run
    assert run is not None
    told = [TRACE, SITE.format("plugin/x.py"), "AttributeError: no\n"]
    said = Result(**{**vars(result), "run": type(run)(output=tuple(told), retval=1)})
    assert [item.name for item in find_suspects(said, {"plugin"})] == ["plugin"]


@pytest.mark.parametrize(
    ("here", "there", "rate"),
    [
        ("2.0", "1.9", 3),
        ("0.28.1", "0.27.2", 3),
        ("0.28.1", "0.28.0", 1),
        ("1.2", "1.1", 2),
        ("1.1.1", "1.1", 1),
        ("2025.1", "2024.9", 1),
        (None, "1.0", 3),
        ("1.0", None, 1),
        ("odd", "1.0", 2),
    ],
)
def test_size_of_a_change(here: str | None, there: str | None, rate: int) -> None:
    assert rate_change(Difference(name="x", here=here, there=there)) == rate


RELEASE = make_cell(resolve="release")
TODAY = ["big==2.0", "near==0.2", "own==3.0", "small==1.1", "p==1.0", "year==2026.1"]
THEN = ["big==1.0", "near==0.1", "own==2.0", "small==1.0", "p==1.0", "year==2025.1"]


def make_explainer(
    here: list[str], there: list[str], *, python: str = "cp37", results: tuple[Result, ...] = ()
) -> Explainer:
    return Explainer(
        [],
        make_sims()["usage"],
        {
            make_cell(): parse_requirements(here),
            make_cell(resolve="release"): parse_requirements(there),
            make_cell(python=python): parse_requirements(there if python != "cp37" else here),
        },
        declared=Declared(
            requires={("p", "1.0"): frozenset({"own"})},
            imports={"s/a.py": frozenset({"near"})},
        ),
        results=results,
    )


def test_candidates_come_by_what_is_imported_then_required_then_by_size() -> None:
    cause = make_explainer(TODAY, THEN).explain(
        make_result("run_failed", reason="other", exception="E: x"), RELEASE
    )
    assert cause is not None
    assert (cause.kind, cause.path) == ("requirements", "near")
    assert cause.text == (
        "one of the requirements that differ from where it works (1.0 on Python 3.7, release): "
        "near (0.2, not 0.1), own (3.0, not 2.0), big (2.0, not 1.0), small (1.1, not 1.0), "
        "year (2026.1, not 2025.1)"
    )


def test_only_requirement_that_differs_is_the_cause_whatever_is_said() -> None:
    cause = make_explainer(["a==2", "p==1.0"], ["a==1", "p==1.0"]).explain(
        make_result("run_failed", reason="api_changed", exception="TypeError: f() takes 1"),
        RELEASE,
    )
    assert cause is not None
    assert cause.text == (
        "a is 2 here and 1 where it works (1.0 on Python 3.7, release); "
        "no other requirement differs"
    )
    assert refine_reason("api_changed", cause) == "dependency"


def test_script_whose_failure_says_nothing_has_the_cause_of_another_in_its_cell() -> None:
    loud = make_result(
        "run_failed", script="s/b.py", error=[TRACE, SITE.format("big/x.py")], exception="E: x"
    )
    silent = make_result(
        "run_failed", reason="api_missing", exception="ImportError: cannot import name 'A' from 'p'"
    )
    cause = make_explainer(TODAY, THEN, results=(loud, silent)).explain(silent, RELEASE)
    assert cause is not None
    assert cause.path == "big"
    assert cause.text.endswith("; s/b.py fails of it in this cell")


def test_other_result_of_another_date_comes_from_a_requirement() -> None:
    cause = make_explainer(TODAY, THEN).explain(make_result("different_result"), RELEASE)
    assert cause is not None
    assert cause.kind == "requirements"
    assert "near (0.2, not 0.1)" in cause.text


GCD = "ImportError: cannot import name 'gcd' from 'fractions' (/p/lib/python3.9/fractions.py)"


@pytest.mark.parametrize(
    ("exception", "text"),
    [
        (GCD, "fractions.gcd is not in the standard library of Python 3.9"),
        (
            "ModuleNotFoundError: No module named 'distutils'",
            "the module distutils is not in the standard library of Python 3.9",
        ),
        (
            "AttributeError: module 'collections' has no attribute 'Mapping'",
            "collections.Mapping is not in the standard library of Python 3.9",
        ),
        (
            "AttributeError: 'Thread' object has no attribute 'isAlive'",
            "Thread.isAlive is not in the standard library of Python 3.9",
        ),
        # A module of the user's, or of another package, is not Python's.
        ("ImportError: cannot import name 'x' from 'types' (/home/types.py)", None),
        ("ImportError: cannot import name 'x' from 'click' (/s/click.py)", None),
        ("TypeError: loads() got an unexpected keyword argument 'encoding'", None),
    ],
)
def test_names_that_the_standard_library_lacks(exception: str, text: str | None) -> None:
    name, _, message = exception.partition(": ")
    assert describe_standard(Failure(type=name, message=message), (), "cp39") == text


def test_failure_inside_of_python() -> None:
    random = ['  File "/p/lib/python3.11/random.py", line 439, in sample\n']
    told = describe_raiser(Failure(type="TypeError", message="Population"), random, "cp311")
    assert told == "random of its standard library raised it"
    syntax = Failure(type="SyntaxError", message="invalid syntax")
    assert describe_raiser(syntax, (), "cp36") == "this is not the syntax of Python 3.6"
    assert describe_raiser(None, [SITE.format("six.py")], "cp39") is None


@pytest.mark.parametrize(
    ("exception", "kind", "text"),
    [
        (
            GCD,
            "python",
            (
                "Python 3.7 here, 3.8 where it works (1.0, today): "
                "fractions.gcd is not in the standard library of Python 3.7"
            ),
        ),
        (
            "ModuleNotFoundError: No module named 'pkg_resources'",
            "requirements",
            "setuptools is not installed here and 58.1 where it works (1.0 on Python 3.8, today)",
        ),
        (
            "ModuleNotFoundError: No module named 'cv2'",
            "requirements",
            "no installed requirement gives the module cv2 (opencv-python does)",
        ),
        (
            "E: odd",
            "python",
            "Python 3.7 here, 3.8 where it works (1.0, today); 1 requirement differs as well",
        ),
    ],
)
def test_python_is_the_cause_where_it_alone_differs(exception: str, kind: str, text: str) -> None:
    explainer = make_explainer(["p==1.0"], ["p==1.0", "setuptools==58.1"], python="cp38")
    result = make_result("run_failed", reason="other", exception=exception)
    cause = explainer.explain(result, make_cell(python="cp38"))
    assert cause is not None
    assert (cause.kind, cause.text) == (kind, text)


def test_python_is_the_cause_where_the_requirements_are_the_same() -> None:
    # requests 2.10 on Python 3.11: its own copy of urllib3 cannot be imported there.
    explainer = make_explainer(["p==1.0"], ["p==1.0"], python="cp38")
    result = make_result("import_failed", reason="python", exception="E: No module named 'urllib3'")
    cause = explainer.explain(result, make_cell(python="cp38"))
    assert cause is not None
    assert cause.text.endswith("where the import works (1.0, today); the requirements are the same")


def test_defaults_that_changed_explain_another_result() -> None:
    defaults = "p.Forest (line 5): default of n changed from 10 to 100"
    # What is not there at all does not count: the script ran.
    missing = "p.gone (line 2): function removed"
    row = ("p", "s/a.py", "1.0", "2.0", 3, 3, 1.0, missing, defaults)
    explainer = Explainer([], make_sims(usage=[row])["usage"], {})
    home = {"version": "1.0", "python": "cp37", "resolve": "today"}
    result = make_result("different_result", "2.0", baseline=home)
    cause = explainer.explain(result, make_cell())
    assert cause is not None
    assert cause.text == f"between 1.0 and 2.0 changed what the script uses: {defaults}"
    assert (cause.kind, cause.path) == ("usage", "p.Forest")


@pytest.mark.parametrize(
    ("reason", "kind", "change", "refined"),
    [
        ("api_missing", "requirements", None, "dependency"),
        ("other", "requirements", None, "dependency"),
        ("python", "requirements", None, "python"),
        ("other", "python", None, "python"),
        ("other", "usage", "removed", "api_missing"),
        ("other", "api", "changed", "api_changed"),
        ("other", "usage", None, "other"),
        ("api_missing", "api", "removed", "api_missing"),
        ("timeout", "requirements", None, "timeout"),
        ("system", "python", None, "system"),
        (None, "usage", "changed", None),
    ],
)
def test_reason_agrees_with_its_cause(
    reason: str | None, kind: str, change: str | None, refined: str | None
) -> None:
    assert refine_reason(reason, Cause(kind=kind, text="", path="", change=change)) == refined
    assert refine_reason(reason, None) == reason


def test_what_packages_require_is_read_and_a_foreign_file_refused(tmp_path: Path) -> None:
    path = tmp_path / "requires.json"
    assert read_declared(path) == Declared()
    path.write_text(
        '{"schema": 1, "packages": {"P_a": {"1.0": ["Httpx>=0.2; python_version > \\"3\\"", "?"]}, '
        '"q": 3}, "scripts": {"s/a.py": ["numpy"], "b": 1}}'
    )
    found = read_declared(path)
    assert found.requires == {("p-a", "1.0"): frozenset({"httpx"})}
    assert found.imports == {"s/a.py": frozenset({"numpy"})}
    for text in ("[]", '{"schema": 9}', "{", "[" * 9000):
        path.write_text(text)
        with pytest.raises((ValueError, RecursionError)):
            read_declared(path)
