"""TensorFlow: what of it is public, and its helpers that change names as it is imported."""

from __future__ import annotations

import ast
import re

from calipertf.assess.packages.rules import PackageRules
from calipertf.assess.staticapi.evaluate import CALLS, EFFECTS, evaluate
from calipertf.assess.staticapi.public import PublicApiRules
from calipertf.assess.staticapi.scope import Scope
from calipertf.assess.staticapi.values import Attribute, LazyModule, Module, StringList, Value

#: Names in a module's docstring that the helper of the 0.x and 1.x line keeps (``@@name``).
_DOCUMENTED = re.compile(r"^@@(\w+)\s*$", re.MULTILINE)

RULES = PackageRules(
    public=PublicApiRules(
        submodules=False,
        honours_all=False,
        open_packages=("tensorflow.contrib",),
        # The root deletes the first three or should: its template says that they are private
        # (tensorflow/api_template.__init__.py). The others are there because something imports
        # them, and the compat modules hold one another again and again.
        hidden=frozenset(
            f"tensorflow.{name}"
            for name in (
                "python", "core", "compiler", "tools", "examples", "pywrap_tensorflow",
                "dtensor", "security", "tsl",
                "compat.v1.compat", "compat.v2.compat",
            )
        ),
        # contrib's packages keep their internals under the first of these names.
        hidden_names=frozenset({"python", "tests", "kernel_tests", "examples"}),
    ),
    # Release candidates require the nightly builds.
    companions=(
        "tensorflow-estimator", "tf-estimator-nightly", "keras", "keras-nightly",
        "tensorboard", "tb-nightly", "keras-preprocessing", "keras-applications",
    ),
    search_also={"tensorflow": ("tensorflow._api.v2", "tensorflow._api.v1")},
    # From 1.15 to 2.1 the package lies in tensorflow_core, and tensorflow forwards to it.
    renamed={"tensorflow_core": "tensorflow"},
)  # fmt: skip


def remove_undocumented(scope: Scope, node: ast.Call) -> None:
    """Delete what no docstring names, as TensorFlow of the 0.x and 1.x line does."""
    keywords = {item.arg: item.value for item in node.keywords}
    arguments = dict(enumerate(node.args))
    allowed = arguments.get(1) or keywords.get("allowed_exception_list")
    modules = arguments.get(2) or keywords.get("doc_string_modules")
    kept = list_documented(scope, modules)
    listed = None if allowed is None else evaluate(scope, allowed)
    if isinstance(listed, StringList):
        kept.update(listed.items)
    names = scope.module.names
    for name in [name for name in names if not name.startswith("_") and name not in kept]:
        del names[name]
    scope.module.curated = True


def make_all(scope: Scope, node: ast.Call) -> Value | None:
    """Return the ``__all__`` that TensorFlow's helper makes of what docstrings name."""
    documented = list_documented(scope, node.args[1] if len(node.args) > 1 else None)
    return StringList(items=sorted(documented & set(scope.module.names)))


def list_documented(scope: Scope, modules: ast.expr | None) -> set[str]:
    """Return names with ``@@`` in the docstrings of the modules given, or of the scope's own."""
    read: list[Module] = []
    if isinstance(modules, (ast.List, ast.Tuple)):
        for item in modules.elts:
            value = scope.world.resolve(evaluate(scope, item))
            if isinstance(value, Module):
                read.append(value)
    else:
        read.append(scope.module)
    return {name for module in read for name in _DOCUMENTED.findall(module.docstring)}


def reexport_tf_summary(scope: Scope, _: ast.Call) -> None:
    """Fill TensorBoard's tf.summary with TensorFlow's own names first."""
    for parent in ("_api.v2", "_api.v2.compat.v2", "_api.v1.compat.v2"):
        name = f"tensorflow.{parent}.summary"
        if name in scope.world.library:
            for inner, value in scope.world.load(name).names.items():
                if not inner.startswith("_"):
                    scope.bind(inner, value)
            return


def package_hook(scope: Scope, node: ast.Call) -> None:
    """Attach a module of another wheel, such as tf.estimator in 1.13."""
    values = [*node.args, *(item.value for item in node.keywords)]
    texts = [item.value for item in values if isinstance(item, ast.Constant)]
    for text in texts:
        if isinstance(text, str) and scope.world.find(text) is not None:
            scope.bind(text.rpartition(".")[2], LazyModule(name=text))


def find_lazy_keras(scope: Scope, node: ast.Call) -> Value | None:
    """Return where TensorFlow's own loader finds Keras, in its order: Keras 3, then Keras 2."""
    keywords = {
        item.arg: item.value.value for item in node.keywords if isinstance(item.value, ast.Constant)
    }
    submodule = str(keywords.get("submodule") or "")
    version = "_v1" if keywords.get("mode") == "v1" else "_v2"
    for root in ("keras._tf_keras.keras", f"keras.api.{version}.keras"):
        name = f"{root}.{submodule}" if submodule else root
        if scope.world.find(name) is not None:
            return LazyModule(name=name)
    return Attribute()


EFFECTS["remove_undocumented"] = remove_undocumented
EFFECTS["reexport_tf_summary"] = reexport_tf_summary
EFFECTS["package_hook"] = package_hook
CALLS["make_all"] = make_all
CALLS["KerasLazyLoader"] = CALLS["_KerasLazyLoader"] = find_lazy_keras
