"""Names and signatures found by following the imports of small packages."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.static_source import INIT, describe, read

from calipertf.assess.staticapi.library import SourceFiles
from calipertf.assess.staticapi.public import PublicApiRules

#: TensorFlow's way: only what the root binds.
BOUND = PublicApiRules(submodules=False, honours_all=False)


SIGNATURES = [
    ("def f(a, b=1, *args, c, d=None, **kw): ...", "function(a, b=1, *args, c, d=None, **kw)"),
    ("def f(a, /, b, *, c): ...", "function(a/, b, *, c)"),
    ("async def f(a): ...", "function(a)"),
    ("def f(a='x', b=-1.5, c=(1, 2), d=g.h): ...", "function(a='x', b=-1.5, c=(1, 2), d=g.h)"),
    ('def f(a="x"): ...', "function(a='x')"),
    ("f = lambda x, y=2: x", "function(x, y=2)"),
    ("if True:\n    def f(a): ...\nelse:\n    def f(b): ...", "function(a)"),
    (("import sys\nif sys.version_info >= (3, 9):\n    def f(new): ...\n"
     "else:\n    def f(old): ..."), "function(old)"),
    (("import sys\nif sys.version_info[0] < 3:\n    def f(old): ...\n"
     "else:\n    def f(new): ..."), "function(new)"),
    ("try:\n    def f(a): ...\nexcept ImportError:\n    def f(b): ...", "function(a)"),
    ("def g(a): ...\nf = g", "function(a)"),
    ("import functools\ndef g(a, b, c): ...\nf = functools.partial(g, 1, c=2)",
     "function(b, *, c=...)"),
    ("from outside import export\ndef g(a): ...\nf = export('x')(g)", "function(a)"),
    ("from outside import export\n@export('x')\ndef f(a): ...", "function(a)"),
    ("def make(n):\n    def inner(x, y=0): ...\n    return inner\nf = make(2)", "function(x, y=0)"),
    (("def deco(f):\n    def wrapper(instance, shape): ...\n    return wrapper\n"
     "@deco\ndef f(self, input_shape): ..."), "function(instance, shape)"),
    (("import functools\ndef deco(f):\n    @functools.wraps(f)\n    def wrapper(x): ...\n"
     "    return wrapper\n@deco\ndef f(a, b): ..."), "function(a, b)"),
    (("def deco(f):\n    def wrapper(*args, **kwargs): ...\n    return wrapper\n"
     "@deco\ndef f(a, b): ..."), "function(a, b)"),
    (("from typing import overload\n@overload\ndef f(a: int): ...\n@overload\ndef f(a: str, b): ..."
     "\ndef f(a, b=None): ..."), "function(a, b=None)"),
    # TensorFlow 1.14 to 2.0 make tf.raw_ops so.
    (("from outside import docs\ndef only(f):\n    def wrapper(*args, **kwargs): ...\n"
      "    return make_decorator(f, wrapper)\ndef f(a): ...\n"
      "kwarg_only = only\nf = docs.do_not_generate_docs(kwarg_only(f))"), "function(a)"),
    ("f = 3", "attribute"),
    ("f = print(1)", "attribute"),
    ("class f:\n    def __init__(self, a, b=1): ...", "class(a, b=1)"),
    ("class f:\n    def __new__(cls, a): ...", "class(a)"),
    ("class f: ...", "class()"),
    ("class B:\n    def __init__(self, a): ...\nclass f(B): ...", "class(a)"),
    ("from outside import B\nclass f(B): ...", "class"),
    ("import collections\nf = collections.namedtuple('f', 'a b')", "class(a, b)"),
    ("import collections\nclass f(collections.namedtuple('f', ['a', 'b'])): ...", "class(a, b)"),
    ("from dataclasses import dataclass\n@dataclass\nclass f:\n    a: int\n    b: int = 2",
     "class(a, b=2)"),
    ("from typing import NamedTuple\nclass f(NamedTuple):\n    a: int\n    b: str = 'x'",
     "class(a, b='x')"),
    ("globals()['f'] = lambda a: a", "function(a)"),
    ("import sys\nsetattr(sys.modules[__name__], 'f', lambda a: a)", "function(a)"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), SIGNATURES)
def test_a_definition_has_its_signature(source: str, expected: str) -> None:
    assert describe(read({INIT: source})["p.f"]) == expected


PATHS: list[tuple[dict[str, str], set[str]]] = [
    # Wildcards follow __all__, and without it leave out underscores.
    ({INIT: "from p.a import *", "p/a.py": "__all__ = ['x']\nx = y = 1"}, {"p.x"}),
    ({INIT: "from .a import *", "p/a.py": "x = _y = 1"}, {"p.x"}),
    ({INIT: "from .a import *\ndel x", "p/a.py": "x = y = 1"}, {"p.y"}),
    # __all__ put together.
    (
        {INIT: "from . import a\nfrom .a import *\n__all__ = ['z'] + a.__all__\nz = w = 1\ndel a",
         "p/a.py": "__all__ = ['x']\n__all__ += ['y']\n__all__.append('v')\nx = y = v = u = 1"},
        {"p.x", "p.y", "p.z", "p.v"},
    ),
    (
        {INIT: "x = _y = z = 1\n__all__ = [s for s in dir() if not s.startswith('_')]\n"
               "__all__.remove('z')"},
        {"p.x"},
    ),
    # Names of other packages are theirs.
    ({INIT: "import os\nfrom json import dumps\nx = 1"}, {"p.x"}),
    # ... unless __all__ lists them, or an assignment gives them a name of their own.
    ({INIT: "from json import dumps, loads\n__all__ = ['dumps']"}, {"p.dumps"}),
    ({INIT: "import io\nfrom json import dumps\ntext_type = str\nStringIO = io.StringIO"},
     {"p.text_type", "p.StringIO"}),
    ({INIT: "from .a import *\nfrom .a import max\n__all__ = ['y']",
      "p/a.py": "__all__ = ['y']\ny = 1\ndef max(x): ...\ndef other(x): ..."}, {"p.y", "p.max"}),
    # PEP 562: what type checkers are told is what __getattr__ gives.
    ({INIT: "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  from .a import C\n"
            "  from ._b import *\n__all__ = ('C', 'g')\ndef __getattr__(name): ...",
      "p/a.py": "class C:\n  def f(self): ...", "p/_b.py": "def g(x): ..."},
     {"p.C", "p.C.f", "p.g", "p.a", "p.a.C", "p.a.C.f"}),
    # Folders without __init__.py lead to packages, and are none inside of packages.
    ({"p/q/r/__init__.py": "x = 1", "p/q/r/scripts/go.py": "y = 1"}, {"p.q", "p.q.r", "p.q.r.x"}),
    ({"p/q/__init__.py": "from p.other import x", "p/q/a.py": "from p.other import y\nz = 1"},
     {"p.q", "p.q.a", "p.q.a.z"}),
    # The root is no member of its parts.
    ({INIT: "", "p/a/__init__.py": "import p"}, {"p.a"}),
    # A fallback is used where the first choice has no file.
    ({INIT: "try:\n    from .fast import x\nexcept ImportError:\n    from .slow import x, y",
      "p/slow.py": "x = y = 1"}, {"p.x", "p.y"}),
    # Environment variables are not set.
    ({INIT: "import os\nif os.environ.get('FAST', False):\n  from .fast import x\n"
            "else:\n  from .slow import x, y\nif os.getenv('A', '0') == '1':\n  z = 1",
      "p/slow.py": "x = y = 1", "p/fast.py": "x = 1"}, {"p.x", "p.y", "p.fast", "p.fast.x"}),
    # Lazy loaders.
    ({INIT: "from .lazy import LazyLoader\nm = LazyLoader('m', globals(), 'p.a')\ndel LazyLoader",
      "p/lazy.py": "class LazyLoader: ...", "p/a.py": "x = 1"}, {"p.m", "p.m.x"}),
    # TensorFlow 2.6 to 2.14 put the module's name together: tf.metrics, tf.losses.
    ({INIT: "from .lazy import LazyLoader\nif True:\n  _root = 'p.'\n"
            "  _m = LazyLoader('m', globals(), _root + 'a')\n  m = _m\ndel LazyLoader",
      "p/lazy.py": "class LazyLoader: ...", "p/a.py": "x = 1"}, {"p.m", "p.m.x"}),
    ({INIT: "class _Lazy(object):\n    def __getattr__(self, item):\n        import importlib\n"
            "        return getattr(importlib.import_module('p.a'), item)\nm = _Lazy()",
      "p/a.py": "x = 1"}, {"p.m", "p.m.x"}),
    # TensorFlow's remove_undocumented keeps what a docstring names or the list allows.
    ({INIT: "'''Doc.\n\n@@x\n'''\nfrom .t import remove_undocumented\nx = y = z = 1\n"
            "_allowed = ['y']\nremove_undocumented(__name__, _allowed)",
      "p/t.py": "def remove_undocumented(*a): ..."}, {"p.x", "p.y"}),
    # Modules that hold one another end.
    ({INIT: "from p import a", "p/a.py": "from p import b\nx = 1", "p/b.py": "from p import a"},
     {"p.a", "p.a.x", "p.b"}),
]  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), PATHS)
def test_public_paths(files: dict[str, str], expected: set[str]) -> None:
    found = read(files, rules=BOUND if "LazyLoader" in files.get(INIT, "") else None)
    shown = set(found) - {"p"}
    if "p.a" not in expected:  # the submodules of these small packages are public as well
        shown = {path for path in shown if path.split(".")[1] not in {"a", "lazy", "slow", "t"}}
    assert shown == expected


def test_submodules_are_public_unless_the_rules_say_otherwise() -> None:
    files = {INIT: "", "p/a.py": "x = 1", "p/_b.py": "y = 1", "p/tests/__init__.py": ""}
    assert set(read(files, rules=PublicApiRules(hidden_names=frozenset({"tests"})))) == {
        "p",
        "p.a",
        "p.a.x",
    }
    assert set(read(files, rules=BOUND)) == {"p"}


def test_members_are_inherited_and_overridden() -> None:
    files = {
        INIT: "from .a import C",
        "p/a.py": (
            "class A:\n    def f(self, a): ...\n    def g(self): ...\n    _h = k = 1\n"
            "class B(A):\n    def f(self, b): ...\n    @property\n    def size(self): ...\n"
            "    @classmethod\n    def make(cls, n): ...\n"
            "class C(B):\n    class D: ...\n"
        ),
    }
    found = read(files, rules=BOUND)
    shown = {path: describe(symbol) for path, symbol in found.items() if path.startswith("p.C")}
    assert shown == {
        "p.C": "class()",
        "p.C.D": "class()",
        "p.C.f": "method(self, b)",
        "p.C.g": "method(self)",
        "p.C.k": "attribute",
        "p.C.make": "method(cls, n)",
        "p.C.size": "attribute",
    }
    assert found["p.C.f"].target == "p.a.B.f"
    assert found["p.C"].bases == ("p.a.B",)


def test_bases_inside_with_metaclass_are_bases() -> None:
    source = "import six\nclass M(type): ...\nclass A: ...\nclass B(six.with_metaclass(M, A)): ..."
    assert read({INIT: source})["p.B"].bases == ("p.A",)


def test_lazy_name_has_the_signature_of_what_type_checkers_see() -> None:
    source = (
        "import typing as t\nif t.TYPE_CHECKING:\n  from .a import C as D\n__all__ = ['D']\n"
        "def __getattr__(name): ..."
    )
    found = read({INIT: source, "p/a.py": "class C:\n  def __init__(self, x): ..."})
    assert describe(found["p.D"]) == "class(x)"


def test_function_database_is_what_the_original_extracts(tmp_path: Path) -> None:
    metric = pytest.importorskip("caliper.metrics.collection.functiondb.metric")
    files = {
        INIT: "def f(a, /, b, *c, d, **e): ...\nasync def g(): ...\nx = 1",
        "p/a.py": "def f(a): ...\ndef f(b): ...\nif x:\n  def h(): ...\n"
        "class C:\n  class D:\n    def n(self): ...\n  @property\n  def m(self, q=1): ...",
        "p/sub/b.py": "def no_package(): ...",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    original = metric.Functiondb.__new__(metric.Functiondb)
    original.git = SimpleNamespace(folder=str(tmp_path))
    library = SourceFiles({})
    library.add({name: text.encode() for name, text in files.items()}, frozenset(), is_own=True)
    library.finish()
    assert library.functions == original.create_lookup(modules=True)


def test_methods_follow_the_resolution_order_of_a_diamond() -> None:
    source = (
        "class A:\n    def f(self, a): ...\nclass B(A): ...\n"
        "class C(A):\n    def f(self, c): ...\nclass D(B, C): ...\n"
    )
    assert describe(read({INIT: source})["p.D.f"]) == "method(self, c)"


def test_aliases_point_at_one_definition() -> None:
    found = read({INIT: "from .a import f, f as g", "p/a.py": "def f(x): ..."}, rules=BOUND)
    assert found["p.f"].target == found["p.g"].target == "p.a.f"


def test_a_renamed_root_is_one_with_the_old() -> None:
    files = {
        "p/__init__.py": "from p_core import *",
        "p_core/__init__.py": "from p_core.python.ops import f",
        "p_core/python/__init__.py": "",
        "p_core/python/ops.py": "from p.python import other\ndef f(x): ...",
        "p_core/python/other.py": "",
    }
    found = read(files, rules=BOUND, renamed={"p_core": "p"})
    assert found["p.f"].target == "p.python.ops.f"


def test_submodules_are_found_where_the_path_was_grown() -> None:
    files = {
        INIT: "from p import nn",
        "p/_api/__init__.py": "",
        "p/_api/nn/__init__.py": "def relu(x): ...",
    }
    found = read(files, rules=BOUND, search_also={"p": ("p._api",)})
    assert describe(found["p.nn.relu"]) == "function(x)"


def test_names_of_compiled_modules_have_no_signature() -> None:
    found = read({INIT: "from ._c import f"}, compiled=("p._c",))
    assert (found["p.f"].kind, found["p.f"].target) == ("attribute", "p._c.f")


def test_stubs_tell_what_compiled_modules_hold() -> None:
    files = {
        INIT: "from ._c import f, size\nfrom ._c import *\ndef own(a): ...\n__all__ = ['g']",
        "p/__init__.pyi": (
            "from typing import Any, overload\nfrom p._types import Array, Shape as Shape\n"
            "@overload\ndef f(a: int, *, b: int = ...) -> Array: ...\n"
            "@overload\ndef f(a: str) -> Array: ...\n"
            "def own(other): ...\ng: Any\nsize: int\nclass C:\n    def m(self, x): ...\n"
        ),
        "p/_types.py": "Array = Shape = 1",
    }
    found = read(files, compiled=("p._c",), rules=BOUND)
    assert {path: describe(symbol) for path, symbol in found.items() if path != "p"} == {
        "p.C": "class()",
        "p.C.m": "method(self, x)",
        "p.Shape": "attribute",
        "p.f": "function(a, *, b=Ellipsis)",
        "p.g": "attribute",
        "p.own": "function(a)",
        "p.size": "attribute",
    }


def test_names_that_are_listed_exist_even_where_their_value_is_not_seen() -> None:
    files = {INIT: "from .a import *", "p/a.py": "from ._c import *\n__all__ = ['sin']"}
    assert describe(read(files, compiled=("p._c",), rules=BOUND)["p.sin"]) == "attribute"


def test_async_as_a_name_is_read_and_kept() -> None:
    assert describe(read({INIT: "def f(async=False): ..."})["p.f"]) == "function(async=False)"


def test_protobuf_messages_are_read_from_their_descriptor() -> None:
    # message M { message N {}  enum E { A = 0; }  string name = 1; }  enum F { B = 0; }
    field = b"\x0a\x04name\x18\x01"
    enum = b"\x0a\x01E\x12\x05\x0a\x01A\x10\x00"
    message = (
        b"\x0a\x01M" + b"\x12" + bytes([len(field)]) + field + b"\x1a\x03\x0a\x01N"
        + b"\x22" + bytes([len(enum)]) + enum
    )  # fmt: skip
    top_enum = b"\x0a\x01F\x12\x05\x0a\x01B\x10\x00"
    file = (
        b"\x0a\x07m.proto\x22" + bytes([len(message)]) + message
        + b"\x2a" + bytes([len(top_enum)]) + top_enum
    )  # fmt: skip
    files = {
        INIT: "from p.m_pb2 import *",
        "p/m_pb2.py": f"DESCRIPTOR = pool.AddSerializedFile({file!r})\n",
    }
    found = read(files, rules=BOUND)
    kinds = {
        path: describe(symbol)
        for path, symbol in found.items()
        if path != "p" and not path.startswith("p.m_pb2")
    }
    assert kinds == {
        "p.M": "class(*, name=None)",
        "p.M.A": "attribute",
        "p.M.E": "attribute",
        "p.M.N": "class()",
        "p.M.name": "attribute",
        "p.B": "attribute",
        "p.F": "attribute",
        "p.DESCRIPTOR": "attribute",
    }


def test_functions_are_listed_as_caliper_lists_them() -> None:
    source = (
        "def f(a, b=1, *args, c=2, **kw): ...\nasync def g(): ...\n"
        "class C:\n    x = 1\n    def m(self, a): ...\nif True:\n    def h(): ...\n"
        "def f(z): ...\n"
    )
    library = SourceFiles({"p_core": "p"})
    files = {
        "p_core/__init__.py": source.encode(),
        "p_core/old.py": b"print 'python 2'",
        "no_package/a.py": b"def f(): ...",
        "single.py": b"def f(): ...",
    }
    library.add(dict(files), frozenset(), is_own=True)
    library.finish()
    expected: dict[str, Any] = {
        "p_core": {"f": ["z"], "C": {"m": ["self", "a"]}},
        "single": {"f": []},
    }
    assert library.functions == expected
    assert library.unreadable == ["p.old"]


def test_submodules_of_an_open_package_are_public_though_nothing_imports_them() -> None:
    files = {
        INIT: "from . import contrib, core",
        "p/core/__init__.py": "",
        "p/core/inner.py": "def f(x): ...",
        "p/contrib/__init__.py": "",
        "p/contrib/trees/__init__.py": "",
        "p/contrib/trees/lib.py": "def f(x): ...",
    }
    rules = PublicApiRules(submodules=False, honours_all=False, open_packages=("p.contrib",))
    found = {path for path in read(files, rules=rules) if path.startswith("p.c")}
    assert found == {
        "p.core",
        "p.contrib",
        "p.contrib.trees",
        "p.contrib.trees.lib",
        "p.contrib.trees.lib.f",
    }


def test_what_a_plain_module_names_in_all_is_public_though_defined_elsewhere() -> None:
    files = {
        INIT: "from . import nn",
        "p/ops.py": "def relu(x): ...\ndef hidden(x): ...",
        "p/nn.py": "from .ops import *\nfrom . import ops\n__all__ = ['relu', 'ops']",
    }
    found = read(files, rules=PublicApiRules(submodules=False, honours_all=False))
    assert {"p.nn", "p.nn.relu"} <= set(found)
    assert not {"p.nn.hidden", "p.nn.ops"} & set(found)
