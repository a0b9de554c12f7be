"""Results in the shape that the original tool's page is fed with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from packaging.version import InvalidVersion, Version

from calipertf.formats.records import Record, Run
from calipertf.parse.results import list_scripts
from calipertf.versions import python_key, version_key


def make_results_by_python(records: Sequence[Record]) -> dict[str, list[dict[str, Any]]]:
    """{"37": [{"x_name": script, "y_module": version, "retval": ..., "output", "error"}]}.

    One entry for each script (`build` is one of them) and version of a Python, in the order of
    versions; a script that was not run has the return value -1. As in the original, pre-releases
    are left out. The original has one record a version and Python: of several resolve dates, the
    one that comes first is taken.
    """
    kept = [record for record in records if not _is_prerelease(record.cell.version)]
    scripts = sorted({script for record in kept for script in list_scripts(record)})
    chosen: dict[tuple[str, str], Record] = {}
    for record in kept:
        chosen.setdefault((record.cell.python, record.cell.version), record)
    results: dict[str, list[dict[str, Any]]] = {}
    ordered = sorted(chosen, key=lambda key: (python_key(key[0]), version_key(key[1])))
    for python, version in ordered:
        record = chosen[python, version]
        entries = results.setdefault(python.removeprefix("cp"), [])
        for name in ("build", *scripts):
            run = record.build if name == "build" else record.runs.get(name)
            entries.append({**_write_run(run, name), "x_name": name, "y_module": version})
    return results


def _is_prerelease(text: str) -> bool:
    try:
        return Version(text).is_prerelease
    except InvalidVersion:
        return False


def _write_run(run: Run | None, name: str) -> dict[str, Any]:
    """Return what the original keeps of a run.

    A build that no wheel was found for has return value 1.
    """
    if run is None:
        return {"retval": 1 if name == "build" else -1}
    return {"retval": run.retval, "output": list(run.output), "error": list(run.error)}
