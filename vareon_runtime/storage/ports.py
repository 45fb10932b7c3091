"""What the engine asks of a store. One contract suite holds every implementation to it.

Calls block and are made from threads: one thread commits, one loads.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Table

from vareon_runtime.errors import VareonError
from vareon_runtime.identity import EntityId, MessageId, is_inner
from vareon_runtime.storage.changes import RowChange

LEASE_MS = 5_000
"""How long a host may go without tending its lease before others take its shards."""
FIND_LIMIT = 10_000


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
    trace_id: bytes | None = None
    """Its trace, unless it began that itself."""
    trail: bytes = b""
    """See `vareon_runtime.trail`; written with the row and not changed by the answer."""


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
    noted: InboxRecord | None = None
    """A message that nobody repeats by its id, kept to explain it; a later try replaces it."""
    effects: list[EffectRecord] = field(default_factory=list)
    finished: bytes | None = None
    """The effect whose result this turn took."""
    rows: list[RowChange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tenure:
    """What a host owns once it has tended its lease.

    Attributes:
        shards: The shards that are its own.
        epoch: Higher than that of whoever owned them before.
        members: Names of the hosts whose leases hold, its own among them.
    """

    shards: frozenset[int]
    epoch: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    """How far an entity has got with a peer; see `tables.ChannelRow`."""

    sent: int = 0
    handled: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """An entity to load, the message ids to look up in its inbox, and its peers' channels."""

    target: EntityId
    message_ids: tuple[MessageId, ...] = ()
    peers: tuple[EntityId, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """The answer to a `Wanted`."""

    state: StateRecord | None
    inbox: dict[MessageId, InboxRecord]
    channels: dict[EntityId, Channel] = field(default_factory=dict)


class InboxKey(NamedTuple):
    """Where an inbox row stands in the order of its table."""

    message_id: MessageId
    kind: str
    key: str


class Swept(NamedTuple):
    """One step of a walk through the inbox.

    Attributes:
        seen: Rows looked at.
        deleted: Rows deleted.
        at: Where the next step begins; None at the end.
    """

    seen: int
    deleted: int
    at: InboxKey | None


def is_over(
    message_id: MessageId, handled_at_ms: int, before_ms: int, running_since_ms: int | None
) -> bool:
    """Whether an answered inbox row has served its time.

    Asks of effects and flows are repeated for as long as their effect runs, however long that is:
    their rows are kept while there is an effect older than they are.
    """
    if handled_at_ms >= before_ms:
        return False
    from_inside = is_inner(message_id) and running_since_ms is not None
    return not from_inside or handled_at_ms < (running_since_ms or 0)


class Store(Protocol):
    """Durable state of the entities one host owns."""

    def open(self, host: str, incarnation: str) -> None:
        """Become able to write: take the lock where there is one, and register this life.

        Raises:
            StoreFailed: If another process holds the lock, or the tables are not there.
        """
        ...

    def tend(self, now_ms: int, released: Collection[int] = ()) -> Tenure:
        """Renew the lease, fence whoever let theirs run out, and claim the shards that are free.

        Args:
            now_ms: The time by the clock that decides about leases.
            released: Shards to give up; nothing of this host may still run in them.

        Raises:
            StaleOwner: This life of the host was fenced.
            StoreFailed: The lease may not have been renewed.
        """
        ...

    def load(self, wanted: Sequence[Wanted]) -> list[Loaded]:
        """Read entities, inbox rows and channels, in the order asked."""
        ...

    def find(
        self,
        table: Table,
        where: Mapping[str, Any],
        *,
        up_to: tuple[str, int] | None = None,
        at_least: int | None = None,
        limit: int = FIND_LIMIT,
    ) -> list[dict[str, Any]]:
        """Committed rows of one of the engine's tables, ordered by its key.

        Args:
            table: Which.
            where: Columns and the value, or the collection of values, that they must have.
            up_to: A column whose value must not exceed this; rows come ordered by it.
            at_least: With ``up_to``: that column's value must not be below this.
            limit: How many at most.
        """
        ...

    def commit(self, units: Sequence[Unit], now_ms: int) -> list[VareonError | None]:
        """Write units, in order; one transaction if all can be written.

        Returns:
            For each unit None if it is durable, else why it is not. That unit alone is to
            blame: `Conflict` means that a unique value was taken, `InternalError` that what it
            writes can never be stored. If there are fewer outcomes than units, that of the first
            unit without one is unknown until `settle` tells it, and those after it were not tried.

        Raises:
            StaleOwner: This life of the host was fenced; nothing was written.
            StoreFailed: The outcome is unknown until `settle` tells it.
        """
        ...

    def settle(self) -> bool:
        """Whether what the last `commit` left unknown was written all the same.

        That is all of it if it raised `StoreFailed`, and one unit if it told too few outcomes.

        Raises:
            StoreFailed: It cannot be told yet.
        """
        ...

    def recover_effects(self, shards: Collection[int]) -> list[EffectRecord]:
        """Effects of these shards, each with one attempt more, durably counted.

        Raises:
            StoreFailed: If the database cannot be written.
        """
        ...

    def sweep_inbox(self, after: InboxKey | None, limit: int, before_ms: int) -> Swept:
        """Look at the next rows of the inbox, and delete those whose time is over.

        Args:
            after: Where the last step ended; None to begin.
            limit: How many rows to look at.
            before_ms: Rows handled before this moment are over, by the rule of `is_over`.

        Raises:
            StoreFailed: If the database cannot be written.
        """
        ...

    def cut_log(self) -> int:
        """Keep the log of commits short, where there is one; the bytes it has now."""
        ...

    def close(self) -> None:
        """Let go of the lock."""
        ...
