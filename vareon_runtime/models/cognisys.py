"""Rows of Cognisys: model providers, their models, and who prefers which."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from vareon_runtime.storage.base import Base, UtcTime


class LlmProviderRow(Base):
    """An endpoint that answers prompts; one row for each ``provider`` entity."""

    __tablename__ = "llm_providers"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    base_url: Mapped[str] = mapped_column(String(2000))
    enabled: Mapped[bool]
    api_key_encrypted: Mapped[str] = mapped_column(Text)
    masked_api_key: Mapped[str] = mapped_column(String(20))
    organization_id: Mapped[str | None] = mapped_column(String(200))
    anywhere: Mapped[bool] = mapped_column(server_default=text("1"))
    """Whether its address may be one of a private network."""
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)


class LlmModelRow(Base):
    """A model of a provider; the provider's entity owns these rows."""

    __tablename__ = "llm_models"
    __table_args__ = (Index(None, "is_active", "created_at", "id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    provider_id: Mapped[str] = mapped_column(
        ForeignKey("llm_providers.id", ondelete="CASCADE"), index=True
    )
    model_name: Mapped[str] = mapped_column(String(200))
    type: Mapped[str | None] = mapped_column(String(40))
    is_active: Mapped[bool]
    reasoning: Mapped[bool]
    role: Mapped[str | None] = mapped_column(String(40))
    max_tokens: Mapped[int | None]
    cost_per_token: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)


class UserLlmPreferenceRow(Base):
    """What one user wants from models; one row for each ``llm_preference`` entity."""

    __tablename__ = "user_llm_preferences"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    """The user's id: there is one row a user."""
    default_model_id: Mapped[str | None] = mapped_column(
        ForeignKey("llm_models.id", ondelete="SET NULL")
    )
    temperature: Mapped[float]
    top_p: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_at: Mapped[datetime] = mapped_column(UtcTime)
