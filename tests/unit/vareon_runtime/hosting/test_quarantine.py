"""Whoever ends its host is suspected, runs alone, and is set aside; nobody else is."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.deadly_entity import Deadly, Death, Die, GetDeath, GetHandled, Live
from vareon_runtime.envelope import FINGERPRINT
from vareon_runtime.errors import (
    InternalError,
    NotFound,
    Poisoned,
    StoreFailed,
    Unavailable,
    VareonError,
)
from vareon_runtime.identity import EntityId, derived_id
from vareon_runtime.storage.memory import MemoryStore
from vareon_runtime.storage.ports import Loaded, Unit, Wanted
from vareon_runtime.testing import InProcessCluster

VICTIM, OTHER, THIRD = (EntityId("deadly", key) for key in ("victim", "other", "third"))


@pytest.fixture
async def death() -> Death:
    return Death()


@pytest.fixture
async def cluster(tmp_path: Path, death: Death) -> AsyncIterator[InProcessCluster]:
    async with InProcessCluster(tmp_path, [Deadly], {Death: death}) as running:
        yield running


def rows(cluster: InProcessCluster, sql: str) -> list[Any]:
    connection = sqlite3.connect(cluster.path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


async def kill_in_turn(cluster: InProcessCluster, death: Death, spared: str = "") -> None:
    """Kill the host in a deadly turn; the next one ends well for the key that is spared."""
    await death.reached.wait()
    await cluster.kill_host()
    death.reached.clear()
    death.harmless.add(spared)
    await cluster.start_host()


async def test_a_message_that_ends_three_hosts_is_set_aside_with_its_reason(
    cluster: InProcessCluster, death: Death
) -> None:
    message_id = cluster.ids.message_id()
    asking = asyncio.create_task(cluster.bus.ask(VICTIM, Die(), message_id=message_id))
    for _ in range(3):
        await kill_in_turn(cluster, death)
    with pytest.raises(Poisoned, match="3 times"):
        await asking
    assert not death.reached.is_set(), "it is not run a fourth time"
    assert rows(
        cluster, "SELECT id, kind, key, source, name, code, attempts FROM dead_letters"
    ) == [(message_id, "deadly", "victim", "ask", "Die", "poisoned", 3)]
    with pytest.raises(Poisoned):
        await cluster.bus.ask(VICTIM, Die(), message_id=message_id)
    assert await cluster.bus.ask(VICTIM, Live()) == 1, "its entity goes on"


async def test_a_query_that_ends_three_hosts_is_refused(
    cluster: InProcessCluster, death: Death
) -> None:
    await cluster.bus.ask(VICTIM, Live())
    asking = asyncio.create_task(cluster.bus.ask(VICTIM, GetDeath()))
    for _ in range(3):
        await kill_in_turn(cluster, death)
    with pytest.raises(Poisoned):
        await asking
    assert rows(cluster, "SELECT * FROM dead_letters") == [], "there is nothing to do again"


async def test_only_what_was_running_is_suspected(cluster: InProcessCluster, death: Death) -> None:
    message_id = cluster.ids.message_id()
    await cluster.bus.ask(OTHER, Live())
    asking = asyncio.create_task(cluster.bus.ask(VICTIM, Die(), message_id=message_id))
    await death.reached.wait()
    waiting = asyncio.create_task(cluster.bus.ask(VICTIM, Live()))
    await cluster.bus.ask(OTHER, Live())
    await kill_in_turn(cluster, death)
    await death.reached.wait()
    assert rows(cluster, "SELECT message_id, kills FROM suspects") == [(message_id, 1)]
    await kill_in_turn(cluster, death, spared="victim")
    assert await asking == 1
    assert await waiting == 2


async def test_suspicion_ends_when_the_message_is_handled(
    cluster: InProcessCluster, death: Death
) -> None:
    asking = asyncio.create_task(cluster.bus.ask(VICTIM, Die()))
    await kill_in_turn(cluster, death)
    await death.reached.wait()
    assert len(rows(cluster, "SELECT * FROM suspects")) == 1
    await kill_in_turn(cluster, death, spared="victim")
    assert await asking == 1
    assert cluster.host is not None
    await cluster.host.committer.drain()
    assert rows(cluster, "SELECT * FROM suspects") == []


async def test_a_suspect_runs_alone(cluster: InProcessCluster, death: Death) -> None:
    suspect = asyncio.create_task(cluster.bus.ask(VICTIM, Die()))
    await kill_in_turn(cluster, death)
    await death.reached.wait()
    others = [asyncio.create_task(cluster.bus.ask(OTHER, Live())) for _ in range(3)]
    query = asyncio.create_task(cluster.bus.ask(OTHER, GetHandled()))
    await asyncio.sleep(0.05)
    assert death.running == ["victim"]
    assert not any(task.done() for task in [*others, query]), "they wait in their mailboxes"
    await kill_in_turn(cluster, death)
    await kill_in_turn(cluster, death)
    with pytest.raises(Poisoned):
        await suspect
    assert [await task for task in others] == [1, 2, 3]
    await asyncio.wait([query])


async def test_a_suspect_waits_until_those_before_it_have_ended(
    cluster: InProcessCluster, death: Death
) -> None:
    message_id = cluster.ids.message_id()
    first = asyncio.create_task(cluster.bus.ask(VICTIM, Die(), message_id=message_id))
    await death.reached.wait()
    first.cancel()
    await kill_in_turn(cluster, death)
    before = asyncio.create_task(cluster.bus.ask(OTHER, Die()))
    await death.reached.wait()
    suspect = asyncio.create_task(cluster.bus.ask(VICTIM, Die(), message_id=message_id))
    await asyncio.sleep(0.1)
    assert death.running == ["other"]
    death.harmless.add("victim")
    death.reprieve.set()
    assert [await before, await suspect] == [1, 1]


async def test_blame_falls_on_one_of_two_that_ran_together(
    cluster: InProcessCluster, death: Death
) -> None:
    """Both are suspected; alone, the harmless one ends well and the other is found out."""
    guilty = asyncio.create_task(cluster.bus.ask(VICTIM, Die()))
    await death.reached.wait()
    death.reached.clear()
    innocent = asyncio.create_task(cluster.bus.ask(OTHER, Die()))
    await kill_in_turn(cluster, death, spared="other")
    await kill_in_turn(cluster, death)
    await kill_in_turn(cluster, death)
    with pytest.raises(Poisoned):
        await guilty
    assert await innocent == 1


async def test_a_handler_that_raises_is_nobodys_death(
    cluster: InProcessCluster, death: Death
) -> None:
    for _ in range(6):
        with pytest.raises(InternalError):
            await cluster.bus.ask(VICTIM, Die(how="raise"))
    with pytest.raises(NotFound):
        await cluster.bus.ask(VICTIM, GetHandled())
    assert rows(cluster, "SELECT * FROM suspects") == []
    assert await cluster.bus.ask(OTHER, Live()) == 1


async def test_an_entity_that_ends_its_host_when_it_is_loaded_is_refused(
    cluster: InProcessCluster, death: Death
) -> None:
    unloadable = EntityId("deadly", "unloadable")
    await cluster.bus.ask(unloadable, Live())
    await cluster.kill_host()
    await cluster.start_host()
    asking = asyncio.create_task(cluster.bus.ask(unloadable, Live()))
    for _ in range(3):
        await kill_in_turn(cluster, death)
    with pytest.raises(Poisoned):
        await asking
    assert await cluster.bus.ask(OTHER, Live()) == 1


async def test_a_repeat_under_the_same_key_hears_that_it_was_set_aside(
    cluster: InProcessCluster, death: Death
) -> None:
    key, print_ = derived_id("a caller's key"), b"fingerprint-of-16"[:FINGERPRINT]
    asking = asyncio.create_task(cluster.bus.ask(VICTIM, Die(), message_id=key, fingerprint=print_))
    for _ in range(3):
        await kill_in_turn(cluster, death)
    for repeat in (asking, cluster.bus.ask(VICTIM, Die(), message_id=key, fingerprint=print_)):
        with pytest.raises(Poisoned):
            await repeat


async def test_a_suspect_that_is_turned_away_before_its_handler_stays_one(
    cluster: InProcessCluster, death: Death
) -> None:
    """Else a database that cannot be read for a moment would give it three more hosts."""
    message_id = cluster.ids.message_id()
    asking = asyncio.create_task(cluster.bus.ask(VICTIM, Die(), message_id=message_id))
    await death.reached.wait()
    asking.cancel()
    await kill_in_turn(cluster, death)
    assert await cluster.bus.ask(VICTIM, Live()) == 1
    assert cluster.host is not None
    loader, unread = cluster.host.loader, asyncio.Event()
    load = loader.load

    async def fails(wanted: Wanted) -> Loaded:
        unread.set()
        raise Unavailable("It cannot be read.", 0.02)

    loader.load = fails  # type: ignore[method-assign]
    asking = asyncio.create_task(cluster.bus.ask(VICTIM, Die(), message_id=message_id))
    await unread.wait()
    loader.load = load  # type: ignore[method-assign]
    await death.reached.wait()
    await cluster.host.committer.drain()
    assert rows(cluster, "SELECT message_id, kills FROM suspects") == [(message_id, 1)]
    for _ in range(2):
        await kill_in_turn(cluster, death)
    with pytest.raises(Poisoned, match="3 times"):
        await asking


async def test_no_turn_begins_once_the_lease_is_over(
    cluster: InProcessCluster, death: Death
) -> None:
    """What was set aside elsewhere meanwhile would end this host as well."""
    first = asyncio.create_task(cluster.bus.ask(VICTIM, Die()))
    await death.reached.wait()
    assert cluster.host is not None
    ownership = cluster.host.ownership
    second = asyncio.create_task(cluster.bus.ask(VICTIM, Die()))
    while not any(activation.mailbox for activation in cluster.host.catalog):
        await asyncio.sleep(0)
    await ownership.stop()
    ownership._until_s = 0.0
    death.reached.clear()
    death.reprieve.set()
    while any(activation.mailbox or activation.running for activation in cluster.host.catalog):
        await asyncio.sleep(0)
    assert not death.reached.is_set()
    await ownership._tend(frozenset())
    assert sorted([await first, await second]) == [1, 2]


class Forgetful(MemoryStore):
    """Counts suspects, and says that it failed."""

    def commit(self, units: Sequence[Unit], now_ms: int) -> list[VareonError | None]:
        outcomes = super().commit(units, now_ms)
        if any(unit.target.kind == "suspects" for unit in units):
            raise StoreFailed("The answer is lost.")
        return outcomes

    def settle(self) -> bool:
        return True


async def test_a_kill_is_counted_once_though_nobody_hears_that_it_was(
    tmp_path: Path, death: Death
) -> None:
    async with InProcessCluster(tmp_path, [Deadly], {Death: death}, store=Forgetful()) as cluster:
        message_id = cluster.ids.message_id()
        asking = asyncio.create_task(cluster.bus.ask(VICTIM, Die(), message_id=message_id))
        await kill_in_turn(cluster, death)
        await death.reached.wait()
        assert cluster.host is not None
        assert cluster.host.quarantine.kills_of(message_id) == 1
        death.reprieve.set()
        assert await asking == 1
