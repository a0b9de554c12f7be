"""What scripts use of a package, and what other versions answer of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from calipertf.assess.api.model import Api, Parameter, Source, Symbol
from calipertf.assess.api.usage import measure_usage
from calipertf.assess.api.usage_visitor import Use, find_uses
from calipertf.errors import CaliperError

PATHS = [
    ("import tf\ntf.nn.relu(1)", {"tf.nn.relu"}),
    ("import tf as t\nt.a.b", {"tf.a.b"}),
    ("import tf.nn as nn\nnn.relu(1)", {"tf.nn", "tf.nn.relu"}),
    ("import tf.nn\ntf.nn.relu(1)", {"tf.nn", "tf.nn.relu"}),
    ("from tf.nn import relu as r\nr(1)", {"tf.nn.relu"}),
    ("from tf import *\nrelu(1)", {"tf.relu"}),
    ("import tf as t\nlayers = t.layers\nlayers.dense(1)", {"tf.layers", "tf.layers.dense"}),
    ("import tf\ns = tf.Session()\ns.run(1)", {"tf.Session", "tf.Session.run"}),
    ("import tf\nwith tf.Session() as s:\n    s.run(1)", {"tf.Session", "tf.Session.run"}),
    ("import tf\ntf.Session().run(1)", {"tf.Session", "tf.Session.run"}),
    ("import tf\ngetattr(tf, 'nn').relu(getattr(tf.a, 'b'))", {"tf.nn.relu", "tf.a.b"}),
    ("import tf\ngetattr(tf, 'mul', None)\ngetattr(tf, name)", set()),
    ("import tf.compat.v1 as tf\ntf.Session()", {"tf.compat.v1", "tf.compat.v1.Session"}),
    ("import tf\ndef f(tf):\n    tf.x", set()),
    ("import tf\ndef f():\n    return g.x\ng = tf.y", {"tf.y", "tf.y.x"}),
    ("import tf\nf = lambda tf: tf.x", set()),
    ("import tf\nclass M(tf.Model):\n    def call(self): return tf.x", {"tf.Model", "tf.x"}),
    ("import tf\n@tf.function\ndef f(a=tf.zero): ...", {"tf.function", "tf.zero"}),
    ("try:\n    import tf.v1 as t\nexcept ImportError:\n    import tf as t\nt.x",
     {"tf.v1", "tf.v1.x"}),
    ("import tf\ntf = None\ntf.x", set()),
    ("import tf\nfor tf in []:\n    tf.x", set()),
    ("import tf\nif tf.a:\n    tf.b\nelse:\n    tf.c", {"tf.a", "tf.b", "tf.c"}),
    ("import tf\nx, y = tf.a, tf.b\ny.c", {"tf.a", "tf.b", "tf.b.c"}),
    ("import tensorflow as tf\ntf.x", set()),
    ("from .tf import x\nx()", set()),
    ("import tf\nprint(tf.add(tf.a, tf.b(c=tf.d)))", {"tf.add", "tf.a", "tf.b", "tf.d"}),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), PATHS)
def test_uses_are_resolved_through_imports_and_aliases(source: str, expected: set[str]) -> None:
    assert {use.path for use in find_uses(source.encode(), "tf")} == expected


def test_a_use_has_its_line_and_call() -> None:
    uses = find_uses(b"import tf\n\ntf.f(1, *a, k=2, **b)\n", "tf")
    assert len(uses) == 1
    call = uses[0].calls[0]
    assert (uses[0].line, call.positional, call.keywords, call.is_starred) == (3, 1, ("k",), True)


def test_a_script_in_old_syntax_is_refused_with_a_sentence() -> None:
    with pytest.raises(CaliperError, match="today's Python syntax"):
        find_uses(b"print 'x'", "tf")


def make_api(symbols: Mapping[str, str | None], functions: Mapping[str, Any] | None = None) -> Api:
    """Symbols as path -> "kind a b=1 *c", or "kind" alone where parameters are not known."""
    made = {}
    for path, text in symbols.items():
        kind, *names = (text or "attribute").split()
        parameters: tuple[Parameter, ...] | None = None
        if kind in {"function", "class", "method"} and names != ["?"]:
            parameters = tuple(map(make_parameter, names))
        made[path] = Symbol(path=path, kind=kind, parameters=parameters, target=path)
    source = Source(kind="wheel", filename="x.whl", url="")
    return Api(
        package="tf", version="1", sources=(source,), symbols=made, functions=functions or {}
    )


def make_parameter(text: str) -> Parameter:
    name, _, default = text.partition("=")
    kind: Any = "positional-or-keyword"
    for mark, marked in (("**", "var-keyword"), ("*", "var-positional"), ("!", "keyword-only")):
        if name.startswith(mark):
            name, kind = name.removeprefix(mark), marked
            break
    return Parameter(name=name, kind=kind, default=default or None)


CALLS = [
    # old, new, the script's call, reason or None
    ("function a b=1", "function a b=1", "f(1, b=2)", None),
    ("function a", None, "f(1)", "function removed"),
    ("function a b", "function a", "f(1, 2)", "takes 1 positional arguments, 2 given"),
    ("function a b", "function a *args", "f(1, 2)", None),
    ("function a b", "function b a", "f(1, 2)", "position 1 was a, is b"),
    ("function a b", "function b a", "f(a=1, b=2)", None),
    ("function a b", "function x b", "f(1, 2)", None),
    ("function a", "function x", "f(a=1)", "no parameter a"),
    ("function a", "function **kw", "f(a=1)", None),
    ("function a", "function a c", "f(1)", "parameter c is required"),
    ("function a", "function a c", "f(*x)", None),
    ("function a", "function a !c", "f(1)", "parameter c is required"),
    ("function a", "function a c=1", "f(1)", None),
    ("function a", "function ?", "f(1)", None),
    ("function a", "class a", "f(1)", None),
    ("function a", "module", "f(1)", "function became a module"),
]


@pytest.mark.parametrize(("old", "new", "call", "reason"), CALLS)
def test_a_call_fits_or_says_why_not(old: str, new: str | None, call: str, reason: str) -> None:
    uses = find_uses(f"import tf\nx = []\ntf.{call}\n".encode(), "tf")
    home = make_api({"tf.f": old})
    other = make_api({} if new is None else {"tf.f": new})
    result = measure_usage(uses, home, other)
    assert [item.reason for item in result.missing] == ([reason] if reason else [])
    assert (result.used, result.share) == (1, 0.0 if reason else 1.0)
    assert measure_usage(uses, home, home).share == 1.0


def test_methods_are_checked_without_self() -> None:
    uses = find_uses(b"import tf\ns = tf.S()\ns.run(1, 2)\n", "tf")
    home = make_api({"tf.S": "class", "tf.S.run": "method self a b"})
    other = make_api({"tf.S": "class", "tf.S.run": "method self a"})
    assert [item.path for item in measure_usage(uses, home, other).missing] == ["tf.S.run"]


def test_what_the_home_version_does_not_show_is_left_out() -> None:
    uses = find_uses(b"import tf\ntf.S().made_up\ntf.f().x\ntf.unknown\ntf.FLAGS.rate\n", "tf")
    home = make_api({"tf.S": "class", "tf.f": "function", "tf.FLAGS": "attribute"})
    result = measure_usage(uses, home, make_api({}))
    assert [item.path for item in result.missing] == ["tf.FLAGS", "tf.S", "tf.f"]
    assert result.share == 0.0


def test_private_modules_are_looked_up_in_the_function_database() -> None:
    source = b"from tensorflow.examples.mnist import read\nread(1)\n"
    uses = find_uses(source, "tensorflow")
    home = make_api({}, {"tensorflow.examples.mnist": {"read": ["path"]}})
    renamed = make_api({}, {"tensorflow_core.examples.mnist": {"read": ["path"]}})
    assert measure_usage(uses, home, renamed).share == 1.0
    assert measure_usage(uses, home, make_api({})).share == 0.0


def test_a_script_that_uses_nothing_fits_everywhere() -> None:
    uses: tuple[Use, ...] = ()
    assert measure_usage(uses, make_api({}), make_api({})).share == 1.0


DEFAULTS = [
    # old, new, the script's call, what changed of what it leaves out
    ("function a n=10", "function a n=100", "f(1)", "default of n changed from 10 to 100"),
    ("function a n=10", "function a n=100", "f(1, 5)", None),
    ("function a n=10", "function a n=100", "f(1, n=5)", None),
    ("function a n=10", "function a n=100", "f(*x)", None),
    ("function a n=10", "function n=100 **kw", "f(a=1)", "default of n changed from 10 to 100"),
    ("class n='warn'", "class n='lbfgs' m=1", "f()", "default of n changed from 'warn' to 'lbfgs'"),
    ("function a=1 b=2", "function a=3 b=4", "f()",
     "default of a changed from 1 to 3, default of b changed from 2 to 4"),
    # The same value written in another way, one that is not known, and a parameter that went.
    ("function n=1.0", "function n=1.00", "f()", None),
    ("function n=dtypes.float32", "function n=_dtypes.float32", "f()", None),
    ("function n=...", "function n=1", "f()", None),
    ("function n=1", "function *args", "f()", None),
    ("function n=1", "function n=2", "f", None),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "call", "reason"), DEFAULTS)
def test_call_that_leaves_out_an_argument_uses_its_default(
    old: str, new: str, call: str, reason: str | None
) -> None:
    uses = find_uses(f"import tf\nx = []\ntf.{call}\n".encode(), "tf")
    result = measure_usage(uses, make_api({"tf.f": old}), make_api({"tf.f": new}))
    assert [item.reason for item in result.defaults] == ([reason] if reason else [])
    # The call goes through.
    assert (result.missing, result.share) == ((), 1.0)
