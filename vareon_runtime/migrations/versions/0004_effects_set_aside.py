"""What starts an effect or a flow that was set aside again.

Revision: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply."""
    op.add_column("dead_letters", sa.Column("effect_id", sa.LargeBinary(length=16), nullable=True))
    op.add_column("dead_letters", sa.Column("call", sa.LargeBinary(), nullable=True))
