"""Planted bugs, run for real: ``python -m tests.chaos.mutants``.

Each patch of ``tests/mutants`` is applied to a copy of the tree, and the copy goes through chaos
until a promise is seen broken. One that survives all its rounds means that chaos proves too little.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.chaos import record
from tests.chaos.__main__ import CAUGHT

ROOT = Path(__file__).parents[2]
PATCHES = ROOT / "tests" / "mutants"
SIMULATED_ONLY = frozenset(
    {
        # a store that fails after it has committed, which a real one does not on demand
        "unknown_commit_taken_for_failed",
        # kills at moments that only a plan hits; the four workloads here rarely do
        "fact_handled_twice",
        "fact_left_out_of_commit",
        "finished_step_run_again",
        "frame_skipped_on_resume",
        "frames_again_on_resume",
        "kills_not_counted",
        "reminder_left_out_of_commit",
        "signal_taken_twice",
        "tick_send_left_out_of_commit",
    }
)
"""What the real system cannot be expected to show within its rounds, and why."""
COPIED = ("vareon_runtime", "actors", "web", "tests", "pyproject.toml")
ROUNDS = 50
PATIENCE_S = 1_200.0


def main() -> int:
    """Run them; the exit code says whether each was caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these patches")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--mode", action="append", default=[], help="only this, repeatable")
    chosen = parser.parse_args()
    patches = [
        patch
        for patch in sorted(PATCHES.glob("*.patch"))
        if patch.stem not in SIMULATED_ONLY and (not chosen.names or patch.stem in chosen.names)
    ]
    if not patches:
        parser.error("there are no such patches")
    arguments = ["--rounds", str(chosen.rounds)]
    for mode in chosen.mode:
        arguments += ["--mode", mode]
    survivors = [patch for patch in patches if not _caught(patch, arguments)]
    return 1 if survivors else 0


def _caught(patch: Path, arguments: Sequence[str]) -> bool:
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree = Path(folder) / "tree"
        _plant(patch, tree)
        seen = Path(folder) / "record"
        code = _run(tree, [*arguments, "--until-caught", "--record", str(seen)])
        lines = record.read(seen)
    wrong = [what for line in lines for what in line["wrong"]]
    caught = code == CAUGHT and bool(wrong)
    told = wrong[0] if wrong else f"exit code {code}"
    state = "caught" if caught else "NOT CAUGHT"
    print(f"{patch.stem:<36} {state} in round {len(lines)}: {told[:160]}", flush=True)  # noqa: T201
    return caught


def _plant(patch: Path, tree: Path) -> None:
    """A copy of all that runs, with the bug in it.

    Raises:
        RuntimeError: If the patch does not fit any more.
    """
    tree.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, tree / name)
    planting = ["patch", "--silent", "--forward", "-p1", "-i", str(patch.absolute())]
    done = subprocess.run(planting, cwd=tree, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{patch.name} does not fit any more: {done.stdout}{done.stderr}")


def _run(tree: Path, arguments: Sequence[str]) -> int:
    command = [sys.executable, "-m", "tests.chaos", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=environment, timeout=PATIENCE_S, check=False)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
