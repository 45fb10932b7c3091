"""Sends, reminders, flows, topics, dead letters and suspects.

Revision: 0002
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply."""
    _sends()
    _reminders()
    _flows()
    _set_aside()


def _address() -> list[sa.Column[Any]]:
    return [
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
    ]


def _message() -> list[sa.Column[Any]]:
    return [
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    ]


def _sends() -> None:
    op.create_table(
        "outbox",
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        *_address(),
        sa.Column("to_kind", sa.String(length=40), nullable=False),
        sa.Column("to_key", sa.String(length=200), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        *_message(),
        sa.Column("principal", sa.LargeBinary(), nullable=False),
        sa.Column("trace_id", sa.LargeBinary(length=16), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_outbox")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_outbox_shard"), "outbox", ["shard"])
    op.create_table(
        "channels",
        *_address(),
        sa.Column("peer_kind", sa.String(length=40), nullable=False),
        sa.Column("peer_key", sa.String(length=200), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("handled", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", "peer_kind", "peer_key", name=op.f("pk_channels")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "subscriptions",
        sa.Column("topic", sa.String(length=200), nullable=False),
        *_address(),
        sa.PrimaryKeyConstraint("topic", "kind", "key", name=op.f("pk_subscriptions")),
        sqlite_with_rowid=False,
    )


def _reminders() -> None:
    op.create_table(
        "reminders",
        *_address(),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("plan", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", "name", name=op.f("pk_reminders")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_reminders_due_ms"), "reminders", ["due_ms"])


def _flows() -> None:
    for table, content in (("journal", "outcome"), ("signals", "body")):
        op.create_table(
            table,
            sa.Column("effect_id", sa.LargeBinary(length=16), nullable=False),
            sa.Column("number", sa.Integer(), nullable=False),
            sa.Column("name", sa.String(length=80), nullable=False),
            sa.Column(content, sa.LargeBinary(), nullable=False),
            sa.PrimaryKeyConstraint("effect_id", "number", name=op.f(f"pk_{table}")),
            sqlite_with_rowid=False,
        )


def _set_aside() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        *_address(),
        sa.Column("source", sa.String(length=20), nullable=False),
        *_message(),
        sa.Column("principal", sa.LargeBinary(), nullable=False),
        sa.Column("sender", sa.String(length=241), nullable=False),
        sa.Column("trace_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("given_up_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_dead_letters_given_up_at_ms"), "dead_letters", ["given_up_at_ms"])
    op.create_table(
        "suspects",
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kills", sa.Integer(), nullable=False),
        sa.Column("killed_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_suspects")),
        sqlite_with_rowid=False,
    )
