"""A reader that is slow costs little anywhere, harms nobody, and can go on where it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.bench_entity import Gate
from vareon_runtime.entity import (
    Context,
    Delta,
    EffectContext,
    Entity,
    Event,
    Position,
    Request,
    Reset,
    State,
    command,
    effect,
    entity,
)
from vareon_runtime.errors import Overloaded
from vareon_runtime.hosting.feed import FACTS_LIMIT, PIECE
from vareon_runtime.identity import EntityId
from vareon_runtime.routing.subscription import WINDOW, LinkSubscription
from vareon_runtime.testing import InProcessCluster

A, B = EntityId("talker", "a"), EntityId("talker", "b")
TEXT = "0123456789abcdef" * 1024
PIECES = 256
WHOLE = TEXT * PIECES
ON_THE_WAY = WINDOW + 2 * PIECE
"""What credit lets out, and the piece that used it up."""


class TalkerState(State):
    told: int = 0


class Talk(Request[bool]):
    pass


class TellMany(Request[bool]):
    count: int


class Told(Event):
    number: int
    text: str


class Ended(Event):
    stream: str

    def ends(self) -> str:
        return self.stream


@entity("talker")
class Talker(Entity[TalkerState]):
    """Talks a lot."""

    @command(creates=True)
    async def talk(self, message: Talk, context: Context) -> bool:
        context.start(self.speak(), then=self.spoke)
        return True

    @effect()
    async def speak(self, context: EffectContext) -> int:
        for _ in range(PIECES):
            context.write("s", TEXT)
            await asyncio.sleep(0)
        await context.resource(Gate).pass_through("spoken")
        return PIECES

    async def spoke(self, count: int, context: Context) -> None:
        context.emit(Ended("s"))

    @command(creates=True)
    async def tell_many(self, message: TellMany, context: Context) -> bool:
        for _ in range(message.count):
            self.state.told += 1
            context.emit(Told(self.state.told, TEXT))
        return True


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def cluster(tmp_path: Path, gate: Gate) -> AsyncIterator[InProcessCluster]:
    async with InProcessCluster(tmp_path, [Talker], {Gate: gate}) as running:
        yield running


async def whole(reader: LinkSubscription, shown: str = "") -> str:
    """Read until everything was shown."""
    async for frame in reader:
        if isinstance(frame, Reset):
            shown = ""
        elif isinstance(frame, Delta):
            shown += frame.text
            assert frame.offset == len(shown)
        if len(shown) == len(WHOLE):
            return shown
    raise AssertionError("it ended too early")


def arrived(reader: LinkSubscription) -> int:
    return sum(len(payload) for _, payload in reader._arrived)


async def test_without_reading_it_costs_one_window_and_delays_nobody(
    cluster: InProcessCluster, gate: Gate
) -> None:
    """In the host, on every link, and where it should be read; others of its link go on."""
    await cluster.bus.ask(A, TellMany(count=0))
    host = cluster.host
    assert host is not None
    async with cluster.bus.subscribe(A) as slow, cluster.bus.subscribe(A) as quick:
        await cluster.bus.probe()
        reading = asyncio.create_task(whole(quick))
        await cluster.bus.ask(A, Talk())
        assert await reading == WHOLE
        assert arrived(slow) <= ON_THE_WAY
        queued = [link.queued_bytes for link in cluster._links]
        assert max(queued) <= ON_THE_WAY
        (held,) = (s for s in host.audience.feed(A).subscribers if s._waiting)
        assert len(held._waiting) == 1, "it is a position, not a queue"
        assert await whole(slow) == WHOLE
    gate.open.set()


async def test_streams_that_alternate_are_one_position_each(cluster: InProcessCluster) -> None:
    """However often they take turns while nobody reads."""
    await cluster.bus.ask(A, TellMany(count=0))
    host = cluster.host
    assert host is not None
    async with cluster.bus.subscribe(A) as slow:
        await cluster.bus.probe()
        feed = host.audience.feed(A)
        for _ in range(2 * FACTS_LIMIT):
            feed.write("one", 1, b"1", "x" * 2048)
            feed.write("two", 1, b"2", "y" * 2048)
        (held,) = feed.subscribers
        assert len(held._waiting) == 2
        shown = {"one": 0, "two": 0}
        async for frame in slow:
            assert isinstance(frame, Delta)
            shown[frame.stream] = frame.offset
            if set(shown.values()) == {2 * FACTS_LIMIT * 2048}:
                break


async def test_too_many_unread_facts_close_it_and_its_position_leads_on(
    cluster: InProcessCluster, gate: Gate
) -> None:
    """It is told so after what it was owed, and misses nothing of the stream."""
    await cluster.bus.ask(A, Talk())
    await gate.reached.wait()
    async with cluster.bus.subscribe(A) as slow:
        first = await anext(slow)
        assert isinstance(first, Delta)
        for _ in range(FACTS_LIMIT // 16 + 1):
            await cluster.bus.ask(A, TellMany(count=16))
        shown, at = first.text, first
        with pytest.raises(Overloaded):
            async for frame in slow:
                if isinstance(frame, Delta):
                    shown, at = shown + frame.text, frame
    assert len(shown) < len(WHOLE)
    position = Position("s", at.generation, at.offset)
    async with cluster.bus.subscribe(A, position=position) as again:
        assert await whole(again, shown) == WHOLE
    gate.open.set()


async def test_a_slow_reader_goes_on_in_the_next_life_of_the_host(
    cluster: InProcessCluster, gate: Gate
) -> None:
    """The stream begins again under a new generation, and the reader is told."""
    await cluster.bus.ask(A, TellMany(count=0))
    async with cluster.bus.subscribe(A) as slow:
        await cluster.bus.probe()
        await cluster.bus.ask(A, Talk())
        await gate.reached.wait()
        assert isinstance(await anext(slow), Delta)
        await cluster.kill_host()
        gate.reached.clear()
        await cluster.start_host()
        await gate.reached.wait()
        shown, generations = "", []
        async for frame in slow:
            if isinstance(frame, Reset):
                generations.append(frame.generation)
                shown = ""
            elif isinstance(frame, Delta):
                shown = (shown + frame.text)[-frame.offset :]
                if generations and frame.offset == len(WHOLE):
                    break
        assert generations == [2]
        assert shown == WHOLE
    gate.open.set()


async def test_a_stream_writes_no_rows_and_asks_nobody(
    cluster: InProcessCluster, gate: Gate
) -> None:
    """One unit begins it and one ends it, however long it is."""
    await cluster.bus.ask(A, Talk())
    host = cluster.host
    assert host is not None
    units = host.committer.units
    await gate.reached.wait()
    assert host.committer.units == units
    async with cluster.bus.subscribe(A) as reader:
        await whole(reader)
        gate.open.set()
        async for frame in reader:
            if isinstance(frame, Ended):
                break
    assert host.committer.units == units + 1
