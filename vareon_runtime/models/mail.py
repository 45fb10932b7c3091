"""Rows of mail: what was sent to whom, and what became of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from vareon_runtime.storage.base import Base, UtcTime


class MailRow(Base):
    """One letter; one row for each ``mail`` entity."""

    __tablename__ = "mails"
    __table_args__ = (Index(None, "created_at", "id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(36), index=True)
    template: Mapped[str] = mapped_column(String(40))
    recipient: Mapped[str] = mapped_column(String(320))
    subject: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(12))
    """``waiting``, ``sent``, ``failed``, or ``kept`` where no mail server is configured."""
    attempts: Mapped[int]
    error: Mapped[str | None] = mapped_column(String(500))
    """Why the last try failed."""
    link: Mapped[str | None] = mapped_column(Text)
    """What the letter asks to be opened; only while it is ``kept``, for whoever reads it here."""
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)
