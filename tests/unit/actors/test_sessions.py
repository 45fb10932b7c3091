"""Sessions: families of refresh tokens."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import select

from actors.sign_in.messages import (
    SESSION_LIFE_S,
    EndSession,
    EndSessions,
    OpenSession,
    RefreshSession,
    SpendTicket,
    TouchSession,
)
from actors.sign_in.sessions import GRACE_S, MOST_SESSIONS, Sessions
from tests.support.workbench import ADMIN, ANN, BOB, Workbench, texts_of
from vareon_runtime.entity import Entity
from vareon_runtime.errors import Conflict, InvalidMessage, NotFound
from vareon_runtime.models import SessionRow


def digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def opening(name: str = "s1", version: int = 0) -> OpenSession:
    return OpenSession(name, version, digest(f"{name} first"), "192.0.2.1", "curl/8")


def trade(presented: str, following: str, name: str = "s1", version: int = 0) -> RefreshSession:
    return RefreshSession(name, version, digest(presented), digest(following))


async def opened(bench: Workbench) -> Entity[object]:
    sessions = bench.entity(Sessions, ANN.user_id)
    await bench.ask(sessions, opening())
    return sessions


async def ids(bench: Workbench) -> list[str]:
    return texts_of(await bench.read(select(SessionRow.id).order_by(SessionRow.id)), "id")


async def test_a_token_is_traded_once(bench: Workbench) -> None:
    """Whoever comes with one that was traded before ends the family."""
    sessions = await opened(bench)
    assert await bench.ask(sessions, trade("s1 first", "second")) == "renewed"
    assert await bench.ask(sessions, trade("second", "third")) == "renewed"
    assert await ids(bench) == ["s1"]
    assert await bench.ask(sessions, trade("s1 first", "second")) == "reused"
    assert await ids(bench) == []
    assert await bench.ask(sessions, trade("third", "fourth")) == "gone"


async def test_a_lost_answer_may_be_asked_for_again(bench: Workbench) -> None:
    """For a short time, and the same next token counts."""
    sessions = await opened(bench)
    for _ in range(3):
        assert await bench.ask(sessions, trade("s1 first", "second")) == "renewed"
    bench.clock.now_s += GRACE_S
    assert await bench.ask(sessions, trade("s1 first", "second")) == "reused"


async def test_it_is_over_when_unused_or_outdated(bench: Workbench) -> None:
    """An account whose token version has risen has no sessions."""
    sessions = await opened(bench)
    assert await bench.ask(sessions, trade("s1 first", "second", version=1)) == "gone"
    await bench.ask(sessions, opening("s2"))
    bench.clock.now_s += SESSION_LIFE_S - 60
    assert await bench.ask(sessions, TouchSession("s2"))
    bench.clock.now_s += SESSION_LIFE_S - 60
    assert await bench.ask(sessions, trade("s2 first", "second", "s2")) == "renewed"
    bench.clock.now_s += SESSION_LIFE_S
    assert await bench.ask(sessions, trade("second", "third", "s2")) == "gone"
    assert await ids(bench) == []


async def test_there_are_only_so_many(bench: Workbench) -> None:
    """The one unused for longest makes room."""
    sessions = await opened(bench)
    for number in range(MOST_SESSIONS - 1):
        await bench.ask(sessions, opening(f"t{number}"))
    await bench.ask(sessions, TouchSession("s1"))
    await bench.ask(sessions, opening("last"))
    assert len(sessions.state.sessions) == MOST_SESSIONS  # type: ignore[attr-defined]
    kept = await ids(bench)
    assert len(kept) == MOST_SESSIONS
    assert "t0" not in kept
    assert {"s1", "last"} <= set(kept)


async def test_they_are_ended_by_their_owner(bench: Workbench) -> None:
    """One, or all others; to anybody else they do not exist."""
    sessions = await opened(bench)
    for name in ("s2", "s3"):
        await bench.ask(sessions, opening(name))
    with pytest.raises(NotFound):
        await bench.ask(sessions, EndSession("s2"), BOB)
    await bench.ask(sessions, EndSession("s2"), ADMIN)
    with pytest.raises(NotFound):
        await bench.ask(sessions, EndSession("s2"))
    assert not await bench.ask(sessions, TouchSession("s2"))
    assert await bench.ask(sessions, EndSessions(keep="s3")) == 1
    assert await ids(bench) == ["s3"]
    with pytest.raises(Conflict):
        await bench.ask(sessions, opening("s3"))
    with pytest.raises(InvalidMessage):
        await bench.ask(sessions, OpenSession("s4", 0, b"short", "", ""))


async def test_a_ticket_may_be_the_first_thing(bench: Workbench) -> None:
    """A user who came with a key has no session."""
    assert await bench.ask(bench.entity(Sessions, ANN.user_id), SpendTicket(b"attempt"))
