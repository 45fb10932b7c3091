"""Rows of notifications: what a user should know of, and whether they do."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from vareon_runtime.storage.base import Base, UtcTime


class NotificationRow(Base):
    """One notification. The entity ``notifications`` of its user writes it."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index(None, "user_id", "number", unique=True),
        Index(None, "user_id", "changed"),
        Index(None, "user_id", "unread", "number"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(36))
    number: Mapped[int]
    """Counts a user's notifications, from 1; the oldest are found by it."""
    changed: Mapped[int]
    """The position of its last change, by which a reader who was away is told of it."""
    kind: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(String(1000))
    link: Mapped[str | None] = mapped_column(String(500))
    unread: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    read_at: Mapped[datetime | None] = mapped_column(UtcTime)
