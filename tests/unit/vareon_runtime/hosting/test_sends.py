"""One-way messages between entities: all of them, once each, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from vareon_runtime.entity import Context, Entity, Event, Message, Request, State, command, entity
from vareon_runtime.entity.handlers import query
from vareon_runtime.errors import InvalidMessage, StoreFailed
from vareon_runtime.hosting import outbox as outbox_module
from vareon_runtime.hosting import sends as sends_module
from vareon_runtime.identity import SHARDS, EntityId
from vareon_runtime.placement import shard_of
from vareon_runtime.storage.memory import MemoryDatabase, MemoryStore
from vareon_runtime.storage.tables import DeadLetterRow, OutboxRow
from vareon_runtime.testing import InProcessCluster


class SenderState(State):
    sent: int = 0


class ReceiverState(State):
    got: tuple[int, ...] = ()
    heard: tuple[str, ...] = ()
    tries: int = 0


class SendMany(Request[int]):
    to: str
    count: int = 1
    fail: bool = False


class Deliver(Message):
    number: int


class Got(Request[tuple[int, ...]]): ...


class Heard(Request[tuple[str, ...]]): ...


class Join(Request[None]):
    topic: str = ""


class Leave(Request[None]): ...


class Announce(Request[None]):
    text: str
    topic: str = ""


class Announced(Event):
    text: str


@entity("sender")
class Sender(Entity[SenderState]):
    @command(creates=True)
    async def send_many(self, message: SendMany, context: Context) -> int:
        for _ in range(message.count):
            self.state.sent += 1
            context.send(EntityId.parse(message.to), Deliver(self.state.sent))
        if message.fail:
            raise InvalidMessage("Not today.")
        return self.state.sent

    @command(creates=True)
    async def announce(self, message: Announce, context: Context) -> None:
        context.publish(Announced(message.text), message.topic or None)


BROKEN: dict[int, int] = {}
"""Numbers that a receiver fails to handle, and how often."""


@entity("receiver")
class Receiver(Entity[ReceiverState]):
    @command(creates=True)
    async def deliver(self, message: Deliver, context: Context) -> None:
        if BROKEN.get(message.number, 0) > 0:
            BROKEN[message.number] -= 1
            raise RuntimeError("broken")
        assert context.sender is not None
        self.state.got = (*self.state.got, message.number)

    @command(creates=True)
    async def join(self, message: Join, context: Context) -> None:
        context.subscribe(message.topic or Announced)

    @command
    async def leave(self, message: Leave, context: Context) -> None:
        context.unsubscribe(Announced)

    @command
    async def announced(self, message: Announced, context: Context) -> None:
        self.state.heard = (*self.state.heard, message.text)

    @query(creates=True)
    async def read(self, message: Got, context: Context) -> tuple[int, ...]:
        return self.state.got

    @query(creates=True)
    async def listen(self, message: Heard, context: Context) -> tuple[str, ...]:
        return self.state.heard


S, R = EntityId("sender", "s"), EntityId("receiver", "r")


@pytest.fixture(params=["memory", "sqlite"])
async def cluster(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[InProcessCluster]:
    monkeypatch.setattr(sends_module, "PAUSE_S", 0.001)
    BROKEN.clear()
    store = MemoryStore(MemoryDatabase()) if request.param == "memory" else None
    async with InProcessCluster(tmp_path, [Sender, Receiver], store=store) as made:
        yield made


async def until(cluster: InProcessCluster, what: Request, target: EntityId, wanted: object) -> None:
    async with asyncio.timeout(10):
        while await cluster.bus.ask(target, what) != wanted:
            await asyncio.sleep(0.005)


def rows(cluster: InProcessCluster, table: object) -> list[dict]:
    assert cluster.host is not None
    return cluster.host.store.find(table.__table__, {})


async def empty(cluster: InProcessCluster) -> None:
    async with asyncio.timeout(10):
        while rows(cluster, OutboxRow):
            await asyncio.sleep(0.005)


async def test_what_a_turn_sends_is_handled_in_order(cluster: InProcessCluster) -> None:
    await cluster.bus.ask(S, SendMany(str(R), 100))
    await cluster.bus.ask(S, SendMany(str(R), 3))
    await until(cluster, Got(), R, tuple(range(1, 104)))
    await empty(cluster)


async def test_a_turn_that_fails_sends_nothing(cluster: InProcessCluster) -> None:
    with pytest.raises(InvalidMessage):
        await cluster.bus.ask(S, SendMany(str(R), 5, fail=True))
    await cluster.bus.ask(S, SendMany(str(R), 1))
    await until(cluster, Got(), R, (1,))


async def test_a_host_killed_at_once_sends_everything_in_its_next_life(
    cluster: InProcessCluster,
) -> None:
    await cluster.bus.ask(S, SendMany(str(R), 50))
    await cluster.kill_host()
    await cluster.start_host()
    await until(cluster, Got(), R, tuple(range(1, 51)))
    await empty(cluster)
    await cluster.kill_host()
    await cluster.start_host()
    assert await cluster.bus.ask(R, Got()) == tuple(range(1, 51))


async def test_a_message_that_is_not_crossed_off_is_not_handled_twice(
    cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module.Outbox, "_confirm", lambda *_: None)
    await cluster.bus.ask(S, SendMany(str(R), 10))
    await until(cluster, Got(), R, tuple(range(1, 11)))
    monkeypatch.undo()
    await cluster.kill_host()
    await cluster.start_host()
    await empty(cluster)
    assert await cluster.bus.ask(R, Got()) == tuple(range(1, 11))


async def test_one_that_fails_is_tried_again_before_those_behind_it(
    cluster: InProcessCluster,
) -> None:
    BROKEN[2] = 2
    await cluster.bus.ask(S, SendMany(str(R), 4))
    await until(cluster, Got(), R, (1, 2, 3, 4))
    assert not rows(cluster, DeadLetterRow)


async def test_one_that_fails_five_times_is_set_aside(cluster: InProcessCluster) -> None:
    BROKEN[2] = 5
    await cluster.bus.ask(S, SendMany(str(R), 4))
    await until(cluster, Got(), R, (1, 3, 4))
    (letter,) = rows(cluster, DeadLetterRow)
    assert (letter["source"], letter["name"], letter["attempts"]) == ("send", "Deliver", 5)
    assert (letter["kind"], letter["sender"], letter["code"]) == (
        "receiver",
        "sender/s",
        "internal",
    )


async def test_one_that_nobody_takes_is_set_aside_at_once(cluster: InProcessCluster) -> None:
    await cluster.bus.ask(S, SendMany("sender/nobody", 1))
    await cluster.bus.ask(S, SendMany("nothing/x", 1))
    async with asyncio.timeout(10):
        while len(letters := rows(cluster, DeadLetterRow)) < 2:
            await asyncio.sleep(0.005)
    assert {letter["attempts"] for letter in letters} == {1}
    await empty(cluster)


async def test_a_commit_that_fails_takes_its_sends_back(
    cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.bus.ask(S, SendMany(str(R), 1))
    assert cluster.host is not None
    store = cluster.host.store
    real = store.commit

    def broken(*arguments):
        monkeypatch.setattr(store, "commit", real)
        raise StoreFailed("The disk is full.", 1.0)

    await until(cluster, Got(), R, (1,))
    await empty(cluster)
    monkeypatch.setattr(store, "commit", broken)
    with pytest.raises(StoreFailed):
        await cluster.bus.ask(S, SendMany(str(R), 2))
    await cluster.bus.ask(S, SendMany(str(R), 1))
    await until(cluster, Got(), R, (1, 2))


async def test_subscribers_hear_what_is_published(cluster: InProcessCluster) -> None:
    other = EntityId("receiver", "other")
    await cluster.bus.ask(R, Join())
    await cluster.bus.ask(other, Join("news"))
    await empty(cluster)
    await cluster.bus.ask(S, Announce("one"))
    await cluster.bus.ask(S, Announce("two"))
    await cluster.bus.ask(S, Announce("extra", "news"))
    await until(cluster, Heard(), R, ("one", "two"))
    await until(cluster, Heard(), other, ("extra",))
    await cluster.bus.ask(R, Leave())
    await empty(cluster)
    await cluster.bus.ask(S, Announce("three"))
    await empty(cluster)
    assert await cluster.bus.ask(R, Heard()) == ("one", "two")


async def test_callers_from_outside_cannot_speak_to_topics(cluster: InProcessCluster) -> None:
    from vareon_runtime.entity.publication import Publish
    from vareon_runtime.errors import NotPermitted

    class Forged(Request[None]): ...

    Forged.__name__ = Publish.__name__
    with pytest.raises((NotPermitted, InvalidMessage)):
        await cluster.bus.ask(EntityId("topic", "news"), Forged())


@pytest.mark.parametrize("cut", [False, True])
async def test_what_an_earlier_owner_left_goes_before_what_is_sent_meanwhile(
    cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch, cut: bool
) -> None:
    """A shard that has just come: its entities send before the rows of earlier sends are read."""
    assert cluster.host is not None
    outbox, shards = cluster.host.outbox, (shard_of(S), (shard_of(S) + 1) % SHARDS)
    if cut:
        monkeypatch.setattr(outbox_module, "READ_LIMIT", 4)
    outbox.gained(shards)
    await cluster.bus.ask(S, SendMany(str(R), 2))
    outbox.hand_over(shards)  # the rows stay, as an owner leaves them that is no more
    outbox.gained(shards)
    await cluster.bus.ask(S, SendMany(str(R), 1))
    assert await cluster.bus.ask(R, Got()) == ()
    await outbox.take_up(shards)
    await until(cluster, Got(), R, (1, 2, 3))
    await empty(cluster)
    assert outbox.waiting == 0


async def test_what_nobody_foresaw_does_not_end_a_queue(
    cluster: InProcessCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged, and what waits is tried again."""
    assert cluster.host is not None
    monkeypatch.setattr(outbox_module, "RETRY_LONGEST_S", 0.001)
    deliver, broken = cluster.host.bus.deliver, [RuntimeError("unforeseen")]

    async def sometimes(*arguments: Any) -> Any:
        if broken:
            raise broken.pop()
        return await deliver(*arguments)

    monkeypatch.setattr(cluster.host.bus, "deliver", sometimes)
    await cluster.bus.ask(S, SendMany(str(R), 2))
    await until(cluster, Got(), R, (1, 2))
    assert broken == []
