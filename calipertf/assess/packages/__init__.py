"""Packages with conventions of their own: one module each, the only place that knows them.

A module here gives the rules of an import name, and registers what the package's own helpers do in
EFFECTS and CALLS of the static reader.
"""

from __future__ import annotations

from collections.abc import Mapping

from calipertf.assess.packages import numpy, tensorflow
from calipertf.assess.packages.rules import NOT_PUBLIC, PackageRules

__all__ = ["NOT_PUBLIC", "PackageRules", "has_rules", "name_root", "numpy", "rules_for"]

_RULES: Mapping[str, PackageRules] = {"tensorflow": tensorflow.RULES}
#: Root package -> the root that users import it by.
_RENAMED = {old: new for rules in _RULES.values() for old, new in rules.renamed.items()}


def rules_for(root: str) -> PackageRules:
    """Return the rules of an import name; the common conventions where it has none of its own."""
    return _RULES.get(name_root(root), PackageRules())


def has_rules(root: str) -> bool:
    """Return whether an import name has rules of its own."""
    return name_root(root) in _RULES


def name_root(root: str) -> str:
    """Return the root that users import: tensorflow for tensorflow_core."""
    return _RENAMED.get(root, root)
