from __future__ import annotations

import pytest
from helpers import DATA

from calipertf.outcomes import REASONS
from calipertf.reasons.classify import classify_failure
from calipertf.reasons.last_words import Failure, find_last_line, parse_exception
from calipertf.reasons.messages import normalise_message
from calipertf.reasons.owners import make_owners
from calipertf.reasons.tracebacks import LONGEST

#: What real packages printed, most frames left out: `#### name stream`, then the lines.
TEXTS = {
    name.split()[0]: (text.splitlines(keepends=True), name.split()[1])
    for name, _, text in (
        part.partition("\n") for part in (DATA / "tracebacks.txt").read_text().split("#### ")[1:]
    )
}


def read(name: str) -> tuple[list[str], list[str]]:
    lines, stream = TEXTS[name]
    return (lines, []) if stream == "stderr" else ([], lines)


#: Name of the text, the judged package, its module, other distributions, the reason, the exception.
REAL = [
    ("flask_login", "flask", "flask", "flask-login werkzeug", "dependency", "ImportError"),
    ("datareader", "pandas", "pandas", "pandas-datareader", "python", "ModuleNotFoundError"),
    ("toolbelt", "requests", "requests", "requests-toolbelt urllib3", "dependency", "ImportError"),
    ("toolbelt", "urllib3", "urllib3", "requests-toolbelt requests", "api_missing", "ImportError"),
    ("openai", "openai", "openai", "httpx", "dependency", "TypeError"),
    ("openai", "httpx", "httpx", "openai", "dependency", "TypeError"),
    ("depcall", "openai", "openai", "httpx", "dependency", "TypeError"),
    ("tomlpkg", "httpx", "httpx", "", "api_changed", "TypeError"),
    ("networkx3_9", "networkx", "networkx", "decorator", "python", "ImportError"),
    ("networkx3_10", "networkx", "networkx", "decorator", "python", "ImportError"),
    ("jinja_mapping", "jinja2", "jinja2", "markupsafe", "python", "ImportError"),
    ("imp", "nose", "nose", "", "python", "ModuleNotFoundError"),
    ("async_keyword", "celery", "celery", "kombu", "python", "SyntaxError"),
    ("celery_cli", "celery", "celery", "kombu importlib-metadata", "dependency", "AttributeError"),
    # The true error was swallowed: only other cells can show it, see test_counterparts.py.
    ("celery_task", "celery", "celery", "kombu importlib-metadata", "api_missing", "ImportError"),
    ("pydantic_settings", "pydantic", "pydantic", "", "api_missing", "PydanticImportError"),
    ("pydantic_regex", "pydantic", "pydantic", "", "api_changed", "TypeError"),
    ("pydantic_model", "pydantic", "pydantic", "pydantic-core", "other", "ValidationError"),
    ("sqlalchemy_engine", "sqlalchemy", "sqlalchemy", "", "api_missing", "AttributeError"),
    ("sqlalchemy_select", "sqlalchemy", "sqlalchemy", "", "api_changed", "ArgumentError"),
    ("django_ugettext", "django", "django", "", "api_missing", "ImportError"),
    ("sk_boston", "scikit-learn", "sklearn", "numpy", "api_missing", "ImportError"),
    ("sk_names", "scikit-learn", "sklearn", "numpy", "api_missing", "AttributeError"),
    ("sk_normalize", "scikit-learn", "sklearn", "numpy", "api_changed", "TypeError"),
    ("sk_notfitted", "scikit-learn", "sklearn", "numpy", "other", "NotFittedError"),
    ("scipy_misc", "scipy", "scipy", "numpy", "api_missing", "ImportError"),
    ("scipy_hann", "scipy", "scipy", "numpy", "api_missing", "AttributeError"),
    ("scipy_interp2d", "scipy", "scipy", "numpy", "api_missing", "NotImplementedError"),
    ("np_bool", "numpy", "numpy", "", "api_missing", "AttributeError"),
    ("np_float_", "numpy", "numpy", "", "api_missing", "AttributeError"),
    ("pandas_append", "pandas", "pandas", "numpy", "api_missing", "AttributeError"),
    ("pandas_append", "numpy", "numpy", "pandas", "dependency", "AttributeError"),
    ("powershap", "seaborn", "seaborn", "matplotlib pandas", "dependency", "AttributeError"),
    ("yaml_load", "pyyaml", "yaml", "", "api_changed", "TypeError"),
    ("markupsafe", "jinja2", "jinja2", "markupsafe", "dependency", "ImportError"),
    ("black_module", "black", "black", "click", "dependency", "ImportError"),
    ("black_command", "black", "black", "click", "dependency", "ImportError"),
    ("pkg_resources", "razorpay", "razorpay", "requests", "dependency", "ModuleNotFoundError"),
    ("opencv", "opencv-python", "cv2", "numpy", "dependency", "ImportError"),
    ("pandas_abi", "pandas", "pandas", "numpy", "dependency", "ValueError"),
    ("protobuf", "googleapis-common-protos", "google.api", "protobuf", "dependency", "TypeError"),
    ("glibc", "six", "six", "", "system", "OSError"),
    ("executable", "pydot", "pydot", "pyparsing", "system", "FileNotFoundError"),
    ("nltk", "nltk", "nltk", "", "data", "LookupError"),
    ("file", "pandas", "pandas", "numpy", "data", "FileNotFoundError"),
    ("network", "requests", "requests", "urllib3", "data", "ConnectionError"),
    ("relative", "networkx", "networkx", "decorator", "script", "ImportError"),
    ("nobody", "networkx", "networkx", "decorator", "script", "ModuleNotFoundError"),
    ("nobody36", "networkx", "networkx", "decorator", "script", "ModuleNotFoundError"),
    ("nobody", "networkx", "networkx", "numpy", "dependency", "ModuleNotFoundError"),
    ("shadow", "sqlalchemy", "sqlalchemy", "", "script", "AttributeError"),
    ("shadow2", "numpy", "numpy", "", "script", "AttributeError"),
    ("syntax_match", "six", "six", "", "script", "SyntaxError"),
    ("syntax_script", "six", "six", "", "python", "SyntaxError"),
    ("nonetype", "six", "six", "", "other", "AttributeError"),
    ("threaded", "six", "six", "", "other", "AttributeError"),
    ("pool", "six", "six", "", "other", "AttributeError"),
    ("group", "six", "six", "", "other", "ExceptionGroup"),
    ("argparse", "six", "six", "", "other", "Error"),
    ("click_usage", "click", "click", "", "other", "Error"),
    ("pytest_asyncio", "pytest", "pytest", "pytest-asyncio", "dependency", "AttributeError"),
    ("pytest_fail", "six", "six", "pytest", "other", "AssertionError"),
]


@pytest.mark.parametrize(("name", "package", "module", "others", "reason", "kind"), REAL)
def test_reason_of_what_real_packages_print(
    name: str, package: str, module: str, others: str, reason: str, kind: str
) -> None:
    error, output = read(name)
    owners = make_owners(package, {"import_name": module}, [package, *others.split()])
    failure = parse_exception(error, output)
    assert failure is not None
    assert failure.type == kind
    assert classify_failure(1, "exit", error, output, owners=owners)[0] == reason


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_bare_import_asks_for_no_name(name: str) -> None:
    error, output = read(name)
    owners = make_owners("networkx", {"import_name": "networkx"}, ["networkx"])
    reason, _ = classify_failure(1, "exit", error, output, owners=owners, importing=True)
    assert reason in set(REASONS) - {"api_missing", "api_changed", "script"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nobody", "requirements: [numpy]"),
        ("relative", "relative imports fail"),
        ("shadow", "the script's own file hides the module select"),
        ("glibc", "this machine has no libfoo.so.3"),
    ],
)
def test_reason_says_the_way_out(name: str, words: str) -> None:
    error, output = read(name)
    owners = make_owners("sqlalchemy", {"import_name": "sqlalchemy"}, ["sqlalchemy"])
    detail = classify_failure(1, "exit", error, output, owners=owners)[1]
    assert detail is not None
    assert words in detail


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sk_boston", "`load_boston` has been removed from scikit-learn since version 1.2.\n\nThe"),
        ("pydantic_model", "1 validation error for User\nname\n  Field required [type=missing"),
        ("notes", "one\ntwo: three\na note: here"),
        ("pytest_asyncio", "'Package' object has no attribute 'obj'"),
        ("pytest_fail", "assert 1 == 2"),
        ("networkx3_9", "cannot import name 'gcd' from 'fractions' (/lib/python3.9/fractions.py)"),
        ("nltk", "*" * 70 + "\n  Resource punkt not found."),
        ("argparse", "the following arguments are required: x"),
        ("pool", "'NoneType' object has no attribute 'strip'"),
    ],
)
def test_message_is_whole(name: str, message: str) -> None:
    failure = parse_exception(*read(name))
    assert failure is not None
    assert failure.message.startswith(message)
    assert len(failure.message) <= LONGEST


def test_message_of_a_foreign_record_is_cut() -> None:
    assert Failure(type="E", message="x" * 9000).message == "x" * LONGEST


#: Exceptions of a script's own line, the judged package being p (with q beside it).
SCRIPT = '  File "/repository/s.py", line 3, in <module>\n'
PACKAGE = '  File "/cell/env/lib/python3.9/site-packages/p/a.py", line 1, in f\n'
OTHER = '  File "/cell/env/lib/python3.9/site-packages/p_tools/a.py", line 1, in f\n'
LIBRARY = '  File "/opt/lib/python3.9/subprocess.py", line 1, in _execute_child\n'


INSIDE = SCRIPT + PACKAGE
KEYWORD = "TypeError: f() got an unexpected keyword argument 'x'"


def lacks(kind: str, name: str) -> str:
    return f"AttributeError: '{kind}' object has no attribute '{name}'"


def module_lacks(module: str, name: str) -> str:
    return f"AttributeError: module '{module}' has no attribute '{name}'"


def no_library(name: str) -> str:
    return f"ImportError: {name}: cannot open shared object file: No such file or directory"


@pytest.mark.parametrize(
    ("frames", "source", "last", "reason"),
    [
        # A prefix is not the package.
        (SCRIPT, "import p_tools", "ImportError: cannot import name 'x' from 'p_tools'", "dep"),
        (SCRIPT, "import p.x", "ModuleNotFoundError: No module named 'p.x'", "api_missing"),
        (SCRIPT, "import px", "ModuleNotFoundError: No module named 'px'", "script"),
        (SCRIPT + OTHER, "x.y", module_lacks("p", "y"), "api_missing"),
        (SCRIPT, "keras.x", module_lacks("keras", "x"), "dep"),
        # What is missing says more than the class, and who asks more than the words.
        (SCRIPT, "raise RuntimeError(m)", "RuntimeError: GPU is not available", "other"),
        (SCRIPT, "raise E(m)", "ValueError: this was removed", "other"),
        (INSIDE, "raise E(m)", "p.Gone: f was moved to p.g", "api_missing"),
        (INSIDE, "raise E(m)", "ValueError: 'M' is no longer supported", "api_changed"),
        (SCRIPT, "x.strip()", lacks("NoneType", "strip"), "other"),
        (SCRIPT, "t.x()", lacks("Tensor", "x"), "api_missing"),
        (SCRIPT, "q.f().x()", lacks("Thing", "x"), "dep"),
        (SCRIPT, "t.x()", lacks("q.core.Thing", "x"), "dep"),
        (INSIDE, "t.x()", lacks("Thing", "x"), "dep"),
        (
            SCRIPT,
            "from p.core import x",
            "ImportError: cannot import name 'x' from 'p.core'",
            "api",
        ),
        (INSIDE, "raise E(m)", "RuntimeError: p was not compiled with CUDA", "other"),
        # Python's library, present and past.
        (SCRIPT, "import urllib2", "ImportError: No module named urllib2", "python"),
        (SCRIPT, "import tomllib", "ModuleNotFoundError: No module named 'tomllib'", "python"),
        (PACKAGE, "a.b", module_lacks("inspect", "getargspec"), "python"),
        (PACKAGE, "@a.c", module_lacks("asyncio", "coroutine"), "python"),
        (PACKAGE, "t.isAlive()", lacks("Thread", "isAlive"), "py"),
        (SCRIPT, "d.has_key(1)", lacks("dict", "has_key"), "py"),
        (SCRIPT, "s.removeprefix('a')", lacks("str", "removeprefix"), "py"),
        (SCRIPT, "unicode(1)", "NameError: name 'unicode' is not defined", "python"),
        (SCRIPT, "x: list[int]", "TypeError: 'type' object is not subscriptable", "python"),
        (
            PACKAGE,
            "x: int | None",
            "TypeError: unsupported operand type(s) for |: 'type' and 'NoneType'",
            "py",
        ),
        (
            PACKAGE,
            "f(a, b)",
            "TypeError: ForwardRef._evaluate() missing 1 required keyword-only argument: 'r'",
            "py",
        ),
        (
            SCRIPT,
            "asyncio.sleep(1, loop=x)",
            "TypeError: sleep() got an unexpected keyword argument 'loop'",
            "py",
        ),
        (OTHER, "import x", "ModuleNotFoundError: No module named 'q.six.moves'", "python"),
        (PACKAGE, "print x", "SyntaxError: invalid syntax", "python"),
        (
            PACKAGE,
            "x",
            "ValueError: mutable default <class 'p.A'> for field a is not allowed",
            "py",
        ),
        (PACKAGE, "import a", "ImportError: a.so: undefined symbol: _PyGen_Send", "py"),
        (SCRIPT, "import sqlite3", "ModuleNotFoundError: No module named '_sqlite3'", "system"),
        # Versions that packages find each other in.
        (INSIDE, "raise E(m)", "ImportError: q>=2 is required, but found q==1.0.", "dep"),
        (INSIDE, "raise E(m)", "ImportError: P requires version '2' or newer of 'q'", "dep"),
        (INSIDE, "raise E(m)", "pkg_resources.VersionConflict: (q 1, Requirement('q>2'))", "dep"),
        # Calls: the package's own that fail are another's doing, the script's are its API.
        (SCRIPT, "p.f(x=1)", KEYWORD, "api_changed"),
        (SCRIPT, "q.f(x=1)", KEYWORD, "dep"),
        (INSIDE, "q.f(x=1)", KEYWORD, "dep"),
        (
            INSIDE,
            "raise TypeError(m)",
            "TypeError: f() missing 1 required positional argument",
            "api_changed",
        ),
        (INSIDE, "return f(*args, **kwargs)", KEYWORD, "api_changed"),
        (
            SCRIPT + OTHER,
            "f(1)",
            "TypeError: f() takes 1 positional argument but 2 were given",
            "dep",
        ),
        (INSIDE, "x", "ValueError: Only call `f` with named arguments", "api_changed"),
        # A call whose keyword is a word of the script's line, not its keyword.
        (
            SCRIPT.rstrip("\n") + "\n    print(p.Client(x))\n" + PACKAGE,
            "super().__init__(x=x)",
            KEYWORD,
            "dep",
        ),
        (
            SCRIPT + PACKAGE + LIBRARY,
            "raise TypeError(m)",
            "TypeError: As of 3.10, the *loop* parameter was removed from Lock()",
            "py",
        ),
        # The package looks a name up in another's object; it does not refuse it.
        (INSIDE, "async with q.f():", "AttributeError: __aenter__", "other"),
        (INSIDE, "e().get('x')", lacks("EntryPoints", "get"), "py"),
        # The import of a module of the package runs into what another package refuses.
        (
            SCRIPT.rstrip("\n") + "\n    import p.chains\n" + PACKAGE + OTHER,
            "raise E(m)",
            "q.errors.UserError: a field is not annotated",
            "dep",
        ),
        # The machine, limits and data.
        (PACKAGE, "import a", no_library("libGL.so.1"), "system"),
        (PACKAGE, "import a", no_library("libq_core.so.2"), "system"),
        (PACKAGE, "import a", no_library("libqueue.so.2"), "dep"),
        (
            PACKAGE,
            "import a",
            "ImportError: /lib/libc.so.6: version `GLIBC_2.33' not found",
            "system",
        ),
        (PACKAGE, "import a", "ImportError: a.so: undefined symbol: _ZN5torch", "dep"),
        (
            SCRIPT + LIBRARY,
            "raise e",
            "FileNotFoundError: [Errno 2] No such file or directory: 'dot'",
            "system",
        ),
        (
            SCRIPT,
            "f()",
            "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 9 GiB",
            "killed",
        ),
        (
            SCRIPT,
            "f()",
            "subprocess.CalledProcessError: Command 'x' died with <Signals.SIGSEGV: 11>.",
            "killed",
        ),
        (
            INSIDE,
            "raise E(m)",
            "ImportError: Missing optional dependency 'xlrd'. Use pip or conda to install",
            "script",
        ),
        (SCRIPT, "f()", "socket.gaierror: [Errno -3] Temporary failure in name resolution", "data"),
    ],
)
def test_reason_by_kind(frames: str, source: str, last: str, reason: str) -> None:
    lines = f"Traceback (most recent call last):\n{frames}    {source}\n{last}\n".splitlines(True)
    owners = make_owners("p", {"import_name": "p"}, ["p==1\n", "q==1\n", "libqueue==1\n"])
    wanted = {"dep": "dependency", "py": "python", "api": "api_missing"}.get(reason, reason)
    assert classify_failure(1, "exit", lines, owners=owners)[0] == wanted


def test_what_pythons_library_refuses_while_a_package_is_imported() -> None:
    library = '  File "/opt/lib/python3.11/enum.py", line 1, in _check\n    raise TypeError(m)\n'
    text = f"Traceback (most recent call last):\n{PACKAGE}    class A(E):\n{library}TypeError: no\n"
    owners = make_owners("p", {"import_name": "p"}, ["p==1\n"])
    lines = text.splitlines(keepends=True)
    assert classify_failure(1, "exit", lines, owners=owners, importing=True)[0] == "python"
    # A script may have given it what it refuses.
    assert classify_failure(1, "exit", lines, owners=owners)[0] == "other"


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        ("ImportError: cannot import name 'x' from 'numpy.core'", "api_missing"),
        ("ImportError: numpy.core.multiarray failed to import", "dependency"),
    ],
)
def test_numpy_is_judged_like_any_other_package(last: str, reason: str) -> None:
    lines = f"Traceback (most recent call last):\n{SCRIPT}    from a import b\n{last}\n"
    owners = make_owners("numpy", {"import_name": "numpy"}, ["numpy==2\n", "a==1\n"])
    assert classify_failure(1, "exit", lines.splitlines(True), owners=owners)[0] == reason


def test_an_exception_that_wraps_another_has_its_reason() -> None:
    text = (
        f"Traceback (most recent call last):\n{PACKAGE}    import q\n"
        "ImportError: cannot import name 'x' from 'q'\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        f"Traceback (most recent call last):\n{SCRIPT}    import p\n{PACKAGE}    raise Broken()\n"
        "p.Broken: p cannot be used\n"
    )
    owners = make_owners("p", {"import_name": "p"}, ["p==1\n", "q==1\n"])
    lines = text.splitlines(keepends=True)
    assert classify_failure(1, "exit", lines, owners=owners, importing=True)[0] == "dependency"
    failure = parse_exception(lines)
    assert failure == Failure(type="Broken", message="p cannot be used")


def test_a_second_try_that_fails_counts_itself() -> None:
    text = (
        f"Traceback (most recent call last):\n{SCRIPT}    walk().next()\n"
        "AttributeError: 'generator' object has no attribute 'next'\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        f"Traceback (most recent call last):\n{SCRIPT}    walk().__next__()\nStopIteration\n"
    )
    owners = make_owners("p", {"import_name": "p"})
    assert classify_failure(1, "exit", text.splitlines(True), owners=owners)[0] == "other"


def test_without_a_traceback_the_last_line_is_told() -> None:
    owners = make_owners("p")
    error, output = ["12:00 started\n", "thread failed\n", "\n"], ["a result\n"]
    assert classify_failure(3, "exit", error, output, owners=owners) == ("other", "thread failed")
    assert find_last_line(["\x1b[31mred\x07 words\x1b[0m\n"]) == "red words"
    assert find_last_line([], ["a result\n", "=====\n"]) == "a result"


def test_the_modules_of_a_package_in_a_namespace_are_its_own() -> None:
    owners = make_owners("google-cloud-storage", {"import_name": "google.cloud.storage"})
    assert owners.find_owner("google.cloud.storage.blob") == "package"
    assert owners.find_owner("google.protobuf") == "third_party"
    assert make_owners("pytest", {"import_name": "pytest"}).find_owner("_pytest.main") == "package"
    keras = make_owners("tensorflow", {"import_name": "tensorflow"})
    assert keras.find_owner("keras.layers") == "package"
    assert keras.find_owner("tensorflow_probability") == "third_party"


DRAWN = """\
╭──────────── Traceback (most recent call last) ────────────╮
│ /repository/s.py:4 in main                                 │
│ ❱ 4   q.f()                                                │
│ /cell/env/lib/python3.9/site-packages/q/a.py:9 in f        │
╰────────────────────────────────────────────────────────────╯
AttributeError: 'Thing' object has no attribute 'x'
"""
BOX = """\
Usage: s.py [OPTIONS] NAME
╭─ Error ────────────────────────────╮
│ Missing argument 'NAME'.           │
╰────────────────────────────────────╯
"""


def test_tracebacks_and_errors_that_libraries_draw() -> None:
    owners = make_owners("p", {"import_name": "p"}, ["p==1\n", "q==1\n"])
    failure = parse_exception(DRAWN.splitlines(keepends=True))
    assert failure == Failure(type="AttributeError", message="'Thing' object has no attribute 'x'")
    reason, _ = classify_failure(1, "exit", DRAWN.splitlines(True), owners=owners)
    assert reason == "dependency"
    found = classify_failure(2, "exit", BOX.splitlines(True), owners=owners)
    assert found == ("other", "Missing argument 'NAME'.")


@pytest.mark.parametrize("text", ["a" * 300_000, "a." * 150_000, "/a" * 150_000, "(" * 300_000])
@pytest.mark.parametrize("where", ["{}\n", "ValueError: {}\n", '  File "{}", line 1, in f\n'])
def test_a_text_without_end_is_read_in_a_moment(text: str, where: str) -> None:
    owners = make_owners("p", {"import_name": "p"}, ["p==1\n"])
    head = "Traceback (most recent call last):\n" + SCRIPT
    for lines in ([where.format(text)], [head, f"    {text}.x\n", where.format(text), "E: x\n"]):
        reason, _ = classify_failure(1, "exit", lines, lines, owners=owners)
        assert reason in REASONS
        failure = parse_exception(lines, lines)
        assert normalise_message(failure.message if failure else text)


def test_a_module_by_the_packages_own_name_is_missing_in_a_version_without_it() -> None:
    error = [
        "Traceback (most recent call last):\n",
        SCRIPT,
        "    import attrs\n",
        "ModuleNotFoundError: No module named 'attrs'\n",
    ]
    owners = make_owners("attrs", {"import_name": "attr"}, ["attrs==20.3.0"])
    assert classify_failure(1, "exit", error, owners=owners)[0] == "api_missing"
