"""Advice for the user of a new configuration, before anything is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from calipertf.config.model import Config
from calipertf.reasons.messages import name_some
from calipertf.scripts import read_source

#: Scripts that one kind of advice names.
_NAMED = 5
#: Functions that fetch what is at an address, beside those named read_...
_FETCHES = frozenset(
    {"download", "fetch", "get", "head", "load", "open", "post", "put", "request", "urlopen"}
    | {"urlretrieve"}
)
_ADDRESS = re.compile(r"(?:https?|ftp)://(?!localhost|127\.|\[::1\])")
#: Text in quotes, for files that this Python cannot parse.
_QUOTED = re.compile(r"[\"']([^\"'\n]+)[\"']")


def describe_conditions(config: Config) -> str:
    """Return one line on the place that scripts are run in."""
    network = "with the network" if config.analysis.network else "without network"
    return f"scripts: each is run in an empty folder of its own, {network} (docs/config.md)"


def list_advice(config: Config, scripts: Sequence[str]) -> list[str]:
    """What is likely to go wrong in some scripts for no fault of the package, a line a kind."""
    sources = {script: read_source(config.root / script) for script in scripts}
    lines = []
    if config.helpers:
        lines.append(
            f"not run as scripts: {_join(config.helpers)} (other scripts import them, or pytest or "
            "an installer runs them); to run one, name the file itself under tests"
        )
    if notebooks := _list_notebooks(config):
        lines.append(
            f"not run: {_join(notebooks)}; notebooks are no scripts: make them with "
            "jupyter nbconvert --to script"
        )
    opened = {
        script: found[0]
        for script, source in sources.items()
        if (found := list(find_relative(config.root / script, config.root, source)))
    }
    if opened:
        words = _join([f"{script} ({name})" for script, name in opened.items()])
        name = Path(next(iter(opened.values()))).name
        lines.append(
            f"{words}: scripts are run in an empty folder and would not find these files; name "
            f'them by where the script is, as in Path(__file__).parent / "{name}"'
        )
    fetching = [script for script, source in sources.items() if _fetches(source)]
    if fetching and not config.analysis.network:
        lines.append(
            f"{_join(fetching)}: looks as if it used the network, which scripts have not unless "
            "network: true is in caliper.yaml"
        )
    return lines


def _list_notebooks(config: Config) -> list[str]:
    """Return the notebooks in the folders of scripts."""
    folders = [config.root / pattern for pattern in config.analysis.tests]
    found = {
        path.relative_to(config.root).as_posix()
        for folder in folders
        if folder.is_dir()
        for path in folder.rglob("*.ipynb")
        if not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    }
    return sorted(found)


def _join(names: Sequence[str]) -> str:
    return name_some(names, _NAMED)


def find_relative(path: Path, root: Path, source: str) -> Iterator[str]:
    """Yield the files of the repository that a script names as if it were run in their folder."""
    if "__file__" in source or "CALIPER_DATA" in source or "chdir" in source:
        return
    for text in _list_texts(source):
        if _is_relative(text) and any((folder / text).is_file() for folder in (path.parent, root)):
            yield text


def _is_relative(text: str) -> bool:
    """Return whether a text can be the name of a file, relative to a folder."""
    return (
        0 < len(text) < 200
        and ("." in text or "/" in text)
        and text.isprintable()
        and not text.startswith(("/", "~"))
        and "://" not in text
    )


def _parse(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _list_texts(source: str) -> list[str]:
    tree = _parse(source)
    if tree is None:
        return _QUOTED.findall(source)
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def _fetches(source: str) -> bool:
    tree = _parse(source)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree else []
    return any(_is_fetch(call) for call in calls)


def _is_fetch(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if not (name in _FETCHES or name.startswith("read_")):
        return False
    texts = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    return any(isinstance(text, str) and _ADDRESS.match(text) for text in texts)
