"""The Dockerfile of one cell, rendered from the template that caliper.yaml names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from calipertf.errors import ConfigError
from calipertf.records import Cell
from calipertf.releases import ReleaseFile
from calipertf.versions import python_version


def render_dockerfile(
    template: str,
    *,
    cell: Cell,
    file: ReleaseFile,
    base_image: str,
    args: Mapping[str, Any],
    index_url: str = "",
    requirements: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
) -> str:
    """The template with a cell's values in it.

    It is given the original's `base`, `filename` (the wheel's URL), `basename` (its file name) and
    everything under `args`; and ours: `package`, `version`, `python`, `requirements`, `index_url`
    (of the resolve date; may be empty) and `labels`. Raises ConfigError that names the variable
    where the template asks for another, or the line where it is no Jinja2.
    """
    values: dict[str, Any] = {
        "base": base_image.format(version=python_version(cell.python)),
        "filename": file.url,
        "basename": file.filename,
        "package": cell.package,
        "version": cell.version,
        "python": cell.python,
        "requirements": list(requirements),
        "index_url": index_url,
        "labels": dict(labels or {}),
    }
    engine = jinja2.Environment(  # noqa: S701 -- a Dockerfile is not HTML
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
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
