"""A cell's image: its build context, the build, and what a failed build was the fault of."""

from __future__ import annotations

import io
import re
import tarfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import docker

from calipertf.errors import EngineError, InfrastructureError
from calipertf.records import Run
from calipertf.run.environments.base import find_trouble
from calipertf.run.environments.docker_engine import engine_errors, follow
from calipertf.run.environments.docker_sandbox import is_private
from calipertf.run.processes import KEPT_LINES

_FAILED_STEP = re.compile(r"returned a non-zero code: (\d+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_COPIES = re.compile(r"^\s*(?:ADD|COPY)\s+(?!--from)(?!https?:)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class ImageBuild:
    """What a build gave: the image's id, None where a step of the Dockerfile failed."""

    run: Run
    image: str | None


def prepare_dockerfile(
    dockerfile: str, labels: Mapping[str, str], arguments: Iterable[str], *, keep: bool = False
) -> str:
    """The Dockerfile as it is sent: our labels, and build arguments that pip reads, in each stage.

    With them the resolve date holds for every template, and what a killed run leaves behind,
    intermediate images included, can be told from what is others'. An image to `keep` has empty
    labels in the end: it is the user's.
    """
    lines: list[str] = []
    for line in dockerfile.splitlines():
        lines.append(line)
        if re.match(r"\s*FROM\s", line, re.IGNORECASE):
            lines.append(_render_labels(labels))
            lines.extend(f"ARG {name}" for name in arguments)
    if keep:
        lines.append(_render_labels(dict.fromkeys(labels, "")))
    return "\n".join(lines) + "\n"


def _render_labels(labels: Mapping[str, str]) -> str:
    return "LABEL " + " ".join(f'{name}="{value}"' for name, value in labels.items())


def make_context(dockerfile: str, root: Path, mount: Path) -> io.BytesIO:
    """A tar of the Dockerfile; and of the scripts' folder where the template copies files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        data = dockerfile.encode("utf-8")
        # A name of its own: the working tree that a template copies may have a Dockerfile as well.
        entry = tarfile.TarInfo("Dockerfile.caliper")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
        if _COPIES.search(dockerfile):
            for path in sorted(mount.rglob("*")):
                if path.is_file() and not is_private(path.relative_to(mount).parts):
                    archive.add(path, arcname=path.relative_to(root).as_posix(), recursive=False)
    buffer.seek(0)
    return buffer


def build_image(
    client: docker.DockerClient,
    context: io.BytesIO,
    *,
    arguments: Mapping[str, str],
    tag: str | None,
    host_network: bool,
    timeout: float,
    check: Callable[[], None],
) -> ImageBuild:
    """Build an image; a RUN step that fails for the package's reasons is a Run with its code.

    Raises EngineError or InfrastructureError where engine, registry, disk or network failed.
    `timeout` is in seconds; `check` raises where the run is stopped.
    """
    started = time.monotonic()
    log: list[str] = []
    image = error = None
    with engine_errors("the engine failed during a build"):
        stream = client.api.build(
            fileobj=context,
            custom_context=True,
            dockerfile="Dockerfile.caliper",
            decode=True,
            rm=True,
            forcerm=True,
            tag=tag,
            buildargs=dict(arguments),
            network_mode="host" if host_network else None,
            timeout=int(timeout) + 60,
        )
        for item in follow(stream, check, lambda: time.monotonic() - started > timeout):
            log.extend(_COLOUR.sub("", str(item.get("stream", ""))).splitlines(keepends=True))
            image = (item.get("aux") or {}).get("ID") or image
            match = re.search(r"Successfully built ([0-9a-f]+)", str(item.get("stream", "")))
            image = match[1] if match else image
            error = item.get("error") or error
    seconds = time.monotonic() - started
    if error is None and image is None:
        raise InfrastructureError(
            f"the build did not end within {timeout:.0f} s; raise build_timeout"
            if seconds >= timeout
            else "the engine ended the build without a word"
        )
    output = tuple(log[-KEPT_LINES:])
    if error is None:
        return ImageBuild(run=Run(output=output, retval=0, seconds=seconds), image=image)
    step = _FAILED_STEP.search(error)
    trouble = find_trouble("".join(log))
    if trouble and step:
        raise InfrastructureError(f"the build could not be done: {trouble}")
    if not step:
        raise EngineError(f"the engine could not build the image: {error.strip()[:400]}")
    run = Run(output=output, error=(error + "\n",), retval=int(step[1]), seconds=seconds)
    return ImageBuild(run=run, image=None)
