"""How many sockets there may be, and who shares a conversation."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from vareon_runtime.errors import Overloaded, QuotaExceeded
from web.caller import Grant
from web.sockets import open_sockets
from web.sockets.open_sockets import OpenSockets

GRANT = Grant("ann")


@dataclass(eq=False)
class FakeSocket:
    """Remembers the code it was ended with."""

    user_id: str
    conversation_id: str
    code: int = 0
    grant: Grant = GRANT

    def end(self, code: int, reason: str) -> None:
        self.code = code


async def test_places_are_bounded_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """For each user, and in all."""
    monkeypatch.setattr(open_sockets, "MOST_FOR_A_USER", 2)
    monkeypatch.setattr(open_sockets, "MOST_OPEN", 3)
    sockets = OpenSockets()
    sockets.admit("ann")
    sockets.admit("ann")
    with pytest.raises(QuotaExceeded):
        sockets.admit("ann")
    sockets.admit("bea")
    with pytest.raises(Overloaded):
        sockets.admit("bea")
    sockets.release("ann")
    sockets.admit("bea")
    assert sockets.count == 3


async def test_neighbours_are_the_same_users_on_the_same_conversation() -> None:
    """Nobody else, and not oneself."""
    sockets = OpenSockets()
    one, two = FakeSocket("ann", "c"), FakeSocket("ann", "c")
    other, foreign = FakeSocket("ann", "d"), FakeSocket("bea", "c")
    for socket in (one, two, other, foreign):
        sockets.add(socket)
    assert sockets.neighbours(one) == [two]
    sockets.remove(two)
    assert sockets.neighbours(one) == []


async def test_everybody_is_sent_away_when_leaving() -> None:
    """It waits for them, but not for ever."""
    sockets = OpenSockets()
    socket = FakeSocket("ann", "c")
    sockets.admit("ann")
    sockets.add(socket)
    await sockets.close_all(0.01)
    assert socket.code == 1012
    leaving = asyncio.create_task(sockets.close_all(10))
    await asyncio.sleep(0)
    sockets.release("ann")
    await leaving
