"""C14: a message that ends every host is set aside after three, and nobody else is.

A life that has been replaced while it was frozen is left out: outside a simulation it is killed
before the next begins. `docs/promises.md` proves the bound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from vareon_runtime.testing.operation import Evidence, Violation

KILLS = 3


def broken(evidence: Evidence) -> Iterator[Violation]:
    """See the module."""
    ended: dict[str, list[str]] = defaultdict(list)
    for record in evidence.notes.get("killed", ()):
        if not record.value["replaced"]:
            ended[record.op].append(record.value["host"])
    for known in evidence.operations.values():
        if known.kind != "poison":
            if known.refusal == "poisoned":
                yield Violation("C14", known.entity, known.op, "it was set aside without guilt")
            continue
        if known.acknowledged:
            yield Violation("C14", known.entity, known.op, "it was answered")
        elif known.refusal != "poisoned":
            yield Violation("C14", known.entity, known.op, "it was never set aside")
        hosts = ended[known.op]
        others = max(0, len(set(hosts)) - 1)
        """Each may lie dead, so that what ended it is not counted yet."""
        if len(hosts) > KILLS + others:
            yield Violation("C14", known.entity, known.op, f"it ended {len(hosts)} hosts")
