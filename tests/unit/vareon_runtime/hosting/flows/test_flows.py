"""Flows go on where they were, do nothing twice, and can be told things and stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import pytest

from tests.support.flow_checks import A, journaled, restart, rows_left, status
from tests.support.flow_entity import (
    NOTHING_HAPPENED,
    PERHAPS,
    STOCK,
    Abort,
    Approve,
    Begin,
    Place,
    World,
)
from tests.support.stubborn import ShiftedClock
from vareon_runtime.errors import (
    NotFound,
    StoreFailed,
    Unavailable,
    VareonError,
)
from vareon_runtime.hosting.effect_life import JOURNAL
from vareon_runtime.hosting.effects import EffectRunner
from vareon_runtime.placement import shard_of
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import Unit
from vareon_runtime.storage.sqlite import SqliteStore
from vareon_runtime.testing import InProcessCluster


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


@pytest.mark.parametrize(
    ("plan", "told", "calls"),
    [
        ("pay ship", "pay ok, ship ok", ["pay", "pay", "ship"]),
        ("once:pay ship", "unknown: ", ["pay"]),
    ],
)
async def test_a_step_cut_off_after_its_outside_call_repeats_it_with_its_key_unless_it_must_not(
    cluster: InProcessCluster, world: World, plan: str, told: str, calls: list[str]
) -> None:
    world.hold("pay-done")
    asking = asyncio.create_task(cluster.bus.ask(A, Place(plan)))
    assert [await world.entered.get() for _ in range(2)] == ["pay", "pay-done"]
    await restart(cluster)
    world.let("pay-done")
    assert (await asking).startswith(told)
    assert world.names() == calls
    assert len({key for name, key in world.calls if name == "pay"}) == 1
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


async def test_an_ask_is_repeated_under_its_id_while_the_other_side_cannot_commit(
    cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cluster.host is not None
    store, refused = cluster.host.store, []
    commit = store.commit

    def full(units: Sequence[Unit], now_ms: int) -> Any:
        if len(refused) < 2 and any(unit.target == STOCK for unit in units):
            refused.append(units)
            raise StoreFailed("The disk is full.")
        return commit(units, now_ms)

    monkeypatch.setattr(store, "commit", full)
    assert await cluster.bus.ask(A, Place("stock stock")) == "taken 1, taken 2"
    assert len(refused) == 2


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


async def test_a_flow_is_not_over_while_its_host_does_not_know_yet_what_runs(
    cluster: InProcessCluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.bus.ask(A, Begin("signal ship"))
    await cluster.kill_host()
    known, take_up = asyncio.Event(), EffectRunner.take_up

    async def later(effects: EffectRunner, shards: Collection[int]) -> None:
        await known.wait()
        await take_up(effects, shards)

    monkeypatch.setattr(EffectRunner, "take_up", later)
    starting = asyncio.create_task(cluster.start_host())
    await status(cluster, "")
    approving = asyncio.create_task(cluster.bus.ask(A, Approve("ann"), timeout_s=30))
    await status(cluster, "")
    assert not approving.done()
    known.set()
    await starting
    assert await approving
    assert await world.entered.get() == "ship"


async def test_a_flow_that_left_with_its_shard_is_not_taken_for_over(
    cluster: InProcessCluster, world: World
) -> None:
    flow_id = await cluster.bus.ask(A, Begin("signal ship"))
    host = cluster.host
    assert host is not None
    host.ownership.leaving = frozenset({shard_of(A)})
    host.effects.hand_over(host.ownership.leaving)
    while host.effects.running:
        await asyncio.sleep(0.005)
    with pytest.raises(Unavailable):
        host.effects.signalling(A, flow_id, "approved", None, 0, new=False)
    with pytest.raises(Unavailable):
        host.effects.cancelling(A, flow_id, new=False)


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


@pytest.mark.parametrize(
    ("plan", "later_s", "told"),
    [
        ("patience pay", 61, "deadline_exceeded: Nobody said 'approved'"),
        ("pay signal", 10_001, "deadline_exceeded: The flow"),
    ],
)
async def test_a_deadline_holds_through_restarts(
    cluster: InProcessCluster, clock: ShiftedClock, plan: str, later_s: float, told: str
) -> None:
    asking = asyncio.create_task(cluster.bus.ask(A, Place(plan), timeout_s=20_000))
    await journaled(cluster, 1)
    clock.shift_s += later_s
    await restart(cluster)
    assert (await asking).startswith(told)
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
