"""What registration needs: one-use tokens, names without regard to case, and mail.

Revision: 0008
"""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa
from alembic import op

from vareon_runtime.storage.base import UtcTime

revision = "0008"
down_revision = "0007"

_AT_ONCE = 500


def upgrade() -> None:
    """Apply."""
    _tokens()
    _logins()
    _mails()


def _tokens() -> None:
    # Added one by one, because a table that is built anew takes along what refers to it.
    for column in (
        sa.Column("pending_email", sa.String(length=320), nullable=True),
        sa.Column("verification_hash", sa.String(length=64), nullable=True),
        sa.Column("verification_expires_at", UtcTime(), nullable=True),
        sa.Column("reset_hash", sa.String(length=64), nullable=True),
        sa.Column("reset_expires_at", UtcTime(), nullable=True),
    ):
        op.add_column("users", column)
    for name in ("verification_hash", "reset_hash"):
        op.create_index(f"ix_users_{name}", "users", [name], unique=True)


def _logins() -> None:
    logins = op.create_table(
        "user_logins",
        sa.Column("login", sa.String(length=700), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_user_logins_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("login", name="pk_user_logins"),
    )
    op.create_index("ix_user_logins_user_id", "user_logins", ["user_id"])
    rows = [{"login": login, "user_id": user_id} for login, user_id in _taken().items()]
    for at in range(0, len(rows), _AT_ONCE):
        op.bulk_insert(logins, rows[at : at + _AT_ONCE])


def _taken() -> dict[str, str]:
    """Who has which name or e-mail: the oldest account, and a name before an e-mail."""
    users = sa.table("users", *map(sa.column, ("id", "username", "email", "created_at")))
    found = op.get_bind().execute(sa.select(users).order_by(users.c.created_at, users.c.id))
    accounts = found.mappings().all()
    taken: dict[str, str] = {}
    for column in ("username", "email"):
        for account in accounts:
            if account[column]:
                taken.setdefault(_key(account[column]), account["id"])
    return taken


def _key(login: str) -> str:
    return unicodedata.normalize("NFKC", login.strip()).casefold()


def _mails() -> None:
    op.create_table(
        "mails",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("template", sa.String(length=40), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mails"),
    )
    op.create_index("ix_mails_created_at_id", "mails", ["created_at", "id"])
    op.create_index("ix_mails_user_id", "mails", ["user_id"])
