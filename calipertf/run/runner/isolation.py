"""What scripts cannot do in a cell, and what they can: logged once, and kept in each record."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from calipertf.files.atomic import warn_once

#: What a cell should be kept from -> what its scripts can do where that could not be had.
_CAN = {
    "network": "use the network, although caliper.yaml does not allow it (network: false)",
    "read-only": "write wherever you can",
    "pids": "send signals to your processes",
    "processes": "leave processes running",
    "memory": "take more memory than they may",
}


def list_missing(isolation: Collection[str], *, network: bool) -> list[str]:
    """Return what a cell could not be kept from; `network` says whether its scripts may use one."""
    wanted = [name for name in _CAN if not (network and name == "network")]
    return [name for name in wanted if name not in isolation]


def tell_missing(environment: Mapping[str, Any]) -> None:
    """Warn of the isolation that a record's cell lacked: once a run, however many cells."""
    missing = environment.get("isolation_missing")
    if missing:
        warn_once(
            f"isolation is incomplete here (missing: {', '.join(missing)}): scripts can "
            f"{', '.join(_CAN[name] for name in missing)}; run only scripts and packages that you "
            "trust, or use environment: docker"
        )
