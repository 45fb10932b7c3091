"""What judges real chaos: each promise broken once in a history, and seen."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import record
from tests.chaos.audit import Trail
from tests.chaos.faults import MODES, Fault, schedule
from tests.chaos.verdict import Verdict, conclude
from vareon_runtime.testing.history import Record

LOG = "chaos_log/r1-0"
STEP = {"key": "k", "step": 1, "at_most_once": False}
FIRST, SECOND = "chaos_account/r1-0", "chaos_account/r1-1"


def attempt(
    began: int, ended: int, op: str, kind: str = "append", value: Any = 1, entity: str = LOG
) -> list[Record]:
    """One operation that was answered."""
    invoked = value if kind == "transfer" else None
    return [
        Record("invoke", began, "c", op, entity, kind, invoked),
        Record("ok", ended, "c", op, entity, kind, value),
    ]


def final(entity: str, kind: str, value: Any) -> Record:
    """What is there in the end."""
    return Record("final", 1 << 50, "c", "", entity, kind, value)


def judged(tmp_path: Path, records: list[Record], fault: Fault, *trail: Record) -> Verdict:
    """The verdict on a round with these records."""
    history, ledger = tmp_path / "history", tmp_path / "ledger"
    history.write_text("".join(one.line() + "\n" for one in records if one.phase != "delivery"))
    ledger.write_text("".join(one.line() + "\n" for one in records if one.phase == "delivery"))
    return conclude(1, fault, [history], ledger, trail)


def second(number: float) -> int:
    """As nanoseconds."""
    return int(number * 1e9)


def killed(at: float) -> Fault:
    """A kill of the host."""
    return Fault("kill host", [second(at)], second(at))


def test_sound_round_and_its_recovery(tmp_path: Path) -> None:
    """Recovery is measured from the kill to the first success of what began after it."""
    records = [
        *attempt(second(1), second(3), "a"),
        *attempt(second(3.1), second(3.5), "b", value=2),
        final(LOG, "log", {"ids": ["a", "b"]}),
    ]
    verdict = judged(tmp_path, records, killed(2))
    assert verdict.sound
    assert verdict.in_flight == [True]
    assert verdict.recovered_s == [1.5]
    assert record.shortcomings([{**verdict.line(), "acknowledged": 100}]) == []


def test_lost_append(tmp_path: Path) -> None:
    """What was acknowledged and is not there is lost."""
    records = [*attempt(second(3), second(4), "a"), final(LOG, "log", {"ids": []})]
    assert judged(tmp_path, records, killed(2)).counts == {"lost": 1}


def test_row_of_a_stale_owner(tmp_path: Path) -> None:
    """A row under an epoch that had passed is seen in the trail."""
    stale = Record("commit", 9, entity=LOG, value={"epoch": 1, "granted": 2})
    records = [*attempt(second(3), second(4), "a"), final(LOG, "log", {"ids": ["a"]})]
    verdict = judged(tmp_path, records, killed(2), stale)
    assert verdict.counts == {"stale rows": 1}
    assert verdict.stale_rows == 1


def test_money_that_overtakes_money(tmp_path: Path) -> None:
    """Transfers from one account to another must arrive as they left."""
    records = []
    for number, op in enumerate(("s", "t"), 3):
        way = [FIRST, SECOND, 5]
        records += attempt(second(number), second(number) + 9, op, "transfer", way, FIRST)
    own = {"opened_with": 50, "balance": 40, "moves": [["s", -5], ["t", -5]]}
    other = {"opened_with": 50, "balance": 60, "moves": [["t", 5], ["s", 5]]}
    records += [final(FIRST, "account", own), final(SECOND, "account", other)]
    verdict = judged(tmp_path, records, killed(2))
    assert verdict.counts["reordered"] == 1


def test_delivery_under_two_keys(tmp_path: Path) -> None:
    """The ledger tells of a step that was done twice."""
    flow = "chaos_flow/f"
    records = [
        Record("invoke", second(1), "c", "f", flow, "deliver", 1),
        Record("delivery", second(1.5), "ledger", "f", value=STEP | {"key": "k"}),
        Record("delivery", second(2.5), "ledger", "f", value=STEP | {"key": "other"}),
        Record("ok", second(4), "c", "f", flow, "deliver", 1),
    ]
    verdict = judged(tmp_path, records, Fault("kill host", [second(2)]))
    assert verdict.counts == {"duplicated": 1}


def test_at_most_once_twice(tmp_path: Path) -> None:
    """The ledger tells of a delivery that must never be repeated, and was, under its own key."""
    flow, once = "chaos_flow/f", STEP | {"at_most_once": True}
    records = [
        *attempt(second(1), second(4), "f", "volatile", "unknown", flow),
        Record("delivery", second(1.5), "ledger", "f", value=once),
        Record("delivery", second(2.5), "ledger", "f", value=once),
    ]
    verdict = judged(tmp_path, records, Fault("kill host", [second(2)]))
    assert verdict.counts == {"duplicated": 1}


def test_never_works_again(tmp_path: Path) -> None:
    """An entity without a success after the kill is stuck."""
    records = [*attempt(second(1), second(1.5), "a"), final(LOG, "log", {"ids": ["a"]})]
    verdict = judged(tmp_path, records, killed(2))
    assert verdict.counts == {"stuck": 1}
    assert verdict.in_flight == [False]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"in_flight": [True, False]}, "landed on work in flight"),
        ({"unknown": 20}, "outcomes are unknown"),
        ({"acknowledged": 3}, "were acknowledged"),
        ({"recovered_s": [7.1]}, "works again after 7.1 s"),
        ({"wrong": ["something"]}, "something"),
    ],
)
def test_vacuous_or_slow_run_fails(changed: dict[str, Any], told: str) -> None:
    """A run that tested too little, or in which recovery took too long, does not pass."""
    line = Verdict(1, "kill host", operations=200, acknowledged=200, in_flight=[True]).line()
    assert record.shortcomings([line]) == []
    (found,) = record.shortcomings([line | changed])
    assert told in found


def test_trail_of_writes(tmp_path: Path) -> None:
    """The triggers tell a takeover from a write, and a write under the old epoch."""
    path = tmp_path / "vareon.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE entities (kind, key, version, epoch, PRIMARY KEY (kind, key))")
    connection.execute("CREATE TABLE shards (shard, owner, epoch)")
    connection.execute("INSERT INTO shards VALUES (0, 'a', 1)")
    trail = Trail(path)
    trail.begin()
    connection.execute("INSERT INTO entities VALUES ('k', 'x', 1, 1)")
    connection.execute("UPDATE shards SET epoch = 2")
    connection.execute("UPDATE entities SET version = 2, epoch = 1")
    connection.close()
    written = [one.value for one in trail.since()]
    assert [(one["epoch"], one["granted"]) for one in written] == [(1, 1), (1, 2)]
    assert trail.since() == []


def test_schedule_keeps_the_shares() -> None:
    """Every mode comes in its proportion, and early."""
    planned = schedule(sum(MODES.values()), MODES)
    assert {name: planned.count(name) for name in MODES} == MODES
    assert set(schedule(12, {"a": 6, "b": 3, "c": 3})[:3]) == {"a", "b", "c"}
