"""What one user should know of: the newest thousand, for 90 days, each read or not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from actors import notices, policy
from actors.system.messages import (
    BeginNotifications,
    DeleteNotification,
    DeleteNotifications,
    GetUnread,
    NotificationsDeleted,
    NotificationsRead,
    NotificationView,
    Notified,
    Notify,
    ReadAllNotifications,
    ReadNotification,
    UnreadView,
)
from vareon_runtime.entity import (
    Context,
    Delta,
    Entity,
    Event,
    Message,
    Position,
    Reset,
    State,
    Tick,
    command,
    entity,
    query,
    reminder,
)
from vareon_runtime.errors import NotFound, NotPermitted
from vareon_runtime.models import NotificationRow

MOST_KEPT = 1000
KEPT_FOR_S = 90 * 24 * 3600.0
TOLD_AT_ONCE = 100
"""Notifications in one frame for a reader who was away."""
_EXPIRED_AT_ONCE = 200

_VIEW = (
    NotificationRow.id,
    NotificationRow.kind,
    NotificationRow.title,
    NotificationRow.text,
    NotificationRow.link,
    NotificationRow.created_at,
    NotificationRow.read_at,
)
_ONE = select(NotificationRow.number).where(
    NotificationRow.id == bindparam("one"), NotificationRow.user_id == bindparam("user")
)
_CHANGED = (
    select(*_VIEW)
    .where(
        NotificationRow.user_id == bindparam("user"), NotificationRow.changed > bindparam("after")
    )
    .order_by(NotificationRow.number)
)
_OLDEST = (
    select(NotificationRow.id, NotificationRow.number, NotificationRow.created_at)
    .where(NotificationRow.user_id == bindparam("user"))
    .order_by(NotificationRow.number)
    .limit(_EXPIRED_AT_ONCE + 1)
)


class NotificationsState(State):
    """What is needed to count; what they say is in their rows.

    Attributes:
        number: Of the newest.
        position: Of the last change.
        unread: The numbers of those that are unread, the oldest first.
        newest_at: When the newest came.
        expiring: Whether a reminder waits for the oldest to be old enough.
    """

    number: int = 0
    position: int = 0
    unread: list[int] = msgspec.field(default_factory=list)
    newest_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    expiring: bool = False


@entity("notifications")
class Notifications(Entity[NotificationsState]):
    """One user's, under the user's id."""

    def permit(self, message: Message | None, context: Context) -> None:
        """Entities and the system notify; nobody else's exist for you."""
        who = context.principal
        if context.sender is not None or who is None or policy.may(who, policy.MANAGE_ACCOUNTS):
            return
        if isinstance(message, Notify):
            raise NotPermitted("Not enough permissions")
        if who.user_id != self.key:
            raise NotFound("Notifications not found")

    @command(creates=True)
    async def notify(self, message: Notify, context: Context) -> None:
        """Keep it; the oldest goes if there are too many."""
        words = notices.worded(message.kind, message.facts)
        state, now = self.state, context.now()
        state.number += 1
        state.newest_at = now
        view = NotificationView(
            context.new_id(), message.kind, words.title, words.text, words.link, now, None
        )
        position = self._move()
        too_old = state.number - MOST_KEPT
        if too_old > 0:
            context.delete_rows(NotificationRow, user_id=self.key, number=too_old)
            self._seen(too_old)
        state.unread.append(state.number)
        context.insert(
            NotificationRow,
            user_id=self.key,
            number=state.number,
            changed=position,
            unread=True,
            **msgspec.structs.asdict(view),
        )
        if not state.expiring:
            state.expiring = True
            context.remind("expire", after=KEPT_FOR_S)
        context.emit(Notified(position, len(state.unread), (view,)))

    @command(creates=True)
    async def begin(self, message: BeginNotifications, context: Context) -> UnreadView:
        """Exist."""
        return self._view()

    @query(creates=True)
    async def count(self, message: GetUnread, context: Context) -> UnreadView:
        """How many are unread."""
        return self._view()

    @command(creates=True)
    async def read(self, message: ReadNotification, context: Context) -> UnreadView:
        """The user has seen one; again changes nothing."""
        number = await self._number(message.id, context)
        if self._seen(number):
            position = self._move()
            context.update(
                NotificationRow,
                {"id": message.id},
                read_at=context.now(),
                unread=False,
                changed=position,
            )
            context.emit(NotificationsRead(position, len(self.state.unread), (message.id,)))
        return self._view()

    @command(creates=True)
    async def read_all(self, message: ReadAllNotifications, context: Context) -> UnreadView:
        """The user has seen them all."""
        if self.state.unread:
            self.state.unread = []
            position = self._move()
            context.update(
                NotificationRow,
                {"user_id": self.key, "unread": True},
                read_at=context.now(),
                unread=False,
                changed=position,
            )
            context.emit(NotificationsRead(position, 0, None))
        return self._view()

    @command(creates=True)
    async def delete_one(self, message: DeleteNotification, context: Context) -> UnreadView:
        """Forget one."""
        self._forget([(message.id, await self._number(message.id, context))], context)
        return self._view()

    @command
    async def delete_all(self, message: DeleteNotifications, context: Context) -> bool:
        """Forget all of them, for the account is closed."""
        context.delete_rows(NotificationRow, user_id=self.key)
        context.delete()
        return True

    @reminder
    async def expire(self, tick: Tick, context: Context) -> None:
        """Forget what is too old, and look again when the next one is."""
        now, kept_for = context.now(), timedelta(seconds=KEPT_FOR_S)
        rows = await context.read(_OLDEST, user=self.key)
        old = [row for row in rows[:_EXPIRED_AT_ONCE] if row.created_at + kept_for <= now]
        if old:
            self._forget([(row.id, row.number) for row in old], context)
        # One that is not committed yet is not among the rows, but it is the newest.
        next_at = rows[len(old)].created_at if len(rows) > len(old) else self.state.newest_at
        wait_s = (next_at + kept_for - now).total_seconds()
        self.state.expiring = len(rows) > len(old) or wait_s > 0
        if self.state.expiring:
            context.remind("expire", after=max(1.0, wait_s))

    async def catch_up(
        self, position: Position, context: Context
    ) -> Sequence[Event | Delta | Reset]:
        """What is new or was read since a reader left; what was deleted is not told again."""
        reached = position.offset
        if reached >= self.state.position:
            return ()
        rows = await context.read(_CHANGED, user=self.key, after=reached)
        views = [NotificationView(**row._asdict()) for row in rows]
        unread = len(self.state.unread)
        # The reader stands where it stood until it has been told everything.
        frames: list[Event | Delta | Reset] = [
            Notified(reached, unread, tuple(views[at : at + TOLD_AT_ONCE]))
            for at in range(0, len(views), TOLD_AT_ONCE)
        ]
        return [*frames, Notified(self.state.position, unread, ())]

    def _move(self) -> int:
        self.state.position += 1
        return self.state.position

    def _seen(self, number: int) -> bool:
        """Whether it was unread until now."""
        if number not in self.state.unread:
            return False
        self.state.unread.remove(number)
        return True

    def _forget(self, gone: Iterable[tuple[str, int]], context: Context) -> None:
        ids = []
        for notification_id, number in gone:
            context.delete_rows(NotificationRow, id=notification_id)
            self._seen(number)
            ids.append(notification_id)
        position = self._move()
        context.emit(NotificationsDeleted(position, len(self.state.unread), tuple(ids)))

    async def _number(self, notification_id: str, context: Context) -> int:
        rows: list[Any] = await context.read(_ONE, one=notification_id, user=self.key)
        if not rows:
            raise NotFound("Notification not found")
        return int(rows[0].number)

    def _view(self) -> UnreadView:
        return UnreadView(len(self.state.unread), self.state.position)
