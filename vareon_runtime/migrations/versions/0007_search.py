"""Full-text search over conversations, messages, models, providers and accounts.

Revision: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vareon_runtime.migrations.searchable import Searchable, make_index, searchable
from vareon_runtime.storage.base import UtcTime

revision = "0007"
down_revision = "0004"

SEARCHABLE = (
    Searchable("conversation", "conversations", "{row}.title", owner="{row}.user_id"),
    Searchable(
        "message",
        "chat_messages",
        "''",
        owner="{row}.user_id",
        body="{row}.message_content",
        facts={"conversation_id": "{row}.conversation_id", "sender": "{row}.sender"},
        updated_at="{row}.timestamp",
    ),
    Searchable(
        "llm_model",
        "llm_models",
        "{row}.model_name",
        body="{row}.role",
        facts={"provider_id": "{row}.provider_id"},
    ),
    Searchable("llm_provider", "llm_providers", "{row}.name"),
    Searchable("user", "users", "{row}.username", body="{row}.email"),
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "search_documents",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_search_documents")),
        sa.UniqueConstraint("kind", "id", name=op.f("uq_search_documents_kind_id")),
    )
    make_index()
    for what in SEARCHABLE:
        searchable(what)
