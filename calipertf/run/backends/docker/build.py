"""A cell's image: its build context, the build, and what a failed build was the fault of."""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import docker

from calipertf.errors import EngineError, InfrastructureError
from calipertf.formats.records import Run
from calipertf.index.snapshot import Watch
from calipertf.run.backends.docker.engine import engine_errors, follow, open_request
from calipertf.run.backends.venv.bundled import render_step
from calipertf.run.processes import KEPT_LINES
from calipertf.run.spec import CellTask

#: Label of an image that is kept: what it was made from.
KEY = "calipertf.key"
#: Exit code of a step that was killed, from without or for want of memory.
KILLED = 137
#: In the words of Docker and of Podman.
_FAILED_STEP = re.compile(
    r"returned a non-zero code: (\d+)|at STEP .*: while running runtime: exit status (\d+)",
    re.DOTALL,
)
#: A step's program that the image has not: ["python", ...] is started by the engine, not a shell.
_NO_PROGRAM = re.compile(
    r"executable file (?:\S+ )?not found in \$PATH|exec: \"[^\"]*\": stat .*: no such file"
)
#: What a shell gives for the same.
_NOT_FOUND = 127
#: What Podman logs where it could not run a step, which else ends as a step that failed.
_NOT_RUN = re.compile(r"^error running container: .*", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, kw_only=True)
class ImageBuild:
    """What a build gave: the image's id, None where a step of the Dockerfile failed."""

    run: Run
    image: str | None
    #: Whether the image is an earlier run's, and the user's to remove.
    kept: bool = False


def prepare_dockerfile(
    dockerfile: str,
    labels: Mapping[str, str],
    arguments: Iterable[str],
    *,
    base: str = "",
    keep: str | None = None,
) -> str:
    """Return the Dockerfile as it is sent.

    Our labels, and build arguments that pip reads, in each stage.

    What is built on the image `base` has the setuptools that `python -m venv` of its Python brings.

    With them the resolve date holds for every template, and what a killed run leaves behind,
    intermediate images included, can be told from what is others'. An image that is kept has empty
    ones in the end: it is the user's; and the key to `keep`, by which later runs find it.
    """
    lines: list[str] = []
    for line in dockerfile.splitlines():
        lines.append(line)
        words = line.split()
        if words and words[0].upper() == "FROM":
            lines.append(_render_labels(labels))
            lines.extend(f"ARG {name}" for name in arguments)
            if base in words:
                lines.append(render_step())
    if keep:
        lines.append(_render_labels({**dict.fromkeys(labels, ""), KEY: keep}))
    return "\n".join(lines) + "\n"


def pass_through(dockerfile: str, watch: Watch, task: CellTask, host: str) -> str:
    """Return the Dockerfile with a watch in place of the index and of the cell's own file."""
    index = re.escape(task.analysis.index_url.rstrip("/")) + r"/?(?![\w/.-])"
    text = re.sub(index, watch.url(host), dockerfile)
    return text.replace(task.file.url, watch.file_url(task.cell.package, task.file, host))


def make_key(*parts: str | bytes) -> str:
    """Return SHA-256 over all that an image depends on, hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode("utf-8") if isinstance(part, str) else part)
        digest.update(b"\0")
    return digest.hexdigest()


def find_kept(client: docker.DockerClient, key: str) -> ImageBuild | None:
    """Return the image of that key that an earlier run with --keep-images left; None for none."""
    with engine_errors("the engine could not look for images"):
        images = client.images.list(filters={"label": f"{KEY}={key}"})
    if not images:
        return None
    words = f"{images[0].id} is used again, which a run with --keep-images has left\n"
    return ImageBuild(run=Run(output=(words,), retval=0), image=str(images[0].id), kept=True)


def _render_labels(labels: Mapping[str, str]) -> str:
    return "LABEL " + " ".join(f'{name}="{value}"' for name, value in labels.items())


def build_image(
    client: docker.DockerClient,
    context: io.BytesIO,
    *,
    arguments: Mapping[str, str],
    tag: str | None,
    host_network: bool,
    memory: int,
    timeout: float,
    check: Callable[[], None],
) -> ImageBuild:
    """Build an image; a RUN step that fails is a Run with its code.

    Raises EngineError or InfrastructureError where the engine or the registry failed.
    `memory` is in bytes, `timeout` in seconds; `check` raises where the run is stopped.
    """
    started = time.monotonic()
    log: list[str] = []
    image = error = None

    def is_late() -> bool:
        return time.monotonic() - started > timeout

    with (
        engine_errors("the engine failed during a build"),
        open_request(client) as (api, break_off),
    ):
        stream = api.build(
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
            container_limits={"memory": memory, "memswap": memory},
        )
        for item in follow(stream, check, is_late, break_off):
            log.extend(_COLOUR.sub("", str(item.get("stream", ""))).splitlines(keepends=True))
            # Not "Successfully built ...", which pip prints as well.
            image = (item.get("aux") or {}).get("ID") or image
            error = item.get("error") or error
    run = Run(output=tuple(log[-KEPT_LINES:]), retval=0, seconds=time.monotonic() - started)
    if error is not None:
        return blame_step(error, "".join(log), run, memory)
    if image is None:
        raise InfrastructureError(
            f"the build did not end within {timeout:.0f} s; raise build_timeout"
            if is_late()
            else "the engine ended the build without a word"
        )
    return ImageBuild(run=run, image=image)


def blame_step(error: str, log: str, run: Run, memory: int) -> ImageBuild:
    """Return a step that failed, for whosever reasons.

    Raises where it was the engine or its memory.
    """
    step = _FAILED_STEP.search(error)
    not_run = _NOT_RUN.search(log)
    if _NO_PROGRAM.search(f"{error} {not_run[0] if not_run else ''}"):
        return ImageBuild(run=replace(run, error=(error + "\n",), retval=_NOT_FOUND), image=None)
    if not step or not_run:
        words = f"{error.strip()} {not_run[0] if not_run else ''}"
        raise EngineError(f"the engine could not build the image: {words.strip()[:400]}")
    code = int(step[1] or step[2])
    if code == KILLED:
        raise InfrastructureError(
            "the build could not be done: a step was killed, as it is where memory runs out "
            f"({memory >> 20} MB)"
        )
    return ImageBuild(run=replace(run, error=(error + "\n",), retval=code), image=None)
