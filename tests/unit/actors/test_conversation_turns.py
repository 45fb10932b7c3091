"""What a conversation's turns do, one at a time."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from sqlalchemy import select

from actors.arcana.conversation import Conversation
from actors.arcana.history import MAX_CHARACTERS, MAX_MESSAGES, Exchange, History
from actors.arcana.messages import (
    CancelTurn,
    CreateConversation,
    DeleteConversation,
    PostMessage,
    TurnAccepted,
    TurnDone,
    TurnFailed,
)
from actors.arcana.missed import MOST_TURNS, PIECE, fitting
from actors.arcana.turns import MAX_WAITING
from actors.cognisys.completion import Chunk, Completions, Said
from actors.cognisys.guide import Guide, HostFacts
from actors.cognisys.messages import AddModel, CreateProvider, ModelRoute
from actors.cognisys.provider import Provider
from actors.cognisys.routing import Routing
from tests.support.workbench import ADMIN, ANN, BOB, Workbench, texts_of
from vareon_runtime.entity import Delta, Position, Reset
from vareon_runtime.errors import (
    Cancelled,
    Conflict,
    IdReused,
    InvalidMessage,
    NotAuthenticated,
    NotFound,
    QuotaExceeded,
    UpstreamRateLimited,
)
from vareon_runtime.models import ChatMessageRow, ConversationRow

KEY = str(uuid.UUID(int=7))


class Scripted(Completions):
    """Answers what it is told and keeps the prompts."""

    def __init__(self) -> None:
        self.prompts: list[list[Said]] = []
        self.chunks: list[Chunk] = [Chunk("It "), Chunk("works."), Chunk("", "stop", 5, 2)]

    async def stream(
        self, route: ModelRoute, messages: Sequence[Said], traceparent: str = ""
    ) -> AsyncGenerator[Chunk, None]:
        self.prompts.append(list(messages))
        for chunk in self.chunks:
            yield chunk


@pytest.fixture
async def model(bench: Workbench) -> Scripted:
    """A connected model."""
    bench.entity(Routing, "default")
    scripted = bench.resources[Completions] = Scripted()
    bench.resources[Guide] = Guide(HostFacts("host", "http://here", 0.0), bench.clock)
    provider = bench.entity(Provider, "p")
    await bench.ask(provider, CreateProvider("Fake", "http://fake/v1"), ADMIN)
    await bench.ask(provider, AddModel("m", "fake-small"), ADMIN)
    return scripted


@pytest.fixture
def talk(bench: Workbench) -> Conversation:
    made = bench.entity(Conversation, KEY)
    assert isinstance(made, Conversation)
    return made


async def stored(bench: Workbench) -> list[Any]:
    return await bench.read(select(ChatMessageRow.__table__).order_by(ChatMessageRow.position))


async def test_a_turn_from_question_to_stored_answer(
    bench: Workbench, talk: Conversation, model: Scripted
) -> None:
    """The question is committed at once, the answer when it is whole."""
    turn = await bench.ask(talk, PostMessage("How are you?", "c1", create=True))
    assert texts_of(await stored(bench), "message_content") == ["How are you?"]
    effect = await bench.run_effect()
    assert effect.written == [(turn.turn_id, "It "), (turn.turn_id, "works.")]
    rows = await stored(bench)
    assert texts_of(rows, "sender") == ["user", "llm"]
    assert texts_of(rows, "position") == [0, 1]
    assert (rows[1].message_content, rows[1].model_name) == ("It works.", "fake-small")
    accepted, done = bench.events
    assert accepted == TurnAccepted(turn.turn_id, turn.message_id, "c1")
    assert isinstance(done, TurnDone)
    assert done.message.id == rows[1].id
    assert done.usage == {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    assert done.route["provider"] == "Fake"
    titles = await bench.read(select(ConversationRow.title))
    assert titles[0].title == "How are you?"


async def test_the_model_is_given_the_whole_history(
    bench: Workbench, talk: Conversation, model: Scripted
) -> None:
    """Also in a new activation, and in the order of turns."""
    await bench.ask(talk, PostMessage("one", create=True))
    await bench.ask(talk, PostMessage("two"))
    await bench.run_effect()
    await bench.run_effect()
    fresh = await bench.reload(talk)
    await bench.ask(fresh, PostMessage("three"))
    await bench.run_effect()
    assert model.prompts[1] == [
        Said("user", "one"),
        Said("assistant", "It works."),
        Said("user", "two"),
    ]
    assert [said.content for said in model.prompts[2]] == [
        "one",
        "It works.",
        "two",
        "It works.",
        "three",
    ]


async def test_only_one_answer_streams(
    bench: Workbench, talk: Conversation, model: Scripted
) -> None:
    """What is said meanwhile waits, up to a bound."""
    await bench.ask(talk, PostMessage("first", create=True))
    for number in range(MAX_WAITING):
        await bench.ask(talk, PostMessage(f"more {number}"))
    assert len(bench.pending) == 1
    with pytest.raises(QuotaExceeded) as caught:
        await bench.ask(talk, PostMessage("too much"))
    assert caught.value.retry_after_s == 5.0
    for _ in range(MAX_WAITING + 1):
        await bench.run_effect()
    assert not bench.pending
    assert texts_of(await stored(bench), "sender").count("llm") == MAX_WAITING + 1


@pytest.mark.parametrize("anew", [False, True])
async def test_the_same_client_id_returns_the_first_turn(
    bench: Workbench, talk: Conversation, model: Scripted, anew: bool
) -> None:
    """In the same activation and in a later one; another content is refused."""
    first = await bench.ask(talk, PostMessage("hello", "c1", create=True))
    await bench.run_effect()
    again = await bench.reload(talk) if anew else talk
    repeated = await bench.ask(again, PostMessage("hello", "c1", create=True))
    assert (repeated.turn_id, repeated.message_id) == (first.turn_id, first.message_id)
    assert repeated.repeated
    with pytest.raises(IdReused):
        await bench.ask(again, PostMessage("something else", "c1"))
    assert not bench.pending


async def test_a_client_id_is_found_beyond_the_memory(
    bench: Workbench, talk: Conversation, model: Scripted
) -> None:
    """A turn that is no longer in memory is found in its row."""
    first = await bench.ask(talk, PostMessage("hello", "c1", create=True))
    await bench.run_effect()
    talk._history = History()
    talk._history.complete = False
    repeated = await bench.ask(talk, PostMessage("hello", "c1"))
    assert repeated.turn_id == first.turn_id
    with pytest.raises(IdReused):
        await bench.ask(talk, PostMessage("something else", "c1"))


async def test_a_failed_turn_stores_no_answer(
    bench: Workbench, talk: Conversation, model: Scripted
) -> None:
    """Its error is shown, remembered for readers that come later, and the next turn begins."""
    turn = await bench.ask(talk, PostMessage("one", create=True))
    next_turn = await bench.ask(talk, PostMessage("two"))
    await bench.run_effect(UpstreamRateLimited("Slow down.", retry_after_s=7.0))
    failed = TurnFailed(turn.turn_id, "upstream_rate_limited", "Slow down.", True, 7.0)
    assert bench.events[-1] == failed
    assert texts_of(await stored(bench), "sender") == ["user", "user"]
    assert len(bench.pending) == 1
    context = bench._context(talk, ANN)
    accepted = TurnAccepted(next_turn.turn_id, next_turn.message_id, None)
    told = await talk.catch_up(Position(turn.turn_id, 1, 0), context)
    assert list(told) == [failed, accepted]


async def test_a_cancelled_turn_ends_as_cancelled(
    bench: Workbench, talk: Conversation, model: Scripted
) -> None:
    """Even if its answer was whole just before the engine could stop it."""
    assert await bench.ask(talk, PostMessage("one", create=True))
    assert await bench.ask(talk, CancelTurn()) is True
    assert len(bench.cancelled) == 1
    await bench.run_effect()
    assert isinstance(bench.events[-1], TurnFailed)
    assert bench.events[-1].code == "cancelled"
    assert texts_of(await stored(bench), "sender") == ["user"]
    assert await bench.ask(talk, CancelTurn()) is False


async def test_cancelling_lets_the_next_turn_begin(
    bench: Workbench, talk: Conversation, model: Scripted
) -> None:
    """Only the streaming answer stops."""
    await bench.ask(talk, PostMessage("one", create=True))
    await bench.ask(talk, PostMessage("two"))
    await bench.ask(talk, CancelTurn())
    await bench.run_effect(Cancelled("stopped"))
    await bench.run_effect()
    assert isinstance(bench.events[-1], TurnDone)


async def test_catching_up_with_a_finished_turn(
    bench: Workbench, talk: Conversation, model: Scripted
) -> None:
    """The stored answer is told again; a turn under way tells nothing yet."""
    turn = await bench.ask(talk, PostMessage("one", create=True))
    context = bench._context(talk, ANN)
    position = Position(turn.turn_id, 1, 3)
    assert await talk.catch_up(position, context) == []
    await bench.run_effect()
    rest, told = await talk.catch_up(position, context)
    assert rest == Delta(turn.turn_id, 1, 9, "works.")
    assert isinstance(told, TurnDone)
    assert isinstance(bench.events[-1], TurnDone)
    assert told.message == bench.events[-1].message
    assert told.usage == bench.events[-1].usage
    reset, whole, _ = await talk.catch_up(Position(turn.turn_id, 7, 3), context)
    assert reset == Reset(turn.turn_id, 1)
    assert whole == Delta(turn.turn_id, 1, 9, "It works.")
    assert await talk.catch_up(Position("unknown", 1, 0), context) == []


async def test_catching_up_with_turns_that_were_missed_whole(
    bench: Workbench, talk: Conversation, model: Scripted
) -> None:
    """What began after the reader's turn follows it: ended turns whole, then those that wait."""
    first = await bench.ask(talk, PostMessage("one", create=True))
    turns = [await bench.ask(talk, PostMessage(text, text)) for text in ("two", "three", "four")]
    await bench.run_effect()
    await bench.run_effect()
    await bench.run_effect(UpstreamRateLimited("Slow down."))
    for reader in (talk, await bench.reload(talk)):
        told = list(await reader.catch_up(Position(first.turn_id, 1, 9), bench._context(talk, ANN)))
        two, three, four = (
            TurnAccepted(one.turn_id, one.message_id, one.client_id) for one in turns
        )
        assert told[1:3] == [two, Delta(turns[0].turn_id, 1, 9, "It works.")]
        assert [type(frame) for frame in told[0:4:3]] == [TurnDone, TurnDone]
        assert told[4] == three
        assert isinstance(told[5], TurnFailed)
        assert told[6:] == [four]


def test_what_was_missed_is_told_up_to_a_bound() -> None:
    """Many turns, or few with long answers."""
    short = [Exchange(str(number), "m", None, "?", "!") for number in range(MOST_TURNS + 1)]
    assert fitting(short) == short[:MOST_TURNS]
    long = [Exchange(str(number), "m", None, "?", "x" * PIECE * 30) for number in range(5)]
    assert fitting(long) == long[:2]


async def test_another_users_conversation_does_not_exist(
    bench: Workbench, talk: Conversation, model: Scripted
) -> None:
    """For its owner and administrators it does."""
    await bench.ask(talk, CreateConversation("Mine"))
    for message in (PostMessage("hi", create=True), CancelTurn(), DeleteConversation()):
        with pytest.raises(NotFound):
            await bench.ask(talk, message, BOB)
    with pytest.raises(NotFound):
        talk.permit(None, bench._context(talk, BOB))
    talk.permit(None, bench._context(talk, ANN))
    talk.permit(None, bench._context(talk, ADMIN))


async def test_what_may_not_begin_a_conversation(bench: Workbench, talk: Conversation) -> None:
    """Nobody, a message that must not create, and an id that is none."""
    with pytest.raises(NotFound):
        await bench.ask(talk, PostMessage("hi"))
    with pytest.raises(NotAuthenticated):
        await bench.ask(talk, PostMessage("hi", create=True), None)
    with pytest.raises(NotFound):
        talk.permit(None, bench._context(talk, ANN))
    odd = bench.entity(Conversation, "not-a-uuid")
    with pytest.raises(InvalidMessage):
        await bench.ask(odd, PostMessage("hi", create=True))
    await bench.ask(talk, CreateConversation())
    with pytest.raises(Conflict):
        await bench.ask(talk, CreateConversation())


@pytest.mark.parametrize(
    "message",
    [
        PostMessage("", create=True),
        PostMessage("x" * 100_001, create=True),
        PostMessage("hi", "c" * 129, create=True),
        PostMessage("hi", "", create=True),
        CreateConversation("t" * 201),
    ],
)
async def test_what_does_not_fit_is_refused(
    bench: Workbench, talk: Conversation, message: Any
) -> None:
    """Nothing is left of it."""
    with pytest.raises(InvalidMessage):
        await bench.ask(talk, message)
    assert not talk.exists


async def test_deleting_takes_everything_along(
    bench: Workbench, talk: Conversation, model: Scripted
) -> None:
    """Rows go, the stream stops, readers are told."""
    await bench.ask(talk, PostMessage("one", create=True))
    await bench.ask(talk, PostMessage("two"))
    assert await bench.ask(talk, DeleteConversation()) is True
    assert await stored(bench) == []
    assert await bench.read(select(ConversationRow.id)) == []
    assert [one.code for one in bench.events if isinstance(one, TurnFailed)] == ["cancelled"] * 2
    assert len(bench.cancelled) == 1


async def test_an_answer_beyond_the_bound_is_refused(
    bench: Workbench, talk: Conversation, model: Scripted
) -> None:
    """Nothing of it is stored."""
    model.chunks = [Chunk("é" * 300_000), Chunk("é" * 300_000)]
    await bench.ask(talk, PostMessage("one", create=True))
    await bench.run_effect()
    assert isinstance(bench.events[-1], TurnFailed)
    assert bench.events[-1].code == "upstream_invalid"


async def test_an_answer_without_text_is_no_answer(
    bench: Workbench, talk: Conversation, model: Scripted
) -> None:
    """It ends in an error."""
    model.chunks = [Chunk("", "stop")]
    await bench.ask(talk, PostMessage("one", create=True))
    await bench.run_effect()
    assert isinstance(bench.events[-1], TurnFailed)


async def test_without_a_model_the_guide_answers(bench: Workbench, talk: Conversation) -> None:
    """And says that it is no model."""
    bench.entity(Routing, "default")
    bench.resources[Guide] = Guide(HostFacts("host", "http://here:1", 0.0), bench.clock)
    await bench.ask(talk, PostMessage("hello", create=True))
    await bench.run_effect()
    rows = await stored(bench)
    assert rows[1].model_name == "vareon/guide"
    assert "no model is connected" in rows[1].message_content
    assert "http://here:1/api/cognisys/providers/" in rows[1].message_content


def test_the_history_in_memory_is_bounded() -> None:
    """The newest turns stay, the oldest go, and it says so."""
    history = History()
    for number in range(MAX_MESSAGES):
        history.ask(Exchange(str(number), "m", f"c{number}", "hi"))
        history.answer(str(number), "ho")
    assert not history.complete
    said = history.prompt(str(MAX_MESSAGES - 1))
    assert len(said) == MAX_MESSAGES - 1
    assert history.by_client_id("c0") is None
    history.ask(Exchange("big", "m", None, "x" * MAX_CHARACTERS))
    assert history.prompt("big") == [Said("user", "x" * MAX_CHARACTERS)]


async def test_only_what_fits_is_read_again(
    bench: Workbench, talk: Conversation, model: Scripted
) -> None:
    """A long conversation is loaded within the bounds, newest first."""
    model.chunks = [Chunk("y" * 900_000, "stop")]
    await bench.ask(talk, PostMessage("0", create=True))
    for number in range(1, 6):
        await bench.run_effect()
        await bench.ask(talk, PostMessage(str(number)))
    fresh = await bench.reload(talk)
    assert isinstance(fresh, Conversation)
    assert fresh._history is not None
    assert not fresh._history.complete
    assert [said.content[:3] for said in fresh._history.prompt("none")][-3:] == ["4", "yyy", "5"]
    assert len(fresh._history.prompt("none")) < 11
