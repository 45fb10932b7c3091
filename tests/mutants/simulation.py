"""Planted bugs, simulated: ``python -m tests.mutants.simulation``.

Each patch beside this file is applied to a copy of the engine, and the copy's own simulation goes
through seeds until a promise is seen broken. One that survives means that it proves too little.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PATCHES = Path(__file__).parent
ROOT = Path(__file__).parents[2]
SEEDS = 50
PATIENCE_S = 100.0


def all_patches() -> list[Path]:
    """Every planted bug."""
    return sorted(PATCHES.glob("*.patch"))


def simulate(patch: Path | None, seeds: int = SEEDS) -> tuple[bool, str]:
    """Simulate a copy with a bug planted: whether a seed failed, and what was told.

    Raises:
        RuntimeError: If the patch does not fit any more, or the copy does not even start.
    """
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree = Path(folder)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "vareon_runtime", tree / "vareon_runtime", ignore=ignored)
        if patch is not None:
            _plant(patch, tree)
        command = [sys.executable, "-m", "vareon_runtime.testing.simulate", "--stop"]
        done = subprocess.run(
            [*command, "--seeds", str(seeds), "--processes", "1"],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    if done.returncode > 1 or "seeds," not in done.stdout:
        raise RuntimeError(f"the simulation did not run: {done.stderr[-2_000:]}")
    return done.returncode == 1, done.stdout


def _plant(patch: Path, tree: Path) -> None:
    planting = ["patch", "--silent", "--forward", "--fuzz=0", "-p1", "-i", str(patch)]
    done = subprocess.run(planting, cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{patch.name} does not fit any more: {done.stdout}{done.stderr}")


def main() -> int:
    """Simulate each; the exit code says whether all were caught."""
    parser = argparse.ArgumentParser(prog="tests.mutants.simulation", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    chosen = parser.parse_args()
    survivors = 0
    for patch in all_patches():
        if chosen.names and patch.stem not in chosen.names:
            continue
        caught, told = simulate(patch, chosen.seeds)
        survivors += not caught
        sys.stdout.write(f"{patch.stem:<34} {'caught' if caught else 'NOT CAUGHT'}: {told}")
        sys.stdout.flush()
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main())
