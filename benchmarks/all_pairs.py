#!/usr/bin/env python3
"""All pairs of versions: array operations against the original tool's way, in one run.

    python benchmarks/all_pairs.py                      # 110 made-up versions of TensorFlow's size
    python benchmarks/all_pairs.py --dir .caliper       # the versions in a cache of stage 2

The original's way is a plain loop over pairs, each of which lists the names with their arguments
anew and compares the lists' sets. It is timed on evenly spread pairs and scaled to all of them;
--whole times every pair.
"""

from __future__ import annotations

import argparse
import itertools
import random
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from calipertf.assess.api.model import Api, FunctionDatabase, Parameter, Source, Symbol, load_api
from calipertf.assess.matrix import Corpus, Profile
from calipertf.versions import version_key

#: TensorFlow 2.4: 1,500 modules with 26,000 functions and methods; 50,000 public names.
MODULES, FUNCTIONS, SHARED_SIGNATURES = 1500, 17, 5000
#: Share of a version's functions whose arguments change, and of its modules that come and go.
CHANGED, REPLACED = 0.005, 0.01


def make_versions(count: int) -> Iterator[Api]:
    """Made-up versions, each a little different from the one before; the same in every run."""
    chance = random.Random(20210120)
    names = ("x", "y", "name", "axis", "dtype", "shape", "data_format", "training", "mask")
    lists = [
        tuple(
            Parameter(name=name, kind="positional-or-keyword", default=chance.choice(["None", "0"]))
            for name in chance.sample(names, chance.randrange(1, 7))
        )
        for _ in range(SHARED_SIGNATURES)
    ]
    fresh = itertools.count()
    modules = {
        f"tensorflow.python.m{next(fresh)}": [chance.choice(lists) for _ in range(FUNCTIONS)]
        for _ in range(MODULES)
    }
    for number in range(count):
        for module in chance.sample(sorted(modules), int(MODULES * REPLACED)):
            members = modules.pop(module)
            modules[f"tensorflow.python.m{next(fresh)}"] = members
        for _ in range(int(MODULES * FUNCTIONS * CHANGED)):
            members = chance.choice(list(modules.values()))
            members[chance.randrange(FUNCTIONS)] = chance.choice(lists)
        yield make_api(f"1.{number}", modules)


def make_api(version: str, modules: dict[str, list[tuple[Parameter, ...]]]) -> Api:
    functions = {
        module: {
            f"f{place}": [item.name for item in parameters]
            for place, parameters in enumerate(members)
        }
        for module, members in modules.items()
    }
    symbols = {
        f"{root}.{module}.f{place}": Symbol(
            path=f"{root}.{module}.f{place}",
            kind="function",
            parameters=parameters,
            target=f"{module}.f{place}",
        )
        for root in ("tf", "tf.compat.v1")
        for module, members in modules.items()
        for place, parameters in enumerate(members)
    }
    source = Source(kind="wheel", filename="made-up", url="")
    return Api(
        package="p", version=version, sources=(source,), symbols=symbols, functions=functions
    )


def read_versions(folder: Path, package: str) -> Iterator[Api]:
    paths = (folder / "functiondb" / package).glob("*.json.gz")
    for version in sorted((path.name.removesuffix(".json.gz") for path in paths), key=version_key):
        api = load_api(folder / "functiondb", package, version)
        if api is not None:
            yield api


def list_with_arguments(functions: FunctionDatabase) -> list[str]:
    """Every function and method with its arguments, as the original lists them."""
    found = []
    for module, members in functions.items():
        for name, member in members.items():
            if isinstance(member, dict):
                for method, arguments in member.items():
                    found.append(f"{module}.{name}.{method}({','.join(arguments)})")
            else:
                found.append(f"{module}.{name}({','.join(member)})")
    return found


def compare_as_the_original(left: FunctionDatabase, right: FunctionDatabase) -> float:
    """Dice of names with arguments, from scratch for one pair."""
    a, b = list_with_arguments(left), list_with_arguments(right)
    return 2 * len(set(a).intersection(b)) / (len(a) + len(b))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--package", default="tensorflow")
    parser.add_argument("--versions", type=int, default=110)
    parser.add_argument("--whole", action="store_true", help="time every pair the original's way")
    arguments = parser.parse_args()
    apis = (
        read_versions(arguments.dir, arguments.package)
        if arguments.dir
        else make_versions(arguments.versions)
    )
    corpus, profiles, databases = Corpus(), [], []
    numbering = 0.0
    for api in apis:
        started = time.process_time()
        profiles.append(
            Profile(
                version=api.version,
                functions=corpus.number_functions(api.functions),
                api=corpus.number_api(api),
            )
        )
        numbering += time.process_time() - started
        databases.append(api.functions)
    count = len(profiles)
    pairs = list(itertools.combinations(range(count), 2))
    print(f"{count} versions, {len(pairs)} pairs; times are of the processor")
    print(f"numbering names while loading: {numbering:.2f} s")
    started, wall = time.process_time(), time.perf_counter()
    tables = corpus.compare(profiles)
    ours, wall = time.process_time() - started, time.perf_counter() - wall
    print(f"all pairs, {len(tables)} scores, array operations: {ours:.2f} s ({wall:.2f} s of wall)")
    # What the original's way gives is one of these: the same data, without the public APIs.
    alone = [replace(profile, api=None) for profile in profiles]
    started = time.process_time()
    corpus.compare(alone)
    like = time.process_time() - started
    print(f"of these the scores of function databases alone: {like:.2f} s")
    step = 1 if arguments.whole else max(1, len(pairs) // 60)
    chosen = pairs[::step]
    started = time.process_time()
    theirs = [compare_as_the_original(databases[a], databases[b]) for a, b in chosen]
    each = (time.process_time() - started) / len(chosen)
    worst = max(
        abs(value - tables["arguments_dice"][pair])
        for value, pair in zip(theirs, chosen, strict=True)
    )
    print(
        f"the original's way, 1 score, {len(chosen)} pairs: {each * 1e3:.0f} ms a pair, "
        f"{each * len(pairs):.0f} s for all; largest difference of a value {worst:.1e}"
    )
    print(f"ratio after loading, all {len(tables)} scores: {each * len(pairs) / ours:.0f}")
    print(f"ratio after loading, function databases alone: {each * len(pairs) / like:.0f}")
    print(f"ratio with the numbering: {each * len(pairs) / (ours + numbering):.0f}")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
