"""Where the cells of a run are built and run: this machine, a container engine, a Dask cluster."""

from __future__ import annotations

import argparse
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator

from calipertf.config.model import Analysis, Config
from calipertf.errors import EngineError
from calipertf.index.client import Index
from calipertf.index.snapshot import TimeMachine
from calipertf.run.backends.base import Environment
from calipertf.run.backends.venv.backend import VenvEnvironment
from calipertf.run.backends.venv.folders import cache_folder, cells_folder
from calipertf.run.processes import Processes
from calipertf.run.schedule import LocalScheduler, Scheduler, list_cpus

log = logging.getLogger("calipertf")


@contextlib.contextmanager
def open_environment(
    analysis: Analysis, arguments: argparse.Namespace, processes: Processes, index: Index
) -> Iterator[Environment]:
    """The environment that is asked for; `auto` is docker where an engine answers."""
    wanted = arguments.environment or analysis.environment
    with contextlib.ExitStack() as stack:
        machines: dict[str, TimeMachine] = {}
        lock = threading.Lock()

        def machine(host: str = "127.0.0.1") -> TimeMachine:
            with lock:
                if host not in machines:
                    machines[host] = TimeMachine(index, host)
                    stack.callback(machines[host].close)
                return machines[host]

        environment = open_docker(wanted, analysis, arguments, processes, machine)
        if environment is None:
            environment = VenvEnvironment(
                processes=processes,
                cache=cache_folder(),
                cells=cells_folder(
                    cache_folder(), count_jobs(analysis, arguments), analysis.memory
                ),
                install=analysis.interpreters == "install",
                machine=machine,
            )
            log.info("environment: venv, cells are isolated environments on this machine")
        stack.callback(environment.close)
        stack.callback(processes.stop)
        yield environment


def open_docker(
    wanted: str,
    analysis: Analysis,
    arguments: argparse.Namespace,
    processes: Processes,
    machine: Callable[[str], TimeMachine],
) -> Environment | None:
    """The container engine where it is asked for, or answers and `auto` is; else None."""
    if wanted == "venv":
        return None
    from calipertf.run.backends.docker.backend import DockerEnvironment

    try:
        environment = DockerEnvironment(
            processes=processes,
            machine=machine,
            run_id=arguments.run_id,
            base_image=analysis.base_image,
            build_timeout=analysis.build_timeout,
            keep_images=arguments.keep_images,
            needed=list_pythons(analysis) if wanted == "auto" else (),
        )
    except EngineError as error:
        if wanted == "docker":
            raise
        if error.values.get("absent"):
            log.info("environment: auto, no container engine runs here, and none is needed")
        else:
            log.info("environment: auto, %s", error)
        return None
    log.info("environment: docker, cells are images of %s", environment.name)
    return environment


def list_pythons(analysis: Analysis) -> list[str]:
    """Tags of the Pythons that caliper.yaml names one by one."""
    named = [text for text in analysis.python_versions or () if text.startswith("cp")]
    return list(
        dict.fromkeys([*named, *(baseline.python for baseline in analysis.baselines.values())])
    )


def choose_scheduler(config: Config, arguments: argparse.Namespace) -> str:
    """What the flag says, else caliper.yaml: there, a scheduler file is relative to the root."""
    if arguments.scheduler is not None:
        return str(arguments.scheduler)
    address = config.analysis.scheduler
    if address is None or address in {"none", "local"} or "://" in address:
        return address or "none"
    return str(config.root / address)


def find_cluster(arguments: argparse.Namespace) -> str | None:
    """The Dask cluster that cells are to run on; None for this machine's own processes."""
    address: str | None = arguments.scheduler
    return None if address == "none" else address


@contextlib.contextmanager
def open_place(
    analysis: Analysis, arguments: argparse.Namespace, processes: Processes, index: Index
) -> Iterator[Environment]:
    """The environment of this machine, or what the workers of a Dask cluster capabilities."""
    address = find_cluster(arguments)
    if address is None:
        with open_environment(analysis, arguments, processes, index) as environment:
            yield environment
        return
    # Dask takes half a second to import.
    from calipertf.run.cluster.backend import open_cluster

    with open_cluster(address, analysis, arguments, open_environment) as cluster:
        yield cluster


def open_scheduler(
    environment: Environment,
    processes: Processes,
    analysis: Analysis,
    arguments: argparse.Namespace,
) -> Scheduler:
    """Where cells are run: on the cluster's workers, or in processes of this machine."""
    if find_cluster(arguments) is not None:
        from calipertf.run.cluster.backend import ClusterEnvironment
        from calipertf.run.cluster.driver import DaskScheduler

        if isinstance(environment, ClusterEnvironment):
            return DaskScheduler(
                environment,
                leave_out=[arguments.dir],
                jobs=arguments.jobs or analysis.jobs,
            )
    return LocalScheduler(environment, processes, count_jobs(analysis, arguments))


def count_jobs(analysis: Analysis, arguments: argparse.Namespace) -> int:
    """Cells at once: by the flag, by caliper.yaml, or one a core."""
    return int(arguments.jobs or analysis.jobs or len(list_cpus()))
