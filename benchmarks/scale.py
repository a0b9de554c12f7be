"""A model of a whole grid on many workers, from the plan of the grid and measured costs.

    python benchmarks/scale.py --config grids/every_minor.yaml --workers 1 10 100 1000

A cell costs a worker (one core) `--fixed` seconds, `--per-gigabyte` for each GB of its own wheel
and what comes with it, and `--scripts` for its scripts; cells start longest first, each where a
worker is free. All downloads share one link of `--link` MB/s; each worker fetches the wheels that
it needs once. The driver spends `--driver` seconds a cell. The time is the longest of the three,
since they overlap. Defaults: docs/scale.md says where they were measured.
"""

from __future__ import annotations

import argparse
import heapq
from dataclasses import dataclass
from pathlib import Path

from calipertf.config.model import load_config
from calipertf.index.client import Index
from calipertf.index.tags import local_platforms
from calipertf.run.plan import Selection, plan_grid

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Costs:
    #: Seconds of a cell, whatever its size.
    fixed: float
    #: Seconds a GB of wheel.
    per_gigabyte: float
    #: Seconds of a cell's scripts.
    scripts: float
    #: GB that come with each wheel (dependencies), once a worker and Python.
    dependencies: float
    #: MB/s of the site's link.
    link: float
    #: Seconds of the driver a cell.
    driver: float


def model_run(sizes: dict[str, tuple[float, int]], workers: int, costs: Costs) -> dict[str, float]:
    """Hours that each limit alone would take; `sizes`: wheel -> (GB, cells)."""
    cells = sorted(
        ((size, name) for name, (size, n) in sizes.items() for _ in range(n)), reverse=True
    )
    free = [(0.0, number) for number in range(workers)]
    fetched: set[tuple[int, str]] = set()
    link = end = 0.0
    for size, name in cells:
        started, number = heapq.heappop(free)
        seconds = costs.fixed + costs.per_gigabyte * size + costs.scripts
        if (number, name) not in fetched:
            fetched.add((number, name))
            link += (size + costs.dependencies) * 1000 / costs.link
        end = max(end, started + seconds)
        heapq.heappush(free, (started + seconds, number))
    return {
        "workers": end / 3600,
        "link": link / 3600,
        "driver": len(cells) * costs.driver / 3600,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=REPOSITORY / "grids" / "every_minor.yaml")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 10, 100, 1000])
    parser.add_argument("--fixed", type=float, default=9)
    parser.add_argument("--per-gigabyte", type=float, default=27)
    parser.add_argument("--scripts", type=float, default=80)
    parser.add_argument("--dependencies", type=float, default=0.2)
    parser.add_argument("--link", type=float, default=100)
    parser.add_argument("--driver", type=float, default=0.02)
    arguments = vars(parser.parse_args())
    config = load_config(arguments.pop("config"))
    workers = arguments.pop("workers")
    costs = Costs(**arguments)
    with Index(config.analysis.index_url) as index:
        project = index.fetch_project(config.analysis.dependency)
    planned = plan_grid(config, project, local_platforms(), Selection())
    sizes: dict[str, tuple[float, int]] = {}
    for plan in planned:
        if plan.file is not None:
            key = f"{plan.file.filename} {plan.cell.python}"
            sizes[key] = ((plan.file.size or 0) / 1e9, sizes.get(key, (0, 0))[1] + 1)
    count = sum(n for _, n in sizes.values())
    total = sum(size for size, _ in sizes.values())
    print(f"{len(planned)} cells, {count} with a wheel, {len(sizes)} wheels of {total:.1f} GB")
    for number in workers:
        limits = model_run(sizes, number, costs)
        words = ", ".join(f"{name} {hours:.2f} h" for name, hours in limits.items())
        first = max(limits, key=lambda name: limits[name])
        print(f"{number:5} workers: {max(limits.values()):7.2f} h, bound by {first} ({words})")


if __name__ == "__main__":
    main()
