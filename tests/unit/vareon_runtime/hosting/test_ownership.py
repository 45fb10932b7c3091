"""Shards that are given away, and those that come back because nobody took them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from tests.support.clocks import ManualClock, without_threads
from tests.support.flow_entity import Linger, Order, Stock, World
from vareon_runtime.errors import StaleOwner, StoreFailed
from vareon_runtime.identity import EntityId
from vareon_runtime.placement import owner_of, shard_of
from vareon_runtime.storage.memory import HostLife, MemoryDatabase, MemoryStore
from vareon_runtime.storage.ports import LEASE_MS, EffectRecord
from vareon_runtime.testing import InProcessCluster

OTHER = "entity-host-1"


def moving_entity() -> EntityId:
    """One that the rule gives to the other host, once that one is there."""
    names = ("entity-host-0", OTHER)
    found = (EntityId("order", str(number)) for number in range(1_000))
    return next(e for e in found if owner_of(shard_of(e), names) == OTHER)


async def test_a_shard_whose_next_owner_never_comes_goes_on_where_it_is(tmp_path: Path) -> None:
    world, database = World(), MemoryDatabase()
    store = MemoryStore(database, shared=True)
    async with InProcessCluster(tmp_path, [Order, Stock], {World: world}, store=store) as cluster:
        assert cluster.host is not None
        host, target = cluster.host, moving_entity()
        world.hold("linger", "stop")
        await cluster.bus.ask(target, Linger())
        assert await world.entered.get() == "linger"
        now_ms = int(cluster.clock.monotonic() * 1000)
        database.hosts["ghost"] = HostLife(OTHER, now_ms + LEASE_MS)
        await host.ownership._round()
        assert shard_of(target) in host.ownership.leaving
        assert await world.entered.get() == "stop", "its work is cut off, and takes its time"
        database.hosts["ghost"].fenced = True
        await host.ownership._round()
        assert host.ownership.owns(target)
        world.let("stop")
        assert await world.entered.get() == "linger", "it is begun again"
        await cluster.bus.ask(target, Linger(), timeout_s=5)


class UnreadableStore(MemoryStore):
    """Cannot tell at first what is under way."""

    reads = 0

    def recover_effects(self, shards: Collection[int]) -> list[EffectRecord]:
        self.reads += 1
        if self.reads == 1:
            raise StoreFailed("The disk is full.")
        return super().recover_effects(shards)


async def test_a_late_take_up_that_finds_the_host_replaced_ends_it(tmp_path: Path) -> None:
    without_threads()
    clock, database = ManualClock(), MemoryDatabase()
    store = UnreadableStore(database)
    async with InProcessCluster(tmp_path, [Order, Stock], store=store, clock=clock) as cluster:
        assert cluster.host is not None
        await cluster.host.ownership.stop()  # which would find out as well, but perhaps later
        for life in database.hosts.values():
            life.fenced = True
        assert store.reads == 1
        await clock.advance(2.0)
        assert store.reads == 2
        assert [type(error) for error in cluster.fenced] == [StaleOwner]


class BlindStore(MemoryStore):
    """Cannot tell at times who is suspected."""

    blind = False

    def find(self, table: Table, where: Mapping[str, Any], **how: Any) -> list[dict[str, Any]]:
        if self.blind and table.name == "suspects":
            raise StoreFailed("The disk is full.")
        return super().find(table, where, **how)


async def test_a_shard_is_owned_only_once_it_is_known_who_is_suspected(tmp_path: Path) -> None:
    database = MemoryDatabase()
    store = BlindStore(database, shared=True)
    async with InProcessCluster(tmp_path, [Order, Stock], store=store) as cluster:
        assert cluster.host is not None
        ownership, target = cluster.host.ownership, moving_entity()
        await ownership.stop()
        now_ms = int(cluster.clock.monotonic() * 1000)
        database.hosts["ghost"] = HostLife(OTHER, now_ms + LEASE_MS)
        for _ in range(2):
            await ownership._round()
        assert shard_of(target) not in ownership.shards
        database.hosts["ghost"].fenced = True
        store.blind = True
        await ownership._round()
        assert not ownership.owns(target)
        store.blind = False
        await ownership._round()
        assert ownership.owns(target)
