"""The engine's promises, on the real classes in one process."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.bench_entity import (
    Add,
    AddBriefly,
    AddThenFail,
    Bench,
    Delegate,
    Flaky,
    Gate,
    GetCount,
    Remove,
    SlowlyAdd,
    Spoken,
    Start,
    Stop,
    TakeName,
)
from vareon_runtime.entity import Delta, Position, Reset
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
    UpstreamTimeout,
)
from vareon_runtime.hosting import catalog as catalog_module
from vareon_runtime.identity import EntityId, Principal, derived_id
from vareon_runtime.testing import InProcessCluster

A = EntityId("bench", "a")
OTHER = EntityId("bench", "other")
ANN = Principal("ann")


@pytest.fixture
async def gate() -> Gate:
    return Gate()


@pytest.fixture
async def cluster(tmp_path: Path, gate: Gate) -> AsyncIterator[InProcessCluster]:
    async with InProcessCluster(tmp_path, [Bench], {Gate: gate}) as running:
        yield running


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


async def test_a_later_turn_answers_and_the_effect_is_found_after_a_kill(
    cluster: InProcessCluster, gate: Gate
) -> None:
    asking = asyncio.create_task(cluster.bus.ask(A, Delegate()))
    await gate.reached.wait()
    await cluster.kill_host()
    gate.reached.clear()
    await cluster.start_host()
    await gate.reached.wait()
    gate.open.set()
    assert await asking == "attempt 2, other 1"
    assert gate.calls == ["work", "work"]
    await cluster.kill_host()
    await cluster.start_host()
    assert cluster.host is not None
    assert cluster.host.status()["effects_started"] == 0, "a finished effect is not run again"


async def test_an_ask_of_a_rerun_effect_is_not_done_twice(
    cluster: InProcessCluster, gate: Gate
) -> None:
    gate.open.set()
    assert await cluster.bus.ask(A, Delegate()) == "attempt 1, other 1"
    connection = sqlite3.connect(cluster.path)
    ids = connection.execute("SELECT message_id FROM inbox WHERE key = 'other'").fetchall()
    connection.close()
    assert len(ids) == 1
    assert ids[0][0][6] >> 4 == 8, "the id is derived, not drawn"


async def test_an_effect_that_fails_answers_its_caller(
    cluster: InProcessCluster, gate: Gate
) -> None:
    gate.open.set()
    message_id = cluster.ids.message_id()
    for _ in range(2):
        with pytest.raises(InvalidMessage, match="cannot be done"):
            await cluster.bus.ask(A, Delegate(fails=True), message_id=message_id)
    assert gate.calls == ["work"]


async def test_an_effect_is_retried_as_its_policy_says(
    cluster: InProcessCluster, gate: Gate
) -> None:
    assert await cluster.bus.ask(A, Flaky(failures=2)) == 3
    gate.calls.clear()
    with pytest.raises(UpstreamTimeout):
        await cluster.bus.ask(OTHER, Flaky(failures=9))
    assert len(gate.calls) == 3


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
    store = cluster.host._store
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
    assert not done, "neither the reply nor what a query saw of it may leave before the commit"
    may_commit.set()
    assert await asyncio.gather(adding, reading) == [2, 2]


async def test_a_failed_commit_drops_everything_built_on_it(
    cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.bus.ask(A, Add())
    assert cluster.host is not None
    store = cluster.host._store
    real = store.commit

    def broken(*arguments):
        monkeypatch.setattr(store, "commit", real)
        raise StoreFailed("The disk is full.", 1.0)

    monkeypatch.setattr(store, "commit", broken)
    with pytest.raises(StoreFailed):
        await cluster.bus.ask(A, Add(10))
    assert await cluster.bus.ask(A, GetCount()) == 1
    assert await cluster.bus.ask(A, Add()) == 2


async def test_readers_see_a_stream_from_wherever_they_are(
    cluster: InProcessCluster, gate: Gate
) -> None:
    await cluster.bus.ask(A, Start("s"))
    await gate.reached.wait()
    whole, seen = "try 1: one two", "try 1: "
    async with (
        cluster.bus.subscribe(A) as fresh,
        cluster.bus.subscribe(A, position=Position("s", 1, len(seen))) as resumed,
        cluster.bus.subscribe(A, position=Position("s", 7, 3)) as other,
    ):
        first = await anext(aiter(resumed))
        gate.open.set()
        assert await _text(fresh) == (whole, [])
        assert seen + first.text + (await _text(resumed))[0] == whole
        text, resets = await _text(other)
        assert (text, resets) == (whole, [1])


async def test_a_killed_host_means_a_reset_and_a_new_generation(
    cluster: InProcessCluster, gate: Gate
) -> None:
    async with cluster.bus.subscribe(A) as early:
        with pytest.raises(NotFound):
            await anext(aiter(early))
    await cluster.bus.ask(A, Start("s"))
    async with cluster.bus.subscribe(A) as frames:
        first = await anext(aiter(frames))
        assert first.generation == 1
        await cluster.kill_host()
        reading = asyncio.create_task(_text(frames))
        await cluster.start_host()
        await _subscribed(cluster)
        gate.open.set()
        text, resets = await reading
        assert resets == [2]
        assert text == "try 2: one two"


async def test_a_lost_router_costs_a_reader_nothing(cluster: InProcessCluster, gate: Gate) -> None:
    await cluster.bus.ask(A, Start("s"))
    async with cluster.bus.subscribe(A) as frames:
        text = (await anext(aiter(frames))).text
        await cluster.restart_router()
        reading = asyncio.create_task(_text(frames))
        await _subscribed(cluster)
        gate.open.set()
        rest, resets = await reading
        assert not resets
        assert text + rest == "try 1: one two"


async def test_a_stopped_effect_tells_its_entity(cluster: InProcessCluster, gate: Gate) -> None:
    await cluster.bus.ask(A, Start("s"))
    await gate.reached.wait()
    async with cluster.bus.subscribe(A) as frames:
        await cluster.bus.ask(A, Stop())
        async for frame in frames:
            if isinstance(frame, Spoken):
                assert frame.text == "failed: cancelled"
                break


async def test_deleting_an_entity_stops_its_effects_and_readers(
    cluster: InProcessCluster, gate: Gate
) -> None:
    await cluster.bus.ask(A, Start("s"))
    await gate.reached.wait()
    async with cluster.bus.subscribe(A) as frames:
        await cluster.bus.ask(A, Remove())
        with pytest.raises(NotFound):
            while True:
                await anext(aiter(frames))
    assert cluster.host is not None
    while cluster.host.status()["effects_running"]:
        await asyncio.sleep(0.01)
    assert cluster.host.status()["subscribers"] == 0


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


async def _subscribed(cluster: InProcessCluster) -> None:
    """Wait until a reader has found its way through the present router and host."""
    async with asyncio.timeout(5):
        while True:
            pending = list(cluster.router._pending.values())
            host = cluster.host
            if pending and host and any(feed.subscribers for feed in host._feeds.values()):
                return
            await asyncio.sleep(0.005)


async def _text(frames) -> tuple[str, list[int]]:
    text, resets = "", []
    async for frame in frames:
        if isinstance(frame, Delta):
            text += frame.text
        elif isinstance(frame, Reset):
            text = ""
            resets.append(frame.generation)
        elif isinstance(frame, Spoken):
            return text, resets
    return text, resets


async def test_a_result_that_cannot_be_taken_goes_to_the_one_who_takes_failures(
    cluster: InProcessCluster, gate: Gate
) -> None:
    await cluster.bus.ask(A, Start("unheard"))
    await gate.reached.wait()
    async with cluster.bus.subscribe(A) as frames:
        await anext(aiter(frames))
        gate.open.set()
        async for frame in frames:
            if isinstance(frame, Spoken):
                assert frame.text == "failed: internal"
                break
    assert cluster.host is not None
    assert not cluster.host.effects.running


async def test_every_stream_that_ended_while_the_reader_was_away_is_told(
    cluster: InProcessCluster, gate: Gate
) -> None:
    await cluster.bus.ask(A, Start("s"))
    await gate.reached.wait()
    async with cluster.bus.subscribe(A) as frames:
        frames._open = {"s": Position("s", 1, 0), "t": Position("t", 1, 0)}
        await cluster.restart_router()
        gate.open.set()
        assert cluster.host is not None
        async with asyncio.timeout(5):
            while cluster.host.effects.running or cluster.host._last:
                await asyncio.sleep(0.005)
        told = set()
        async for frame in frames:
            if isinstance(frame, Spoken):
                told.add(frame.stream)
            if told == {"s", "t"}:
                break
