"""The Dockerfile of one cell, rendered from the template that caliper.yaml names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from calipertf.config.model import Config
from calipertf.errors import ConfigError
from calipertf.formats.records import Cell
from calipertf.index.client import ReleaseFile
from calipertf.run.plan import PlannedCell
from calipertf.versions import python_version

#: Characters of the largest Dockerfile, and the largest exponent of a number in a template.
_LARGEST = 1024**2
_MOST_POWER = 64


class _Engine(SandboxedEnvironment):
    """Jinja2 for templates that somebody sent: no long loop, no text without end."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(
        self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any
    ) -> Any:
        """Return the product or the power, where it has a size that a template can mean."""
        large = [item for item in (left, right) if isinstance(item, int) and item > _LARGEST]
        if operator == "**" and (large or not -_MOST_POWER <= right <= _MOST_POWER):
            raise ValueError(f"a power of more than {_MOST_POWER} has no place in a template")
        if operator == "*":
            sizes = [len(item) for item in (left, right) if isinstance(item, (str, list, tuple))]
            counts = [item for item in (left, right) if isinstance(item, int)]
            if sizes and counts and sizes[0] * counts[0] > _LARGEST:
                raise ValueError(f"a text of more than {_LARGEST} letters is no Dockerfile")
        return super().call_binop(context, operator, left, right)


def render_dockerfile(
    template: str,
    *,
    cell: Cell,
    file: ReleaseFile,
    base_image: str,
    args: Mapping[str, Any],
    index_url: str = "",
    requirements: Sequence[str] = (),
    pins: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
) -> str:
    """Return the template with a cell's values in it.

    It is given the original's `base`, `filename` (the wheel's URL), `basename` (its file name) and
    everything under `args`; and ours: `package`, `version`, `python`, `requirements`, `index_url`
    (of the resolve date; may be empty), `labels`, and `pins`: name==version of everything that was
    installed, in the Dockerfile that a record keeps; empty before the cell is built.

    Raises ConfigError that names the variable where the template asks for another, or the line
    where it is no Jinja2.
    """
    values: dict[str, Any] = {
        "base": base_image.format(version=python_version(cell.python)),
        "filename": file.url,
        "basename": file.filename,
        "package": cell.package,
        "version": cell.version,
        "python": cell.python,
        "requirements": list(requirements),
        "pins": list(pins),
        "index_url": index_url,
        "labels": dict(labels or {}),
    }
    engine = _Engine(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    try:
        return engine.from_string(template).render({**values, **args})
    except jinja2.UndefinedError as error:
        raise ConfigError(
            f"the dockerfile template asks for something that it is not given: {error.message}; "
            f"it has {', '.join(sorted({*values, *args}))}; put more under args",
        ) from error
    except jinja2.TemplateSyntaxError as error:
        raise ConfigError(
            f"the dockerfile template is not Jinja2, line {error.lineno}: {error.message}"
        ) from error
    except Exception as error:  # a template may do anything: divide by zero, add text to numbers
        words = f"{type(error).__name__}: {str(error)[:200]}"
        raise ConfigError(f"the dockerfile template cannot be filled in: {words}") from error


def render_plan(
    config: Config,
    plan: PlannedCell,
    index_url: str,
    pins: Sequence[str] = (),
    base_image: str | None = None,
) -> str:
    """Return the Dockerfile of a planned cell; empty where there is no file to build it with.

    With `pins` it builds an environment of exactly these, whatever the index has by then.
    `base_image` is the very image that a cell was built on; else it is the configuration's.
    """
    analysis = config.analysis
    if plan.file is None:
        return ""
    return render_dockerfile(
        config.template,
        cell=plan.cell,
        file=plan.file,
        base_image=base_image or analysis.base_image,
        args=analysis.args,
        requirements=analysis.requirements,
        pins=pins,
        labels={
            f"calipertf.{name}": getattr(plan.cell, name)
            for name in ("package", "version", "python", "resolve")
        },
        index_url=index_url,
    )


def check_template(config: Config, planned: Iterable[PlannedCell]) -> None:
    """Raise ConfigError where the template cannot be filled in, before anything is built."""
    for plan in planned:
        if plan.file is not None:
            render_plan(config, plan, config.analysis.index_url)
            return
