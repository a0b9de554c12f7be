"""A version's Api from an index on the loopback: which files are read, and what comes of them."""

from __future__ import annotations

import gzip
import json
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.package_server import PackageServer, make_sdist, make_wheel

from calipertf.assess.api.extract import extract_api
from calipertf.assess.api.model import (
    Api,
    Parameter,
    Source,
    Symbol,
    cache_path,
    is_current,
    load_api,
    save_api,
)
from calipertf.assess.api.pool import Extraction, _receive, extract_versions
from calipertf.errors import CaliperError, InfrastructureError, RecordError, VersionError

LINUX = "manylinux1_x86_64"


@pytest.fixture
def server() -> Iterator[PackageServer]:
    with PackageServer() as running:
        yield running


def extract(server: PackageServer, package: str, version: str, **options: object) -> Api:
    return extract_api(package, version, index_url=server.index_url, **options)


def test_an_api_says_what_it_is_and_where_it_came_from(server: PackageServer) -> None:
    server.add("Some_Pkg-1.0-py3-none-any.whl", make_wheel({"some_pkg/__init__.py": "x = 1"}))
    api = extract(server, "Some-Pkg", "1.0.0")
    assert (api.package, api.version) == ("some-pkg", "1.0.0")
    assert set(api.symbols) == {"some_pkg", "some_pkg.x"}
    assert api.functions == {"some_pkg": {}}
    assert api.source.kind == "wheel"
    assert api.source.filename == "Some_Pkg-1.0-py3-none-any.whl"
    assert api.source.bytes_read == api.source.bytes_total


def test_the_linux_wheel_of_the_newest_python_is_taken(server: PackageServer) -> None:
    for tag in ("cp36-cp36m", "cp37-cp37m"):
        for platform in (LINUX, "win_amd64"):
            wheel = make_wheel({"p/__init__.py": f"def {tag[:4]}_{platform}(): ..."})
            server.add(f"p-1-{tag}-{platform}.whl", wheel)
    assert f"p.cp37_{LINUX}" in extract(server, "p", "1").symbols
    assert f"p.cp36_{LINUX}" in extract(server, "p", "1", python="cp36").symbols
    with pytest.raises(VersionError, match="no Linux x86_64 wheel for cp35"):
        extract(server, "p", "1", python="cp35")


def test_a_source_archive_is_read_where_there_is_no_wheel(server: PackageServer) -> None:
    server.add("p-1.tar.gz", make_sdist({"p/__init__.py": "def f(a): ...", "setup.py": ""}))
    assert extract(server, "p", "1").source.kind == "sdist"


def test_a_wheel_without_code_is_followed_to_what_it_pins(server: PackageServer) -> None:
    server.add("stub-1-py3-none-any.whl", make_wheel({}, requires=("real==1", "six")))
    server.add("real-1-py3-none-any.whl", make_wheel({"real/__init__.py": "x = 1"}))
    api = extract(server, "stub", "1")
    assert "real.x" in api.symbols
    assert api.notes[0] == (
        "stub-1-py3-none-any.whl holds no Python code: what it relies on was read, real 1"
    )


def test_a_source_archive_without_code_is_followed_to_its_only_requirement(
    server: PackageServer,
) -> None:
    stub = make_sdist({"stub.egg-info/requires.txt": "real\n"})
    server.add("stub-0.tar.gz", stub, uploaded="2020-01-01T00:00:00Z")
    # Nothing for Linux but the source, as scikit-learn 0.16.
    real = {"real/__init__.py": "x = 1"}
    server.add("real-1-cp37-none-win32.whl", make_wheel(real), uploaded="2019-01-01T00:00:00Z")
    server.add("real-1.tar.gz", make_sdist(real), uploaded="2019-01-01T00:00:00Z")
    assert "real.x" in extract(server, "stub", "0").symbols


def test_a_wheel_without_code_or_target_says_so(server: PackageServer) -> None:
    server.add("stub-1-py3-none-any.whl", make_wheel({}, requires=("a", "b")))
    assert extract(server, "stub", "1").notes == (
        "stub-1-py3-none-any.whl holds no Python code and relies on a, b",
    )


def add_tensorflow(server: PackageServer, version: str, requires: tuple[str, ...]) -> None:
    root = (
        "from tensorflow.python.util.lazy_loader import LazyLoader\n"
        "from tensorflow_core.python.ops import f\n"
        "estimator = LazyLoader('estimator', globals(), 'tensorflow_estimator.api')\n"
    )
    files = {
        "tensorflow/__init__.py": "from tensorflow_core import *",
        "tensorflow_core/__init__.py": root,
        "tensorflow_core/python/__init__.py": "",
        "tensorflow_core/python/ops.py": "def f(x): ...\ndef _g(): ...",
        "tensorflow_core/python/util/__init__.py": "",
        "tensorflow_core/python/util/lazy_loader.py": "class LazyLoader: ...",
    }
    name = f"tensorflow-{version}-cp37-cp37m-{LINUX}.whl"
    server.add(name, make_wheel(files, requires=requires), uploaded="2020-01-01T00:00:00Z")


def test_wheels_that_hold_parts_of_the_face_are_taken_in(server: PackageServer) -> None:
    add_tensorflow(server, "1.15.0", ("tensorflow-estimator>=1", "six", "keras; extra == 'k'"))
    for version, uploaded in (("1.0", "2019-12-01"), ("1.1", "2020-01-06"), ("1.2", "2020-03-01")):
        wheel = make_wheel(
            {
                "tensorflow_estimator/__init__.py": "",
                "tensorflow_estimator/api.py": f"def v{version.replace('.', '_')}(n): ...",
            }
        )
        name = f"tensorflow_estimator-{version}-py3-none-any.whl"
        server.add(name, wheel, uploaded=f"{uploaded}T00:00:00Z")
    api = extract(server, "tensorflow", "1.15.0")
    functions = {path for path, symbol in api.symbols.items() if symbol.kind == "function"}
    # The companion of the wheel's own time: 1.2 came two months later.
    assert functions == {"tensorflow.f", "tensorflow.estimator.v1_1"}
    assert api.symbols["tensorflow.f"].target == "tensorflow.python.ops.f"
    assert [source.filename for source in api.sources][1:] == [
        "tensorflow_estimator-1.1-py3-none-any.whl"
    ]
    # The function database is the wheel's own, under its own names.
    assert api.functions["tensorflow_core.python.ops"] == {"f": ["x"], "_g": []}
    assert not any(name.startswith("tensorflow_estimator") for name in api.functions)


def test_a_part_of_the_face_that_is_gone_is_said(server: PackageServer) -> None:
    add_tensorflow(server, "1.15.0", ("tensorflow-estimator>=1",))
    api = extract(server, "tensorflow", "1.15.0")
    assert "tensorflow.f" in api.symbols
    assert "holds a part of the interface, which is left out" in api.notes[0]


def test_what_cannot_be_seen_is_said(server: PackageServer) -> None:
    files = {
        "p/__init__.py": "from ._c import fast\nfrom ._c import *\ndef __getattr__(name): ...",
        "p/_c.cpython-37m-x86_64-linux-gnu.so": "",
        "p/old.py": "print 'x'",
    }
    server.add("p-1-py3-none-any.whl", make_wheel(files))
    assert extract(server, "p", "1").notes == (
        "1 module is not in today's Python syntax and left out: p.old",
        "1 public name comes from compiled code, with parameters that are not known: p.fast",
        (
            "1 module takes in all names of compiled modules, of which those in __all__ or a stub "
            "are known: p"
        ),
        "1 module makes further names when asked for them: p",
    )


def test_module_made_at_run_time_is_said_once(server: PackageServer) -> None:
    files = {
        "p/__init__.py": "from p import six\nfrom p.six import moves as more\nfrom .a import x",
        "p/six.py": "import types\nclass _M(types.ModuleType): ...\nmoves = _M('moves')",
        "p/a.py": "from p import six, gone\nx = 1",
    }
    server.add("p-1-py3-none-any.whl", make_wheel(files))
    assert extract(server, "p", "1").notes == (
        "p.six.moves is a module made at run time: its names are not known",
    )


def test_the_cache_answers_without_the_index(server: PackageServer, tmp_path: Path) -> None:
    server.add("p-1-py3-none-any.whl", make_wheel({"p/__init__.py": "x = 1"}))
    first = extract(server, "p", "1", cache_dir=tmp_path)
    server.requests.clear()
    assert extract(server, "p", "1", cache_dir=tmp_path) == first
    assert not server.requests


def test_a_damaged_cache_is_made_again(server: PackageServer, tmp_path: Path) -> None:
    server.add("p-1-py3-none-any.whl", make_wheel({"p/__init__.py": "x = 1"}))
    first = extract(server, "p", "1", cache_dir=tmp_path)
    cache_path(tmp_path, "p", "1").write_bytes(b"half a fi")
    assert extract(server, "p", "1", cache_dir=tmp_path) == first


FAILURES = [
    ("nothing", "1", VersionError, "has no package 'nothing'"),
    ("p", "1.1", VersionError, "p has no version 1.1 on the index"),
    ("p", "one", VersionError, "'one' is not a PEP 440 version"),
    ("p", "2", InfrastructureError, "p-2-py3-none-any.whl cannot be downloaded"),
]


@pytest.mark.parametrize(("package", "version", "kind", "message"), FAILURES)
def test_failures_are_told_in_a_sentence(
    server: PackageServer,
    package: str,
    version: str,
    kind: type[CaliperError],
    message: str,
) -> None:
    server.add("p-1-py3-none-any.whl", make_wheel({}))
    server.add("p-2-py3-none-any.whl", b"", hidden=True)
    with pytest.raises(kind, match=message):
        extract(server, package, version)


def test_versions_are_extracted_side_by_side_and_resumed(
    server: PackageServer, tmp_path: Path
) -> None:
    for version in ("1", "2"):
        server.add(f"p-{version}-py3-none-any.whl", make_wheel({"p/__init__.py": "x = 1"}))
    server.add("p-3-py3-none-any.whl", b"", hidden=True)

    def run() -> dict[str, Extraction]:
        outcomes = extract_versions(
            "p", ["1", "2", "3"], cache_dir=tmp_path, jobs=2, index_url=server.index_url
        )
        return {outcome.version: outcome for outcome in outcomes}

    first = run()
    assert {version: (item.cached, item.symbols) for version, item in first.items()} == {
        "1": (False, 2),
        "2": (False, 2),
        "3": (False, 0),
    }
    assert "p-3-py3-none-any.whl cannot be downloaded" in str(first["3"].error)
    assert first["1"].error is None
    assert first["1"].peak_memory > 1_000_000
    again = run()
    assert [version for version, item in sorted(again.items()) if item.cached] == ["1", "2"]


# The stored form.

PARAMETERS = tuple(
    Parameter(name=f"p{number}", kind=kind, default=default)
    for number, (kind, default) in enumerate(
        [
            ("positional-only", None),
            ("positional-or-keyword", "1"),
            ("var-positional", None),
            ("keyword-only", "'x'"),
            ("var-keyword", None),
        ]
    )
)
STORED = Api(
    package="p",
    version="1",
    sources=(Source(kind="wheel", filename="p.whl", url="u", bytes_read=1),),
    symbols={
        "p": Symbol(path="p", kind="module", target="p"),
        "p.f": Symbol(path="p.f", kind="function", parameters=PARAMETERS, target="p.a.f"),
        "p.g": Symbol(
            path="p.g", kind="function", parameters=PARAMETERS, target="p.a.f", is_async=True
        ),
        "p.C": Symbol(path="p.C", kind="class", parameters=(), bases=("p.B",), target="p.C"),
    },
    functions={"p": {"f": ["p0"]}},
    notes=("a note",),
)


def test_an_api_is_stored_and_read_back_whole(tmp_path: Path) -> None:
    path = save_api(STORED, tmp_path)
    assert path == tmp_path / "p" / "1.json.gz"
    assert load_api(tmp_path, "p", "1") == STORED
    stored = json.loads(gzip.decompress(path.read_bytes()))
    assert stored["schema"] == 3
    assert len(stored["signatures"]) == 2  # equal ones are stored once
    assert load_api(tmp_path, "p", "2") is None


def test_what_an_earlier_extraction_saw_is_not_current(tmp_path: Path) -> None:
    path = save_api(STORED, tmp_path)
    assert is_current(tmp_path, "p", "1")
    assert not is_current(tmp_path, "p", "2")
    path.write_bytes(gzip.compress(b'{"functions":{},"schema":1}', mtime=0))
    assert not is_current(tmp_path, "p", "1")


def test_equal_apis_are_stored_in_equal_bytes(tmp_path: Path) -> None:
    first = save_api(STORED, tmp_path / "a").read_bytes()
    assert save_api(STORED, tmp_path / "b").read_bytes() == first


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not gzip",
        gzip.compress(b"{", mtime=0),
        gzip.compress(b"[]", mtime=0),
        gzip.compress(b'{"schema": 9}', mtime=0),
        gzip.compress(b'{"schema": 3, "package": "p"}', mtime=0),
    ],
)
def test_a_damaged_file_is_told_by_its_name(tmp_path: Path, content: bytes) -> None:
    path = cache_path(tmp_path, "p", "1")
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"1\.json\.gz cannot be read"):
        load_api(tmp_path, "p", "1")


def test_a_process_that_dies_costs_its_version_alone() -> None:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    sender.close()
    outcome = _receive(receiver, Extraction(package="p", version="1"))
    assert "was killed, likely for want of memory" in str(outcome.error)
