"""Flows go on where they were, do nothing twice, and can be told things and stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.flow_entity import (
    NOTHING_HAPPENED,
    PERHAPS,
    Abort,
    Approve,
    Begin,
    GetStatus,
    Order,
    Place,
    Stock,
    World,
)
from tests.support.stubborn import ForgetfulStore, ShiftedClock
from vareon_runtime.entity import Context, Entity, FlowContext, command, entity, flow
from vareon_runtime.entity.registry import Registry
from vareon_runtime.errors import (
    ConfigurationError,
    NotFound,
    QuotaExceeded,
    VareonError,
)
from vareon_runtime.hosting import effect_life, flows, journal
from vareon_runtime.hosting.effect_life import JOURNAL, SIGNALS
from vareon_runtime.identity import EntityId
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import Unit
from vareon_runtime.storage.sqlite import SqliteStore
from vareon_runtime.testing import InProcessCluster

A = EntityId("order", "a")


@pytest.fixture
async def world() -> World:
    return World()


@pytest.fixture
async def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture(params=["sqlite", "memory"])
async def cluster(
    tmp_path: Path, world: World, clock: ShiftedClock, request: pytest.FixtureRequest
) -> AsyncIterator[InProcessCluster]:
    store = ForgetfulStore() if request.param == "memory" else None
    resources = {World: world}
    async with InProcessCluster(
        tmp_path, [Order, Stock], resources, store=store, clock=clock
    ) as running:
        yield running


async def restart(cluster: InProcessCluster) -> None:
    await cluster.kill_host()
    await cluster.start_host()


def rows_left(cluster: InProcessCluster) -> int:
    assert cluster.host is not None
    store = cluster.host.store
    return len(store.find(JOURNAL, {})) + len(store.find(SIGNALS, {}))


async def journaled(cluster: InProcessCluster, count: int) -> None:
    assert cluster.host is not None
    async with asyncio.timeout(5):
        while len(cluster.host.store.find(JOURNAL, {})) < count:
            await asyncio.sleep(0.002)


async def status(cluster: InProcessCluster, wanted: str) -> None:
    async with asyncio.timeout(5):
        while not (await cluster.bus.ask(A, GetStatus())).startswith(wanted):
            await asyncio.sleep(0.002)


async def test_a_host_killed_after_every_step_does_nothing_twice(
    cluster: InProcessCluster, world: World
) -> None:
    parts = ["pay", "pack", "ship", "bill", "thank"]
    world.hold(*parts)
    plan = "pay stock pack ship stock bill thank"
    asking = asyncio.create_task(cluster.bus.ask(A, Place(plan), timeout_s=30))
    for part in parts:
        assert await world.entered.get() == part
        await restart(cluster)
        assert await world.entered.get() == part, "only the unfinished step is begun again"
        world.let(part)
    expected = "pay ok, taken 1, pack ok, ship ok, taken 2, bill ok, thank ok"
    assert await asking == expected
    assert world.names() == parts
    assert len({key for _, key in world.calls}) == len(parts)
    assert not rows_left(cluster)
    await restart(cluster)
    assert cluster.host is not None
    assert not cluster.host.effects.started, "what is over is not found again"


async def test_a_step_cut_off_after_its_outside_call_repeats_it_with_its_key(
    cluster: InProcessCluster, world: World
) -> None:
    world.hold("pay-done")
    asking = asyncio.create_task(cluster.bus.ask(A, Place("pay ship")))
    assert [await world.entered.get() for _ in range(2)] == ["pay", "pay-done"]
    await restart(cluster)
    world.let("pay-done")
    assert await asking == "pay ok, ship ok"
    assert world.names() == ["pay", "pay", "ship"]
    assert world.calls[0] == world.calls[1]


async def test_an_at_most_once_step_is_never_done_again(
    cluster: InProcessCluster, world: World
) -> None:
    world.hold("pay-done")
    asking = asyncio.create_task(cluster.bus.ask(A, Place("once:pay ship")))
    assert [await world.entered.get() for _ in range(2)] == ["pay", "pay-done"]
    await restart(cluster)
    assert (await asking).startswith("unknown: ")
    assert world.names() == ["pay"]
    assert not rows_left(cluster)


@pytest.mark.parametrize(
    ("once", "errors", "calls"),
    [
        ("", [PERHAPS, NOTHING_HAPPENED], 3),
        ("once:", [NOTHING_HAPPENED], 2),
        ("once:", [PERHAPS], 1),
    ],
)
async def test_a_step_is_tried_again_as_its_author_allows(
    cluster: InProcessCluster, world: World, once: str, errors: list[VareonError], calls: int
) -> None:
    world.errors["pay"] = list(errors)
    told = await cluster.bus.ask(A, Place(f"{once}pay"))
    assert world.names() == ["pay"] * calls
    assert told == ("pay ok" if calls > len(errors) else f"{PERHAPS.code}: {PERHAPS.detail}")


async def test_an_error_of_a_step_is_its_outcome_in_every_rerun(
    cluster: InProcessCluster, world: World
) -> None:
    world.errors["pay"] = [PERHAPS] * 3
    world.hold("refund")
    asking = asyncio.create_task(cluster.bus.ask(A, Place("ship pay pack")))
    assert (await asking).startswith(PERHAPS.code)
    assert world.names() == ["ship", "pay", "pay", "pay"]


@pytest.mark.parametrize("kills", [False, True])
async def test_a_signal_is_kept_until_the_flow_waits_for_it(
    cluster: InProcessCluster, world: World, kills: bool
) -> None:
    world.hold("pay")
    asking = asyncio.create_task(cluster.bus.ask(A, Place("pay signal signal")))
    await world.entered.get()
    await cluster.bus.ask(A, Approve("ann"))
    await cluster.bus.ask(A, Approve("bob"))
    if kills:
        await restart(cluster)
        await world.entered.get()
    world.let("pay")
    assert await asking == "pay ok, by ann, by bob"
    assert not rows_left(cluster)


@pytest.mark.parametrize("kills", [False, True])
async def test_a_flow_that_waits_goes_on_when_it_is_told(
    cluster: InProcessCluster, world: World, kills: bool
) -> None:
    asking = asyncio.create_task(cluster.bus.ask(A, Place("pay signal ship")))
    await journaled(cluster, 1)
    if kills:
        await restart(cluster)
    await cluster.bus.ask(A, Approve("ann"))
    assert await asking == "pay ok, by ann, ship ok"
    assert world.names() == ["pay", "ship"]
    with pytest.raises(NotFound, match="over"):
        await cluster.bus.ask(A, Approve("too late"))
    assert not rows_left(cluster)


async def test_a_signal_is_taken_once(cluster: InProcessCluster, world: World) -> None:
    world.hold("pay")
    await cluster.bus.ask(A, Begin("signal pay signal"))
    await cluster.bus.ask(A, Approve("ann"))
    await world.entered.get()
    await restart(cluster)
    await world.entered.get()
    world.let("pay")
    await cluster.bus.ask(A, Approve("bob"))
    await status(cluster, "by ann, pay ok, by bob")


async def test_a_sleep_ends_when_it_was_due_however_often_the_host_dies(
    cluster: InProcessCluster, world: World, clock: ShiftedClock
) -> None:
    asking = asyncio.create_task(cluster.bus.ask(A, Place("sleep pay"), timeout_s=7_200))
    await journaled(cluster, 1)
    clock.shift_s += 1_800
    await restart(cluster)
    assert not world.calls
    clock.shift_s += 1_100
    await restart(cluster)
    assert not world.calls, "2,900 of 3,600 s are over"
    clock.shift_s += 800
    await restart(cluster)
    assert await asking == "slept, pay ok"


async def test_a_signal_that_does_not_come_is_a_deadline_through_restarts(
    cluster: InProcessCluster, world: World, clock: ShiftedClock
) -> None:
    asking = asyncio.create_task(cluster.bus.ask(A, Place("patience pay"), timeout_s=600))
    await journaled(cluster, 1)
    clock.shift_s += 61
    await restart(cluster)
    assert (await asking).startswith("deadline_exceeded: Nobody said 'approved'")


async def test_a_flow_past_its_time_is_told_so_once(
    cluster: InProcessCluster, world: World, clock: ShiftedClock
) -> None:
    asking = asyncio.create_task(cluster.bus.ask(A, Place("pay signal"), timeout_s=20_000))
    await journaled(cluster, 1)
    clock.shift_s += 10_001
    await restart(cluster)
    assert (await asking).startswith("deadline_exceeded: The flow")
    assert not rows_left(cluster)


async def test_a_cancelled_flow_undoes_what_it_did_also_through_kills(
    cluster: InProcessCluster, world: World
) -> None:
    world.hold("ship", "refund", "apologise")
    asking = asyncio.create_task(cluster.bus.ask(A, Place("pay ship"), timeout_s=30))
    assert [await world.entered.get() for _ in range(2)] == ["pay", "ship"]
    await cluster.bus.ask(A, Abort())
    for name in ("refund", "apologise"):
        assert await world.entered.get() == name
        await restart(cluster)
        assert await world.entered.get() == name
        world.let(name)
    assert await asking == "cancelled: It was stopped on request."
    assert world.names() == ["pay", "refund", "apologise"]
    assert not rows_left(cluster)


async def test_a_cancellation_is_kept_by_a_kill(cluster: InProcessCluster, world: World) -> None:
    world.hold("pay")
    asking = asyncio.create_task(cluster.bus.ask(A, Place("pay signal")))
    await world.entered.get()
    assert cluster.host is not None
    cluster.host.effects.cancel = lambda _: None  # it dies before it can act
    await cluster.bus.ask(A, Abort())
    await restart(cluster)
    assert (await asking).startswith("cancelled")
    assert world.names() == ["refund", "apologise"]


@pytest.mark.parametrize("kept", ["left", "right"])
async def test_all_that_is_under_way_is_cut_off_at_once(
    cluster: InProcessCluster, world: World, kept: str
) -> None:
    world.hold("left", "right", "refund")
    asking = asyncio.create_task(cluster.bus.ask(A, Place("both"), timeout_s=30))
    assert {await world.entered.get() for _ in range(2)} == {"left", "right"}
    await cluster.bus.ask(A, Abort())
    assert await world.entered.get() == "refund"
    await cluster.kill_host()
    await _forget(cluster, 1 if kept == "right" else 2)
    await cluster.start_host()
    assert await world.entered.get() == "refund", "a sibling whose outcome was lost is cut off too"
    world.let("refund")
    assert (await asking).startswith("cancelled")
    assert world.names() == ["refund", "apologise"]


async def _forget(cluster: InProcessCluster, number: int) -> None:
    """Delete a journal row, as if the host had died before it was written."""
    store = cluster._store or SqliteStore(cluster.path)
    store.open("surgeon", cluster.ids.text_id())
    change = RowChange("delete", JOURNAL, {}, {"number": number})
    assert store.commit([Unit(A, rows=[change])], 0) == [None]
    store.close()


async def test_steps_run_side_by_side(cluster: InProcessCluster, world: World) -> None:
    world.hold("left", "right")
    asking = asyncio.create_task(cluster.bus.ask(A, Place("both pay")))
    assert {await world.entered.get() for _ in range(2)} == {"left", "right"}
    world.let("right")
    await journaled(cluster, 1)
    await restart(cluster)
    assert await world.entered.get() == "left"
    world.let("left")
    assert await asking == "left ok+right ok, pay ok"
    assert world.names() == ["right", "left", "pay"]


async def test_the_time_and_new_ids_are_those_of_the_first_run(
    cluster: InProcessCluster, world: World
) -> None:
    world.hold("pay")
    asking = asyncio.create_task(cluster.bus.ask(A, Place("names pay")))
    await world.entered.get()
    before = world.answer
    await restart(cluster)
    await world.entered.get()
    assert world.answer == before
    world.let("pay")
    await asking


@entity("order")
class ChangedOrder(Entity[Order.handlers.state]):
    """The same kind after its author changed the flow."""

    pays = "pay by card"

    @command(creates=True)
    async def begin(self, message: Begin, context: Context) -> bytes:
        return b""

    @flow()
    async def fulfil(self, plan: str, flow: FlowContext) -> str:
        if self.pays.startswith("+"):
            do, names = flow.resource(World).do, self.pays[1:].split(",")
            await flow.gather(*(flow.step(name, do, name, "changed") for name in names))
        for name in self.pays.split(","):
            try:
                await flow.step(name, flow.resource(World).do, name, "changed")
            except VareonError:
                """Even a flow that takes no notice is stopped."""
        return "went on"

    async def fulfilled(self, result: str, context: Context) -> None:
        self.state.status = result

    not_fulfilled = Order.not_fulfilled
    status = Order.status


@pytest.mark.parametrize(
    ("pays", "how"),
    [
        ("pay by card", "it did 'step:pay' as its number 1"),
        ("+pay by card,ship,thank", "it did 'step:pay' as its number 1"),
        ("pay", "now nothing"),
    ],
)
async def test_code_that_changed_under_a_flow_halts_it(
    cluster: InProcessCluster,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    pays: str,
    how: str,
) -> None:
    monkeypatch.setattr(ChangedOrder, "pays", pays)
    world.hold("pack")
    await cluster.bus.ask(A, Begin("pay ship pack"))
    assert [await world.entered.get() for _ in range(3)] == ["pay", "ship", "pack"]
    await cluster.kill_host()
    monkeypatch.setattr(cluster, "_registry", Registry([ChangedOrder]))
    await cluster.start_host()
    await status(cluster, "flow_diverged")
    assert how in await cluster.bus.ask(A, GetStatus())
    assert world.names() == ["pay", "ship"], "nothing was done in the wrong place"
    assert rows_left(cluster) == 2, "its journal is kept"


async def test_a_flow_is_bounded(
    cluster: InProcessCluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "STEPS_LIMIT", 2)
    assert (await cluster.bus.ask(A, Place("a b c"))).startswith("flow_halted: ")
    assert world.names() == ["a", "b"]
    monkeypatch.setattr(journal, "OUTCOME_LIMIT", 20)
    long = "x" * 40
    assert "returned has" in await cluster.bus.ask(A, Place(f"{long}"))
    monkeypatch.setattr(effect_life, "SIGNALS_LIMIT", 3)
    monkeypatch.setattr(journal, "OUTCOME_LIMIT", 200)
    world.hold("pay")
    asking = asyncio.create_task(cluster.bus.ask(A, Place("pay signal")))
    while await world.entered.get() != "pay":
        """What was entered before."""
    await cluster.bus.ask(A, Approve("ann", 2))
    with pytest.raises(QuotaExceeded):
        await cluster.bus.ask(A, Approve("ann", 2))
    await cluster.bus.ask(A, Approve("bob", 1))
    world.let("pay")
    assert await asking == "pay ok, by ann"


async def test_a_flow_that_kills_its_hosts_is_given_up(
    cluster: InProcessCluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "ATTEMPTS_LIMIT", 3)
    monkeypatch.setattr(journal, "NOTE_EVERY", 1)
    world.hold("pay", "ship")
    asking = asyncio.create_task(cluster.bus.ask(A, Place("pay ship"), timeout_s=30))
    for _ in range(2):
        await world.entered.get()
        await restart(cluster)
    world.let("pay")
    assert [await world.entered.get() for _ in range(2)] == ["pay", "ship"]
    for _ in range(3):
        await restart(cluster)
        assert await world.entered.get() == "ship", "it got somewhere in between"
    await restart(cluster)
    assert (await asking).startswith("unavailable")


async def test_a_flow_without_its_context_is_refused_at_import() -> None:
    with pytest.raises(ConfigurationError, match="FlowContext"):

        @entity("wrong")
        class Wrong(Entity[Order.handlers.state]):
            @flow()
            async def go(self, plan: str) -> str:
                return plan
