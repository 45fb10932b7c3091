"""The socket of notifications: what is new, and what was read or deleted elsewhere, as it happens.

Everything has a position. A client that comes back with the last one it was told,
``/ws/notifications?after=17``, is told what it missed first.
"""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import web as aiohttp_web

from actors.system.messages import NotificationsDeleted, NotificationsRead, Notified
from vareon_runtime.errors import InvalidMessage
from web.api.answers import encoded
from web.api.chat_stream import error_frame
from web.caller import Caller, caller_of
from web.given import query_of
from web.routes import Route
from web.schemas.chat import ErrorFrame
from web.schemas.notifications import (
    DeletedFrame,
    NotificationFrame,
    NotificationOut,
    PositionQuery,
    ReadFrame,
    UnreadFrame,
)
from web.services import policy
from web.services.notifications import Notifications
from web.sockets.open_sockets import OpenSockets
from web.sockets.outgoing import Outgoing
from web.sockets.serving import MOST_STRIKES, NOT_THERE, POLICY_VIOLATION, ending, serve, texts

_NOTHING_EXPECTED = "Nothing is expected on this socket; use POST /api/notifications/{id}/read."

Frame = UnreadFrame | NotificationFrame | ReadFrame | DeletedFrame | ErrorFrame


class NotificationSockets:
    """``/ws/notifications``."""

    def __init__(self, notifications: Notifications, sockets: OpenSockets) -> None:
        self._notifications = notifications
        self._sockets = sockets

    def routes(self) -> list[Route]:
        """What is served here."""
        path, may = "/ws/notifications", policy.READ_NOTIFICATIONS
        return [Route("GET", path, may, self.serve, query=PositionQuery, long_lived=True)]

    async def serve(self, request: aiohttp_web.Request) -> aiohttp_web.StreamResponse:
        """Upgrade, and stay until one side leaves."""
        caller = caller_of(request)
        after = query_of(request, PositionQuery).after

        def line_of(outgoing: Outgoing) -> NotificationSocket:
            return NotificationSocket(self._notifications, caller, after, outgoing)

        return await serve(request, self._sockets, line_of)


class NotificationSocket:
    """One client."""

    def __init__(
        self,
        notifications: Notifications,
        caller: Caller,
        after: int | None,
        outgoing: Outgoing,
    ) -> None:
        self.user_id = caller.user_id
        self.grant = caller.grant
        self.conversation_id = ""
        self._notifications = notifications
        self._principal = caller.principal
        self._after = after
        self._outgoing = outgoing
        self._listening: asyncio.Task[None] | None = None

    async def talk(self, socket: aiohttp_web.WebSocketResponse) -> None:
        """Tell how many are unread, then whatever happens."""
        async with self._outgoing.writing():
            now = await self._notifications.standing(self._principal)
            after = now.position if self._after is None else min(self._after, now.position)
            self._put(UnreadFrame(now.unread, after))
            self._listening = asyncio.get_running_loop().create_task(self._show(after))
            strikes = 0
            async for _ in texts(socket, self.end):
                self._put(error_frame(InvalidMessage(_NOTHING_EXPECTED)))
                strikes += 1
                if strikes >= MOST_STRIKES:
                    self.end(POLICY_VIOLATION, "Too many invalid frames.")

    async def leave(self) -> None:
        """Listen no more."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    def end(self, code: int, reason: str) -> None:
        """Close once what waits is written."""
        self._outgoing.end(code, reason)

    async def _show(self, after: int) -> None:
        with ending(self, lambda error: self._put(error_frame(error)), "Notifications"):
            async with self._notifications.listen(self._principal, after) as events:
                async for event in events:
                    if isinstance(event, Notified | NotificationsRead | NotificationsDeleted):
                        self._tell(event)
            self.end(NOT_THERE, "The account is closed.")

    def _tell(self, event: Notified | NotificationsRead | NotificationsDeleted) -> None:
        unread, position = event.unread, event.position
        match event:
            case Notified(notifications=()):
                self._put(UnreadFrame(unread, position))
            case Notified(notifications=found):
                for one in found:
                    told = NotificationOut(**msgspec.structs.asdict(one))
                    self._put(NotificationFrame(unread, position, told))
            case NotificationsRead(ids=ids):
                self._put(ReadFrame(unread, position, ids))
            case NotificationsDeleted(ids=gone):
                self._put(DeletedFrame(unread, position, gone))

    def _put(self, frame: Frame) -> None:
        self._outgoing.put(encoded(frame))
