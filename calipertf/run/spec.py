"""A cell to run: as it travels, and as a task of the machine that runs it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path

from calipertf.config.model import Analysis
from calipertf.formats.records import Cell
from calipertf.index.client import ReleaseFile
from calipertf.run.kept import Kept


@dataclass(frozen=True, kw_only=True)
class CellSpec:
    """A cell to build and run, as it travels to whoever does that: no path of any machine."""

    cell: Cell
    analysis: Analysis
    #: The wheel, or the source archive of a package without wheels.
    file: ReleaseFile
    #: UTC; dependencies newer than this are hidden. None where nothing is.
    cutoff: datetime | None
    #: Script paths relative to the root of the configuration.
    scripts: tuple[str, ...]
    #: Scripts that are run twice: those whose baseline this cell is.
    twice: frozenset[str]
    #: Folder of the scripts and their data, relative to the root, which a cell sees read-only.
    folder: Path
    #: Files and folders right below the root that scripts need; empty where `folder` is all of it.
    sources: tuple[str, ...] = ()
    #: The Dockerfile as rendered for this cell.
    dockerfile: str
    #: What need not run again, if the environment turns out to be the same; None: all is run.
    kept: Kept | None = None
    #: name==version of everything to install: nothing is resolved then. Empty: it is resolved.
    pins: tuple[str, ...] = ()
    #: Whether the package's own wheel is still needed when this cell has ended.
    keep_wheel: bool = False

    @property
    def requirement(self) -> str:
        """Return the package pinned, as installers take it."""
        return f"{self.cell.package}=={self.cell.version}"

    @property
    def wheel(self) -> tuple[str, str]:
        """Return what cells share that install the same file on the same Python."""
        return self.file.filename, self.cell.python

    def place(
        self, root: Path, *, run_id: str = "run", cpus: tuple[int, ...] | None = None
    ) -> CellTask:
        """Return the task of this cell on this machine; see CellTask for the arguments."""
        known = {item.name: getattr(self, item.name) for item in fields(CellSpec)}
        return CellTask(**known, root=root, run_id=run_id, cpus=cpus)


@dataclass(frozen=True, kw_only=True)
class CellTask(CellSpec):
    """A cell on the machine that builds and runs it."""

    #: Folder that the scripts are relative to.
    root: Path
    #: Name of the run, on everything that the run makes and has to remove.
    run_id: str = "run"
    #: Cores that the cell keeps to; None leaves it all of them.
    cpus: tuple[int, ...] | None = None

    @property
    def mount(self) -> Path:
        """Return the folder of the scripts and their data."""
        return self.root / self.folder

    @property
    def source_paths(self) -> tuple[Path, ...]:
        """Return files and folders that scripts need."""
        return tuple(self.root / name for name in self.sources) or (self.mount,)
