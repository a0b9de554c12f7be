"""Stage 1 run again: nothing changed, and one script edited, against the cold run of the same grid.

    python benchmarks/again.py [--config caliper.yaml] [--versions 1.13.2 ...]

It works on a copy of the scripts, with a cache of its own, and prints seconds and ratios.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from calipertf.config.model import load_config

REPOSITORY = Path(__file__).resolve().parent.parent


def copy_project(config_path: Path, folder: Path) -> Path:
    """Return the configuration in a copy of the folder that holds it and its scripts."""
    config = load_config(config_path)
    copy = folder / "project"
    left_out = shutil.ignore_patterns(".venv", ".git", ".caliper", "__pycache__")
    shutil.copytree(config.root, copy, ignore=left_out)
    return copy / config_path.resolve().relative_to(config.root)


def run_stage(config: Path, folder: Path, flags: list[str]) -> float:
    """Return the wall seconds of stage 1."""
    command = [sys.executable, REPOSITORY / "1.run_analysis.py", "--config", config]
    started = time.monotonic()
    subprocess.run(
        [*command, "--dir", folder / "results", *flags],
        env={**os.environ, "CALIPER_CACHE": str(folder / "cache")},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.monotonic() - started


def main() -> None:
    """Run the grid three times and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=REPOSITORY / "caliper.yaml")
    parser.add_argument("--versions", nargs="+", default=[])
    arguments = parser.parse_args()
    flags = ["--versions", *arguments.versions] if arguments.versions else []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = copy_project(arguments.config, folder)
        cold = run_stage(config, folder, flags)
        print(f"cold: {cold:.1f} s", flush=True)
        same = run_stage(config, folder, flags)
        print(f"nothing changed: {same:.1f} s, {cold / same:.1f} times as fast", flush=True)
        loaded = load_config(config)
        script = loaded.root / loaded.scripts[0]
        script.write_text(script.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
        edited = run_stage(config, folder, flags)
        count = len(loaded.scripts)
        print(f"one of {count} scripts edited: {edited:.1f} s, {cold / edited:.1f} times as fast")


if __name__ == "__main__":
    main()
