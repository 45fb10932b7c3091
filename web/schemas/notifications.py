"""Notifications: how they are listed, and what a socket says of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from pydantic import WithJsonSchema

from web.schemas.base import Number, StrictIn
from web.schemas.paging import PageQuery

_POSITION = {"type": "integer", "minimum": 0, "maximum": 999_999_999}


class NotificationsQuery(PageQuery):
    """Which of them are wanted."""

    unread: bool = False


class PositionQuery(StrictIn):
    """Where a client stands that was here before: the last ``position`` it was told."""

    after: Annotated[Number, WithJsonSchema(_POSITION)] | None = None


class NotificationOut(msgspec.Struct, frozen=True):
    """One notification.

    Attributes:
        link: Where to go, from this installation's root.
        read_at: When it was read; null while it was not.
    """

    id: str
    kind: str
    title: str
    text: str
    link: str | None
    created_at: datetime
    read_at: datetime | None


class UnreadOut(msgspec.Struct, frozen=True):
    """How many are unread now."""

    unread: int


class UnreadFrame(msgspec.Struct, frozen=True, tag_field="type", tag="unread"):
    """How many are unread, and where the client stands; the first frame, and after catching up."""

    unread: int
    position: int


class NotificationFrame(msgspec.Struct, frozen=True, tag_field="type", tag="notification"):
    """A new one, or one that changed while the client was away."""

    unread: int
    position: int
    notification: NotificationOut


class ReadFrame(msgspec.Struct, frozen=True, tag_field="type", tag="read"):
    """Some were read, here or elsewhere; ``ids`` is null for all."""

    unread: int
    position: int
    ids: tuple[str, ...] | None


class DeletedFrame(msgspec.Struct, frozen=True, tag_field="type", tag="deleted"):
    """Some are gone."""

    unread: int
    position: int
    ids: tuple[str, ...]
