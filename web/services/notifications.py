"""Notifications: listed from their rows, everything else from the entity of their user."""

from __future__ import annotations

from sqlalchemy import select

from actors import names
from actors.system.messages import (
    BeginNotifications,
    DeleteNotification,
    GetUnread,
    ReadAllNotifications,
    ReadNotification,
    UnreadView,
    notifications_after,
)
from vareon_runtime.identity import Principal
from vareon_runtime.models import NotificationRow
from vareon_runtime.routing.bus import MessageBus, Subscription
from web.schemas.notifications import NotificationOut, UnreadOut
from web.services.accounts import Rows
from web.services.paging import AnySelect, Page

_SELECT: AnySelect = select(
    NotificationRow.id,
    NotificationRow.number,
    NotificationRow.kind,
    NotificationRow.title,
    NotificationRow.text,
    NotificationRow.link,
    NotificationRow.created_at,
    NotificationRow.read_at,
)


class Notifications:
    """What a user can do with their own."""

    def __init__(self, rows: Rows, bus: MessageBus) -> None:
        self._rows = rows
        self._bus = bus

    async def newest(
        self, user_id: str, page: Page, *, unread: bool
    ) -> tuple[list[NotificationOut], str | None]:
        """A page of them, the newest first.

        Args:
            user_id: Whose.
            page: Which part.
            unread: Only those that were not read.
        """
        statement = _SELECT.where(NotificationRow.user_id == user_id)
        if unread:
            statement = statement.where(NotificationRow.unread.is_(True))
        statement = page.of(
            statement, NotificationRow.number, NotificationRow.id, newest_first=True
        )
        kept, cursor = page.cut(await self._rows.rows(statement), "number")
        told = [{k: v for k, v in row._asdict().items() if k != "number"} for row in kept]
        return [NotificationOut(**one) for one in told], cursor

    async def read(self, principal: Principal, notification_id: str) -> UnreadOut:
        """Note that one was seen.

        Raises:
            NotFound: If there is none of this user's with this id.
        """
        message = ReadNotification(notification_id)
        target = names.notifications(principal.user_id)
        return _told(await self._bus.ask(target, message, principal=principal))

    async def read_all(self, principal: Principal) -> UnreadOut:
        """Note that all were seen."""
        target = names.notifications(principal.user_id)
        return _told(await self._bus.ask(target, ReadAllNotifications(), principal=principal))

    async def delete(self, principal: Principal, notification_id: str) -> None:
        """Forget one.

        Raises:
            NotFound: If there is none of this user's with this id.
        """
        target = names.notifications(principal.user_id)
        await self._bus.ask(target, DeleteNotification(notification_id), principal=principal)

    async def standing(self, principal: Principal) -> UnreadView:
        """How many are unread; there is something to listen to afterwards."""
        target = names.notifications(principal.user_id)
        found = await self._bus.ask(target, GetUnread(), principal=principal)
        if found.position:
            return found
        return await self._bus.ask(target, BeginNotifications(), principal=principal)

    def listen(self, principal: Principal, after: int) -> Subscription:
        """Everything from a position on."""
        target = names.notifications(principal.user_id)
        return self._bus.subscribe(target, principal=principal, position=notifications_after(after))


def _told(view: UnreadView) -> UnreadOut:
    return UnreadOut(view.unread)
