"""What was set aside is tried again as what it was: a message, a tick, an effect, a flow."""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors import names
from actors.system.dead_letter import DeadLetter
from actors.system.messages import DiscardDeadLetter, RedriveDeadLetter
from tests.support.alarm_entity import Alarm, Demolish, FailFor, GetRung, Remind
from tests.support.bench_entity import Gate
from tests.support.clocks import ManualClock, without_threads
from tests.support.flow_checks import A, rows_left, status
from tests.support.flow_entity import Begin, ChangedOrder, Order, Stock, World
from vareon_runtime.entity import (
    Context,
    EffectContext,
    Entity,
    Request,
    State,
    command,
    effect,
    entity,
)
from vareon_runtime.entity.registry import Registry
from vareon_runtime.errors import Conflict, VareonError
from vareon_runtime.hosting.reminder_plan import REMINDERS
from vareon_runtime.identity import EntityId
from vareon_runtime.storage.tables import DeadLetterRow
from vareon_runtime.testing import InProcessCluster

ALARM, COURIER = EntityId("alarm", "a"), EntityId("courier", "c")


class Deliver(Request[bool], frozen=True):
    once: bool = False


class CourierState(State):
    told: int = 0


@entity("courier")
class Courier(Entity[CourierState]):
    """Delivers by an effect; to take what became of it ends its host."""

    @command(creates=True)
    async def deliver(self, message: Deliver, context: Context) -> bool:
        call = self.bring_once("cake") if message.once else self.bring("cake")
        context.start(call, then=self.brought, failed=self.lost)
        return True

    @effect()
    async def bring(self, what: str, context: EffectContext) -> str:
        return await context.resource(World).do(f"bring {what}", context.idempotency_key)

    @effect(at_most_once=True)
    async def bring_once(self, what: str, context: EffectContext) -> str:
        return await context.resource(World).do(f"bring {what}", context.idempotency_key)

    async def brought(self, result: str, context: Context) -> None:
        await context.resource(World).do("take", "")

    async def lost(self, error: VareonError, context: Context) -> None:
        await context.resource(World).do("take", "")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def world() -> World:
    return World()


@pytest.fixture
async def gate() -> Gate:
    return Gate()


@pytest.fixture
async def cluster(
    tmp_path: Path, world: World, gate: Gate, clock: ManualClock
) -> AsyncIterator[InProcessCluster]:
    without_threads()
    kinds = [DeadLetter, Order, Stock, Alarm, Courier]
    resources: dict[type[Any], Any] = {World: world, Gate: gate}
    async with InProcessCluster(tmp_path, kinds, resources, clock=clock) as running:
        yield running


def rows(cluster: InProcessCluster, table: Any = DeadLetterRow.__table__) -> list[dict[str, Any]]:
    assert cluster.host is not None
    return cluster.host.store.find(table, {})


async def the_letter(cluster: InProcessCluster, clock: ManualClock) -> EntityId:
    for _ in range(200):
        if found := rows(cluster):
            return names.dead_letter(str(uuid.UUID(bytes=found[0]["id"])))
        await clock.advance(0.1)
    raise AssertionError("nothing was set aside")


async def halted(
    cluster: InProcessCluster, world: World, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> EntityId:
    """A flow that has paid, and stands before its step to ship with other code than it had."""
    world.hold("ship")
    await cluster.bus.ask(A, Begin("pay ship"))
    assert [await world.entered.get() for _ in range(2)] == ["pay", "ship"]
    await cluster.kill_host()
    registry = cluster._registry
    with monkeypatch.context() as patch:
        patch.setattr(cluster, "_registry", Registry([ChangedOrder, DeadLetter]))
        await cluster.start_host()
        await status(cluster, "flow_diverged")
        await cluster.kill_host()
    assert cluster._registry is registry
    await cluster.start_host()
    world.let("ship")
    assert rows_left(cluster)
    return await the_letter(cluster, clock)


async def test_a_halted_flow_goes_on_with_the_code_that_it_began_with(
    cluster: InProcessCluster, world: World, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = await halted(cluster, world, clock, monkeypatch)
    assert [(row["source"], row["name"], row["code"]) for row in rows(cluster)] == [
        ("effect", "fulfil", "flow_diverged")
    ]
    assert await cluster.bus.ask(letter, RedriveDeadLetter()) == str(A)
    await status(cluster, "pay ok, ship ok")
    assert world.names() == ["pay", "ship"], "what it had done is not done again"
    assert rows(cluster) == []
    assert not rows_left(cluster)


async def test_the_journal_of_a_halted_flow_goes_with_its_letter(
    cluster: InProcessCluster, world: World, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = await halted(cluster, world, clock, monkeypatch)
    await cluster.bus.ask(letter, DiscardDeadLetter())
    assert not rows_left(cluster)


async def test_a_flow_whose_journal_is_gone_is_not_begun_anew(
    cluster: InProcessCluster, world: World, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = await halted(cluster, world, clock, monkeypatch)
    with contextlib.closing(sqlite3.connect(cluster.path, isolation_level=None)) as surgeon:
        surgeon.execute("DELETE FROM journal")
    await cluster.bus.ask(letter, RedriveDeadLetter())
    await clock.advance(1.0)
    assert world.names() == ["pay"]


async def lost_by(cluster: InProcessCluster, world: World, once: bool) -> None:
    """Six hosts end: three while its result is taken, three while its error is."""
    world.hold("take")
    await cluster.bus.ask(COURIER, Deliver(once))
    for _ in range(6):
        while await world.entered.get() != "take":
            """The effect comes first."""
        await cluster.kill_host()
        await cluster.start_host()


async def test_an_effect_is_started_again_under_its_key(
    cluster: InProcessCluster, world: World, clock: ManualClock
) -> None:
    await lost_by(cluster, world, once=False)
    letter = await the_letter(cluster, clock)
    before = list(world.calls)
    world.let("take")
    assert await cluster.bus.ask(letter, RedriveDeadLetter()) == str(COURIER)
    for _ in range(100):
        await clock.advance(0.05)
        if world.names()[-1] == "take":
            break
    fresh = world.calls[len(before) :]
    assert [name for name, _ in fresh] == ["bring cake", "take"]
    assert fresh[0] == before[0], "whoever did it knows it by its key"
    assert rows(cluster) == []


async def test_an_effect_that_must_not_be_done_twice_is_not(
    cluster: InProcessCluster, world: World, clock: ManualClock
) -> None:
    await lost_by(cluster, world, once=True)
    letter = await the_letter(cluster, clock)
    world.let("take")
    for _ in range(2):
        with pytest.raises(Conflict, match=r"at_most_once.*start a new one.*discard"):
            await cluster.bus.ask(letter, RedriveDeadLetter())
    assert world.names().count("bring cake") == 1
    await cluster.bus.ask(letter, DiscardDeadLetter())
    assert rows(cluster) == []


async def given_up(cluster: InProcessCluster, clock: ManualClock) -> EntityId:
    await cluster.bus.ask(ALARM, FailFor(5))
    await clock.advance(120.0)
    assert await cluster.bus.ask(ALARM, GetRung()) == []
    return await the_letter(cluster, clock)


async def test_a_tick_is_brought_once_more_beside_its_reminder(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    letter = await given_up(cluster, clock)
    await cluster.bus.ask(ALARM, Remind("fragile", 3_600.0))
    await cluster.bus.ask(letter, RedriveDeadLetter())
    await clock.advance(5.0)
    assert len(await cluster.bus.ask(ALARM, GetRung())) == 1
    assert rows(cluster) == []
    assert [row["name"] for row in rows(cluster, REMINDERS)] == ["fragile"]
    await clock.advance(3_600.0)
    assert len(await cluster.bus.ask(ALARM, GetRung())) == 2


async def test_nothing_is_tried_again_for_an_entity_that_is_gone(
    cluster: InProcessCluster, clock: ManualClock
) -> None:
    letter = await given_up(cluster, clock)
    await cluster.bus.ask(ALARM, Demolish())
    await cluster.bus.ask(letter, RedriveDeadLetter())
    await clock.advance(5.0)
    assert rows(cluster) == rows(cluster, REMINDERS) == []
