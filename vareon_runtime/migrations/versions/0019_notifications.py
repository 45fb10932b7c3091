"""What a user should know of.

Revision: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from vareon_runtime.storage.base import UtcTime

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "notifications",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("text", sa.String(length=1000), nullable=False),
        sa.Column("link", sa.String(length=500), nullable=True),
        sa.Column("unread", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("read_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
    )
    columns = ["user_id", "number"]
    op.create_index("ix_notifications_user_id_number", "notifications", columns, unique=True)
    for columns in (["user_id", "changed"], ["user_id", "unread", "number"]):
        op.create_index("_".join(("ix_notifications", *columns)), "notifications", columns)
