"""Judges a history, and knows nothing of the engine: records in, violations out.

For an entity that appends unique ids and reads them all, the final list fixes the order, and
everything promised can be decided in O(n log n):

C1  every acknowledged id is in the final list, no refused one is
C2  no id is there twice; a repeated id gets its first reply; deliveries keep their key
C3  each client's order is kept
C4  every read is a prefix of the final list
C5  real time: what had ended before something began comes before it, and reads see it
C6  no row was written by an owner whose epoch had passed
C7  the money of all accounts is constant, a transfer moves both sides or none
C8  every operation ends, and unknown outcomes are settled, save those of volatile and poisoned ones
C9  what is volatile is handled at most once

What is judged by other means lies in `vareon_runtime.testing.rules`, a module for each:

C10 every tick of a reminder is handled once, in order, and committed with what it sends
C11 every subscriber handles each published fact once, in the order of its publisher
C12 a finished step of a flow is not run again, its outcome and a signal are taken once, a
    cancelled flow ends
C13 what a reader is shown of a stream has no gap and nothing twice, and ends as the entity has it
C14 a poisoned message is set aside after three kills

E   the engine met an error that it did not foresee
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from vareon_runtime.testing.history import Record
from vareon_runtime.testing.operation import Evidence, Operation, Violation
from vareon_runtime.testing.rules import RULES

NEVER_SETTLED = ("volatile", "poison")
NOTES = ("step", "frame", "killed")
"""Phases of records that only the rules in `vareon_runtime.testing.rules` look at."""


@dataclass(slots=True)
class Judgement:
    """What the checker found.

    Attributes:
        violations: Broken promises; empty if all is well.
        operations: How many ids were invoked.
        acknowledged: How many of them were answered ``ok``.
        unknown: How many were never settled.
        unknown_attempts: Attempts whose outcome was unknown at first.
        faults: How many faults were noted.
    """

    violations: list[Violation] = field(default_factory=list)
    operations: int = 0
    acknowledged: int = 0
    unknown: int = 0
    unknown_attempts: int = 0
    faults: int = 0


class Checker:
    """Judges one history; see the module.

    Args:
        records: In the order of their clock.
        settled: Whether every unknown outcome must have been settled by sending its id again.
    """

    def __init__(self, records: Iterable[Record], *, settled: bool = True) -> None:
        self._settled = settled
        self._found = Judgement()
        self._operations: dict[str, Operation] = {}
        self._by_entity: dict[str, list[Operation]] = defaultdict(list)
        self._deliveries: dict[str, list[Record]] = defaultdict(list)
        self._handled: Counter[str] = Counter()
        self._faults: list[int] = []
        self._finals: list[Record] = []
        self._notes: dict[str, list[Record]] = defaultdict(list)
        for record in records:
            self._take(record)

    def judge(self) -> Judgement:
        """Everything that is wrong."""
        found = self._found
        found.operations = len(self._operations)
        found.faults = len(self._faults)
        for operation in self._operations.values():
            found.acknowledged += operation.acknowledged
            found.unknown += not operation.acknowledged and not operation.surely_not
            found.unknown_attempts += operation.unknown
            self._ends(operation)
            if operation.kind == "deliver":
                self._delivered(operation)
            elif operation.kind == "hand":
                self._handed(operation)
        for op, times in self._handled.items():
            if times > 1:
                self._blame("C9", self._entity_of(op), op, f"it was handled {times} times")
        for final in self._finals:
            if final.kind == "log":
                self._log(final.entity, final.value["ids"])
                self._epochs(final.entity, final.value.get("epochs") or [])
        self._bank([final for final in self._finals if final.kind == "account"])
        evidence = Evidence(self._operations, self._finals, self._notes)
        for rule in RULES:
            found.violations += rule(evidence)
        return found

    def _blame(self, rule: str, entity: str, op: str, what: str) -> None:
        self._found.violations.append(Violation(rule, entity, op, what))

    def _entity_of(self, op: str) -> str:
        known = self._operations.get(op)
        return known.entity if known else "?"

    def _take(self, record: Record) -> None:
        phase = record.phase
        if phase in NOTES:
            self._notes[phase].append(record)
        elif phase == "final":
            self._finals.append(record)
        elif phase == "fault":
            self._faults.append(record.at_ns)
        else:
            self._take_other(record)

    def _take_other(self, record: Record) -> None:
        phase = record.phase
        if phase == "invoke":
            self._invoked(record)
        elif phase in ("ok", "fail", "info"):
            self._ended(record)
        elif phase == "delivery":
            self._deliveries[record.op].append(record)
        elif phase == "handled":
            self._handled[record.op] += 1
        elif phase == "commit":
            if record.value["epoch"] < record.value["granted"]:
                self._blame(
                    "C6", record.entity, "", f"a stale owner wrote: {json.dumps(record.value)}"
                )
        elif phase == "error":
            self._blame("E", record.entity, record.op, str(record.value))

    def _invoked(self, record: Record) -> None:
        known = self._operations.get(record.op)
        if known is None:
            known = self._operations[record.op] = Operation(
                record.op, record.client, record.entity, record.kind, record.value, record.at_ns
            )
            self._by_entity[record.entity].append(known)
        known.open += 1

    def _ended(self, record: Record) -> None:
        known = self._operations.get(record.op)
        if known is None or not known.open:
            self._blame("C8", record.entity, record.op, f"'{record.phase}' without an invoke")
            return
        known.open -= 1
        if record.phase == "ok":
            if not known.replies:
                known.ended_ns = record.at_ns
            known.replies.append(record.value)
        elif record.phase == "info":
            known.unknown += 1
        else:
            known.refused += 1
            known.refusal = str(record.value)

    def _ends(self, operation: Operation) -> None:
        if operation.open:
            self._blame("C8", operation.entity, operation.op, "it never ended")
        elif self._settled and operation.unsettled and operation.kind not in NEVER_SETTLED:
            self._blame("C8", operation.entity, operation.op, "its outcome was never settled")
        if operation.kind == "read":
            return
        if any(reply != operation.replies[0] for reply in operation.replies):
            self._blame("C2", operation.entity, operation.op, "a repeat got another reply")

    def _log(self, entity: str, final: Sequence[str]) -> None:
        places: dict[str, int] = {}
        for place, op in enumerate(final):
            if op in places:
                self._blame("C2", entity, op, "it is in the final list twice")
            places.setdefault(op, place)
        appends = [o for o in self._by_entity[entity] if o.kind == "append"]
        known = {o.op: o for o in appends}
        for op in places:
            if op not in known:
                self._blame("C1", entity, op, "nobody appended what is in the final list")
        for append in appends:
            if append.acknowledged and append.op not in places:
                self._blame("C1", entity, append.op, "it was acknowledged and is lost")
            elif append.surely_not and append.op in places:
                self._blame("C1", entity, append.op, "it was refused and is there all the same")
        ordered = [known[op] for op in final if op in known]
        self._real_time(entity, ordered)
        self._reads(entity, list(final), known)

    def _real_time(self, entity: str, ordered: Sequence[Operation]) -> None:
        earliest = None
        for append in reversed(ordered):
            if earliest is not None and earliest.ended_ns < append.began_ns:
                rule = "C3" if earliest.client == append.client else "C5"
                self._blame(
                    rule, entity, append.op, f"it comes before {earliest.op}, which had ended first"
                )
            if earliest is None or append.ended_ns < earliest.ended_ns:
                earliest = append

    def _reads(self, entity: str, final: list[str], known: dict[str, Operation]) -> None:
        reads = [
            (o, reply)
            for o in self._by_entity[entity]
            if o.kind == "read"
            for reply in o.replies[:1]
        ]
        newest = list(_running_max(known[op].began_ns if op in known else 0 for op in final))
        for read, seen in reads:
            if seen != final[: len(seen)]:
                self._blame("C4", entity, read.op, "it read what is no prefix of the final list")
            elif seen and newest[len(seen) - 1] > read.ended_ns:
                self._blame("C5", entity, read.op, "it read what was appended after it")
        self._never_behind(entity, final, known, reads)

    def _never_behind(
        self,
        entity: str,
        final: Sequence[str],
        known: dict[str, Operation],
        reads: Sequence[tuple[Operation, list[str]]],
    ) -> None:
        """A read sees all that was acknowledged, or read, before it began."""
        least = [
            (known[op].ended_ns, place + 1, op) for place, op in enumerate(final) if op in known
        ]
        least += [(read.ended_ns, len(seen), read.op) for read, seen in reads]
        least.sort()
        at, length, witness = 0, 0, ""
        for read, seen in sorted(reads, key=lambda pair: pair[0].began_ns):
            while at < len(least) and least[at][0] < read.began_ns:
                if least[at][1] > length:
                    _, length, witness = least[at]
                at += 1
            if len(seen) < length:
                self._blame(
                    "C5", entity, read.op, f"it read {len(seen)}, but {witness} had seen {length}"
                )

    def _epochs(self, entity: str, epochs: Sequence[int]) -> None:
        for before, after in pairwise(epochs):
            if after < before:
                self._blame("C6", entity, "", f"epoch {after} wrote after epoch {before}")

    def _delivered(self, operation: Operation) -> None:
        made = self._deliveries.get(operation.op, [])
        steps: dict[str, list[Record]] = defaultdict(list)
        for delivery in made:
            steps[str(delivery.value.get("step", ""))].append(delivery)
        if operation.acknowledged and len(steps) != operation.value:
            self._blame(
                "C2",
                operation.entity,
                operation.op,
                f"{len(steps)} deliveries for {operation.value}",
            )
        if operation.surely_not and steps:
            self._blame("C2", operation.entity, operation.op, "it was refused and yet delivered")
        for deliveries in steps.values():
            self._redelivered(operation, deliveries)

    def _handed(self, operation: Operation) -> None:
        """At most once: what was answered with True exactly once."""
        made = self._deliveries.get(operation.op, [])
        least, most = int(True in operation.replies), int(not operation.surely_not)
        if not least <= len(made) <= most:
            what = f"{len(made)} deliveries, not {least} to {most}"
            self._blame("C2", operation.entity, operation.op, what)

    def _redelivered(self, operation: Operation, deliveries: Sequence[Record]) -> None:
        if len({delivery.value["key"] for delivery in deliveries}) > 1:
            self._blame("C2", operation.entity, operation.op, "it was delivered under two keys")
        if len(deliveries) < 2:
            return
        if any(delivery.value.get("at_most_once") for delivery in deliveries):
            self._blame("C2", operation.entity, operation.op, "at most once was delivered twice")
        last = deliveries[-1].at_ns
        if not any(fault <= last for fault in self._faults):
            self._blame("C2", operation.entity, operation.op, "redelivered, and nothing had failed")

    def _bank(self, accounts: Sequence[Record]) -> None:
        if not accounts:
            return
        had = sum(account.value["opened_with"] for account in accounts)
        has = sum(account.value["balance"] for account in accounts)
        if had != has:
            self._blame("C7", "bank", "", f"there were {had}, and there are {has}")
        moves: dict[str, list[list[Any]]] = defaultdict(list)
        for account in accounts:
            if account.value.get("moves") is None:
                return
            for op, amount in account.value["moves"]:
                moves[op].append([account.entity, amount])
        for transfer in self._operations.values():
            if transfer.kind == "transfer":
                self._transferred(transfer, sorted(moves.pop(transfer.op, [])))
        for op, unknown in moves.items():
            self._blame("C7", "bank", op, f"nobody ordered {unknown}")

    def _transferred(self, transfer: Operation, made: list[list[Any]]) -> None:
        source, target, amount = transfer.value
        both = sorted([[source, -amount], [target, amount]])
        if made == both and not transfer.surely_not:
            return
        if made or transfer.acknowledged:
            self._blame("C7", transfer.entity, transfer.op, f"it moved {made} instead of {both}")


def judge(records: Iterable[Record], *, settled: bool = True) -> Judgement:
    """Judge a history; see the module and `Checker`."""
    return Checker(records, settled=settled).judge()


def _running_max(numbers: Iterable[int]) -> Iterable[int]:
    most = 0
    for number in numbers:
        most = max(most, number)
        yield most
