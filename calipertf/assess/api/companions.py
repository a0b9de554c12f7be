"""Which files of the index hold a version's Python code: its wheel, and those it relies on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import requests
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from calipertf.assess.api.archive import PythonFiles, read_archive
from calipertf.assess.packages import rules_for
from calipertf.errors import CaliperError, VersionError
from calipertf.index.client import COMPANION_DELAY, Index, Project, ReleaseFile
from calipertf.index.http import open_session
from calipertf.index.tags import choose_sdist, choose_wheel, linux_platforms
from calipertf.versions import find_nearest, parse_version, python_key, python_version

#: Wheels that hold no code of their own are followed this far.
STUB_DEPTH = 3

#: For wheels that fit any Python.
_ANY_PYTHON = "cp311"


@dataclass(frozen=True, kw_only=True)
class SelectedFile:
    """One file that was chosen and read."""

    content: PythonFiles
    #: Tag of the Python that it was chosen for.
    python: str
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class WheelFinder:
    """Chooses and reads files; use as a context manager."""

    index: Index
    session: requests.Session = field(default_factory=open_session)

    def __enter__(self) -> WheelFinder:  # noqa: PYI034 -- Self needs Python 3.11
        """Return the finder itself."""
        return self

    def __exit__(self, *details: object) -> None:
        """Close the connections."""
        self.session.close()

    def find(self, package: str, version: str, python: str | None) -> list[SelectedFile]:
        """Return the version's own file first, then those that hold parts of its face.

        Raises VersionError where the version or a usable file of it does not exist.
        """
        own, file = self._find_own(package, parse_version(version), python, STUB_DEPTH)
        roots = {path.partition("/")[0] for path in own.content.files}
        wanted = {name for root in roots for name in rules_for(root).companions}
        companions = []
        notes = list(own.notes)
        for requirement in _parse_requirements(own.content.requires, own.python):
            if canonicalize_name(requirement.name) not in wanted:
                continue
            try:
                companions.append(self._find_companion(requirement, file, own.python))
            except VersionError as error:
                notes.append(
                    f"{requirement} holds a part of the interface, which is left out: {error}"
                )
        return [replace(own, notes=tuple(notes)), *companions]

    def _find_own(
        self, package: str, version: Version, python: str | None, depth: int
    ) -> tuple[SelectedFile, ReleaseFile]:
        project = self.index.fetch_project(package)
        if version not in project.all_versions():
            raise VersionError(_explain_missing(project, version), value=str(version))
        file, found = _choose_file(project, version, python)
        pick = SelectedFile(content=read_archive(file, self.session), python=found)
        if pick.content.files or pick.content.compiled or depth == 0:
            return pick, file
        return self._follow_stub(pick, file, python, depth)

    def _follow_stub(
        self, stub: SelectedFile, file: ReleaseFile, asked: str | None, depth: int
    ) -> tuple[SelectedFile, ReleaseFile]:
        """Return what a file without code stands for.

        The requirement that it pins, or its only one.
        """
        requirements = _parse_requirements(stub.content.requires, stub.python)
        pinned = [item for item in requirements if "==" in str(item.specifier)]
        targets = pinned or requirements
        note = f"{file.filename} holds no Python code"
        if len(targets) != 1:
            names = ", ".join(item.name for item in targets) or "nothing"
            return replace(stub, notes=(f"{note} and relies on {names}",)), file
        project = self.index.fetch_project(targets[0].name)
        version = _choose_version(project, targets[0], file)
        pick, found = self._find_own(project.name, version, asked, depth - 1)
        notes = (f"{note}: what it relies on was read, {project.name} {version}", *pick.notes)
        return SelectedFile(content=pick.content, python=pick.python, notes=notes), found

    def _find_companion(
        self, requirement: Requirement, file: ReleaseFile, python: str
    ) -> SelectedFile:
        project = self.index.fetch_project(requirement.name)
        version = _choose_version(project, requirement, file)
        chosen, python = _choose_file(project, version, python)
        return SelectedFile(content=read_archive(chosen, self.session), python=python)


def _choose_file(project: Project, version: Version, python: str | None) -> tuple[ReleaseFile, str]:
    """Return the file that a Linux run would use, and the Python that it is for."""
    platforms = linux_platforms()
    known = project.pythons()
    tags = [python] if python else sorted(known, key=python_key, reverse=True)
    if python is None and _ANY_PYTHON in tags:
        tags = [_ANY_PYTHON, *tags]
    for tag in tags:
        wheel = choose_wheel(project, version, tag, platforms)
        if wheel is not None:
            return wheel, tag
    sdist = choose_sdist(project, version, python or _ANY_PYTHON)
    if sdist is not None:
        return sdist, python or _ANY_PYTHON
    others = [file for file in project.release_files(version) if not file.is_wheel]
    if others and python is None:
        return others[0], _ANY_PYTHON
    raise VersionError(
        f"{project.name} {version} has no Linux x86_64 wheel"
        f"{f' for {python}' if python else ''} and no source archive on the index",
        value=str(version),
    )


def _choose_version(project: Project, requirement: Requirement, file: ReleaseFile) -> Version:
    """Return the version that an installer took when the requiring file was new."""
    latest = None if file.uploaded is None else file.uploaded + COMPANION_DELAY
    candidates = [
        version
        for version in project.all_versions()
        if latest is None
        or any(
            item.uploaded is not None and item.uploaded <= latest
            for item in project.release_files(version)
        )
    ]
    fitting = list(requirement.specifier.filter(candidates, prereleases=None))
    if not fitting:  # none by then: whatever fits
        fitting = list(requirement.specifier.filter(project.all_versions(), prereleases=True))
    if not fitting:
        raise VersionError(
            f"{file.filename} requires {requirement}, and the index has no such version",
            value=str(requirement),
        )
    return max(fitting)


def _parse_requirements(lines: Iterable[str], python: str) -> list[Requirement]:
    """Return the requirements that hold on Linux and that Python, without extras."""
    environment = {
        "python_version": python_version(python),
        "python_full_version": f"{python_version(python)}.99",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }
    found = []
    for line in lines:
        try:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(environment):
                found.append(requirement)
        except (InvalidRequirement, CaliperError):
            continue
    return found


def _explain_missing(project: Project, version: Version) -> str:
    nearest = find_nearest(str(version), [str(item) for item in project.all_versions()])
    hint = f"; the nearest is {nearest}" if nearest else ""
    return f"{project.name} has no version {version} on the index{hint}"
