"""Rows of those who are signed in: their sessions and their keys."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from vareon_runtime.storage.base import Base, UtcTime


class SessionRow(Base):
    """One sign-in that still counts; the account's ``sessions`` entity owns these rows."""

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "user_id", "created_at", "id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_version: Mapped[int]
    """The account's when it began: once that has risen, the session counts no more."""
    address: Mapped[str] = mapped_column(String(45))
    client: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    last_used_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)


class ApiKeyRow(Base):
    """A key that signs its owner in; the account's ``api_keys`` entity owns these rows."""

    __tablename__ = "api_keys"
    __table_args__ = (Index(None, "user_id", "created_at", "id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(80))
    shown: Mapped[str] = mapped_column(String(20))
    """How the key begins, so that its owner knows it again."""
    hashed_key: Mapped[str] = mapped_column(String(64))
    permissions: Mapped[str] = mapped_column(Text)
    """Names with a space between them."""
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcTime)
