"""C14: a message that ends every host is set aside after three, and nobody else is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from vareon_runtime.testing.operation import Evidence, Violation

KILLS = 3
UNCOUNTED = 3
"""Hosts that may lie dead at once: what ended them is counted when they are back."""


def broken(evidence: Evidence) -> Iterator[Violation]:
    """See the module."""
    kills = Counter(record.op for record in evidence.notes.get("killed", ()))
    for known in evidence.operations.values():
        if known.kind != "poison":
            if known.refusal == "poisoned":
                yield Violation("C14", known.entity, known.op, "it was set aside without guilt")
            continue
        if known.acknowledged:
            yield Violation("C14", known.entity, known.op, "it was answered")
        elif known.refusal != "poisoned":
            yield Violation("C14", known.entity, known.op, "it was never set aside")
        if not known.surely_not and kills[known.op] > KILLS + UNCOUNTED:
            yield Violation("C14", known.entity, known.op, f"it ended {kills[known.op]} hosts")
