"""What a message leaves of its way, so that it can be explained.

Revision: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Apply."""
    op.add_column("inbox", sa.Column("trace_id", sa.LargeBinary(length=16), nullable=True))
    op.add_column("inbox", sa.Column("trail", sa.LargeBinary(), nullable=True))
    # Most messages begin their trace and stay out of it: see `InboxRow`.
    present = sa.text("trace_id IS NOT NULL")
    op.create_index(
        "ix_inbox_trace_id", "inbox", ["trace_id"], sqlite_where=present, postgresql_where=present
    )
    op.add_column("outbox", sa.Column("span_id", sa.LargeBinary(length=8), nullable=True))
    op.create_index("ix_dead_letters_trace_id", "dead_letters", ["trace_id"])
