"""Whole chats: the real engine, the real tables, a real upstream; only Ray is missing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from actors.accounts.messages import CreateUser
from actors.arcana.messages import (
    CancelTurn,
    DeleteConversation,
    PostMessage,
    TurnAccepted,
    TurnDone,
    TurnFailed,
)
from actors.cognisys.completion import Completions, Deadlines
from actors.cognisys.destination import Destinations
from actors.cognisys.guide import Guide, HostFacts
from actors.cognisys.keyring import KeyRing
from actors.cognisys.messages import AddModel, CreateProvider
from actors.cognisys.openai_wire import OpenAiWire
from actors.names import conversation, provider, user
from actors.registry import ENTITIES
from tests.support.upstream import Upstream
from tests.support.workbench import ADMIN, ANN, BOB, KEYS
from vareon_runtime.clock import SystemClock
from vareon_runtime.entity import Delta, Event, Position, Reset
from vareon_runtime.errors import NotFound
from vareon_runtime.models import ChatMessageRow, ConversationRow
from vareon_runtime.storage.database import Database
from vareon_runtime.testing import InProcessCluster

WITHIN_S = 20.0


@dataclass
class Reader:
    """Collects what a conversation shows."""

    frames: list[Delta | Reset | Event] = field(default_factory=list)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def follow(self, stream: Any) -> None:
        async for frame in stream:
            async with self.came:
                self.frames.append(frame)
                self.came.notify_all()

    async def until(self, kind: type[Any], count: int = 1) -> Any:
        """The newest frame of a kind, once there are so many."""
        async with asyncio.timeout(WITHIN_S), self.came:
            await self.came.wait_for(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[-1]

    def of(self, kind: type[Any]) -> list[Any]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    def text(self, turn_id: str) -> str:
        """What a turn shows by now."""
        shown = ""
        for frame in self.frames:
            if isinstance(frame, Reset) and frame.stream == turn_id:
                shown = ""
            elif isinstance(frame, Delta) and frame.stream == turn_id:
                shown += frame.text
        return shown


class Chat:
    """One conversation in a running cluster."""

    def __init__(self, cluster: InProcessCluster, upstream: Upstream) -> None:
        self.cluster = cluster
        self.upstream = upstream
        self.id = str(uuid.uuid4())
        self.target = conversation(self.id)
        self._following: list[asyncio.Task[None]] = []

    async def say(self, text: str, **options: Any) -> Any:
        message = PostMessage(text, create=True, **options)
        return await self.cluster.bus.ask(self.target, message, principal=ANN)

    def read(self, position: Position | None = None) -> Reader:
        reader = Reader()

        async def follow() -> None:
            stream = self.cluster.bus.subscribe(self.target, principal=ANN, position=position)
            async with stream:
                await reader.follow(stream)

        self._following.append(asyncio.create_task(follow()))
        return reader

    async def answer_to(self, text: str, **options: Any) -> Any:
        """Say something and wait for its answer."""
        turn = await self.say(text, **options)
        return await self.read(Position(turn.turn_id, 0, 0)).until(TurnDone)

    async def rows(self) -> list[Any]:
        database = Database(self.cluster.settings.database_url)
        try:
            return await database.rows(
                select(ChatMessageRow.__table__)
                .where(ChatMessageRow.conversation_id == self.id)
                .order_by(ChatMessageRow.position)
            )
        finally:
            await database.close()

    async def close(self) -> None:
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream(key="sk-upstream-key") as server:
        yield server


@pytest.fixture
async def chat(tmp_path: Path, upstream: Upstream) -> AsyncIterator[Chat]:
    clock = SystemClock()
    wire = OpenAiWire(KEYS, Destinations(), Deadlines(first_token_s=5.0, between_s=5.0))
    resources: dict[type[Any], Any] = {
        KeyRing: KEYS,
        Completions: wire,
        Guide: Guide(HostFacts("host", "http://here", clock.time()), clock),
    }
    async with InProcessCluster(tmp_path, ENTITIES, resources) as cluster:
        for principal in (ANN, BOB):
            name = principal.user_id
            await cluster.bus.ask(user(name), CreateUser(name, "x"), principal=ADMIN)
        made = CreateProvider("Fake", upstream.base_url, "sk-upstream-key")
        await cluster.bus.ask(provider("p"), made, principal=ADMIN)
        await cluster.bus.ask(provider("p"), AddModel("m", "fake-small"), principal=ADMIN)
        talk = Chat(cluster, upstream)
        yield talk
        await talk.close()
    await wire.close()


async def test_a_chat_is_streamed_and_stored(chat: Chat) -> None:
    """What was streamed is what is stored, and the model is given the whole history."""
    turn = await chat.say("hello there", client_id="c1")
    reader = chat.read(Position(turn.turn_id, 0, 0))
    done = await reader.until(TurnDone)
    assert done.message.message_content == "(1) You said: hello there"
    second = await chat.say("and again")
    await reader.until(TurnDone, 2)
    assert reader.text(second.turn_id) == "(3) You said: and again"
    rows = await chat.rows()
    assert [row.sender for row in rows] == ["user", "llm", "user", "llm"]
    assert rows[3].message_content == reader.text(second.turn_id)
    assert [one["content"] for one in chat.upstream.requests[1].messages] == [
        "hello there",
        "(1) You said: hello there",
        "and again",
    ]


async def test_a_killed_host_answers_again(chat: Chat) -> None:
    """The new life resets the stream and answers; nobody has to wake it."""
    chat.upstream.script("gate")
    turn = await chat.say("do not forget me")
    reader = chat.read()
    first = await reader.until(Delta)
    assert first.generation == 1
    await chat.cluster.kill_host()
    await chat.cluster.start_host()
    done = await reader.until(TurnDone)
    chat.upstream.release()
    assert reader.of(Reset)[-1].generation == 2
    assert done.generation == 2
    assert reader.text(turn.turn_id) == done.message.message_content
    assert [row.sender for row in await chat.rows()] == ["user", "llm"]


async def test_the_history_survives_a_kill(chat: Chat) -> None:
    """A new life gives the model what was said in the one before."""
    await chat.answer_to("first")
    await chat.cluster.kill_host()
    await chat.cluster.start_host()
    await chat.answer_to("second")
    assert [one["content"] for one in chat.upstream.requests[-1].messages] == [
        "first",
        "(1) You said: first",
        "second",
    ]


async def test_a_reader_that_was_away_is_told_the_end(chat: Chat) -> None:
    """Of a turn that was answered and of one that failed."""
    answered = await chat.answer_to("one")
    late = chat.read(Position(answered.turn_id, 1, 3))
    done = await late.until(TurnDone)
    assert done.message == answered.message
    assert "(1)" + late.text(answered.turn_id) == "(1) You said: one"
    chat.upstream.script("401")
    failed = await chat.say("two")
    first = await chat.read(Position(failed.turn_id, 0, 0)).until(TurnFailed)
    again = await chat.read(Position(failed.turn_id, 1, 0)).until(TurnFailed)
    assert again == first
    assert first.code == "upstream_rejected"


async def test_a_resumed_stream_continues_where_it_was(chat: Chat) -> None:
    """Nothing missing, nothing doubled."""
    chat.upstream.script("gate")
    turn = await chat.say("one two three")
    seen = await chat.read().until(Delta)
    resumed = chat.read(Position(turn.turn_id, seen.generation, seen.offset))
    late = chat.read()
    await late.until(Delta)
    chat.upstream.release()
    done = await resumed.until(TurnDone)
    await late.until(TurnDone)
    assert seen.text + resumed.text(turn.turn_id) == done.message.message_content
    assert late.text(turn.turn_id) == done.message.message_content


@pytest.mark.parametrize("behaviour", ["cut", "no-done", "garbage", "500", "429", "error-event"])
async def test_a_failed_answer_is_never_stored(chat: Chat, behaviour: str) -> None:
    """Its error is shown; the next message is answered."""
    await chat.answer_to("zero")
    chat.upstream.script(behaviour)
    turn = await chat.say("one")
    failed = await chat.read(Position(turn.turn_id, 0, 0)).until(TurnFailed)
    assert failed.turn_id == turn.turn_id
    assert failed.code.startswith("upstream_")
    await chat.answer_to("two")
    senders = [row.sender for row in await chat.rows()]
    assert senders == ["user", "llm", "user", "user", "llm"]


async def test_cancelling_a_streaming_answer(chat: Chat) -> None:
    """It stops, and what waited is answered."""
    chat.upstream.script("gate")
    await chat.say("one")
    reader = chat.read()
    await reader.until(Delta)
    waiting = await chat.say("two")
    assert await chat.cluster.bus.ask(chat.target, CancelTurn(), principal=ANN) is True
    failed = await reader.until(TurnFailed)
    assert (failed.code, failed.retryable) == ("cancelled", False)
    done = await reader.until(TurnDone)
    assert done.turn_id == waiting.turn_id
    assert await chat.cluster.bus.ask(chat.target, CancelTurn(), principal=ANN) is False


async def test_a_cancellation_survives_a_kill(chat: Chat) -> None:
    """A turn whose stop was accepted does not answer in the next life."""
    chat.upstream.script("gate")
    turn = await chat.say("one")
    await chat.read().until(Delta)
    await chat.cluster.bus.ask(chat.target, CancelTurn(), principal=ANN)
    await chat.cluster.kill_host()
    await chat.cluster.start_host()
    failed = await chat.read(Position(turn.turn_id, 1, 0)).until(TurnFailed)
    assert failed.code == "cancelled"
    assert len(chat.upstream.requests) == 1


async def test_the_same_client_id_is_one_turn(chat: Chat) -> None:
    """Also in the host's next life."""
    first = await chat.answer_to("once", client_id="c1")
    assert (await chat.say("once", client_id="c1")).turn_id == first.turn_id
    await chat.cluster.kill_host()
    await chat.cluster.start_host()
    assert (await chat.say("once", client_id="c1")).turn_id == first.turn_id
    assert len(await chat.rows()) == 2


async def test_another_user_sees_nothing(chat: Chat) -> None:
    """Neither the messages nor that there is a conversation."""
    await chat.say("secret")
    message = PostMessage("hi", create=True)
    with pytest.raises(NotFound):
        await chat.cluster.bus.ask(chat.target, message, principal=BOB)
    with pytest.raises(NotFound):
        async with chat.cluster.bus.subscribe(chat.target, principal=BOB) as stream:
            async for _ in stream:
                pass


async def test_deleting_while_it_streams(chat: Chat) -> None:
    """Everything goes, and the answer stops."""
    chat.upstream.script("gate")
    await chat.say("one")
    reader = chat.read()
    await reader.until(Delta)
    deleted = await chat.cluster.bus.ask(chat.target, DeleteConversation(), principal=ANN)
    assert deleted is True
    assert (await reader.until(TurnFailed)).code == "cancelled"
    assert await chat.rows() == []
    with pytest.raises(NotFound):
        await chat.say("anybody there?")
    database = Database(chat.cluster.settings.database_url)
    assert await database.rows(select(ConversationRow.id)) == []
    await database.close()


async def test_many_chats_at_once(chat: Chat) -> None:
    """Each gets its own answer."""
    others = [Chat(chat.cluster, chat.upstream) for _ in range(50)]
    turns = await asyncio.gather(*(one.say(f"I am {one.id}") for one in others))
    readers = [
        one.read(Position(turn.turn_id, 0, 0)) for one, turn in zip(others, turns, strict=True)
    ]
    done = await asyncio.gather(*(reader.until(TurnDone) for reader in readers))
    assert [one.message.message_content for one in done] == [
        f"(1) You said: I am {one.id}" for one in others
    ]
    await asyncio.gather(*(one.close() for one in others))


async def test_readers_see_a_turn_accepted(chat: Chat) -> None:
    """Whoever follows the conversation learns of messages from elsewhere."""
    first = await chat.answer_to("one")
    reader = chat.read(Position(first.turn_id, 1, 0))
    await reader.until(TurnDone)
    turn = await chat.say("two", client_id="c2")
    accepted = await reader.until(TurnAccepted)
    assert accepted == TurnAccepted(turn.turn_id, turn.message_id, "c2")
