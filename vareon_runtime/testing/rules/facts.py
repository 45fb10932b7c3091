"""C11: every subscriber handles each published fact once, in the order of its publisher."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vareon_runtime.testing.operation import Evidence, Violation


def broken(evidence: Evidence) -> Iterator[Violation]:
    """See the module."""
    published: dict[str, list[str]] = dict(evidence.finals_of("published"))
    told = [op for ops in published.values() for op in ops]
    for known in evidence.of_kind("publish"):
        if published and told.count(known.op) != 1 and known.acknowledged:
            what = f"it was published {told.count(known.op)} times"
            yield Violation("C11", known.entity, known.op, what)
        elif known.surely_not and known.op in told:
            yield Violation("C11", known.entity, known.op, "it was refused and yet published")
    for entity, final in evidence.finals_of("heard"):
        for publisher, ops in published.items():
            heard = [op for source, op in final["facts"] if source == publisher]
            what = _wrong(heard, ops, late=final["late"])
            if what:
                yield Violation("C11", entity, "", f"of {publisher} {what}")
        for source, op in final["facts"]:
            if source not in published:
                yield Violation("C11", entity, op, f"{source} never published")


def _wrong(heard: Sequence[str], published: Sequence[str], *, late: bool) -> str:
    """What is wrong; one that subscribed late may have missed the first of them."""
    due = list(published[len(published) - len(heard) :]) if late and heard else list(published)
    if (late and not heard) or list(heard) == due:
        return ""
    lost = [op[-8:] for op in due if op not in heard]
    twice = sorted({op[-8:] for op in heard if heard.count(op) > 1})
    if lost or twice:
        return f"it heard {len(heard)} of {len(due)}: lost {lost}, doubled {twice}"
    return f"it heard {[op[-8:] for op in heard]}, not {[op[-8:] for op in due]}"
