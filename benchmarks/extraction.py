"""Seconds, peak memory and bytes of extracting versions from their wheels, one process each.

    python benchmarks/extraction.py --package tensorflow --dir .build/extraction
    python benchmarks/extraction.py --package tensorflow --versions 1.15.5 2.4.4

What the folder holds already is not measured again. The claims: under 15 s and 400 MB a version on
one core, under 5 % of the wheels' bytes.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
from pathlib import Path

from calipertf.assess.api.pool import Extraction, extract_versions
from calipertf.index.client import Index


def list_versions(package: str, *, with_candidates: bool) -> list[str]:
    with Index() as index:
        project = index.fetch_project(package)
    return [
        str(version)
        for version in project.versions()
        if with_candidates or not version.is_prerelease
    ]


def describe(outcome: Extraction) -> dict[str, object]:
    read = sum(source.bytes_read or 0 for source in outcome.sources)
    total = sum(source.bytes_total or 0 for source in outcome.sources)
    return {
        "version": outcome.version,
        "seconds": round(outcome.seconds, 1),
        "cpu_seconds": round(outcome.cpu_seconds, 1),
        "peak_mb": round(outcome.peak_memory / 1e6),
        "read_mb": round(read / 1e6, 2),
        "wheels_mb": round(total / 1e6, 1),
        "share": round(read / total, 4) if total else None,
        "symbols": outcome.symbols,
        "error": str(outcome.error) if outcome.error else "",
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--package", default="tensorflow")
    parser.add_argument("--versions", nargs="*", help="default: all final releases")
    parser.add_argument("--pre", action="store_true", help="pre-releases as well")
    parser.add_argument("--dir", type=Path, default=Path(".build/extraction"))
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    versions = options.versions or list_versions(options.package, with_candidates=options.pre)
    options.dir.mkdir(parents=True, exist_ok=True)
    table = options.dir / f"{options.package}.csv"
    known = table.exists()
    rows = []
    with table.open("a", newline="") as stream:
        writer = None
        for outcome in extract_versions(
            options.package, versions, cache_dir=options.dir, jobs=options.jobs
        ):
            if outcome.cached:
                continue
            row = describe(outcome)
            if writer is None:
                writer = csv.DictWriter(stream, fieldnames=list(row))
                if not known:
                    writer.writeheader()
            writer.writerow(row)
            stream.flush()
            print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
            rows.append(row)
    summarize(table)
    return 1 if any(row["error"] for row in rows) else 0


def summarize(table: Path) -> None:
    with table.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if not row["error"]]
    if not rows:
        return
    for column in ("seconds", "cpu_seconds", "peak_mb"):
        values = [float(row[column]) for row in rows]
        print(f"{column}: median {statistics.median(values):.1f}, largest {max(values):.1f}")
    read, total = (sum(float(row[column]) for row in rows) for column in ("read_mb", "wheels_mb"))
    print(f"{len(rows)} versions: {read:.0f} MB read of {total:.0f} MB, {read / total:.2%}")
    over = [row["version"] for row in rows if float(row["share"]) > 0.05]
    print(f"versions above 5 % of their own wheels: {len(over)} ({', '.join(over)})")


if __name__ == "__main__":
    sys.exit(main())
