"""Waits that can never end are refused by name; calls back are answered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from vareon_runtime.entity import (
    Context,
    EffectContext,
    Entity,
    Later,
    Request,
    State,
    command,
    effect,
    entity,
)
from vareon_runtime.entity.handlers import query
from vareon_runtime.envelope import Wait
from vareon_runtime.errors import CircularWait
from vareon_runtime.identity import EntityId
from vareon_runtime.testing import InProcessCluster


class PeerState(State):
    calls: int = 0


class Call(Request[int]):
    """Ask the named peer, who asks back so many times."""

    peer: str
    rounds: int = 0


class Look(Request[int]): ...


class Hold(Request[int]): ...


HELD = asyncio.Event()


@entity("peer")
class Peer(Entity[PeerState]):
    @command(creates=True)
    async def call(self, message: Call, context: Context) -> Later[int]:
        self.state.calls += 1
        return context.after(self.ask(message.peer, message.rounds), then=self.told)

    @effect()
    async def ask(self, peer: str, rounds: int, context: EffectContext) -> int:
        other = EntityId.parse(peer)
        if not rounds:
            return await context.ask(other, Look())
        return await context.ask(other, Call(str(context.entity_id), rounds - 1))

    async def told(self, result: int, context: Context) -> int:
        return result + 1

    @command(creates=True)
    async def hold(self, message: Hold, context: Context) -> Later[int]:
        return context.after(self.wait(), then=self.told)

    @effect()
    async def wait(self) -> int:
        await HELD.wait()
        return 0

    @query(creates=True)
    async def look(self, message: Look, context: Context) -> int:
        return self.state.calls


A, B = EntityId("peer", "a"), EntityId("peer", "b")


async def test_a_call_back_into_a_waiting_entity_is_answered(tmp_path: Path) -> None:
    async with InProcessCluster(tmp_path, [Peer]) as cluster:
        assert await cluster.bus.ask(A, Call("peer/b", 0)) == 1
        assert await cluster.bus.ask(A, Call("peer/b", 3)) == 7


async def test_asking_in_rounds_without_an_end_is_refused_by_name(tmp_path: Path) -> None:
    async with InProcessCluster(tmp_path, [Peer]) as cluster:
        with pytest.raises(CircularWait, match=r"peer/a → peer/b"):
            await cluster.bus.ask(A, Call("peer/b", 10_000), timeout_s=60.0)


async def test_waiting_for_what_waits_for_oneself_is_refused_by_name(tmp_path: Path) -> None:
    HELD.clear()
    async with InProcessCluster(tmp_path, [Peer]) as cluster:
        message_id = cluster.ids.message_id()
        first = asyncio.create_task(cluster.bus.ask(A, Hold(), message_id=message_id))
        repeat = asyncio.create_task(cluster.bus.ask(A, Hold(), message_id=message_id))
        assert cluster.host is not None
        while not cluster.host.effects.running:
            await asyncio.sleep(0)
        chain = (Wait(A, message_id), Wait(B, cluster.ids.message_id()))
        with pytest.raises(CircularWait, match=r"peer/a → peer/b → peer/a"):
            await cluster.bus.ask(A, Hold(), message_id=message_id, waits=chain)
        HELD.set()
        assert await asyncio.gather(first, repeat) == [1, 1]
