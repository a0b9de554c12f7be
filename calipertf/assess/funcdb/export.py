"""Function databases in caliper-metrics' own layout, so that they can be published there."""

from __future__ import annotations

from pathlib import Path

from calipertf.assess.api.model import Api
from calipertf.assess.funcdb.formats import INDEX
from calipertf.files.atomic import write_json
from calipertf.versions import version_key


class Exporter:
    """Writes the databases of the versions that pass by, and their index."""

    def __init__(self, folder: Path | None, package: str) -> None:
        #: Where the package's databases lie in a clone of caliper-metrics; None: nothing is wanted.
        self.folder = None if folder is None else folder / "pypi" / package / "functiondb"

    def add(self, api: Api) -> None:
        """One file a version: {version: {module: {function: [arguments]}}}."""
        if self.folder is not None and api.functions:
            path = self.folder / f"functiondb-{api.version}.json"
            write_json(path, {api.version: api.functions})

    def close(self) -> None:
        """The index of all files that are there, those of earlier runs included."""
        if self.folder is None or not self.folder.is_dir():
            return
        names = [path.name for path in self.folder.glob("functiondb-*.json")]
        write_json(self.folder / INDEX, {"data": {"json": {"urls": sorted(names, key=_version)}}})


def _version(name: str) -> tuple[object, ...]:
    return version_key(name.removeprefix("functiondb-").removesuffix(".json"))
