"""Run inside an environment: the names that a user reaches from an imported package, as JSON.

The ground truth for the static extraction, taken independently of it: import the package, walk
its modules with dir(), describe callables with inspect (through tf_inspect where the package has
it). Standard library of Python 3.6 alone. Arguments: import name, then a JSON object with
``roots`` (import names whose modules are walked) and ``hidden`` (paths that are left out).
"""

import importlib
import inspect
import json
import sys
import types
import warnings

LIMIT = 200000


def find_signature(target, inspector):
    try:
        # functools.wraps leaves what is wrapped here: that is what help() shows.
        spec = inspector(inspect.unwrap(target))
    except (TypeError, ValueError, AttributeError):
        return None
    return {
        "args": list(spec.args),
        "varargs": spec.varargs,
        "keywords": getattr(spec, "varkw", getattr(spec, "keywords", None)),
        "kwonly": list(getattr(spec, "kwonlyargs", ()) or ()),
        "defaults": len(spec.defaults or ()),
    }


def name_module(module):
    """The module's name; none for lazy modules that have nothing to load."""
    try:
        return module.__name__
    except Exception:  # noqa: BLE001  lazy modules raise what they like
        return None


def find_member(cls, name):
    """The member as its class holds it, and that class."""
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name], base
    return None, None


class Walker:
    def __init__(self, roots, hidden, inspector):
        self.roots = tuple(roots)
        self.hidden = set(hidden)
        self.inspector = inspector
        self.found = {}
        self.curated = set()

    def is_own(self, name, value, module):
        """Whether a plain module's name is its own rather than an import of its making.

        Packages and modules that TensorFlow's remove_undocumented went over mean what they hold,
        and so do modules that list a name in __all__.
        """
        if hasattr(module, "__path__") or name_module(module) in self.curated:
            return True
        if isinstance(value, types.ModuleType):
            return False
        if name in getattr(module, "__all__", ()):
            return True
        return getattr(value, "__module__", None) in (None, module.__name__)

    def is_inside(self, name):
        return (name or "").split(".")[0] in self.roots

    def visit_module(self, module, path, above):
        if path in self.hidden or id(module) in above:
            return
        names = sorted(name for name in dir(module) if not name.startswith("_"))
        self.found[path] = {"kind": "module", "module": name_module(module)}
        if len(self.found) > LIMIT:
            raise RuntimeError("too many names: the walk goes in circles")
        for name in names:
            try:
                value = getattr(module, name)
            except Exception:  # noqa: BLE001
                continue
            if self.is_own(name, value, module):
                self.visit(value, path + "." + name, (*above, id(module)))

    def visit(self, value, path, above):
        if path in self.hidden:
            return
        if isinstance(value, types.ModuleType):
            if self.is_inside(name_module(value)):
                self.visit_module(value, path, above)
        elif isinstance(value, type):
            if self.is_inside(value.__module__):
                self.visit_class(value, path, above)
        elif inspect.isroutine(value):
            if self.is_inside(getattr(value, "__module__", None)):
                self.found[path] = {
                    "kind": "function",
                    "signature": find_signature(value, self.inspector),
                }
        else:
            self.found[path] = {"kind": "attribute"}

    def visit_class(self, cls, path, above):
        self.found[path] = {
            "kind": "class",
            "signature": find_signature(cls.__init__, self.inspector)
            if isinstance(cls.__init__, types.FunctionType)
            else None,
        }
        if id(cls) in above:
            return
        for name in dir(cls):
            if name.startswith("_"):
                continue
            member, owner = find_member(cls, name)
            if owner is None or not self.is_inside(owner.__module__):
                kind = "foreign"
            elif isinstance(member, type):
                if self.is_inside(member.__module__):
                    self.visit_class(member, path + "." + name, (*above, id(cls)))
                continue
            elif isinstance(member, (staticmethod, classmethod)):
                member = member.__func__
                kind = "method"
            else:
                kind = "method" if inspect.isroutine(member) else "attribute"
            entry = {"kind": kind}
            if kind == "method":
                entry["signature"] = find_signature(member, self.inspector)
            self.found[path + "." + name] = entry


def main():
    warnings.simplefilter("ignore")
    root = sys.argv[1]
    options = json.loads(sys.argv[2])
    module = importlib.import_module(root)
    inspector = inspect.getfullargspec
    try:
        from tensorflow.python.util import tf_inspect

        inspector = getattr(tf_inspect, "getfullargspec", inspector)
    except ImportError:
        pass
    walker = Walker(options["roots"], options["hidden"], inspector)
    try:
        from tensorflow.python.util import all_util

        walker.curated.update(name.rpartition(".")[0] for name in all_util._HIDDEN_ATTRIBUTES)
    except (ImportError, AttributeError):
        pass
    walker.visit_module(module, root, ())
    # What the package prints while it is imported must not mix with the answer.
    with open(sys.argv[3], "w") as stream:  # noqa: PTH123
        json.dump(walker.found, stream)


if __name__ == "__main__":
    main()
