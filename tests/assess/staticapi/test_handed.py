"""Names that modules hand out through their own __getattr__, in the ways packages write it."""

from __future__ import annotations

import pytest
from helpers.static_source import INIT, describe, read

#: numpy's way: tables, one of them filled by update and a comprehension; one to raise by.
NUMPY = """
import builtins
_info = [("bool", "x"), ("int", "y")]
__deprecated__ = {}
__deprecated__.update({n: (getattr(builtins, n), m) for n, m in _info})
__deprecated__["typeDict"] = (1, "z")
__expired__ = {"loads": "expired"}
__former__ = {"gone": "removed"}
def __getattr__(attr):
    import warnings
    try:
        msg = __expired__[attr]
    except KeyError:
        pass
    else:
        def _expired(*args, **kwds):
            raise RuntimeError(msg)
        return _expired
    try:
        val, msg = __deprecated__[attr]
    except KeyError:
        pass
    else:
        warnings.warn(msg, DeprecationWarning, stacklevel=2)
        return val
    if attr in __former__:
        raise AttributeError(__former__[attr])
    if attr == "testing":
        import p.testing as testing
        return testing
    elif attr == "Tester":
        raise RuntimeError("Tester was removed")
    raise AttributeError(f"module {__name__!r} has no attribute {attr!r}")
"""

#: pydantic's way: one function makes the others, tables are by "module:name".
MIGRATION = """
MOVED = {"p.old:there": "p.new:here"}
REMOVED = {"p.old:gone"}
def getattr_migration(module):
    def wrapper(name):
        path = f"{module}:{name}"
        if path in MOVED.keys():
            warnings.warn("moved")
            return import_string(MOVED[path])
        if path == "p.old:Settings":
            raise ImportError("moved elsewhere")
        if path in REMOVED:
            raise ImportError("removed")
        raise AttributeError(name)
    return wrapper
"""

#: Files, and what is handed out of them: path -> description, "!" where it is deprecated.
CASES: list[tuple[dict[str, str], dict[str, str]]] = [
    ({INIT: NUMPY, "p/testing.py": ""},
     {"p.bool": "attribute!", "p.int": "attribute!", "p.typeDict": "attribute!"}),
    ({INIT: "", "p/old.py": "from p._m import getattr_migration\n"
            "__getattr__ = getattr_migration(__name__)",
      "p/_m.py": MIGRATION, "p/new.py": "def here(a): ..."},
     {"p.old.there": "function(a)!"}),
    # click, flask: a comparison for each name; what is handed out has its signature.
    ({INIT: "def __getattr__(name: str) -> object:\n  import warnings\n"
            "  if name == 'Old':\n    from .core import _Old\n    warnings.warn('x')\n"
            "    return _Old\n"
            "  if name == 'escape':\n    from markupsafe import escape\n    return escape\n"
            "  raise AttributeError(name)",
      "p/core.py": "class _Old:\n  def __init__(self, n): ..."},
     {"p.Old": "class(n)!", "p.escape": "attribute"}),
    # pandas, Pillow: membership in sets and local dictionaries, under another name.
    ({INIT: "class E: ...\ndef __getattr__(key):\n  if key in {'A', 'B'}:\n    deprecate('A')\n"
            "    return type(key, (), {})\n  old = {'LINEAR': 'X'}\n"
            "  if key in old:\n    return E[old[key]]\n  raise AttributeError"},
     {"p.A": "attribute!", "p.B": "attribute!", "p.LINEAR": "attribute"}),
    # The other way round, by get, by match, and with a helper of another module.
    ({INIT: "OLD = ['a', 'b']\ndef __getattr__(name):\n  if name not in OLD:\n"
            "    raise AttributeError(name)\n  return getattr(_m, name)\nfrom . import _m",
      "p/_m.py": "def a(x): ..."},
     {"p.a": "function(x)"}),
    ({INIT: "_names = {'f': '._m'}\ndef __getattr__(name):\n  where = _names.get(name)\n"
            "  if where is None:\n    raise AttributeError(name)\n"
            "  from importlib import import_module\n"
            "  return getattr(import_module(where, package=__package__), name)",
      "p/_m.py": "def f(x): ..."},
     {"p.f": "function(x)"}),
    ({INIT: "def __getattr__(name):\n  match name:\n    case 'a' | 'b':\n      return 1\n"
            "    case 'c':\n      raise AttributeError\n  raise AttributeError"},
     {"p.a": "attribute", "p.b": "attribute"}),
    ({INIT: "from ._d import deprecated_getattr\ndef __getattr__(name):\n"
            "  return deprecated_getattr(__name__, name)",
      "p/_d.py": "NAMES = {'a': 1}\ndef deprecated_getattr(module, name):\n"
                 "  if name in NAMES:\n    return NAMES[name]\n  raise AttributeError"},
     {"p.a": "attribute!"}),
    # A module that forwards to another has that one's own names.
    ({INIT: "", "p/core.py": "def __getattr__(name):\n  from p import _core\n"
            "  ret = getattr(_core, name, None)\n  if ret is None:\n    raise AttributeError\n"
            "  _warn_moved(name)\n  return ret",
      "p/_core.py": "import os\ndef f(x): ...\nclass C: ..."},
     {"p.core.f": "function(x)!", "p.core.C": "class()!"}),
    # matplotlib: properties of a class.
    ({INIT: "@module_getattr\nclass __getattr__:\n  old = property(lambda self: 1)"},
     {"p.old": "attribute!"}),
    # Names that only raise, that fall through, or of which the source does not tell.
    ({INIT: "def __getattr__(name):\n  if name == 'a':\n    raise ImportError('gone')\n"
            "  if name == 'b':\n    pass\n  if ask(name) and name == 'c':\n    return 1\n"
            "  raise AttributeError"}, {}),
    ({INIT: "def __getattr__(name):\n  return __getattr__(name)"}, {}),
    ({INIT: "__getattr__ = make()"}, {}),
    ({INIT: "def __getattr__(name):\n  while True:\n    if name == 'a': return 1"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), CASES)
def test_names_that_are_handed_out(files: dict[str, str], expected: dict[str, str]) -> None:
    without = {key: text.replace("__getattr__", "_not_asked") for key, text in files.items()}
    bound = read(without)
    found = {
        path: describe(symbol) + ("!" if symbol.is_deprecated else "")
        for path, symbol in read(files).items()
        if path not in bound
    }
    assert found == expected
