"""What the engine asks of a store. One contract suite holds every implementation to it.

Calls block and are made from threads: one thread commits, one loads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from vareon_runtime.errors import VareonError
from vareon_runtime.identity import EntityId, MessageId
from vareon_runtime.storage.changes import RowChange


@dataclass(frozen=True, slots=True)
class StateRecord:
    """An entity as stored.

    Attributes:
        version: Counts its committed changes, from 1.
        state: Encoded fields, of ``schema_version``.
        deleted: A tombstone: it existed and never will again.
    """

    target: EntityId
    version: int
    schema_version: int
    state: bytes
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class InboxRecord:
    """A handled message; ``reply`` is None while a later turn still owes the answer."""

    target: EntityId
    message_id: MessageId
    digest: bytes
    reply: bytes | None


@dataclass(frozen=True, slots=True)
class EffectRecord:
    """An effect that was started and whose result is not committed."""

    effect_id: bytes
    target: EntityId
    shard: int
    name: str
    attempts: int
    call: bytes


@dataclass(slots=True)
class Unit:
    """What one turn leaves behind: all of it is committed, or none."""

    target: EntityId
    state: StateRecord | None = None
    inbox: InboxRecord | None = None
    answered: InboxRecord | None = None
    """An inbox row of an earlier turn that now has its reply."""
    effects: list[EffectRecord] = field(default_factory=list)
    finished: bytes | None = None
    """The effect whose result this turn took."""
    rows: list[RowChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An entity to load, and the message ids to look up in its inbox."""

    target: EntityId
    message_ids: tuple[MessageId, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """The answer to a `Wanted`."""

    state: StateRecord | None
    inbox: dict[MessageId, InboxRecord]


class Store(Protocol):
    """Durable state of the entities one host owns."""

    @property
    def owns_all(self) -> bool:
        """Whether every shard is this host's, as on the one writer of a SQLite file."""
        ...

    def open(self, host: str, incarnation: str) -> None:
        """Become the owner: lock, fence earlier lives of this host, take the shards.

        Raises:
            StoreFailed: If another process holds the lock, or the tables are not there.
        """
        ...

    def load(self, wanted: Sequence[Wanted]) -> list[Loaded]:
        """Read entities and inbox rows, in the order asked."""
        ...

    def commit(self, units: Sequence[Unit], now_ms: int) -> list[VareonError | None]:
        """Write units, in order; one transaction if all can be written.

        Returns:
            For each unit None if it is durable, else why it is not. `Conflict` means a unique
            value was taken, and that unit alone is to blame.

        Raises:
            StaleOwner: This life of the host was fenced; nothing was written.
            StoreFailed: The outcome is unknown.
        """
        ...

    def recover_effects(self) -> list[EffectRecord]:
        """Effects of the owned shards, each with one attempt more, durably counted."""
        ...

    def close(self) -> None:
        """Let go of the lock."""
        ...
