"""Whose fault a failed build is: the package's where that was shown, else the infrastructure's.

Installers hide much of what goes wrong between them and the index: pip says "from versions: none"
for a page that it was refused, uv "was not found in the package registry". So no list of phrases
can tell a network failure from a verdict. A build that failed is done once more, with every page
and file handed over by the driver's own index, which checks hashes and knows what it could not
give. What fails then as well is the package's fault. Only where a build backend says that it
failed, which it can once its files are there, is the second build saved.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from calipertf.errors import IndexUnavailableError, InfrastructureError
from calipertf.formats.records import Run
from calipertf.index.build_tools import OLDEST_TOOLS
from calipertf.index.snapshot import TimeMachine, Watch
from calipertf.reasons.network import NO_NETWORK
from calipertf.run.builds.evidence import collect_evidence, find_named
from calipertf.run.processes import wait_for
from calipertf.run.spec import CellTask

log = logging.getLogger("calipertf")

#: What this machine lacks: no second build would go better.
_MACHINE = re.compile(
    r"[Nn]o space left on device|Disk quota exceeded|Cannot allocate memory|Too many open files"
    r"|Read-only file system|Input/output error|Stale file handle"
    r"|\(os error (?:5|12|23|24|26|28|30|116|122)\)"
    r"|Killed signal terminated program|internal compiler error: Killed|virtual memory exhausted"
)
#: What a build's own steps print when they were refused by the network: a setup.py that downloads,
#: git, cargo, a template's wget, curl or apt. Here the index cannot speak for them.
_NETWORK = re.compile(
    rf"{NO_NETWORK}|Failed to fetch|error sending request|dns error"
    r"|[Cc]onnection (?:refused|reset|aborted|error)"
    r"|[Tt]emporary failure resolving|(?:operation|[Cc]onnection) timed out"
    r"|[Rr]ead timed out|HTTP(?: status)?(?: server)? [Ee]rror:? ?\(?[45]\d\d"
    r"|[45]\d\d (?:Server|Client) Error|ERROR [45]\d\d: |[Tt]oo many redirects|Exceeded 30 redir"
    r"|ReadTimeoutError|ConnectTimeoutError|ProtocolError"
    r"|IncompleteRead|error decoding response body|Remote end closed connection"
    r"|Could not fetch URL|DO NOT MATCH THE HASHES|Hash mismatch"
    r"|EOF occurred in violation of protocol|unexpected eof while reading"
    r"|the remote end hung up unexpectedly|early EOF"
    r"|unable to resolve host address|Failed to connect to|No route to host"
    r"|Unable to establish SSL connection|SSL_ERROR_SYSCALL"
    r"|certificate verify failed|CERTIFICATE_VERIFY_FAILED"
)
#: A build backend ran and failed. uv's words, then pip's, old and new.
_BACKEND = re.compile(
    r"The build backend returned an error"
    r"|Failed building wheel for|metadata-generation-failed"
    r"|Command errored out with exit status \d+: \S+ .*"
    r"(?:egg_info|bdist_wheel|_in_process|install --record)"
    r"|Command \"?python setup\.py egg_info\"? failed"
    r"|(?:egg_info|bdist_wheel|Preparing metadata \(pyproject\.toml\)|requirements to build wheel"
    r"|Building wheel for \S+ \(\S+\)) did not run successfully"
)
#: What the backend lacked may not have come from the index as it is: its own requirements.
_FETCHED = re.compile(
    r"build dependencies|pip-build-env|build-system\.requires|[Ss]etup_requires"
    r"|Could not find suitable distribution for|working download links found"
    r"|fetch_build_egg|Couldn't find index page|No matching distribution found"
    r"|Could not find a version that satisfies|Download error on"
)
#: What a resolver decides without asking anybody: the requirements contradict each other.
_CONFLICT = re.compile(
    r"No solution found when resolving|ResolutionImpossible|conflicting dependencies"
)


@dataclass(frozen=True, kw_only=True)
class BuildVerdict:
    """What is known of a failed build."""

    #: unclear: a second build, through the driver's index, tells.
    fault: Literal["package", "infrastructure", "unclear"]
    #: One sentence, or the line of the output that says so.
    why: str


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A build that is done, or that failed for the package's reasons."""

    run: Run
    #: Of a failed build: project -> hash of what the index had of it (see evidence.py).
    index: Mapping[str, str] = field(default_factory=dict)


def judge_first(run: Run) -> BuildVerdict:
    """Return what a failed build's own output says of it."""
    if broken := find_broken_machine(run):
        return BuildVerdict(fault="infrastructure", why=broken)
    text = "".join((*run.output, *run.error))
    if _NETWORK.search(text) or _FETCHED.search(text):
        return BuildVerdict(fault="unclear", why=_find_line(_NETWORK, text) or "")
    words = _find_line(_BACKEND, text)
    if words:
        return BuildVerdict(fault="package", why=words)
    return BuildVerdict(fault="unclear", why=_last_line(text))


def judge_second(run: Run, failures: Sequence[str], *, asked: bool = True) -> BuildVerdict:
    """Return what it says where everything came through the driver.

    `failures` are what the driver could not give; `asked` is whether the build came so far as to
    ask for anything: else a template or an installer failed, or asked somewhere else.
    """
    if broken := find_broken_machine(run):
        return BuildVerdict(fault="infrastructure", why=broken)
    if failures:
        return BuildVerdict(fault="infrastructure", why=failures[0])
    text = "".join((*run.output, *run.error))
    if words := _find_line(_NETWORK, text):
        return BuildVerdict(fault="infrastructure", why=words)
    if not asked and not _CONFLICT.search(text):
        words = f"it failed before anything was asked of the index: {_last_line(text)}"
        return BuildVerdict(fault="infrastructure", why=words)
    return BuildVerdict(fault="package", why=_last_line(text))


def find_broken_machine(run: Run) -> str | None:
    """Return why a build says nothing of index or package; None where it may."""
    if run.termination == "timeout":
        return f"the build took longer than {run.seconds or 0:.0f} s; raise build_timeout"
    if run.retval is not None and run.retval < 0:
        return f"the installer was ended by signal {-run.retval}"
    return _find_line(_MACHINE, "".join((*run.output, *run.error)))


def _find_line(pattern: re.Pattern[str], text: str) -> str | None:
    return next((line.strip() for line in text.splitlines() if pattern.search(line)), None)


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no output")


def settle_build(
    attempt: Callable[[Watch], Run],
    machine: TimeMachine,
    task: CellTask,
    check: Callable[[], None],
    tag: str | None = None,
) -> Settled:
    """Return a build that is done, or shown to fail by the package's fault.

    `attempt` builds once: where `watch.through`, with nothing but what the watch gives. `check`
    raises where the run is stopped. `tag` is the Python's tag that hides what is newer than the
    cut-off (see build_tools), where it is not the cell's own. Raises InfrastructureError where
    nothing was shown.
    """
    cell = task.cell
    tag = tag or cell.python
    with machine.watch(task.cutoff, tag) as watch:
        run = attempt(watch)
        if run.retval == 0:
            return Settled(run=run)
        verdict = judge_first(run)
        if verdict.fault == "infrastructure":
            raise _give_up(verdict)
        wait_for(lambda: confirm_file(watch, task), check)
        if verdict.fault == "package" and not watch.failures:
            names = find_named(run, {cell.package, *OLDEST_TOOLS})
            return Settled(run=run, index=_collect(watch, names, check))
    log.debug("%s: built again through the driver, after: %s", cell.label, verdict.why)
    with machine.watch(task.cutoff, tag, through=True) as watch:
        again = attempt(watch)
        if again.retval == 0:
            log.info("%s: built on the second try, after: %s", cell.label, verdict.why)
            return Settled(run=again)
        verdict = judge_second(again, watch.failures, asked=bool(watch.projects))
        if verdict.fault == "infrastructure" and watch.failures:
            # The index was asked as often as it is worth.
            raise IndexUnavailableError(f"the build could not be done: {verdict.why}")
        if verdict.fault == "infrastructure":
            raise _give_up(verdict)
        names = find_named(again, {cell.package}, among=watch.projects)
        return Settled(run=again, index=_collect(watch, names, check))


def _give_up(verdict: BuildVerdict) -> InfrastructureError:
    return InfrastructureError(f"the build could not be done: {verdict.why}")


def _collect(watch: Watch, names: set[str], check: Callable[[], None]) -> Mapping[str, str]:
    return wait_for(lambda: collect_evidence(watch.index, names, watch.cutoff, watch.python), check)


def confirm_file(watch: Watch, task: CellTask) -> None:
    """Raise InfrastructureError where the index does not list the planned file any more.

    Raises IndexUnavailableError where it cannot be asked.
    """
    before = len(watch.failures)
    files = watch.list_files(task.cell.package) or []
    if len(watch.failures) > before:
        raise IndexUnavailableError(f"the build could not be done: {watch.failures[-1]}")
    found = next((file for file in files if file.filename == task.file.filename), None)
    if found is None or found.hashes != task.file.hashes:
        state = "lists another file of that name" if found else "does not list it any more"
        raise InfrastructureError(
            f"the build could not be done: {task.file.filename} was on the index when the run was "
            f"planned, and {watch.index.url} {state}; run the command again"
        )
