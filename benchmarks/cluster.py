"""What the cluster path costs: against the local one on the same cores, and with 10,000 cells.

python benchmarks/cluster.py overhead     # real cells of a small package, taken in turns
python benchmarks/cluster.py many         # synthetic cells of 10 ms: memory, cells a second
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil
from packaging.version import Version

from calipertf.config.model import Analysis
from calipertf.formats.record_files import write_record
from calipertf.formats.records import Cell, Run
from calipertf.index.client import ReleaseFile
from calipertf.index.tags import local_platforms
from calipertf.run.backends.base import Backend, Built, Python
from calipertf.run.spec import CellSpec, CellTask

REPOSITORY = Path(__file__).resolve().parent.parent

HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}"
HERE_VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
VERSIONS = ("1.10.0", "1.11.0", "1.12.0", "1.13.0", "1.14.0", "1.15.0", "1.16.0", "1.17.0")
#: Seconds of work of the script in each real cell; a cell of TensorFlow takes 10 to 60.
WORK = 8
#: Bytes that a synthetic cell prints.
PRINTED = 20_000


class SleepBackend(Backend):
    """Cells that take 10 ms and print some lines."""

    kind = "venv"
    description = "sleeping"

    def find_python(self, tag: str) -> Python | None:
        return Python(tag=tag, version="3", source="nowhere")

    def explain_missing(self, tag: str) -> str:
        return tag

    def platforms(self) -> list[str]:
        return local_platforms()

    @contextlib.contextmanager
    def build(self, task: CellTask) -> Iterator[Built]:  # noqa: ARG002
        def run_job(job: Mapping[str, Any], report: Any) -> None:
            start = {
                "event": "start",
                "python": HERE_VERSION,
                "isolation": [],
                "import_name": "none",
            }
            report({**start, "modules": []})
            time.sleep(0.01)
            result = {"retval": 0, "output": ("x" * 79 + "\n") * (PRINTED // 80), "error": ""}
            for script in job["scripts"]:
                event = {"event": "script", "name": script["name"], "start": "warm", **result}
                report({**event, "ended": "exit", "cut": 0, "seconds": 0.01})

        yield Built(run=Run(retval=0), run_job=run_job)


@contextlib.contextmanager
def open_sleep(*_: Any) -> Iterator[Backend]:
    yield SleepBackend()


def make_specs(root: Path, count: int) -> list[CellSpec]:
    (root / "suite").mkdir()
    (root / "suite" / "a.py").write_text("print('a')\n")
    file = ReleaseFile(
        filename="none-1.0-py3-none-any.whl",
        url="",
        version=Version("1.0"),
        hashes={},
        size=1,
        uploaded=datetime.now(timezone.utc),
        yanked=False,
        requires_python=None,
    )
    analysis = Analysis(dependency="none", tests=["suite"], keep_wheels=True)
    return [
        CellSpec(
            cell=Cell(package="none", version=f"{number}.0", python=HERE),
            analysis=analysis,
            file=file,
            cutoff=None,
            scripts=("suite/a.py",),
            twice=frozenset(),
            folder=Path("suite"),
            dockerfile="",
        )
        for number in range(count)
    ]


@contextlib.contextmanager
def start_cluster(folder: Path, threads: int, cache: Path) -> Iterator[tuple[str, list[int]]]:
    """Scheduler file and process numbers of a scheduler and a worker of its own."""
    file = folder / "scheduler.json"
    environ = {**os.environ, "CALIPER_CACHE": str(cache)}
    environ["DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED"] = "False"
    common = [sys.executable, "-m", "dask"]
    commands = [
        ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"],
        ["worker", "--nthreads", str(threads), "--no-dashboard", "--no-nanny"],
    ]
    with (folder / "log").open("wb") as log:
        processes = [
            subprocess.Popen(
                [*common, *command, "--scheduler-file", str(file)],
                cwd=REPOSITORY / "benchmarks",  # workers import this module
                env=environ,
                stdout=log,
                stderr=log,
            )
            for command in commands
        ]
    while not file.exists() or file.stat().st_size == 0:
        time.sleep(0.1)
    try:
        yield str(file), [process.pid for process in processes]
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def measure_overhead(rounds: int) -> None:
    """Wall time of the same grid by both paths in turns, and what Dask's processes burnt."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        cache = folder / "cache"
        write_grid(folder)
        jobs = len(os.sched_getaffinity(0))
        file, numbers = stack.enter_context(start_cluster(folder, jobs, cache))
        run_stage(folder, cache, jobs, None)  # fills the cache of wheels, starts nothing cold
        times: dict[str, list[float]] = {"local": [], "cluster": []}
        before = sum_cpu(numbers)
        for turn in range(rounds):
            for path in ("local", "cluster") if turn % 2 == 0 else ("cluster", "local"):
                used = run_stage(folder, cache, jobs, file if path == "cluster" else None)
                times[path].append(used)
                print(f"{path:8} {used:7.1f} s", flush=True)
        burnt = (sum_cpu(numbers) - before) / rounds
    local, cluster = (statistics.median(times[path]) for path in ("local", "cluster"))
    print(f"{len(VERSIONS)} cells of {WORK} s of work, {jobs} at once, {rounds} rounds, medians:")
    print(f"local {local:.1f} s, cluster {cluster:.1f} s: {100 * (cluster / local - 1):+.1f} %")
    print(f"scheduler and worker themselves used {burnt:.1f} s of processor time a run")


def write_grid(folder: Path) -> None:
    (folder / "suite").mkdir()
    (folder / "suite" / "work.py").write_text(
        "import six, time\nend = time.process_time() + "
        f"{WORK}\nwhile time.process_time() < end:\n    sum(range(10000))\nprint(six.__name__)\n"
    )
    (folder / "Dockerfile").write_text((REPOSITORY / "Dockerfile").read_text())
    (folder / "caliper.yaml").write_text(
        f"analysis:\n  dependency: six\n  environment: venv\n  keep_wheels: true\n"
        f"  versions: [{', '.join(VERSIONS)}]\n  python_versions: [{HERE}]\n  tests: [suite]\n"
    )


def sum_cpu(numbers: list[int]) -> float:
    """Seconds of processor time of some processes, without their children's."""
    times = [psutil.Process(number).cpu_times() for number in numbers]
    return float(sum(item.user + item.system for item in times))


def run_stage(folder: Path, cache: Path, jobs: int, scheduler: str | None) -> float:
    command = [sys.executable, str(REPOSITORY / "1.run_analysis.py"), "--force"]
    command += ["--config", str(folder / "caliper.yaml"), "--dir", str(folder / ".caliper")]
    command += ["--jobs", str(jobs), "--scheduler", scheduler or "none"]
    started = time.monotonic()
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        env={**os.environ, "CALIPER_CACHE": str(cache)},
    )
    return time.monotonic() - started


def measure_many(count: int) -> None:
    """Cells a second and the driver's memory, records written as they come."""
    # Workers find the environment by the name of this module.
    import cluster as importable  # type: ignore[import-not-found]

    from calipertf.dask.connect import connect
    from calipertf.run.cluster.backend import ClusterCapabilities
    from calipertf.run.cluster.capabilities import BackendFactory
    from calipertf.run.cluster.driver import DaskScheduler
    from calipertf.run.judge import judge_record
    from calipertf.run.options import RunOptions
    from calipertf.run.progress import Progress

    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        specs = make_specs(folder, count)
        threads = len(os.sched_getaffinity(0))
        file, numbers = stack.enter_context(start_cluster(folder, threads, folder / "cache"))
        client = stack.enter_context(connect(file, needs="calipertf.run.cluster.worker"))
        options = RunOptions(dir=folder, environment="venv", run_id="benchmark")
        factory = BackendFactory(
            analysis=specs[0].analysis, options=options, opener=importable.open_sleep
        )
        scheduler = DaskScheduler(ClusterCapabilities(client, factory), root=folder)
        started, first = time.monotonic(), peak_memory()
        most = ended = failed = written = 0
        progress = stack.enter_context(Progress(total=count, kept=0))
        for done in scheduler.run(specs):
            most = max(most, len(scheduler.queue))
            ended += 1
            if done.seen is None:
                failed += 1
                continue
            path = folder / "data" / f"{done.spec.cell.name}.json"
            record = judge_record(done.seen, {}, {}, 0.0)
            write_record(path, record)
            written += path.stat().st_size
            progress.advance(record)
            if ended % max(1, count // 10) == 0:
                spent = time.monotonic() - started
                print(f"{ended} cells, {spent:.0f} s, peak {peak_memory():.0f} MB", flush=True)
        used = time.monotonic() - started
        memory = [psutil.Process(number).memory_info().rss / 1e6 for number in numbers]
    print(
        f"{ended} cells of 10 ms ({failed} failed, {written / 1e6:.0f} MB of records), {threads} "
        f"threads: {used:.0f} s, {ended / used:.0f} cells a second; at most {most} in flight"
    )
    print(f"driver: peak {peak_memory():.0f} MB, {peak_memory() - first:.0f} MB above the start")
    print(f"scheduler {memory[0]:.0f} MB, worker {memory[1]:.0f} MB at the end")


def peak_memory() -> float:
    """The most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("overhead", "many"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cells", type=int, default=10_000)
    arguments = parser.parse_args()
    if arguments.what == "overhead":
        measure_overhead(arguments.rounds)
    else:
        measure_many(arguments.cells)


if __name__ == "__main__":
    main()
