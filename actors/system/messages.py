"""The language of whoever looks after the system."""

from __future__ import annotations

from datetime import datetime

import msgspec

from vareon_runtime.entity import Event, Message, Position, Request


class RedriveDeadLetter(Request[str], frozen=True):
    """Send a message that was set aside again; returns the entity it goes to."""


class DiscardDeadLetter(Request[bool], frozen=True):
    """Give it up for good."""


class RecordAudit(Request[int], frozen=True):
    """Write an entry into the audit log; answered with its number. Only the system asks this.

    Attributes:
        kind: What they came as: ``user``, ``key``, ``system`` or ``anonymous``.
        result: ``begun``, ``done``, or the code of the error it was refused with.
    """

    kind: str
    action: str
    result: str
    user_id: str | None = None
    target: str | None = None
    detail: str | None = None
    ip: str | None = None
    request_id: str | None = None


class WatchDeadLetters(Request[bool], frozen=True):
    """Tell administrators from now on; again changes nothing."""


class Notify(Message, frozen=True):
    """A user should know of something. Entities send it, and the system.

    Attributes:
        kind: A name that is registered in `actors.notices`.
        facts: What fills its words in.
    """

    kind: str
    facts: dict[str, str] = msgspec.field(default_factory=dict)


class NotificationView(Message, frozen=True):
    """One notification; ``link`` leads on from this installation's root."""

    id: str
    kind: str
    title: str
    text: str
    link: str | None
    created_at: datetime
    read_at: datetime | None


class UnreadView(Message, frozen=True):
    """How many are unread, and the position of the last change."""

    unread: int
    position: int


class BeginNotifications(Request[UnreadView], frozen=True):
    """Make them listenable for a user who has had none yet."""


class GetUnread(Request[UnreadView], frozen=True):
    """How many are unread."""


class ReadNotification(Request[UnreadView], frozen=True):
    """The user has seen one of them."""

    id: str


class ReadAllNotifications(Request[UnreadView], frozen=True):
    """The user has seen all of them."""


class DeleteNotification(Request[UnreadView], frozen=True):
    """Forget one of them."""

    id: str


class DeleteNotifications(Request[bool], frozen=True):
    """Forget all of them, for good."""


def notifications_after(position: int) -> Position:
    """Where a reader stands that has been told everything up to a position."""
    return Position("notifications", 0, position)


class Notified(Event, frozen=True):
    """There are new ones, or others than this reader knows.

    Attributes:
        position: Where the reader stands afterwards.
        unread: How many are unread now.
    """

    position: int
    unread: int
    notifications: tuple[NotificationView, ...]

    def reaches(self) -> Position:
        """The position, so that a reader who was away is told what came after it."""
        return notifications_after(self.position)


class NotificationsRead(Event, frozen=True):
    """Some were read; ``ids`` is None for all."""

    position: int
    unread: int
    ids: tuple[str, ...] | None

    def reaches(self) -> Position:
        """The position."""
        return notifications_after(self.position)


class NotificationsDeleted(Event, frozen=True):
    """Some are gone."""

    position: int
    unread: int
    ids: tuple[str, ...]

    def reaches(self) -> Position:
        """The position."""
        return notifications_after(self.position)
