"""What has to be known of a package beforehand, because no file of it says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from calipertf.assess.staticapi.public import Face

#: Folders and modules that are installed with many packages and are no part of their interface.
NOT_PUBLIC = frozenset({"tests", "test", "conftest", "setup", "docs", "examples", "benchmarks"})


@dataclass(frozen=True, kw_only=True)
class Knowledge:
    """How to read one import name's interface."""

    face: Face = field(default_factory=lambda: Face(hidden_names=NOT_PUBLIC))
    #: Packages whose wheels hold parts of the interface, where the wheel requires them.
    companions: tuple[str, ...] = ()
    #: Package -> further packages where its submodules lie.
    search_also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Root package -> the one that it is a new name of.
    renamed: Mapping[str, str] = field(default_factory=dict)


_TENSORFLOW = Knowledge(
    face=Face(
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

_KNOWN = {"tensorflow": _TENSORFLOW}


def know(root: str) -> Knowledge:
    """What is known of an import name; the common conventions where nothing is."""
    return _KNOWN.get(root, Knowledge())
