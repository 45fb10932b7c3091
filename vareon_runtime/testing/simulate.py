"""Runs seeds: ``python -m vareon_runtime.testing.simulate --seeds 1000 --first 0``.

A failing seed is printed with the command that replays it; the replay prints every message.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vareon_runtime.testing.seeds import Result, run_seed

PROCESSES = 2
COLLECT_EVERY = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is told of one seed."""

    seed: int
    problems: tuple[str, ...]
    digest: str
    operations: int
    faults: tuple[str, ...]


def run_all(first: int, seeds: int, *, processes: int = PROCESSES) -> Iterator[Outcome]:
    """So many seeds, in any order, on so many processes."""
    wanted = range(first, first + seeds)
    if processes < 2:
        yield from map(_outcome, wanted)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _prepare) as pool:
        yield from pool.imap_unordered(_outcome, wanted, chunksize=4)


def _prepare() -> None:
    """What was imported is not garbage: the collector need not look at it for every seed."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _outcome(seed: int) -> Outcome:
    result = run_seed(seed)
    if seed % COLLECT_EVERY == 0:
        gc.collect()
    return Outcome(
        seed,
        tuple(result.problems),
        result.digest,
        result.judgement.operations,
        tuple(fault.partition(" ")[0] for fault in result.faults),
    )


def replay(seed: int) -> Result:
    """Run a seed once more and print its messages, its history and what is wrong with it."""
    result = run_seed(seed, trace=True)
    for line in result.messages:
        _say(line)
    _say("", "history:")
    for record in result.records:
        _say(record.line())
    _say("", f"seed {seed}, digest {result.digest}, {result.lasted_s:.1f} virtual seconds")
    for problem in result.problems or ["no promise was broken"]:
        _say(problem)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 if a seed failed."""
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--processes", type=int, default=min(PROCESSES, os.cpu_count() or 1))
    parser.add_argument("--stop", action="store_true", help="end at the first that fails")
    parser.add_argument("--replay", type=int, help="one seed, with its message history")
    chosen = parser.parse_args(arguments)
    if chosen.replay is not None:
        return int(bool(replay(chosen.replay).problems))
    began = time.monotonic()
    failed = operations = done = 0
    faults: Counter[str] = Counter()
    for outcome in run_all(chosen.first, chosen.seeds, processes=chosen.processes):
        done += 1
        operations += outcome.operations
        faults.update(outcome.faults)
        if outcome.problems:
            failed += 1
            _tell(outcome)
            if chosen.stop:
                break
    took_s = time.monotonic() - began
    landed = ", ".join(f"{count} {name}" for name, count in faults.most_common())
    _say(f"{done} seeds, {failed} failed, {operations} operations, {took_s:.1f} s", landed)
    return int(failed > 0)


def _tell(outcome: Outcome) -> None:
    _say(
        f"seed {outcome.seed}: {outcome.problems[0]}"
        + (f" (and {len(outcome.problems) - 1} more)" if len(outcome.problems) > 1 else ""),
        f"  replay: python -m vareon_runtime.testing.simulate --replay {outcome.seed}",
    )


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
