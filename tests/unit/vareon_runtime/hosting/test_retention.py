"""What is kept, and for how long."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.support.bench_entity import Add, Bench, Gate, GetCount
from tests.support.clocks import ManualClock, without_threads
from vareon_runtime.errors import Expired, Unavailable
from vareon_runtime.hosting import retention as retention_module
from vareon_runtime.hosting.dead_letters import DeadLetter
from vareon_runtime.hosting.effect_life import JOURNAL
from vareon_runtime.identity import EntityId, derived_id
from vareon_runtime.storage import upkeep
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import Unit
from vareon_runtime.storage.sqlite import SqliteStore
from vareon_runtime.storage.tables import DeadLetterRow
from vareon_runtime.testing import InProcessCluster

A = EntityId("bench", "a")
HOUR = 3600.0


KINDS = [Bench]


@pytest.fixture
def cluster(timed: InProcessCluster) -> InProcessCluster:
    return timed


async def later(cluster: InProcessCluster, clock: ManualClock, hours: float) -> None:
    """The host was away for so long, and has had time to tidy up."""
    await cluster.kill_host()
    clock.now_s += hours * HOUR
    await cluster.start_host()
    await clock.advance(2 * retention_module.EVERY_S + 10)


async def test_a_reply_is_kept_for_a_day_and_then_deleted(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    key = derived_id("http", "some key of a caller")
    assert await cluster.bus.ask(A, Add(), message_id=key) == 1
    await later(cluster, clock, 25.0)
    assert await cluster.bus.ask(A, Add(), message_id=key) == 1
    await later(cluster, clock, 2.0)
    assert cluster.host is not None
    assert cluster.host.status()["rows_expired"] == 1
    assert await cluster.bus.ask(A, Add(), message_id=key) == 2, "an opaque key counts as new"


async def test_many_rows_go_step_by_step(
    cluster: InProcessCluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_module, "STEP_ROWS", 7)
    for _ in range(30):
        await cluster.bus.ask(A, Add())
    await later(cluster, clock, 20.0)
    for _ in range(30):
        await cluster.bus.ask(A, Add())
    await later(cluster, clock, 10.0)
    assert cluster.host is not None
    assert cluster.host.status()["rows_expired"] == 30
    assert await cluster.bus.ask(A, GetCount()) == 60


async def test_dead_letters_go_after_a_month(cluster: InProcessCluster, clock: ManualClock) -> None:
    halted, running = b"h" * 16, b"r" * 16
    error = Unavailable("gone")
    letters = [
        DeadLetter(A, b"i" * 16, "ask", "Add", b"", None, "", b"t" * 16, error, 5),
        DeadLetter(A, b"j" * 16, "effect", "go", b"", None, "", b"t" * 16, error, 1, halted),
    ]
    rows = [letter.change(clock.time()) for letter in letters]
    for number, flow_id in enumerate((halted, halted, running), 1):
        values = {"effect_id": flow_id, "number": number, "name": "pay", "outcome": b"o"}
        rows.append(RowChange("upsert", JOURNAL, values, {}))
    assert cluster.host is not None
    store = cluster.host.store
    assert store.commit([Unit(A, rows=rows)], 1) == [None]
    await later(cluster, clock, 29 * 24.0)
    assert len(cluster.host.store.find(DeadLetterRow.__table__, {})) == 2
    assert len(cluster.host.store.find(JOURNAL, {})) == 3
    await later(cluster, clock, 2 * 24.0)
    assert cluster.host.store.find(DeadLetterRow.__table__, {}) == []
    left = cluster.host.store.find(JOURNAL, {})
    assert [row["effect_id"] for row in left] == [running], "a flow's journal goes with its letter"


async def test_an_id_that_is_too_old_or_from_the_future_is_refused(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    key = cluster.ids.message_id()
    assert await cluster.bus.ask(A, Add(), message_id=key) == 1
    await later(cluster, clock, 23.0)
    assert await cluster.bus.ask(A, Add(), message_id=key) == 1
    await later(cluster, clock, 1.0)
    for _ in range(2):
        with pytest.raises(Expired, match="24 hours"):
            await cluster.bus.ask(A, Add(), message_id=key)
        await later(cluster, clock, 3.0)
    soon, far = (
        int((clock.time() + ahead_s) * 1000).to_bytes(6, "big") + key[6:]
        for ahead_s in (890.0, 910.0)
    )
    assert await cluster.bus.ask(A, Add(), message_id=soon) == 2
    with pytest.raises(Expired, match="future"):
        await cluster.bus.ask(A, Add(), message_id=far)


async def test_the_log_is_cut_while_others_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: ManualClock, gate: Gate
) -> None:
    monkeypatch.setattr(upkeep, "WAL_LIMIT", 200_000)
    without_threads()
    async with InProcessCluster(tmp_path, [Bench], {Gate: gate}, clock=clock) as cluster:
        assert cluster.host is not None
        assert isinstance(cluster.host.store, SqliteStore)
        log = cluster.path.with_name("vareon.db-wal")
        reader = sqlite3.connect(cluster.path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM inbox").fetchone()
        for _ in range(100):
            await cluster.bus.ask(A, Add())
        await clock.advance(retention_module.EVERY_S + 1)
        assert log.stat().st_size > 200_000, "somebody reads what would be overwritten"
        assert await cluster.bus.ask(A, Add()) == 101, "and nobody waits for him"
        reader.execute("COMMIT")
        await clock.advance(retention_module.EVERY_S + 1)
        assert log.stat().st_size < 50_000, "it was cut; only the lease has been written since"
        reader.close()
