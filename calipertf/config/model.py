"""caliper.yaml, validated: every problem of a file is reported at once.

The keys of the original tool keep their meaning; ours are listed in docs/config.md.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from calipertf.config.choices import EnvironmentKind
from calipertf.config.paths import (
    LARGEST_TEMPLATE,
    FoundScripts,
    explain_data,
    explain_script,
    find_notebook,
    find_scripts,
    is_outside,
    list_known,
    resolve,
)
from calipertf.config.problems import LISTED, Problems, spell
from calipertf.config.values import (
    Arguments,
    Count,
    Image,
    ImportName,
    OnePython,
    OneVersion,
    PackageName,
    Pythons,
    Requirements,
    Resolve,
    Resolves,
    Seconds,
    Share,
    Size,
    Texts,
    Url,
    Versions,
)
from calipertf.config.yaml_source import YamlFile, read_yaml
from calipertf.errors import ConfigError
from calipertf.files.inputs import is_folder, read_file
from calipertf.index import DEFAULT_INDEX
from calipertf.versions import find_nearest

#: Keys whose scalars are text, whatever YAML takes them for.
LITERAL_KEYS = frozenset(
    {"versions", "python_versions", "resolve", "baselines", "name", "dependency", "memory"}
)
#: The template for a configuration without a Dockerfile beside it.
DEFAULT_TEMPLATE = Path(__file__).parents[2] / "Dockerfile"
#: A package with extras, and nothing else.
_WITH_EXTRAS = re.compile(r"\s*([\w.-]+)\s*\[[\w\s,.-]+\]\s*")


class Baseline(BaseModel):
    """The baseline cell of a suite: where its results are what they should be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: OneVersion
    python: OnePython
    resolve: Resolve = "release"


#: What a change of a setting does to a folder of records -> how docs/config.md says it.
AFFECTS = {
    "grid": "other cells or scripts",
    "cell": "cells run again",
    "image": "cells run again, with `environment: docker`",
    "verdict": "verdicts, without a run",
    "run": "nothing: how a run is done",
}


def _setting(affects: str, description: str, default: Any = ..., *, words: str = "") -> Any:
    """Return the field of a setting.

    `affects` is a key of AFFECTS, `description` Markdown for docs/config.md, `words` describe the
    default where its value does not.
    """
    about: Any = {"affects": affects, "words": words}
    return Field(default, description=description, json_schema_extra=about)


class Analysis(BaseModel):
    """The keys of caliper.yaml, below `analysis:`.

    docs/config.md, caliper.schema.json and the fingerprint of a cell are made from this list.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = _setting("run", "title of the analysis", "analysis")
    packagemanager: Literal["pypi"] = _setting("run", "`pypi`, as in the original tool", "pypi")
    dependency: PackageName = _setting(
        "grid", "the package that is judged; with extras: `celery[redis]`"
    )
    dockerfile: str = _setting(
        "cell",
        "Jinja2 template of a cell's image, filled in before anything is built, also by "
        "`--dry-run`; see docs/docker.md",
        "Dockerfile",
        words="`Dockerfile` where there is one, else ours",
    )
    versions: Versions | None = _setting(
        "grid", "versions or selectors of the package", None, words="all"
    )
    python_versions: Pythons | None = _setting(
        "grid",
        "Pythons: `cp37`, `3.7`, `>=3.8`, `all`",
        None,
        words="those that the package has wheels for on any platform; without wheels, those that "
        "its source archives may be for",
    )
    tests: Texts = _setting(
        "grid", "scripts to run: files, folders (with all below), globs; see Scripts below"
    )
    args: Arguments = _setting("cell", "values for the template", {}, words="none")
    root: str = _setting(
        "cell", "folder that paths are relative to, itself relative to the file", "."
    )
    resolve: Resolves = _setting(
        "grid", "states of the index to resolve against: `today`, `release`, ISO dates", ["today"]
    )
    environment: EnvironmentKind = _setting(
        "cell",
        "where cells are built: `auto` (the first that works here), `docker`, `venv`",
        "auto",
    )
    sources: Literal["auto", "never"] = _setting(
        "cell",
        "`auto`: a source archive is built where no wheel fits, as pip does; `never`: wheels alone",
        "auto",
    )
    base_image: Image = _setting(
        "image", "image of a cell; `{version}` is the Python's", "python:{version}"
    )
    baselines: dict[str, Baseline] = _setting(
        "grid",
        "suite (folder or script) -> its baseline cell: `{version, python, resolve}`",
        {},
        words="none",
    )
    tolerance: Share = _setting(
        "verdict", "relative tolerance of numbers in printed results, 0 to below 1", 1e-3
    )
    timeout: Seconds = _setting("cell", "seconds a script, 0.1 to 30 days", 300)
    build_timeout: Seconds = _setting("run", "seconds a build, 0.1 to 30 days", 1800)
    memory: Size = _setting(
        "cell",
        "memory of a script, and the largest file that it may write: `512MB`, `4GB`; 16MB to 64TB",
        4 * 1024**3,
        words="`4GB`",
    )
    jobs: Count | None = _setting("run", "cells at once, 1 to 1024", None, words="one a core")
    start: Literal["warm", "cold"] = _setting(
        "cell", "`warm` (one import, a fork a script) or `cold` (a process a script)", "warm"
    )
    network: bool = _setting("cell", "whether scripts may use the network", False)
    interpreters: Literal["found", "install"] = _setting(
        "run", "`found`: those of this machine; `install`: uv gets missing ones", "found"
    )
    requirements: Requirements = _setting(
        "cell",
        'further requirements installed in each cell, such as `[numpy, "scipy<1.8"]`; files are '
        "not read",
        [],
        words="none",
    )
    import_name: ImportName | None = _setting(
        "cell", "name that the package is imported by", None, words="read from its wheel"
    )
    index_url: Url = _setting(
        "cell",
        "the package index (simple API), without credentials; see Private indexes",
        DEFAULT_INDEX,
        words="PyPI",
    )
    data: str | None = _setting(
        "cell", "folder that scripts find as `CALIPER_DATA`", None, words="none"
    )
    keep_wheels: bool = _setting("run", "keep the package's own wheels in the cache", False)
    scheduler: str | None = _setting(
        "run",
        "a Dask scheduler: address, scheduler file or `local`, see docs/cluster.md",
        None,
        words="none",
    )

    @model_validator(mode="before")
    @classmethod
    def _move_extras(cls, data: Any) -> Any:
        """`dependency: celery[redis]` is celery, and celery[redis] among the requirements."""
        name = data.get("dependency") if isinstance(data, dict) else None
        match = _WITH_EXTRAS.fullmatch(name) if isinstance(name, str) else None
        if not match:
            return data
        listed = data.get("requirements") or []
        listed = [listed] if isinstance(listed, str) else listed
        if not isinstance(listed, list):
            return data
        return {**data, "dependency": match[1], "requirements": [*listed, name]}


def list_settings(*affects: str) -> list[str]:
    """Return the names of the settings that affect one of these, keys of AFFECTS, in order."""
    about = {name: field.json_schema_extra for name, field in Analysis.model_fields.items()}
    return [
        name
        for name, extra in about.items()
        if isinstance(extra, dict) and extra["affects"] in affects
    ]


@dataclass(frozen=True, kw_only=True)
class Config:
    """A validated caliper.yaml."""

    path: Path
    analysis: Analysis
    #: Script paths relative to the file, in order, each once.
    scripts: tuple[str, ...]
    #: The text of the Dockerfile template.
    template: str
    #: The file as it was read; knows the line of each key.
    file: YamlFile
    #: Python files of the folders in `tests` that are no scripts: other files import them.
    helpers: tuple[str, ...] = ()

    @property
    def root(self) -> Path:
        """Return the folder that paths in the file are relative to."""
        return resolve(self.path.parent / self.analysis.root)

    def find_suite(self, script: str) -> str | None:
        """The suite (key of baselines) that a script belongs to, the longest one that fits."""
        suites = [
            suite
            for suite in self.analysis.baselines
            if script == suite or script.startswith(suite.rstrip("/") + "/")
        ]
        return max(suites, key=len, default=None)


def load_config(path: Path) -> Config:
    """Return the configuration in a file.

    Raises ConfigError that lists every problem: line, key, value found, and the way out.
    """
    file = read_yaml(path, literal=LITERAL_KEYS)
    problems = Problems(file)
    for location, line in file.duplicates:
        problems.add_line(line, f"{spell(location)} is given twice; remove one")
    content = _find_analysis(file, problems)
    analysis, sound = _validate(content, problems)
    found = FoundScripts()
    template = ""
    root = _find_root(file, analysis)
    if "root" in sound and not is_folder(root):
        words = f"root: {analysis.root[:80]!r} is no folder ({str(root)[:200]})"
        problems.add(("analysis", "root"), words)
    elif "root" in sound and root == root.parent:
        problems.add(("analysis", "root"), f"root: {analysis.root!r} is the whole file system")
    elif "root" in sound:
        if "tests" in sound:
            found = _expand_tests(root, analysis, problems)
        if "dockerfile" in sound:
            template = _read_template(root, analysis, problems, named="dockerfile" in content)
        if "baselines" in sound:
            _check_suites(root, analysis, found.scripts, problems)
        if analysis.data is not None and (why := explain_data(root, analysis.data)):
            problems.add(("analysis", "data"), f"data: {analysis.data!r} {why}")
    problems.check()
    return Config(
        path=resolve(path),
        analysis=analysis,
        scripts=found.scripts,
        helpers=found.helpers,
        template=template,
        file=file,
    )


def _find_analysis(file: YamlFile, problems: Problems) -> dict[str, Any]:
    if not isinstance(file.data, dict):
        kinds = {type(None): "nothing", list: "a list", str: "a line of text"}
        found = kinds.get(type(file.data), repr(file.data)[:80])
        problems.add((), f"the file holds {found}; it has to hold the key analysis")
        problems.check()
    for key in file.data:
        if key != "analysis":
            nearest = find_nearest(key, [*Analysis.model_fields, "analysis"])
            hint = f"; {nearest} belongs under analysis" if nearest in Analysis.model_fields else ""
            hint = "; did you mean analysis?" if nearest == "analysis" else hint
            problems.add((key,), f"unknown key {key}{hint}")
    content = file.data.get("analysis")
    if not isinstance(content, dict):
        found = "nothing" if content is None else repr(content)[:80]
        problems.add(
            ("analysis",),
            f"analysis holds {found}; its keys go below it, indented by two spaces",
        )
        problems.check()
    # `key:` with nothing behind it means the default, as it did in the original.
    return {key: value for key, value in content.items() if value is not None}


def _validate(content: dict[str, Any], problems: Problems) -> tuple[Analysis, set[str]]:
    """The model, with defaults for what is wrong, and the names of its fields that are sound."""
    fields = set(Analysis.model_fields)
    try:
        return Analysis.model_validate(content), fields
    except ValidationError as error:
        for item in error.errors():
            inside = len(item["loc"]) > 1 and item["loc"][0] == "baselines"
            problems.add_invalid(item, list((Baseline if inside else Analysis).model_fields))
        wrong = {str(item["loc"][0]) for item in error.errors()}
    kept = {key: value for key, value in content.items() if key not in wrong}
    stand_in = {"dependency": "unknown", "tests": []}
    return Analysis.model_validate({**stand_in, **kept}), fields - wrong


def _expand_tests(root: Path, analysis: Analysis, problems: Problems) -> FoundScripts:
    """Return the scripts that `tests` names: files, folders (with all below them) and globs."""
    scripts: dict[str, None] = {}
    helpers: dict[str, None] = {}
    if not analysis.tests:
        problems.add(("analysis", "tests"), "tests names no script; name files, folders or globs")
    seen: set[str] = set()
    for number, pattern in enumerate(analysis.tests):
        if pattern in seen:
            continue
        seen.add(pattern)
        where = ("analysis", "tests", number)
        try:
            found = find_scripts(root, pattern)
        except ConfigError as error:
            problems.add(where, f"tests: {error}")
            continue
        if notebook := find_notebook(root, pattern, found.scripts):
            problems.add(
                where,
                f"tests: {pattern!r} names the notebook {notebook}, which is no script; make one "
                f"of it: jupyter nbconvert --to script {notebook}",
            )
            continue
        if not found.scripts:
            hint = _hint_script(root, pattern) if len(problems) < LISTED else ""
            problems.add(where, f"tests: no script at {pattern!r}{hint}")
        for script in found.scripts:
            if why := explain_script(root, script):
                problems.add(where, f"tests: {script!r} is no script: {why}")
            else:
                scripts[script] = None
        helpers.update(dict.fromkeys(found.helpers))
    kept = tuple(helper for helper in helpers if helper not in scripts)
    return FoundScripts(scripts=tuple(scripts), helpers=kept)


def _hint_script(root: Path, pattern: str) -> str:
    if pattern and not is_outside(pattern) and is_folder(root / pattern):
        return f"; {root / pattern} has no .py file"
    nearest = find_nearest(pattern, list_known(root))
    return f"; did you mean {nearest}?" if nearest else f"; it has to lie in {root}"


def _find_root(file: YamlFile, analysis: Analysis) -> Path:
    return resolve(resolve(file.path).parent / analysis.root)


def _read_template(root: Path, analysis: Analysis, problems: Problems, *, named: bool) -> str:
    """Return the template in the root; where the file names none and the root has none, our own."""
    path = root / analysis.dockerfile
    if not named and not _exists(path):
        path = DEFAULT_TEMPLATE
    try:
        return read_file(path, largest=LARGEST_TEMPLATE).decode("utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        problems.add(
            ("analysis", "dockerfile"),
            f"dockerfile: {analysis.dockerfile!r} cannot be read in {root} ({why}); "
            "name the template of a cell's image",
        )
        return ""


def _check_suites(
    root: Path, analysis: Analysis, scripts: tuple[str, ...], problems: Problems
) -> None:
    for suite in analysis.baselines:
        where = ("analysis", "baselines", suite)
        plain = posixpath.normpath(suite)
        if is_outside(suite) or not (suite in scripts or _exists(root / suite)):
            problems.add(where, f"baselines: there is no suite {suite!r} in {root}")
        elif suite.rstrip("/") != plain:
            problems.add(where, f"baselines: {suite!r} fits no script; write it as {plain!r}")
        elif suite != plain and plain in analysis.baselines:
            problems.add(where, f"baselines: {suite!r} is {plain!r}, which is listed there as well")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
