"""What may or may not have been done or stored: at most once, commits of unknown outcome."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.support.flow_checks import A, journaled, restart, status
from tests.support.flow_entity import (
    NOTHING_HAPPENED,
    PERHAPS,
    Abort,
    Approve,
    Begin,
    Deliver,
    GetEnds,
    Linger,
    Order,
    Place,
    Relay,
    Stock,
    World,
)
from tests.support.stubborn import ForgetfulStore
from vareon_runtime.errors import DeadlineExceeded, StoreFailed, VareonError
from vareon_runtime.hosting import effect_life
from vareon_runtime.hosting.effect_life import JOURNAL, SIGNALS
from vareon_runtime.hosting.effects import EffectRunner
from vareon_runtime.storage.ports import Unit
from vareon_runtime.testing import InProcessCluster


@pytest.fixture
async def world() -> World:
    return World()


@pytest.fixture
def store() -> ForgetfulStore:
    return ForgetfulStore()


@pytest.fixture
async def cluster(
    tmp_path: Path, world: World, store: ForgetfulStore
) -> AsyncIterator[InProcessCluster]:
    async with InProcessCluster(tmp_path, [Order, Stock], {World: world}, store=store) as running:
        yield running


async def test_an_at_most_once_effect_is_not_done_again_after_a_kill(
    cluster: InProcessCluster, world: World, store: ForgetfulStore
) -> None:
    world.hold("hand out-done")
    asking = asyncio.create_task(cluster.bus.ask(A, Deliver()))
    assert [await world.entered.get() for _ in range(2)] == ["hand out", "hand out-done"]
    await restart(cluster)
    assert (await asking).startswith("unknown: Its host died")
    assert world.names() == ["hand out"]
    assert not store.find(JOURNAL, {}), "its mark goes with it"


async def test_one_that_had_not_begun_is_done_by_the_next_host(
    cluster: InProcessCluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        begun = asyncio.Event()
        patched.setattr(EffectRunner, "start", lambda *_: begun.set())
        asking = asyncio.create_task(cluster.bus.ask(A, Deliver()))
        await begun.wait()
        await restart(cluster)
    assert await asking == "hand out ok"
    assert world.names() == ["hand out"]


@pytest.mark.parametrize(("error", "calls"), [(NOTHING_HAPPENED, 2), (PERHAPS, 1)])
async def test_it_is_tried_again_only_if_nothing_happened(
    cluster: InProcessCluster, world: World, error: VareonError, calls: int
) -> None:
    world.errors["hand out"] = [error]
    told = await cluster.bus.ask(A, Deliver())
    assert told == ("hand out ok" if calls == 2 else f"{PERHAPS.code}: {PERHAPS.detail}")
    assert world.names() == ["hand out"] * calls


async def test_a_result_that_was_not_stored_is_given_again_without_doing_it_again(
    cluster: InProcessCluster, world: World, store: ForgetfulStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = ForgetfulStore.commit

    def refused(self: ForgetfulStore, units: list[Unit], now_ms: int) -> list[VareonError | None]:
        if any(unit.finished is not None for unit in units):
            monkeypatch.setattr(ForgetfulStore, "commit", commit)
            raise StoreFailed("The disk is full.")
        return commit(self, units, now_ms)

    monkeypatch.setattr(ForgetfulStore, "commit", refused)
    message_id = cluster.ids.message_id()
    with pytest.raises(StoreFailed):
        await cluster.bus.ask(A, Deliver(), message_id=message_id)
    assert await cluster.bus.ask(A, Deliver(), message_id=message_id) == "hand out ok"
    assert world.names() == ["hand out"]


@pytest.mark.parametrize(
    ("what", "picks"),
    [
        ("the start", lambda unit: bool(unit.effects)),
        ("a step", lambda unit: any(row.table is JOURNAL for row in unit.rows)),
        ("the end", lambda unit: unit.finished is not None),
    ],
)
async def test_a_commit_of_unknown_outcome_is_found_out(
    cluster: InProcessCluster,
    world: World,
    store: ForgetfulStore,
    what: str,
    picks: Callable[[Unit], bool],
) -> None:
    store.loses = picks
    message_id = cluster.ids.message_id()
    async with asyncio.timeout(10):
        try:
            told = await cluster.bus.ask(A, Place("pay ship"), message_id=message_id)
        except StoreFailed:
            told = await cluster.bus.ask(A, Place("pay ship"), message_id=message_id)
    assert told == "pay ok, ship ok"
    assert store.forgot == 1
    effects = cluster.host.effects if cluster.host is not None else None
    while effects is not None and effects.unsettled:
        await asyncio.sleep(0.002)
    assert await cluster.bus.ask(A, GetEnds()) == 1
    assert world.names() == ["pay", "ship"]
    assert not store.find(JOURNAL, {})


@pytest.mark.parametrize("message", [Approve("ann"), Abort()])
async def test_what_a_flow_was_told_in_a_commit_of_unknown_outcome_reaches_it(
    cluster: InProcessCluster, world: World, store: ForgetfulStore, message: Approve | Abort
) -> None:
    world.hold("refund")
    await cluster.bus.ask(A, Begin("pay signal"))
    await journaled(cluster, 1)
    store.loses = lambda unit: any(row.table is SIGNALS for row in unit.rows)
    with pytest.raises(StoreFailed):
        await cluster.bus.ask(A, message)
    if isinstance(message, Abort):
        assert [await world.entered.get() for _ in range(2)] == ["pay", "refund"]
        world.let("refund")
    await status(cluster, "pay ok, by ann" if isinstance(message, Approve) else "cancelled")


async def test_a_signal_in_a_commit_of_unknown_outcome_is_counted_until_it_is_taken(
    cluster: InProcessCluster, store: ForgetfulStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effect_life, "SIGNALS_LIMIT", 1)
    await cluster.bus.ask(A, Begin("signal signal"))
    store.loses = lambda unit: any(row.table is SIGNALS for row in unit.rows)
    with pytest.raises(StoreFailed):
        await cluster.bus.ask(A, Approve("ann"))
    await journaled(cluster, 1)
    await cluster.bus.ask(A, Approve("bob"))
    await status(cluster, "by ann, by bob")


async def test_a_stopped_effect_stays_stopped_through_a_kill(
    cluster: InProcessCluster, world: World, store: ForgetfulStore
) -> None:
    world.hold("linger", "stop")
    await cluster.bus.ask(A, Linger())
    assert await world.entered.get() == "linger"
    await cluster.bus.ask(A, Abort())
    assert await world.entered.get() == "stop", "it takes its time"
    await restart(cluster)
    await status(cluster, "cancelled")
    assert world.entered.empty(), "it is not begun again"
    assert not store.find(SIGNALS, {})


async def test_an_effect_passes_on_its_callers_deadline_and_the_epoch(
    cluster: InProcessCluster, world: World
) -> None:
    before = cluster.clock.time()
    deadline, given, epoch = await cluster.bus.ask(A, Relay(), timeout_s=30)
    assert before + 29 < given <= deadline + 0.001
    assert deadline < before + 31
    await restart(cluster)
    later = await cluster.bus.ask(A, Relay(), timeout_s=30)
    assert later[2] > epoch, "a new owner has a higher one"


async def test_accepted_work_goes_on_after_its_caller_gave_up(
    cluster: InProcessCluster, world: World
) -> None:
    world.hold("deadline")
    message_id = cluster.ids.message_id()
    with pytest.raises(DeadlineExceeded):
        await cluster.bus.ask(A, Relay(), message_id=message_id, timeout_s=0.3)
    assert await world.entered.get() == "deadline"
    world.let("deadline")
    assert (await cluster.bus.ask(A, Relay(), message_id=message_id))[1] > 0
    await status(cluster, "asked")
