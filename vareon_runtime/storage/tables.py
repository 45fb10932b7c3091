"""The engine's own tables: what a commit consists of, and who may make one."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, LargeBinary, SmallInteger, String
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
    __table_args__ = ({"sqlite_with_rowid": False},)

    message_id: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(8))
    reply: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The stored reply; null while the answer is still being worked on."""
    handled_at_ms: Mapped[int] = mapped_column(BigInteger)


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
