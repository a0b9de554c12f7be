"""What cells install besides the package: checked against the index and what scripts import."""

from __future__ import annotations

import logging
import re
import zipfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import requests
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from calipertf.config.model import Config
from calipertf.config.problems import Problems
from calipertf.errors import IndexUnavailableError, InfrastructureError, VersionError
from calipertf.imports import list_imports
from calipertf.index.client import Index, ReleaseFile
from calipertf.index.http import open_session
from calipertf.index.metadata import fetch_metadata, list_required
from calipertf.index.ranges import RangeFile, RangesUnsupportedError, fetch_tail
from calipertf.reasons.distributions import DISTRIBUTIONS, name_requirement
from calipertf.reasons.stdlib import is_stdlib
from calipertf.run.plan import PlannedCell
from calipertf.scripts import read_source
from calipertf.versions import find_nearest

log = logging.getLogger("calipertf")
#: Modules of what environments come with.
_TOOLS = frozenset({"pip", "pkg_resources", "setuptools", "wheel"})


def check_requirements(config: Config, index: Index) -> None:
    """Raise ConfigError where `requirements` names what the index does not have.

    Otherwise every cell would fail to build, as if the package were to blame.
    """
    problems = Problems(config.file)
    for number, text in enumerate(config.analysis.requirements):
        requirement = Requirement(text)
        if requirement.url or requirement.marker:
            continue
        try:
            project = index.fetch_project(requirement.name)
        except IndexUnavailableError as error:
            log.debug("requirements: %s is not checked: %s", requirement.name, error)
            continue
        except VersionError:
            nearest = find_nearest(requirement.name, _list_modules(config))
            hint = f"did you mean {nearest}?" if nearest else "check its spelling"
            what = f"the index has no package {requirement.name!r}; {hint}"
            problems.add(("analysis", "requirements", number), f"requirements: {what}")
            continue
        known = project.all_versions()
        wanted = requirement.specifier
        if known and not any(wanted.contains(version, prereleases=True) for version in known):
            what = f"no version of {project.name} is {wanted}; the newest is {known[-1]}"
            problems.add(("analysis", "requirements", number), f"requirements: {what}")
    problems.check()


def _list_modules(config: Config) -> list[str]:
    sources = [read_source(config.root / script) for script in config.scripts]
    return sorted({item.root for source in sources for item in list_imports(source)})


def find_unlisted(
    config: Config, scripts: Sequence[str], planned: Iterable[PlannedCell]
) -> dict[str, list[str]]:
    """Module -> scripts that import it, for modules that nothing is known to bring into a cell.

    Known are the standard library, files beside a script, the package with the requirements of its
    newest wheel, and `requirements`. Whoever imports under another name than it is installed by
    makes it a guess: where the unknown modules may all be such, nothing is returned.
    Nor is anything where the wheel cannot be asked.
    """
    analysis = config.analysis
    imported = _list_foreign(config, scripts)
    own = analysis.import_name or analysis.dependency
    names = [Requirement(text).name for text in analysis.requirements]
    listed = [name for name in names if canonicalize_name(name) != analysis.dependency]
    unknown = _drop_provided(imported, [own, *listed])
    if analysis.import_name is None and unknown and not _is_imported(own, imported):
        # No script imports the package by its name: what most of them import is taken for it.
        common = Counter({module: len(users) for module, users in unknown.items()}).most_common(1)
        unknown.pop(common[0][0])
    if len(unknown) <= sum(not _is_imported(name, imported) for name in listed):
        return {}
    wheels = [plan.file for plan in planned if plan.file and plan.file.is_wheel]
    newest = max(wheels, key=lambda file: file.version, default=None)
    extras = {
        extra
        for requirement in map(Requirement, analysis.requirements)
        if canonicalize_name(requirement.name) == analysis.dependency
        for extra in requirement.extras
    }
    requires = fetch_requires(newest, extras) if newest else None
    return {} if requires is None else _drop_provided(unknown, requires)


def _drop_provided(
    modules: Mapping[str, list[str]], providers: Iterable[str]
) -> dict[str, list[str]]:
    names = list(providers)
    return {
        module: users
        for module, users in modules.items()
        if not any(is_same(module, name) for name in names)
    }


def _is_imported(name: str, modules: Iterable[str]) -> bool:
    return any(is_same(module, name) for module in modules)


def is_same(module: str, name: str) -> bool:
    """Return whether a distribution is likely to be imported by a name.

    Scikit-image, pyyaml, dateutil.
    """
    root = module.partition(".")[0]
    if canonicalize_name(name) in DISTRIBUTIONS.get(root, ()):
        return True
    short, long = re.sub(r"[-_.]", "", root).lower(), re.sub(r"[-_.]", "", name).lower()
    return short == long or (len(short) > 2 and (long.startswith(short) or long.endswith(short)))


def _list_foreign(config: Config, scripts: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for script in scripts:
        path = config.root / script
        source = read_source(path)
        roots = {
            item.root
            for item in list_imports(source)
            if item.root and not item.level and not item.optional and not is_stdlib(item.root)
        }
        for root in sorted(roots - _TOOLS):
            if not any(_holds(folder, root) for folder in _list_folders(path, config.root, source)):
                found.setdefault(root, []).append(script)
    return found


def _list_folders(path: Path, root: Path, source: str) -> Iterator[Path]:
    """Yield the folders that a script imports from: its own; those that it may put on sys.path."""
    yield path.parent
    if "sys.path" in source:
        for parent in path.parents:
            yield parent
            yield from (item for item in parent.iterdir() if item.is_dir())
            if parent == root:
                return


def _holds(folder: Path, module: str) -> bool:
    return (folder / f"{module}.py").is_file() or (folder / module).is_dir()


def fetch_requires(file: ReleaseFile, extras: Collection[str] = ()) -> list[str] | None:
    """Return the names of what a wheel requires, with some extras.

    None where it cannot be found out.
    """
    with open_session() as session:
        content = _read_metadata(file, session)
    if content is None:
        return None
    names = []
    for text in list_required(content):
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if not _is_extra(requirement.marker) or any(
            extra in str(requirement.marker) for extra in extras
        ):
            names.append(requirement.name)
    return names


def _read_metadata(file: ReleaseFile, session: requests.Session) -> bytes | None:
    """Return a wheel's METADATA, as the index gives it or else read out of the wheel."""
    try:
        content = fetch_metadata(session, file)
        if content is not None:
            return content
        tail = fetch_tail(session, file.url)
        with RangeFile(session, file.url, tail) as stream, zipfile.ZipFile(stream) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            return archive.read(name)
    except (InfrastructureError, RangesUnsupportedError, zipfile.BadZipFile, OSError):
        return None  # requests' own errors are OSErrors
    except StopIteration:
        return None


def _is_extra(marker: Marker | None) -> bool:
    return marker is not None and "extra" in str(marker)


def describe_unlisted(config: Config, unlisted: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a line that says which modules may be missing, and the key to add."""
    if not unlisted:
        return []
    listing = "; ".join(
        f"{users[0]}{f' and {len(users) - 1} more' if len(users) > 1 else ''}: {module}"
        for module, users in list(unlisted.items())[:8]
    )
    names = ", ".join(name_requirement(module) for module in unlisted)
    line = (
        f"scripts import what {config.analysis.dependency} does not ask for ({listing}): unless "
        f"something else brings it, add to caliper.yaml: requirements: [{names}]"
    )
    return [line]
