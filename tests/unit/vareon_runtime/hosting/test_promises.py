"""Turns keep the engine's promises, on the real classes in one process."""

from __future__ import annotations

import asyncio
import gc

import pytest

from tests.support.bench_entity import (
    Add,
    AddBriefly,
    AddThenFail,
    Gate,
    GetCount,
    Remove,
    SlowlyAdd,
    TakeName,
)
from vareon_runtime.errors import (
    Conflict,
    DeadlineExceeded,
    IdReused,
    InternalError,
    InvalidMessage,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    StoreFailed,
)
from vareon_runtime.hosting import catalog as catalog_module
from vareon_runtime.identity import EntityId, Principal, derived_id
from vareon_runtime.testing import InProcessCluster

A = EntityId("bench", "a")
OTHER = EntityId("bench", "other")
ANN = Principal("ann")


async def test_a_reply_means_that_the_change_survives_a_kill(cluster: InProcessCluster) -> None:
    for expected in range(1, 21):
        assert await cluster.bus.ask(A, Add()) == expected
    await cluster.kill_host()
    await cluster.start_host()
    assert await cluster.bus.ask(A, GetCount()) == 20


async def test_a_repeated_id_changes_nothing_and_returns_the_first_reply(
    cluster: InProcessCluster,
) -> None:
    message_id = cluster.ids.message_id()
    assert await cluster.bus.ask(A, Add(5), message_id=message_id) == 5
    assert await cluster.bus.ask(A, Add(1)) == 6
    assert await cluster.bus.ask(A, Add(5), message_id=message_id) == 5
    await cluster.kill_host()
    await cluster.start_host()
    assert await cluster.bus.ask(A, Add(5), message_id=message_id) == 5
    assert await cluster.bus.ask(A, GetCount()) == 6


async def test_a_repeat_is_known_after_its_entity_forgot_and_left_memory(
    cluster: InProcessCluster,
) -> None:
    message_id = cluster.ids.message_id()
    await cluster.bus.ask(A, Add(5), message_id=message_id)
    assert cluster.host is not None
    (activation,) = cluster.host.catalog
    activation.forget()
    assert await cluster.bus.ask(A, Add(5), message_id=message_id) == 5
    cluster.host.catalog.remove(activation)
    assert await cluster.bus.ask(A, Add(5), message_id=message_id) == 5
    assert await cluster.bus.ask(A, GetCount()) == 5


async def test_an_id_is_bound_to_its_body_and_principal(cluster: InProcessCluster) -> None:
    message_id = derived_id("mine")
    await cluster.bus.ask(A, Add(5), message_id=message_id, principal=ANN)
    with pytest.raises(IdReused):
        await cluster.bus.ask(A, Add(6), message_id=message_id, principal=ANN)
    with pytest.raises(IdReused):
        await cluster.bus.ask(A, Add(5), message_id=message_id, principal=Principal("bob"))
    assert await cluster.bus.ask(A, GetCount()) == 5


@pytest.mark.parametrize(("how", "error"), [("refuse", Conflict), ("crash", InternalError)])
async def test_a_handler_that_fails_leaves_the_state_as_it_was(
    cluster: InProcessCluster, how: str, error: type[Exception]
) -> None:
    await cluster.bus.ask(A, Add(3))
    with pytest.raises(error):
        await cluster.bus.ask(A, AddThenFail(how))
    assert await cluster.bus.ask(A, GetCount()) == 3
    with pytest.raises(error):
        await cluster.bus.ask(OTHER, AddThenFail(how))
    with pytest.raises(NotFound):
        await cluster.bus.ask(OTHER, GetCount())


async def test_turns_of_one_entity_never_overlap(cluster: InProcessCluster, gate: Gate) -> None:
    await cluster.bus.ask(A, Add())
    asks = [asyncio.create_task(cluster.bus.ask(A, SlowlyAdd())) for _ in range(3)]
    await gate.reached.wait()
    assert gate.calls == ["turn"], "the second waits for the first"
    gate.open.set()
    assert sorted(await asyncio.gather(*asks)) == [2, 3, 4]


async def test_a_full_mailbox_refuses_at_once(cluster: InProcessCluster, gate: Gate) -> None:
    await cluster.bus.ask(A, Add())
    first = asyncio.create_task(cluster.bus.ask(A, SlowlyAdd()))
    await gate.reached.wait()
    waiting = [asyncio.create_task(cluster.bus.ask(A, Add())) for _ in range(5)]
    with pytest.raises(Overloaded) as refused:
        while True:
            await asyncio.wait_for(asyncio.shield(cluster.bus.ask(A, Add())), 2.0)
    assert refused.value.retry_after_s
    gate.open.set()
    await asyncio.gather(first, *waiting)


async def test_what_does_not_exist_is_not_found(cluster: InProcessCluster) -> None:
    with pytest.raises(NotFound):
        await cluster.bus.ask(A, GetCount())
    with pytest.raises(NotFound):
        await cluster.bus.ask(EntityId("nothing", "a"), GetCount())
    with pytest.raises(InvalidMessage):
        await cluster.bus.ask(EntityId("bench", "x" * 300), GetCount())


async def test_what_was_deleted_never_comes_back(cluster: InProcessCluster) -> None:
    await cluster.bus.ask(A, Add())
    assert await cluster.bus.ask(A, Remove())
    for _ in range(2):
        with pytest.raises(NotFound):
            await cluster.bus.ask(A, Add())
        await cluster.kill_host()
        await cluster.start_host()


async def test_a_taken_unique_value_is_a_conflict_and_hurts_nobody_else(
    cluster: InProcessCluster,
) -> None:
    names = ["ann", "ann", "bob", "ann", "cid"]
    asks = [
        cluster.bus.ask(EntityId("bench", str(number)), TakeName(name))
        for number, name in enumerate(names)
    ]
    outcomes = await asyncio.gather(*asks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(Conflict) == 2
    assert outcomes[2] is True
    assert outcomes[4] is True
    with pytest.raises(NotFound):
        await cluster.bus.ask(EntityId("bench", str(outcomes.index(outcomes[1]))), GetCount())


async def test_only_the_permitted_get_through(cluster: InProcessCluster) -> None:
    await cluster.bus.ask(A, Add())
    with pytest.raises(NotFound):
        await cluster.bus.ask(A, GetCount(), principal=Principal("stranger"))
    with pytest.raises(NotFound):
        async with cluster.bus.subscribe(A, principal=Principal("stranger")) as frames:
            await anext(aiter(frames))


async def test_json_is_taken_and_answered(cluster: InProcessCluster) -> None:
    ask = cluster.bus.ask_json
    assert await ask(A, "Add", b'{"by": 4}', principal=ANN) == b"4"
    assert await ask(A, "Add", b"", principal=ANN) == b"5"
    for body in (b'{"by": "x"}', b'{"up": 1}', b"{", b'{"by": ' + b"[" * 5_000, b"\xff"):
        with pytest.raises(InvalidMessage):
            await ask(A, "Add", body, principal=ANN)
    with pytest.raises(InvalidMessage):
        await ask(A, "Nothing", b"", principal=ANN)


async def test_a_volatile_command_is_not_repeated_after_an_unknown_outcome(
    cluster: InProcessCluster,
) -> None:
    assert await cluster.bus.ask(A, AddBriefly()) == 1
    with pytest.raises(OutcomeUnknown):
        await cluster.bus._ask(A, "AddBriefly", b"\x01\x80", 4, None, None, 2.0, None)
    assert await cluster.bus.ask(A, AddBriefly()) == 2


async def test_a_query_waits_for_the_commit_of_what_it_saw(
    cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.bus.ask(A, Add())
    assert cluster.host is not None
    store = cluster.host.store
    committing, may_commit = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    real = store.commit

    def held(*arguments):
        loop.call_soon_threadsafe(committing.set)
        asyncio.run_coroutine_threadsafe(may_commit.wait(), loop).result()
        return real(*arguments)

    monkeypatch.setattr(store, "commit", held)
    adding = asyncio.create_task(cluster.bus.ask(A, Add()))
    await committing.wait()
    reading = asyncio.create_task(cluster.bus.ask(A, GetCount()))
    done, _ = await asyncio.wait([adding, reading], timeout=0.2)
    may_commit.set()  # before any judgement: a thread waits for it, and the loop for the thread
    assert not done, "neither the reply nor what a query saw of it may leave before the commit"
    assert await asyncio.gather(adding, reading) == [2, 2]


async def test_a_failed_commit_drops_everything_built_on_it(
    cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.bus.ask(A, Add())
    assert cluster.host is not None
    store = cluster.host.store
    real = store.commit

    def broken(*arguments):
        monkeypatch.setattr(store, "commit", real)
        raise StoreFailed("The disk is full.", 1.0)

    monkeypatch.setattr(store, "commit", broken)
    with pytest.raises(StoreFailed):
        await cluster.bus.ask(A, Add(10))
    assert await cluster.bus.ask(A, GetCount()) == 1
    assert await cluster.bus.ask(A, Add()) == 2


async def test_idle_entities_leave_memory_and_come_back(cluster: InProcessCluster) -> None:
    await cluster.bus.ask(A, Add(4))
    assert cluster.host is not None
    cluster.host.catalog.sweep(cluster.clock.monotonic() + 10_000)
    assert len(cluster.host.catalog) == 0
    assert await cluster.bus.ask(A, Add(1)) == 5


async def test_a_turn_that_never_ends_is_stopped(
    cluster: InProcessCluster, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.bus.ask(A, Add(4))
    asking = asyncio.create_task(cluster.bus.ask(A, SlowlyAdd(), timeout_s=0.5))
    await gate.reached.wait()
    assert cluster.host is not None
    cluster.host.catalog.sweep(cluster.clock.monotonic() + catalog_module.TURN_LIMIT_S + 1)
    assert await cluster.bus.ask(A, Add(1)) == 5
    with pytest.raises(DeadlineExceeded):
        await asking


async def test_asking_without_a_host_ends_at_its_deadline(cluster: InProcessCluster) -> None:
    await cluster.kill_host()
    with pytest.raises(DeadlineExceeded):
        await cluster.bus.ask(A, Add(), timeout_s=0.2)


async def test_nothing_is_left_behind_by_many_asks(cluster: InProcessCluster) -> None:
    await asyncio.gather(
        *(cluster.bus.ask(A, GetCount()) for _ in range(3)), return_exceptions=True
    )
    await asyncio.gather(
        *(cluster.bus.ask(EntityId("bench", str(n % 50)), Add()) for n in range(200))
    )
    gc.collect()
    assert cluster.host is not None
    assert cluster.router.status()["pending"] == 0
    assert not cluster.bus._asks
    assert not cluster.host._last
    assert all(activation.idle for activation in cluster.host.catalog)


@pytest.mark.parametrize("way", ["router", "loopback", "front door dies"])
async def test_a_volatile_message_is_not_handled_once_its_caller_hung_up(
    cluster: InProcessCluster, gate: Gate, way: str
) -> None:
    await cluster.bus.ask(A, Add())
    slow = asyncio.create_task(cluster.bus.ask(A, SlowlyAdd()))
    await gate.reached.wait()
    assert cluster.host is not None
    host = cluster.host
    bus = host.bus if way == "loopback" else cluster.bus
    if way == "front door dies":
        bus = cluster._new_bus("other", "front_door")
        await bus.start()
        await bus.wait_connected(5)
    briefly = asyncio.create_task(bus.ask(A, AddBriefly(10)))
    lasting = asyncio.create_task(bus.ask(A, Add(100)))
    while len(host.catalog.get(A).mailbox or ()) < 2:
        await asyncio.sleep(0)
    if way == "front door dies":
        await bus.cut()
    briefly.cancel()
    lasting.cancel()
    await asyncio.gather(briefly, lasting, return_exceptions=True)
    while len(host.hung_up) < 2:
        await asyncio.sleep(0)
    gate.open.set()
    await slow
    assert await cluster.bus.ask(A, GetCount()) == 102, "what is durable is done all the same"
    host.hung_up.sweep(cluster.clock.monotonic() + 61)
    assert not len(host.hung_up)
