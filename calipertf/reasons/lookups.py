"""Missing names: whose they were."""

from __future__ import annotations

import re

from calipertf.reasons.distributions import guess_distribution
from calipertf.reasons.owners import PACKAGE, PYTHON, SCRIPT, THIRD_PARTY
from calipertf.reasons.stdlib import has_method, is_builtin, is_builtin_type, is_optional
from calipertf.reasons.witness import Blame, Witness

_TYPES = re.compile(r"(?:AttributeError|ImportError|ModuleNotFoundError|NameError)$")
_RELATIVE = re.compile(r"[Aa]ttempted relative import|'__main__' is not a package")
#: Import errors in which a package asks its user to install something.
_OPTIONAL = re.compile(
    r"(?:pip|conda) install|optional dependency|not installed|must be installed|[Pp]lease install"
)
_MODULE = re.compile(r"(?:initialized )?[Mm]odule '(?P<path>[\w.]+)' has no attribute")
#: A module that is not there, by its dotted path.
NO_MODULE = re.compile(r"No module named '?(?P<path>[\w.]+)'?")
_NO_NAME = re.compile(
    r"cannot import name '?(?P<name>\w+)'?"
    r"(?: from (?:partially initialized module )?'(?P<path>[\w.]+)')?"
)
_OBJECT = re.compile(r"'(?P<class>[\w.]+)' object has no attribute '(?P<name>\w+)'")
_TYPE_OBJECT = re.compile(r"type object '(?P<class>[\w.]+)' has no attribute '(?P<name>\w+)'")
_NO_VARIABLE = re.compile(r"name '(?P<name>\w+)' is not defined")
_PLACE = re.compile(r"\((?P<file>[^()]+\.pyc?)\)")
#: Roots of the library that a quoted line may go through; others are names of variables, too.
_LIBRARIES = frozenset(
    {"asyncio", "collections", "concurrent", "email", "http", "importlib", "inspect"}
    | {"multiprocessing", "unittest", "urllib", "xml"}
)
#: Classes of the library that a package gives to older Pythons as well -> its module.
_BACKPORTS = dict.fromkeys(("EntryPoint", "EntryPoints", "SelectableGroups"), "importlib_metadata")


def blame_lookup(witness: Witness) -> Blame | None:
    """Return whose a missing name is; None where the exception speaks of none."""
    text = witness.message
    if _RELATIVE.search(text):
        if witness.asker != SCRIPT:
            return "other", None
        return "script", (
            "a script is run by itself, not as part of a package: relative imports fail in it"
        )
    if not _TYPES.search(witness.type):
        return None
    if match := _NO_VARIABLE.search(text):
        return _blame_variable(witness, match["name"])
    if match := NO_MODULE.search(text):
        return _blame_module(witness, match["path"])
    if match := _NO_NAME.search(text):
        path = match["path"] or _find_source(witness, match["name"])
        return _blame_member(witness, path) if path else _blame_asker(witness)
    if match := _MODULE.search(text):
        return _blame_member(witness, match["path"])
    if match := _OBJECT.search(text) or _TYPE_OBJECT.search(text):
        return _blame_object(witness, match["class"], match["name"])
    if _OPTIONAL.search(text) and witness.type.endswith(("ImportError", "NotFoundError")):
        return "script", _advise(_find_optional(text))
    return _blame_asker(witness)


def _blame_variable(witness: Witness, name: str) -> Blame:
    if is_builtin(name):
        return "python", None
    return ("dependency" if witness.asker == THIRD_PARTY else "other"), None


def _blame_module(witness: Witness, path: str) -> Blame:
    """Return a module that cannot be found."""
    owners = witness.owners
    owner = owners.find_owner(path)
    if owner == PYTHON and is_optional(path):
        return "system", f"the Python of this machine was built without {path}"
    # The import hook of six before 1.16 is one that Python 3.12 does not ask any more.
    if owner == PYTHON or re.search(r"(?:^|\.)six\.moves\b", path):
        return "python", None
    if path.startswith("__main__"):
        return "script", None
    if owner == PACKAGE:
        return ("other" if witness.asker == PACKAGE else "api_missing"), None
    if owners.is_installed(path) or witness.asker != SCRIPT:
        return "dependency", None
    return "script", _advise(path.split(".", maxsplit=1)[0])


def _advise(module: str | None) -> str | None:
    """Return what to do about a module that nothing installs."""
    if module is None:
        return None
    return (
        f"nothing that is installed has the module {module}: name its package in caliper.yaml "
        f"(requirements: [{guess_distribution(module)}]), or keep the module beside the script"
    )


def _find_optional(text: str) -> str | None:
    match = re.search(
        r"(?:pip|conda) install (?:-\S+ )*['\"]?([A-Za-z][\w.-]*)"
        r"|optional dependency ['\"`]?([\w.]+)|['\"`]?([\w.]+)['\"`]? (?:is )?not installed",
        text,
    )
    return next((name for name in match.groups() if name), None) if match else None


def _blame_member(witness: Witness, path: str) -> Blame:
    """Return a name that a module which is there does not have."""
    place = _PLACE.search(witness.message)
    if place and witness.is_own_file(place["file"]):
        return "script", f"the script's own file hides the module {path}"
    if witness.is_hidden_by_script(path.split(".", maxsplit=1)[0]):
        return "script", f"the script's own file hides the module {path}"
    owner = witness.owners.find_owner(path)
    if owner == PYTHON:
        return "python", None
    if owner == THIRD_PARTY:
        return "dependency", None
    return ("api_missing" if witness.asker != PACKAGE or _is_asked(witness) else "other"), None


def _is_asked(witness: Witness) -> bool:
    """Whether the package looks a name up because the script asked for it, as lazy modules do."""
    return witness.hook == PACKAGE or not witness.is_import


def _find_source(witness: Witness, name: str) -> str | None:
    """Return the module that the quoted line imports a name from; Python 3.6 does not say it."""
    match = re.match(r"from\s+(\w[\w.]*)\s+import\s", witness.source)
    return match[1] if match and re.search(rf"\b{name}\b|\($", witness.source) else None


def _blame_object(witness: Witness, kind: str, name: str) -> Blame:
    """An attribute that an object does not have."""
    backport = _BACKPORTS.get(kind)
    if has_method(kind, name) or (backport and witness.owners.is_installed(backport) is False):
        return "python", None
    if kind == "module":
        return _blame_module_object(witness, name)
    if "." in kind:
        return _blame_member(witness, kind)
    chain = _find_chain(witness, name)
    root = chain.split(".")[0] if chain else ""
    if root and "." in chain and root in _LIBRARIES:
        return "python", None
    if root and witness.owners.is_installed(root):
        owner = witness.owners.find_owner(root)
        if owner == PACKAGE and witness.asker != PACKAGE and not is_builtin_type(kind):
            return "api_missing", None
        if owner == THIRD_PARTY:
            return "dependency", None
    if is_builtin_type(kind):
        return ("dependency" if witness.asker == THIRD_PARTY else "other"), None
    return _blame_asker(witness)


def _blame_module_object(witness: Witness, name: str) -> Blame:
    """Return Python 2 does not say which module it is that lacks a name; the quoted line may."""
    chain = _find_chain(witness, name)
    return _blame_member(witness, chain) if "." in chain else _blame_asker(witness)


def _find_chain(witness: Witness, name: str) -> str:
    """Return what the quoted line looks a name up in: a.b in `x = a.b().name`.

    Empty where unknown.
    """
    match = re.search(rf"([A-Za-z_][\w.]*)(?:\([^()]*\)|\[[^][]*\])?\.{name}\b", witness.source)
    return match[1] if match else ""


def _blame_asker(witness: Witness) -> Blame:
    """Return whose a name is of which only that is known who asked for it, and who answered."""
    if witness.hook == PACKAGE and witness.asker != PACKAGE:
        return "api_missing", None
    if witness.hook == THIRD_PARTY:
        return "dependency", None
    if witness.asker == SCRIPT:
        return "api_missing", None
    # A package's code fits its own objects: those that it does not fit are another's.
    is_object = _OBJECT.search(witness.message) or _TYPE_OBJECT.search(witness.message)
    if witness.asker == THIRD_PARTY or is_object:
        return "dependency", None
    refused = witness.raised and not witness.is_import and witness.raiser == PACKAGE
    return ("api_missing" if refused else "other"), None
