"""Whose a module or a file is: the judged package's, Python's, another package's, the script's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.utils import canonicalize_name

from calipertf.reasons.distributions import DISTRIBUTIONS, list_modules
from calipertf.reasons.stdlib import is_stdlib

PACKAGE = "package"
PYTHON = "python"
SCRIPT = "script"
THIRD_PARTY = "third_party"

#: Modules of other distributions that are the face or the inside of the judged one.
COMPANIONS: Mapping[str, tuple[str, ...]] = {
    "tensorflow": ("keras", "tf_keras", "tensorflow_core", "tensorflow_estimator"),
}
#: Requirements whose versions decide results together with the judged package's own: tables and the
#: page name a version by them as well.
COMPANION_REQUIREMENTS: Mapping[str, tuple[str, ...]] = {
    "tensorflow": ("keras", "protobuf", "numpy"),
}
_INSTALLED = re.compile(r"[\\/](?:site|dist)-packages[\\/](.+)$")
_LIBRARY = re.compile(r"(?:^|[\\/])lib[\\/](?:python|pypy)\d[\d.]*[\\/]", re.IGNORECASE)
#: A file that is no module: code that was generated, a launcher of an installed command.
_NOWHERE = re.compile(r"^<(?!string>|stdin>)|[\\/]bin[\\/][\w.-]+$")


@dataclass(frozen=True, kw_only=True)
class Owners:
    """What a cell knows of who owns which name."""

    #: Dotted paths of modules that are the judged package's, with all below them.
    modules: frozenset[str]
    #: PEP 503 names of the distributions in the environment; None where they are not known.
    installed: frozenset[str] | None = field(default=None)

    def find_owner(self, module: str) -> str:
        """Return whose a module is, given by its dotted path; never SCRIPT."""
        root = module.split(".", maxsplit=1)[0]
        own = {*_list_parents(module), root.lstrip("_")}
        if own & self.modules:
            return PACKAGE
        if is_stdlib(module) and not (self.installed and canonicalize_name(root) in self.installed):
            return PYTHON
        return THIRD_PARTY

    def find_file_owner(self, file: str, function: str = "") -> str | None:
        """Return whose a file of a traceback is.

        None for what is nobody's, such as generated code.
        """
        match = _INSTALLED.search(file)
        if match:
            return self.find_owner(_name_module(match[1]))
        if _LIBRARY.search(file):
            return PYTHON
        if _NOWHERE.search(file):
            return None
        if file.endswith((".pyx", ".pxd", ".pxi")):
            # Cython names the source, or for __init__.pxd the function's module.
            return self.find_owner(_name_module(file) if "/" in file else function or file)
        if not file.startswith(("/", "<")) and "/" in file and not re.match(r"[A-Za-z]:", file):
            # mypyc names the file as it lay when the wheel was made.
            path = _name_module(file.removeprefix("src/"))
            owner = self.find_owner(path)
            known = owner == PACKAGE or self.is_installed(path)
            return owner if known else SCRIPT
        return SCRIPT

    def is_installed(self, module: str) -> bool | None:
        """Return whether a distribution that has the module is installed.

        None where that is not known.
        """
        if self.installed is None:
            return None
        root = module.split(".", maxsplit=1)[0]
        if root in {"google", "azure", "zope"}:
            return any(name.startswith((root, "protobuf")) for name in self.installed)
        return any(
            f"{name}{ending}" in self.installed
            for name in (*DISTRIBUTIONS.get(root, ()), canonicalize_name(root))
            for ending in ("", "-headless", "-binary")
        )


def _list_parents(module: str) -> list[str]:
    """Return the module and all that hold it: a.b.c, a.b, a."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _name_module(path: str) -> str:
    """Return the dotted path of the module that a file below site-packages is."""
    return re.sub(r"\.\w+$", "", path).replace("\\", "/").replace("/", ".")


def make_owners(
    package: str, environment: Mapping[str, Any] | None = None, requirements: Iterable[str] = ()
) -> Owners:
    """Return the owners in a cell of a package, from what its record holds.

    `environment` may name the package's modules and what it is imported by, `requirements` are the
    lines of pip freeze.
    """
    facts = environment or {}
    known = [facts.get("import_name"), *(facts.get("modules") or ())]
    modules = {name for name in known if isinstance(name, str) and name}
    if not modules:
        modules = {package.replace("-", "_")}
        modules |= list_modules(package)
    # A module by the package's own name is the package's, also in versions without it.
    modules.add(package.replace("-", "_"))
    for root in list(modules):
        modules.update(COMPANIONS.get(root, ()))
    names = (re.match(r"[A-Za-z0-9][\w.-]*", line.strip()) for line in requirements)
    installed = frozenset(canonicalize_name(match[0]) for match in names if match)
    return Owners(
        modules=frozenset(modules),
        installed=installed | {canonicalize_name(package)} if installed else None,
    )
