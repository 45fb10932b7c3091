"""C12: a finished step of a flow is not run again, its outcome and a signal are taken once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from vareon_runtime.testing.history import Record
from vareon_runtime.testing.operation import Evidence, Operation, Violation

WAYS = ("done", "cancelled")


def broken(evidence: Evidence) -> Iterator[Violation]:
    """See the module."""
    steps: dict[str, list[Record]] = defaultdict(list)
    for record in evidence.notes.get("step", ()):
        steps[record.op].append(record)
    said, stopped = _by_flow(evidence, "signal"), _by_flow(evidence, "cancel")
    finals = dict(evidence.finals_of("errand"))
    for flow in evidence.of_kind("flow"):
        made = steps[flow.op]
        for what in _again(made):
            yield _of(flow, what)
        if flow.surely_not and made:
            yield _of(flow, "it was refused and yet went on")
        final = finals.get(flow.entity)
        if final is not None:
            for what in _ended(flow, final, made, said[flow.op], stopped[flow.op]):
                yield _of(flow, what)


def _of(flow: Operation, what: str) -> Violation:
    return Violation("C12", flow.entity, flow.op, what)


def _by_flow(evidence: Evidence, kind: str) -> dict[str, list[Operation]]:
    found: dict[str, list[Operation]] = defaultdict(list)
    for known in evidence.of_kind(kind):
        found[known.value].append(known)
    return found


def _again(made: Sequence[Record]) -> Iterator[str]:
    """A later step had begun, so this one was finished; and its outcome is what it was."""
    given: dict[str, Any] = {}
    furthest: dict[int, int] = {}
    times = Counter(record.value["label"] for record in made)
    for record in made:
        step, attempt, label = (record.value[name] for name in ("step", "attempt", "label"))
        if any(past <= attempt and reached > step for past, reached in furthest.items()):
            yield f"{label} was finished and is run again in attempt {attempt}"
        furthest[attempt] = max(step, furthest.get(attempt, 0))
        if given.setdefault(label, record.value["given"]) != record.value["given"]:
            yield f"{label} is given {record.value['given']}, and was given {given[label]}"
        if record.value["once"] and times[label] > 1:
            yield f"{label} is done at most once, and was done {times[label]} times"


def _ended(
    flow: Operation,
    final: dict[str, Any],
    made: Sequence[Record],
    said: Sequence[Operation],
    stopped: Sequence[Operation],
) -> Iterator[str]:
    ends, booked = final["ends"], final["booked"]
    if flow.surely_not and not ends:
        return
    if len(ends) != 1 or ends[0][0] not in WAYS:
        yield f"it ended as {ends}, not once"
        return
    way, tokens, heard = ends[0]
    if booked > 1 or (way == "done" and booked != 1):
        yield f"what it asked for was booked {booked} times"
    if way == "cancelled":
        yield from _cancelled(made, stopped)
    else:
        yield from _done(tokens, made, stopped)
        if Counter(heard) != Counter(signal.op for signal in said if True in signal.replies):
            yield f"it took the signals {heard}"


def _cancelled(made: Sequence[Record], stopped: Sequence[Operation]) -> Iterator[str]:
    if not any(not stop.surely_not for stop in stopped):
        yield "nobody cancelled it"
    if not any(record.value["label"] == "undo" for record in made):
        yield "it was cancelled and did not undo anything"


def _done(tokens: list[str], made: Sequence[Record], stopped: Sequence[Operation]) -> Iterator[str]:
    if any(stop.acknowledged for stop in stopped):
        yield "it was cancelled before its last signal, and went on"
    minted = {record.value["token"] for record in made}
    if not set(tokens) - {"unknown"} <= minted:
        yield f"it has the outcomes {tokens}, and its steps had {sorted(minted)}"
    for record in made:
        given = record.value["given"]
        if given != tokens[: len(given)]:
            yield f"{record.value['label']} was given {given}, and not {tokens[: len(given)]}"
