"""A round, judged: by the independent checker, and by how soon everything worked again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.faults import LONG, Fault
from vareon_runtime.testing.checker import Violation, judge
from vareon_runtime.testing.history import Record, merged, read_history

STUCK_S = 60.0
SHOWN = 20
FINISHED = ("chaos_log", "chaos_account", "chaos_flow")


@dataclass(slots=True)
class Verdict:
    """One line of the record.

    Attributes:
        recovered_s: For each entity the seconds from the fault to the first success of something
            begun after it.
        in_flight: For each process that was hit, whether it was at work.
        stale_rows: Rows that an owner wrote after its epoch had passed.
    """

    round: int
    mode: str
    outcome: str = ""
    seed: int = 0
    seconds: float = 0.0
    operations: int = 0
    acknowledged: int = 0
    unknown: int = 0
    rows: int = 0
    stale_rows: int = 0
    in_flight: list[bool] = field(default_factory=list)
    recovered_s: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether every promise was kept."""
        return not self.wrong

    def line(self) -> dict[str, Any]:
        """As it is recorded."""
        return asdict(self)


def conclude(
    number: int, fault: Fault, histories: Iterable[Path], ledger: Path, trail: Sequence[Record]
) -> Verdict:
    """Judge a round."""
    records = merged(*(read_history(path) for path in histories))
    own = {record.op for record in records if record.kind in ("deliver", "volatile")}
    delivered = [record for record in read_history(ledger) if record.op in own]
    records += [_handled(r) if r.value["at_most_once"] else r for r in delivered]
    faults = [Record("fault", at, value=fault.mode) for at in fault.at_ns]
    everything = merged(records, faults)
    found = judge([*everything, *trail])
    verdict = Verdict(number, fault.mode, fault.outcome)
    verdict.operations, verdict.acknowledged = found.operations, found.acknowledged
    verdict.unknown = found.unknown
    verdict.rows = len(trail)
    verdict.stale_rows = sum(r.value["epoch"] < r.value["granted"] for r in trail)
    verdict.in_flight = [_at_work(everything, at) for at in fault.at_ns]
    verdict.counts = dict(Counter(kind_of(violation) for violation in found.violations))
    verdict.wrong = [str(v) for v in found.violations][:SHOWN] + fault.wrong
    if overtaken := _overtaken(everything):
        verdict.counts["reordered"] = verdict.counts.get("reordered", 0) + len(overtaken)
        verdict.wrong += overtaken[:SHOWN]
    if fault.judged_ns:
        _recovery(verdict, everything, fault)
    return verdict


def _handled(delivery: Record) -> Record:
    """What must not be repeated counts as handled by the delivery that the ledger saw."""
    return Record("handled", delivery.at_ns, delivery.client, delivery.op)


def kind_of(violation: Violation) -> str:
    """What a violation counts as."""
    if violation.rule in ("C4", "C5") and "read" in violation.what:
        return "stale reads"
    if violation.rule == "C7":
        return "lost" if "instead of" in violation.what else "money"
    kinds = {"C1": "lost", "C2": "duplicated", "C3": "reordered", "C5": "reordered"}
    kinds |= {"C6": "stale rows", "C8": "stuck", "C9": "duplicated", "E": "errors"}
    return kinds[violation.rule]


def _overtaken(records: Sequence[Record]) -> list[str]:
    """What one account sent to another must arrive in the order in which it left."""
    moves = {
        r.entity: r.value["moves"] for r in records if r.phase == "final" and "moves" in r.value
    }
    left: dict[tuple[str, str], list[str]] = defaultdict(list)
    arrived: dict[tuple[str, str], list[str]] = defaultdict(list)
    ways = {r.op: (r.value[0], r.value[1]) for r in records if _orders(r)}
    for account, made in moves.items():
        for op, amount in made:
            way = ways.get(op, ("", ""))
            if amount < 0 and way[0] == account:
                left[way].append(op)
            elif amount > 0 and way[1] == account:
                arrived[way].append(op)
    return [f"{way[0]} to {way[1]}: out of order" for way in left if left[way] != arrived[way]]


def _orders(record: Record) -> bool:
    return record.phase == "invoke" and record.kind == "transfer"


def _at_work(records: Sequence[Record], at_ns: int) -> bool:
    """Whether any attempt had begun and not ended."""
    open_attempts: Counter[str] = Counter()
    for record in records:
        if record.at_ns > at_ns:
            break
        if record.phase == "invoke":
            open_attempts[record.op] += 1
        elif record.phase in ("ok", "fail", "info"):
            open_attempts[record.op] -= 1
    return any(count > 0 for count in open_attempts.values())


def _recovery(verdict: Verdict, records: Sequence[Record], fault: Fault) -> None:
    began: dict[tuple[str, str], int] = {}
    first: dict[str, float] = {}
    used: set[str] = set()
    for record in records:
        name = _recovering(record.entity)
        if not name:
            continue
        used.add(name)
        if record.phase == "invoke":
            began[record.client, record.op] = record.at_ns
        elif record.phase == "talked":
            first.setdefault(name, record.value["took_s"])
        elif record.phase == "ok" and began.get((record.client, record.op), 0) > fault.judged_ns:
            first.setdefault(name, (record.at_ns - fault.judged_ns) / 1e9)
    verdict.recovered_s = [round(took, 3) for took in first.values()]
    slow = {name: took for name, took in first.items() if took > STUCK_S}
    for name in used - first.keys() | slow.keys():
        verdict.wrong.append(f"stuck: {name} did not work again within {STUCK_S:.0f} s")
        verdict.counts["stuck"] = verdict.counts.get("stuck", 0) + 1


def _recovering(entity: str) -> str:
    """Flows are many, each short: any of them shows that flows work."""
    kind = entity.partition("/")[0]
    if entity == "chat/new" or kind == "chaos_flow":
        return kind
    return entity if kind in FINISHED else ""


def within_s(mode: str) -> float:
    """How soon it must work again, for 95 of 100."""
    return 60.0 if mode in LONG else 7.0


def by_mode(lines: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Recorded rounds, grouped."""
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        grouped[line["mode"]].append(line)
    return grouped
