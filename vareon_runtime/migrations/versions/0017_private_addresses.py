"""Whether a provider may be at a private address.

Revision: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0011"


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "llm_providers",
        sa.Column("anywhere", sa.Boolean(), server_default=sa.text("1"), nullable=False),
    )
