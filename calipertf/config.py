"""caliper.yaml, validated: every problem of a file is reported at once.

The keys of the original tool keep their meaning; ours are listed in docs/config.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from packaging.utils import canonicalize_name
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from calipertf.errors import ConfigError, VersionError
from calipertf.versions import check_selector, find_nearest, parse_python, parse_version
from calipertf.yaml_file import Location, YamlFile, read_yaml

#: Keys whose scalars are text, whatever YAML takes them for.
LITERAL_KEYS = frozenset(
    {"versions", "python_versions", "resolve", "baselines", "name", "dependency", "memory"}
)
DEFAULT_INDEX = "https://pypi.org/simple/"
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _check_version(text: str) -> str:
    check_selector(text)
    return text


def _check_python(text: str) -> str:
    if re.match(r"[<>=!~]", text) or text in {"all", "latest"}:
        check_selector(text)
        return text
    return parse_python(text)


def _check_resolve(text: str) -> str:
    if text in {"today", "release"}:
        return text
    try:
        if "T" in text:
            datetime.fromisoformat(text.replace("Z", "+00:00"))
        else:
            date.fromisoformat(text)
    except ValueError:
        raise ValueError("write today, release or a date such as 2021-01-05") from None
    return text


def _check_size(value: Any) -> Any:
    match = _SIZE.fullmatch(str(value).strip())
    if not match:
        raise ValueError("write a size such as 4GB or 512MB")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


Versions = Annotated[list[Annotated[str, AfterValidator(_check_version)]], BeforeValidator(_listed)]
Pythons = Annotated[list[Annotated[str, AfterValidator(_check_python)]], BeforeValidator(_listed)]
Resolves = Annotated[
    list[Annotated[str, AfterValidator(_check_resolve)]],
    BeforeValidator(_listed),
    Field(min_length=1),
]


class Home(BaseModel):
    """The home cell of a suite: where its results are what they should be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Annotated[str, AfterValidator(lambda text: str(parse_version(text)))]
    python: Annotated[str, AfterValidator(parse_python)]
    resolve: Annotated[str, AfterValidator(_check_resolve)] = "release"


class Analysis(BaseModel):
    """What stands under `analysis:`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # The original's keys.
    name: str = "analysis"
    packagemanager: Literal["pypi"] = "pypi"
    dockerfile: str = "Dockerfile"
    dependency: Annotated[str, AfterValidator(lambda text: str(canonicalize_name(text)))]
    versions: Versions | None = None
    python_versions: Pythons | None = None
    tests: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]
    args: dict[str, Any] = Field(default_factory=dict)
    # Ours.
    #: Folder that all paths are relative to, itself relative to the file.
    root: str = "."
    resolve: Resolves = ["today"]
    environment: Literal["auto", "docker", "venv"] = "auto"
    base_image: str = "python:{version}"
    baselines: dict[str, Home] = Field(default_factory=dict)
    #: Relative tolerance of numbers in printed results.
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 1e-3
    #: Seconds that one script may take.
    timeout: Annotated[float, Field(gt=0)] = 300
    #: Seconds that one build may take.
    build_timeout: Annotated[float, Field(gt=0)] = 1800
    #: Bytes of memory that one script may take.
    memory: Annotated[int, BeforeValidator(_check_size)] = 4 * 1024**3
    #: Cells at once; None is as many as the machine has cores.
    jobs: Annotated[int, Field(ge=1)] | None = None
    interpreters: Literal["found", "install"] = "found"
    start: Literal["warm", "cold"] = "warm"
    #: Whether scripts may use the network.
    network: bool = False
    #: Whether the package's own wheels stay in the cache after their cells.
    keep_wheels: bool = False
    #: Further requirements to install in each cell.
    requirements: Annotated[list[str], BeforeValidator(_listed)] = Field(default_factory=list)
    #: Name that the package is imported by; None is taken from its wheel.
    import_name: str | None = None
    index_url: str = DEFAULT_INDEX
    #: Folder that scripts find as CALIPER_DATA; None leaves them their own.
    data: str | None = None
    #: Address of a Dask scheduler, a scheduler file or local; None is this machine's processes.
    scheduler: str | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """A validated caliper.yaml."""

    path: Path
    analysis: Analysis
    #: Script paths relative to the file, in order, each once.
    scripts: tuple[str, ...]
    #: The text of the Dockerfile template.
    template: str

    @property
    def root(self) -> Path:
        """The folder that paths in the file are relative to."""
        return (self.path.parent / self.analysis.root).resolve()

    def find_suite(self, script: str) -> str | None:
        """The suite (key of baselines) that a script belongs to, the longest one that fits."""
        suites = [
            suite
            for suite in self.analysis.baselines
            if script == suite or script.startswith(suite.rstrip("/") + "/")
        ]
        return max(suites, key=len, default=None)


def load_config(path: Path) -> Config:
    """The configuration in a file.

    Raises ConfigError that lists every problem: line, key, value found, and the way out.
    """
    file = read_yaml(path, literal=LITERAL_KEYS)
    problems = [
        f"line {line}: {_spell(location)} stands twice; keep one"
        for location, line in file.duplicates
    ]
    content = _find_analysis(file, problems)
    analysis = _validate(file, content, problems)
    scripts: tuple[str, ...] = ()
    template = ""
    if analysis is not None:
        scripts = tuple(dict.fromkeys(_expand_tests(file, analysis, problems)))
        template = _read_template(file, analysis, problems)
        _check_paths(file, analysis, scripts, problems)
    if problems or analysis is None:
        listing = "\n".join(f"  {problem}" for problem in problems)
        count = f"{len(problems)} problem" + ("s" if len(problems) != 1 else "")
        raise ConfigError(f"{path} has {count}:\n{listing}", path=path, problems=problems)
    return Config(path=path.resolve(), analysis=analysis, scripts=scripts, template=template)


def _find_analysis(file: YamlFile, problems: list[str]) -> dict[str, Any]:
    if not isinstance(file.data, dict):
        found = "nothing" if file.data is None else f"a {type(file.data).__name__}"
        problems.append(f"line 1: the file holds {found}; it has to hold the key analysis")
        return {}
    for key in file.data:
        if key != "analysis":
            nearest = find_nearest(key, [*Analysis.model_fields, "analysis"])
            hint = f"; {nearest} stands under analysis" if nearest in Analysis.model_fields else ""
            hint = "; did you mean analysis?" if nearest == "analysis" else hint
            problems.append(f"line {file.find_line((key,))}: unknown key {key}{hint}")
    content = file.data.get("analysis")
    if not isinstance(content, dict):
        problems.append(
            f"line {file.find_line(('analysis',)) or 1}: analysis has to hold keys, "
            f"found {content!r}"
        )
        return {}
    return content


def _validate(file: YamlFile, content: dict[str, Any], problems: list[str]) -> Analysis | None:
    if not content:
        return None
    try:
        # `key:` with nothing behind it means the default, as it did in the original.
        return Analysis.model_validate({k: v for k, v in content.items() if v is not None})
    except ValidationError as error:
        problems.extend(_describe(file, item) for item in error.errors())
    return None


def _describe(file: YamlFile, item: Any) -> str:
    """One sentence for one of pydantic's errors."""
    location: Location = ("analysis", *item["loc"])
    line = file.find_line(location)
    key = _spell(item["loc"])
    if item["type"] == "extra_forbidden":
        model = Home if "baselines" in item["loc"] else Analysis
        nearest = find_nearest(str(item["loc"][-1]), model.model_fields)
        hint = f"did you mean {nearest}?" if nearest else f"known: {', '.join(model.model_fields)}"
        return f"line {line}: unknown key {key}; {hint}"
    if item["type"] == "missing":
        return f"line {line}: {key} is missing"
    found = repr(item["input"])[:80]
    context = item.get("ctx") or {}
    if item["type"] == "literal_error":
        nearest = find_nearest(str(item["input"]), re.findall(r"'([^']+)'", context["expected"]))
        hint = f"; did you mean {nearest}?" if nearest else ""
        return f"line {line}: {key} is {found}; allowed: {context['expected']}{hint}"
    message = str(context.get("error") or item["msg"])
    return f"line {line}: {key} is {found}: {message[:1].lower()}{message[1:]}"


def _spell(location: Location) -> str:
    return ".".join(str(part) for part in location) or "analysis"


def _expand_tests(file: YamlFile, analysis: Analysis, problems: list[str]) -> Iterator[str]:
    """Scripts that `tests` names: files, folders (with all below them) and globs."""
    root = _find_root(file, analysis)
    for number, pattern in enumerate(analysis.tests):
        line = file.find_line(("analysis", "tests", number))
        found = list(_find_scripts(root, pattern))
        if not found:
            known = [str(path.relative_to(root)) for path in root.glob("**/*.py")][:2000]
            nearest = find_nearest(pattern, known)
            hint = f"; did you mean {nearest}?" if nearest else f"; it is looked for in {root}"
            problems.append(f"line {line}: tests: no script at {pattern!r}{hint}")
        yield from found


def _find_root(file: YamlFile, analysis: Analysis) -> Path:
    return (file.path.resolve().parent / analysis.root).resolve()


def _find_scripts(root: Path, pattern: str) -> list[str]:
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        return []
    path = root / pattern
    if path.is_dir():
        paths = sorted(path.rglob("*.py"))
    elif path.is_file():
        paths = [path]
    else:
        paths = sorted(item for item in root.glob(pattern) if item.suffix == ".py")
    scripts = [item.relative_to(root) for item in paths]
    return [item.as_posix() for item in scripts if not item.name.startswith(("_", "."))]


def _read_template(file: YamlFile, analysis: Analysis, problems: list[str]) -> str:
    path = _find_root(file, analysis) / analysis.dockerfile
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        line = file.find_line(("analysis", "dockerfile")) or file.find_line(("analysis",))
        problems.append(
            f"line {line}: dockerfile {analysis.dockerfile!r} cannot be read ({error}); "
            "name the template, relative to root"
        )
        return ""


def _check_paths(
    file: YamlFile, analysis: Analysis, scripts: tuple[str, ...], problems: list[str]
) -> None:
    root = _find_root(file, analysis)
    for suite in analysis.baselines:
        if suite not in scripts and not (root / suite).exists():
            line = file.find_line(("analysis", "baselines", suite))
            problems.append(f"line {line}: baselines: there is no suite {suite!r} in {root}")
    if analysis.data is not None and not (root / analysis.data).is_dir():
        line = file.find_line(("analysis", "data"))
        problems.append(f"line {line}: data: {analysis.data!r} is not a folder in {root}")


def check_versions(text: str) -> str:
    """A selector given on the command line, as caliper.yaml would have it; else ConfigError."""
    try:
        return _check_version(text)
    except VersionError as error:
        raise ConfigError(f"--versions: {error}", value=text) from error
