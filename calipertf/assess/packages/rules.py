"""What can be known of a package beforehand, because no file of it says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from calipertf.assess.staticapi.public import PublicApiRules

#: Folders and modules that are installed with many packages and are no part of their interface.
NOT_PUBLIC = frozenset({"tests", "test", "conftest", "setup", "docs", "examples", "benchmarks"})


@dataclass(frozen=True, kw_only=True)
class PackageRules:
    """How to read one import name's interface; the defaults are the common conventions."""

    public: PublicApiRules = field(default_factory=lambda: PublicApiRules(hidden_names=NOT_PUBLIC))
    #: Packages whose wheels hold parts of the interface, where the wheel requires them.
    companions: tuple[str, ...] = ()
    #: Package -> further packages where its submodules lie.
    search_also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Root package -> the one that it is a new name of.
    renamed: Mapping[str, str] = field(default_factory=dict)
