"""The engine's own tables: what a commit consists of, and who may make one."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, LargeBinary, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from vareon_runtime.storage.base import Base


class EntityRow(Base):
    """State of one entity, as of its last committed turn."""

    __tablename__ = "entities"
    __table_args__ = ({"sqlite_with_rowid": False},)

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    version: Mapped[int]
    schema_version: Mapped[int] = mapped_column(SmallInteger)
    epoch: Mapped[int]
    deleted: Mapped[bool]
    state: Mapped[bytes] = mapped_column(LargeBinary)


class InboxRow(Base):
    """A message that was handled, with the reply that repeats of it receive."""

    __tablename__ = "inbox"
    __table_args__ = (
        Index(
            None,
            "trace_id",
            sqlite_where=text("trace_id IS NOT NULL"),
            postgresql_where=text("trace_id IS NOT NULL"),
        ),
        {"sqlite_with_rowid": False},
    )

    message_id: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(8))
    reply: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The stored reply; null while the answer is still being worked on."""
    handled_at_ms: Mapped[int] = mapped_column(BigInteger)
    trace_id: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    """Null where it is the message's own id: most messages begin their trace, and cost no index."""
    trail: Mapped[bytes | None] = mapped_column(LargeBinary)
    """See `vareon_runtime.trail`; null in rows of an older version."""


class EffectRow(Base):
    """Work that a commit started and whose result has not been committed yet."""

    __tablename__ = "effects"
    __table_args__ = (Index(None, "shard"), {"sqlite_with_rowid": False})

    effect_id: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(200))
    shard: Mapped[int] = mapped_column(SmallInteger)
    name: Mapped[str] = mapped_column(String(80))
    attempts: Mapped[int]
    call: Mapped[bytes] = mapped_column(LargeBinary)
    """The arguments, the turn that takes the result, and who waits for it."""


class HostRow(Base):
    """One life of one host process. Every commit updates its own host's row first."""

    __tablename__ = "hosts"

    incarnation: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    lease_until_ms: Mapped[int] = mapped_column(BigInteger)
    commit_seq: Mapped[int] = mapped_column(BigInteger)
    fenced: Mapped[bool]


class ShardRow(Base):
    """Which life of which host owns a shard, and since which epoch."""

    __tablename__ = "shards"

    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    owner: Mapped[str] = mapped_column(String(36))
    epoch: Mapped[int]


class OutboxRow(Base):
    """A message that a turn sent and whose receiver has not confirmed it yet."""

    __tablename__ = "outbox"
    __table_args__ = (Index(None, "shard"), {"sqlite_with_rowid": False})

    message_id: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger)
    """The sender's."""
    kind: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(200))
    to_kind: Mapped[str] = mapped_column(String(40))
    to_key: Mapped[str] = mapped_column(String(200))
    number: Mapped[int] = mapped_column(BigInteger)
    """Counts what this sender sent to this receiver, from 1."""
    name: Mapped[str] = mapped_column(String(80))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    principal: Mapped[bytes] = mapped_column(LargeBinary)
    trace_id: Mapped[bytes] = mapped_column(LargeBinary(16))
    span_id: Mapped[bytes | None] = mapped_column(LargeBinary(8))
    """The turn that sent it; null in rows of an older version."""


class ChannelRow(Base):
    """How far one entity has got with another: numbers given out, and numbers handled."""

    __tablename__ = "channels"
    __table_args__ = ({"sqlite_with_rowid": False},)

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    peer_kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    peer_key: Mapped[str] = mapped_column(String(200), primary_key=True)
    sent: Mapped[int] = mapped_column(BigInteger)
    """The last number given to a message for the peer."""
    handled: Mapped[int] = mapped_column(BigInteger)
    """The last number of the peer's that was handled or set aside."""


class ReminderRow(Base):
    """A durable wake-up of an entity."""

    __tablename__ = "reminders"
    __table_args__ = (Index(None, "due_ms"), {"sqlite_with_rowid": False})

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger)
    due_ms: Mapped[int] = mapped_column(BigInteger)
    plan: Mapped[bytes] = mapped_column(LargeBinary)
    """What comes after the next tick, what to do with missed ones, and the message to handle."""


class JournalRow(Base):
    """The outcome of a finished step of a flow, which is not done again."""

    __tablename__ = "journal"
    __table_args__ = ({"sqlite_with_rowid": False},)

    effect_id: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    """The flow."""
    number: Mapped[int] = mapped_column(primary_key=True)
    """Counts its steps, from 1."""
    name: Mapped[str] = mapped_column(String(80))
    outcome: Mapped[bytes] = mapped_column(LargeBinary)


class SignalRow(Base):
    """Something a flow is told from outside, until a step of it takes it."""

    __tablename__ = "signals"
    __table_args__ = ({"sqlite_with_rowid": False},)

    effect_id: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    body: Mapped[bytes] = mapped_column(LargeBinary)


class SubscriptionRow(Base):
    """An entity that is told what is published on a topic."""

    __tablename__ = "subscriptions"
    __table_args__ = ({"sqlite_with_rowid": False},)

    topic: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)


class DeadLetterRow(Base):
    """A message that was given up on, kept with its reason."""

    __tablename__ = "dead_letters"
    __table_args__ = (
        Index(None, "given_up_at_ms"),
        Index(None, "trace_id"),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    """The message's own id; a fresh one for an effect, which may be set aside again."""
    kind: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(20))
    """What brought it: ``ask``, ``send``, ``reminder`` or ``effect``."""
    name: Mapped[str] = mapped_column(String(80))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    principal: Mapped[bytes] = mapped_column(LargeBinary)
    sender: Mapped[str] = mapped_column(String(241))
    trace_id: Mapped[bytes] = mapped_column(LargeBinary(16))
    code: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(1000))
    attempts: Mapped[int]
    given_up_at_ms: Mapped[int] = mapped_column(BigInteger)
    effect_id: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    """The effect or flow; a flow's journal is kept as long as its letter."""
    call: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What starts that again; null if it must not be done twice."""


class SuspectRow(Base):
    """A message whose turn was running when its host was killed."""

    __tablename__ = "suspects"
    __table_args__ = ({"sqlite_with_rowid": False},)

    message_id: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    kills: Mapped[int]
    killed_at_ms: Mapped[int] = mapped_column(BigInteger)
