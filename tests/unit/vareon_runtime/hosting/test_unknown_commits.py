"""A commit of unknown outcome is settled before anything else is written or answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.support.bench_entity import Add, GetCount
from vareon_runtime.errors import Overloaded, StoreFailed, VareonError
from vareon_runtime.hosting import committer as committer_module
from vareon_runtime.identity import EntityId
from vareon_runtime.storage.ports import Unit
from vareon_runtime.testing import InProcessCluster

A = EntityId("bench", "a")


class Flaky:
    """Stands before a store's `commit` and `settle`."""

    def __init__(self, cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch) -> None:
        assert cluster.host is not None
        self._store = cluster.host.store
        self._commit = self._store.commit
        self.written = True
        self.reachable = True
        self.asked = 0
        monkeypatch.setattr(self._store, "commit", self.commit)
        monkeypatch.setattr(self._store, "settle", self.settle)
        self._monkeypatch = monkeypatch

    def commit(self, units: Sequence[Unit], now_ms: int) -> list[VareonError | None]:
        self._monkeypatch.setattr(self._store, "commit", self._commit)
        if self.written:
            self._commit(units, now_ms)
        raise StoreFailed("The answer was lost.", 1.0)

    def settle(self) -> bool:
        self.asked += 1
        if not self.reachable:
            raise StoreFailed("Nothing answers.", 1.0)
        return self.written


async def test_what_was_written_is_answered_as_done(
    cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    Flaky(cluster, monkeypatch)
    assert await cluster.bus.ask(A, Add()) == 1
    assert await cluster.bus.ask(A, Add()) == 2


async def test_what_was_not_written_is_told_and_undone(
    cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.bus.ask(A, Add())
    Flaky(cluster, monkeypatch).written = False
    with pytest.raises(StoreFailed):
        await cluster.bus.ask(A, Add())
    assert await cluster.bus.ask(A, GetCount()) == 1


async def test_while_nobody_knows_new_work_is_refused_at_once(
    cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer_module, "SETTLE_WITHIN_S", -1.0)
    monkeypatch.setattr(committer_module, "SETTLE_FIRST_S", 0.001)
    flaky = Flaky(cluster, monkeypatch)
    flaky.reachable = False
    first = cluster.host.loop.create_task(cluster.bus.ask(A, Add()))
    while not cluster.host.committer.full:
        await cluster.clock.sleep(0)
    with pytest.raises(Overloaded):
        await cluster.bus.ask(A, Add())
    flaky.reachable = True
    assert await first == 1
    assert flaky.asked > 1
    assert await cluster.bus.ask(A, Add()) == 2


class BreakingOff:
    """Tells the outcomes of no unit of a batch but its first, and cannot settle at once."""

    def __init__(self, cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch) -> None:
        assert cluster.host is not None
        self._commit = cluster.host.store.commit
        self.lost: list[Unit] = []
        self.asked = 0
        monkeypatch.setattr(cluster.host.store, "commit", self.commit)
        monkeypatch.setattr(cluster.host.store, "settle", self.settle)

    def commit(self, units: Sequence[Unit], now_ms: int) -> list[VareonError | None]:
        if len(units) < 3 or self.lost:
            return self._commit(units, now_ms)
        self.lost = list(units)
        return self._commit(units[:2], now_ms)[:1]

    def settle(self) -> bool:
        self.asked += 1
        if self.asked == 1:
            raise StoreFailed("Nothing answers.", 1.0)
        return True


async def test_a_unit_with_which_the_database_broke_off_is_settled_and_later_ones_asked_again(
    cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer_module, "SETTLE_FIRST_S", 0.001)
    targets = [EntityId("bench", str(number)) for number in range(9)]
    for target in targets:
        await cluster.bus.ask(target, Add())
    store = BreakingOff(cluster, monkeypatch)
    async with asyncio.timeout(20):
        told = await asyncio.gather(*(cluster.bus.ask(target, Add()) for target in targets))
        assert store.asked == 2
        assert len(store.lost) > 2
        assert told == [2] * len(targets), "those that were not tried were asked again"
        assert await asyncio.gather(*(cluster.bus.ask(t, GetCount()) for t in targets)) == told
