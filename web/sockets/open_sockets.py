"""Which sockets are open: how many there may be, who shares a conversation, who to say bye to."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import Protocol

from vareon_runtime.errors import Overloaded, QuotaExceeded
from web.caller import Grant

MOST_OPEN = 10_000
MOST_FOR_A_USER = 200
SERVICE_RESTART = 1012


class OpenSocket(Protocol):
    """A socket as its neighbours know it."""

    user_id: str
    conversation_id: str
    grant: Grant

    def end(self, code: int, reason: str) -> None:
        """Close it once what waits is written."""
        ...


class OpenSockets:
    """All sockets of this front door."""

    def __init__(self) -> None:
        self._of_user: Counter[str] = Counter()
        self._of_conversation: defaultdict[str, set[OpenSocket]] = defaultdict(set)
        self._of_grant: defaultdict[Grant, set[OpenSocket]] = defaultdict(set)
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def count(self) -> int:
        """How many are open."""
        return self._of_user.total()

    def admit(self, user_id: str) -> None:
        """Take a place, before the connection is upgraded; give it back with `release`.

        Raises:
            QuotaExceeded: If this user has too many.
            Overloaded: If there are too many in all.
        """
        if self._of_user[user_id] >= MOST_FOR_A_USER:
            raise QuotaExceeded(f"You have {MOST_FOR_A_USER} sockets open; close some.", 5.0)
        if self.count >= MOST_OPEN:
            raise Overloaded("Too many sockets are open here; try again later.", 5.0)
        self._of_user[user_id] += 1
        self._empty.clear()

    def release(self, user_id: str) -> None:
        """Give the place back."""
        self._of_user[user_id] -= 1
        if self._of_user[user_id] <= 0:
            del self._of_user[user_id]
        if not self._of_user:
            self._empty.set()

    def add(self, socket: OpenSocket) -> None:
        """Show a socket to its neighbours."""
        self._of_conversation[socket.conversation_id].add(socket)
        self._of_grant[socket.grant].add(socket)

    def remove(self, socket: OpenSocket) -> None:
        """It is gone."""
        neighbours = self._of_conversation[socket.conversation_id]
        neighbours.discard(socket)
        if not neighbours:
            del self._of_conversation[socket.conversation_id]
        alike = self._of_grant[socket.grant]
        alike.discard(socket)
        if not alike:
            del self._of_grant[socket.grant]

    def grants(self) -> list[Grant]:
        """What the open sockets rest on, each once."""
        return list(self._of_grant)

    def resting_on(self, grant: Grant) -> list[OpenSocket]:
        """The sockets of one grant."""
        return list(self._of_grant.get(grant, ()))

    def neighbours(self, socket: OpenSocket) -> list[OpenSocket]:
        """The same user's other sockets on the same conversation."""
        return [
            other
            for other in self._of_conversation[socket.conversation_id]
            if other is not socket and other.user_id == socket.user_id
        ]

    async def close_all(self, timeout_s: float) -> None:
        """Ask every client to come back later, and wait until they have gone."""
        for sockets in list(self._of_conversation.values()):
            for socket in list(sockets):
                socket.end(SERVICE_RESTART, "Restarting; reconnect and resume.")
        try:
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        except TimeoutError:
            return
