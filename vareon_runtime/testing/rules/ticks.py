"""C10: every tick of a reminder is handled once, in order, and committed with what it sends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from vareon_runtime.testing.operation import Evidence, Operation, Violation

MISSED_MOST = 1_000
"""A tick counts no more than so many that were left out before it."""


def broken(evidence: Evidence) -> Iterator[Violation]:
    """See the module."""
    reminders = {known.op: known for known in evidence.of_kind("remind")}
    handled: dict[str, list[list[Any]]] = defaultdict(list)
    for entity, final in evidence.finals_of("ticks"):
        if final["ticks"] != final["heard"]:
            what = f"it handled {final['ticks']}, but sent {final['heard']}"
            yield Violation("C10", entity, "", what)
        for op, due_ms, missed in final["ticks"]:
            handled[op].append([due_ms, missed])
    if not any(evidence.finals_of("ticks")):
        return
    for op in handled:
        if op not in reminders:
            yield Violation("C10", "?", op, "nobody asked for this reminder")
    for reminder in reminders.values():
        yield from _one(reminder, handled[reminder.op])


def _one(reminder: Operation, ticks: Sequence[list[Any]]) -> Iterator[Violation]:
    times, every_ms, misses = reminder.value
    if reminder.surely_not and ticks:
        yield _of(reminder, "it was refused and came all the same")
    if reminder.acknowledged and len(ticks) != times:
        yield _of(reminder, f"{len(ticks)} ticks for {times}")
    for (due_ms, missed), (next_ms, _) in pairwise(ticks):
        if not every_ms:
            break
        if missed and not misses:
            yield _of(reminder, f"it left {missed} ticks out, though all are to come")
        gap, odd_ms = divmod(next_ms - due_ms, every_ms)
        if odd_ms or (gap < missed + 1 if missed == MISSED_MOST else gap != missed + 1):
            yield _of(reminder, f"after {due_ms} with {missed} missed it came at {next_ms}")


def _of(reminder: Operation, what: str) -> Violation:
    return Violation("C10", reminder.entity, reminder.op, what)
