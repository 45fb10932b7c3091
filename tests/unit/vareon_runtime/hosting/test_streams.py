"""What readers of an entity are shown, on the real classes in one process."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.bench_entity import Gate, Remove, Spoken, Start
from vareon_runtime.entity import Delta, Position, Reset
from vareon_runtime.errors import NotFound
from vareon_runtime.identity import EntityId
from vareon_runtime.testing import InProcessCluster

A = EntityId("bench", "a")


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


async def _subscribed(cluster: InProcessCluster) -> None:
    """Wait until a reader has found its way through the present router and host."""
    async with asyncio.timeout(5):
        while True:
            pending = list(cluster.router._pending.values())
            host = cluster.host
            if pending and host and any(feed.subscribers for feed in host.audience._feeds.values()):
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
