"""Rows of Arcana: conversations and what was said in them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from vareon_runtime.storage.base import Base, UtcTime


class ConversationRow(Base):
    """A conversation; one row for each ``conversation`` entity."""

    __tablename__ = "conversations"
    __table_args__ = (Index(None, "user_id", "updated_at", "id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)


class ChatMessageRow(Base):
    """One message of a conversation; written once, never changed."""

    __tablename__ = "chat_messages"
    __table_args__ = (
        Index(None, "conversation_id", "position", unique=True),
        Index(None, "conversation_id", "turn_id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    user_id: Mapped[str] = mapped_column(String(36))
    position: Mapped[int]
    turn_id: Mapped[str] = mapped_column(String(36))
    client_id: Mapped[str | None] = mapped_column(String(128))
    sender: Mapped[str] = mapped_column(String(8))
    """``user`` or ``llm``."""
    message_content: Mapped[str] = mapped_column(Text)
    generation: Mapped[int]
    """Which try at the answer was kept; 0 for what the user said."""
    model_name: Mapped[str | None] = mapped_column(String(200))
    prompt_tokens: Mapped[int | None]
    completion_tokens: Mapped[int | None]
    timestamp: Mapped[datetime] = mapped_column(UtcTime)
