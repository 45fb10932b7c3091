"""The record that rounds append to, over as many runs as there are, and what it adds up to."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.chaos.verdict import Verdict, by_mode, within_s

FILE = "chaos-record.jsonl"
KINDS = ("lost", "duplicated", "reordered", "stale reads", "stale rows", "stuck", "money", "errors")
LEAST_IN_FLIGHT = 0.95
MOST_UNKNOWN = 0.05
LEAST_ACKNOWLEDGED = 100


def append(folder: Path, verdict: Verdict) -> None:
    """Add a round."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(verdict.line()) + "\n")


def read(folder: Path) -> list[dict[str, Any]]:
    """All rounds so far."""
    path = folder / FILE
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def shortcomings(lines: Sequence[dict[str, Any]]) -> list[str]:
    """Why these rounds do not pass: broken promises, slow recovery, or nothing that was tested."""
    found = [f"round {one['round']} ({one['mode']}): {w}" for one in lines for w in one["wrong"]]
    hit = [landed for one in lines for landed in one["in_flight"]]
    if hit and sum(hit) < LEAST_IN_FLIGHT * len(hit):
        found.append(f"only {sum(hit)} of {len(hit)} kills landed on work in flight")
    operations = sum(one["operations"] for one in lines)
    unknown = sum(one["unknown"] for one in lines)
    if unknown > MOST_UNKNOWN * operations:
        found.append(f"{unknown} of {operations} outcomes are unknown")
    acknowledged = sum(one["acknowledged"] for one in lines)
    if acknowledged < LEAST_ACKNOWLEDGED * len(lines):
        found.append(f"only {acknowledged} operations were acknowledged in {len(lines)} rounds")
    for mode, rounds in by_mode(lines).items():
        took = percentile([s for one in rounds for s in one["recovered_s"]], 95)
        if took > within_s(mode):
            found.append(f"{mode}: works again after {took:.1f} s (p95)")
    return found


def summary(lines: Sequence[dict[str, Any]]) -> str:
    """A table for people."""
    shown = [f"{'mode':<26}{'rounds':>7}{'p50 s':>8}{'p95 s':>8}{'max s':>8}{'bad':>5}"]
    for mode, rounds in sorted(by_mode(lines).items()):
        took = [s for one in rounds for s in one["recovered_s"]]
        bad = sum(bool(one["wrong"]) for one in rounds)
        figures = "".join(f"{percentile(took, at):8.2f}" for at in (50, 95, 100))
        shown.append(f"{mode:<26}{len(rounds):>7}{figures}{bad:>5}")
    totals: Counter[str] = Counter()
    for one in lines:
        totals.update(one["counts"])
    hit = [landed for one in lines for landed in one["in_flight"]]
    sums = {
        name: sum(one[name] for one in lines)
        for name in ("operations", "acknowledged", "unknown", "rows", "stale_rows")
    }
    frozen = [one["outcome"] for one in lines if one["mode"].startswith("freeze")]
    kinds = Counter(["killed", "fenced", "held"][_fate(text)] for text in frozen if text)
    shown += [
        f"{len(lines)} rounds, {sum(one['seconds'] for one in lines) / 60:.1f} min",
        ", ".join(f"{name} {count}" for name, count in sums.items()),
        ", ".join(f"{kind} {totals[kind]}" for kind in KINDS),
        f"{sum(hit)} of {len(hit)} faults landed on work in flight",
        f"{len(frozen)} freezes: " + ", ".join(f"{n} {kind}" for kind, n in kinds.items()),
    ]
    return "\n".join(shown)


def percentile(numbers: Sequence[float], at: int) -> float:
    """The smallest number that so many percent do not exceed; 0 of nothing."""
    ordered = sorted(numbers)
    return ordered[max(0, math.ceil(len(ordered) * at / 100) - 1)] if ordered else 0.0


def _fate(outcome: str) -> int:
    return 0 if outcome.startswith("killed") else 1 if outcome.startswith("fenced") else 2
