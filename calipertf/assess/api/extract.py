"""The public API of one version of a package, read from its wheel without running it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from calipertf.assess.api.archive import PythonFiles
from calipertf.assess.api.companions import SelectedFile, WheelFinder
from calipertf.assess.api.model import Api, Symbol, load_api, save_api
from calipertf.assess.packages import NOT_PUBLIC, PackageRules, has_rules, name_root, rules_for
from calipertf.assess.staticapi.library import SourceFiles
from calipertf.assess.staticapi.public import list_public
from calipertf.assess.staticapi.syntax import list_modules, without_collector
from calipertf.assess.staticapi.world import ModuleLoader, with_deep_stack
from calipertf.errors import RecordError
from calipertf.index import DEFAULT_INDEX
from calipertf.index.client import Index
from calipertf.versions import parse_version, python_key


def extract_api(
    package: str,
    version: str,
    *,
    index_url: str = DEFAULT_INDEX,
    cache_dir: Path | None = None,
    python: str | None = None,
    offline: bool = False,
) -> Api:
    """Return the public API and function database of one version.

    ``cache_dir`` is ``.caliper/functiondb``: what is there is used, what was extracted is kept.
    ``python`` is the tag of the run's Python, such as cp37; None takes the newest that the version
    has a Linux wheel for. Raises VersionError for a package or version that is not on the index,
    InfrastructureError where a file cannot be had.
    """
    package, version = canonicalize_name(package), str(parse_version(version))
    if cache_dir is not None:
        try:
            cached = load_api(cache_dir, package, version)
        except RecordError:
            cached = None  # damaged: made again below
        if cached is not None:
            return cached
    with Index(index_url, cache_dir, offline=offline) as index, WheelFinder(index) as finder:
        picks = finder.find(package, version, python)
        api = build_api(package, version, picks)
    if cache_dir is not None:
        save_api(api, cache_dir)
    return api


def build_api(package: str, version: str, picks: list[SelectedFile]) -> Api:
    """Return the Api from the files of the package's own wheel and of those that complete its face.

    Empties the files as they are parsed.
    """
    own = picks[0]
    roots = find_roots(package, own.content)
    rules = rules_for(roots[0]) if roots else PackageRules()
    library = SourceFiles(rules.renamed)
    for pick in picks:
        library.add(pick.content.files, pick.content.compiled, is_own=pick is own)
        pick.content.files.clear()
    world = ModuleLoader(
        library=library, python=python_key(own.python), search_also=rules.search_also
    )
    symbols: dict[str, Symbol] = {}

    def walk() -> None:
        with without_collector():
            for root in roots:
                symbols.update(list_public(world, root, rules.public))
            library.finish()

    with_deep_stack(walk)
    return Api(
        package=package,
        version=version,
        sources=tuple(pick.content.source for pick in picks),
        symbols=symbols,
        functions=library.functions,
        notes=(*own.notes, *_describe_unseen(library, world, symbols), *world.notes),
    )


def _describe_unseen(
    library: SourceFiles, world: ModuleLoader, symbols: Mapping[str, Symbol]
) -> Iterator[str]:
    """Yield a sentence for each thing that reading the text cannot find out."""
    compiled = [
        path
        for path, symbol in symbols.items()
        if symbol.target.rpartition(".")[0] in library.compiled
    ]
    opened = [module.name for module in world.loaded.values() if module.is_open]
    dynamic = [module.name for module in world.loaded.values() if "__getattr__" in module.names]
    for names, one, several, what in (
        (
            library.unreadable,
            "module is",
            "modules are",
            "not in today's Python syntax and left out",
        ),
        (
            compiled,
            "public name comes",
            "public names come",
            "from compiled code, with parameters that are not known",
        ),
        (
            opened,
            "module takes",
            "modules take",
            "in all names of compiled modules, of which those in __all__ or a stub are known",
        ),
        (
            world.unanswered,
            "import",
            "imports",
            "of the package's own modules with no file to answer",
        ),
        (dynamic, "module makes", "modules make", "further names when asked for them"),
    ):
        if names:
            verb = one if len(names) == 1 else several
            yield f"{len(names)} {verb} {what}: {_list_some(names)}"


def _list_some(names: Iterable[str]) -> str:
    names = sorted(names)
    return ", ".join(names[:5]) + (" ..." if names[5:] else "")


def find_roots(package: str, content: PythonFiles) -> list[str]:
    """Return the import names of a distribution, the one most like its name first."""
    roots = {name.partition(".")[0] for name in list_modules(content.files)}
    roots = {root for root in roots if not root.startswith("_") and root not in NOT_PUBLIC}
    if known := {name_root(root) for root in roots if has_rules(root)}:
        return sorted(known)
    plain = package.lower().replace("-", "_").replace(".", "_")
    return sorted(roots, key=lambda root: (root.lower() != plain, root))
