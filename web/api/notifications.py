"""One's own notifications."""

from __future__ import annotations

from aiohttp import web as aiohttp_web

from web.api.answers import answer, page_answer
from web.api.identifiers import uuid_in_path
from web.caller import caller_of
from web.given import query_of
from web.routes import Route
from web.schemas.accounts import DoneOut
from web.schemas.notifications import NotificationOut, NotificationsQuery, UnreadOut
from web.schemas.paths import UuidPath
from web.services import policy
from web.services.notifications import Notifications
from web.services.paging import Page


class NotificationRoutes:
    """``/api/notifications``."""

    def __init__(self, notifications: Notifications) -> None:
        self._notifications = notifications

    def routes(self) -> list[Route]:
        """What is served here."""
        path, may = "/api/notifications", policy.UPDATE_NOTIFICATIONS
        return [
            Route(
                "GET",
                path,
                policy.READ_NOTIFICATIONS,
                self.list,
                query=NotificationsQuery,
                answer=list[NotificationOut],
            ),
            Route("POST", f"{path}/read", may, self.read_all, answer=UnreadOut, one_ask=True),
            Route(
                "POST",
                f"{path}/{{id}}/read",
                may,
                self.read,
                place=UuidPath,
                answer=UnreadOut,
                one_ask=True,
            ),
            Route(
                "DELETE",
                f"{path}/{{id}}",
                may,
                self.delete,
                place=UuidPath,
                answer=DoneOut,
                one_ask=True,
            ),
        ]

    async def list(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """One's own notifications, the newest first."""
        query = query_of(request, NotificationsQuery)
        page = Page.asked(query, sorted_by=int)
        user_id = caller_of(request).user_id
        found, cursor = await self._notifications.newest(user_id, page, unread=query.unread)
        return page_answer(request, found, cursor)

    async def read(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Note that one was read; again changes nothing."""
        principal = caller_of(request).principal
        return answer(await self._notifications.read(principal, uuid_in_path(request)))

    async def read_all(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Note that all were read."""
        return answer(await self._notifications.read_all(caller_of(request).principal))

    async def delete(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Forget one."""
        await self._notifications.delete(caller_of(request).principal, uuid_in_path(request))
        return answer(DoneOut("Notification deleted"))
