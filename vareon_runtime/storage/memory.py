"""The store without a disk, for simulations: the same promises while the database object lives.

One `MemoryDatabase` stands for the database that outlives hosts. With ``shared`` several hosts
write to it at once and take shards from each other by lease, as on PostgreSQL; without, one host
at a time holds it and owns everything, as on SQLite.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import Table

from vareon_runtime.errors import (
    Conflict,
    InternalError,
    StaleOwner,
    StoreFailed,
    Unavailable,
    VareonError,
)
from vareon_runtime.identity import SHARDS, EntityId, MessageId, id_time_s
from vareon_runtime.placement import owner_of
from vareon_runtime.storage.memory_rows import MemoryRows, matches
from vareon_runtime.storage.ports import (
    FIND_LIMIT,
    LEASE_MS,
    Channel,
    EffectRecord,
    InboxKey,
    InboxRecord,
    Loaded,
    StateRecord,
    Swept,
    Tenure,
    Unit,
    Wanted,
    is_over,
)
from vareon_runtime.storage.tables import ChannelRow, EffectRow

_CHANNELS: Table = ChannelRow.__table__  # type: ignore[assignment]
_EFFECTS: Table = EffectRow.__table__  # type: ignore[assignment]


@dataclass(slots=True)
class HostLife:
    """One life of a host, as the database knows it."""

    name: str
    lease_until_ms: int = 0
    """0 until the first `Store.tend`: it owns nothing yet, and has nothing to lose."""
    fenced: bool = False


@dataclass(slots=True)
class MemoryDatabase:
    """What outlives the hosts."""

    states: dict[EntityId, StateRecord] = field(default_factory=dict)
    inbox: dict[tuple[EntityId, MessageId], InboxRecord] = field(default_factory=dict)
    handled_ms: dict[tuple[EntityId, MessageId], int] = field(default_factory=dict)
    """When each row of the inbox was written."""
    effects: dict[bytes, EffectRecord] = field(default_factory=dict)
    rows: MemoryRows = field(default_factory=MemoryRows)
    hosts: dict[str, HostLife] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    epoch: int = 0
    held: bool = False
    """Whether a host holds it for itself alone."""


class MemoryStore:
    """See `vareon_runtime.storage.ports.Store`.

    Args:
        database: What it works on; a new one if not given.
        shared: Whether other hosts work on it too.
    """

    def __init__(self, database: MemoryDatabase | None = None, *, shared: bool = False) -> None:
        self._database = database or MemoryDatabase()
        self._shared = shared
        self._incarnation = ""
        self._open = False
        self._epoch = 0

    def open(self, host: str, incarnation: str) -> None:
        """See `Store.open`."""
        database = self._database
        if not self._shared:
            if database.held:
                raise StoreFailed("Another host has this store open; close it first.")
            database.held = True
            for life in database.hosts.values():
                life.fenced = True
        for life in database.hosts.values():
            life.fenced = life.fenced or life.name == host
        database.hosts[incarnation] = HostLife(host)
        self._incarnation = incarnation
        self._open = True

    def tend(self, now_ms: int, released: Collection[int] = ()) -> Tenure:
        """See `Store.tend`."""
        self._guard()
        database = self._database
        database.hosts[self._incarnation].lease_until_ms = now_ms + LEASE_MS
        for life in database.hosts.values():
            life.fenced = life.fenced or 0 < life.lease_until_ms < now_ms
        live = {
            key: life
            for key, life in database.hosts.items()
            if not life.fenced and life.lease_until_ms
        }
        for shard in released:
            if database.owners.get(shard) == self._incarnation:
                del database.owners[shard]
        self._claim(tuple(sorted(life.name for life in live.values())), live, frozenset(released))
        mine = frozenset(s for s, owner in database.owners.items() if owner == self._incarnation)
        return Tenure(mine, self._epoch, tuple(sorted(life.name for life in live.values())))

    def load(self, wanted: Sequence[Wanted]) -> list[Loaded]:
        """See `Store.load`."""
        return [self._loaded(want) for want in wanted]

    def find(
        self,
        table: Table,
        where: Mapping[str, Any],
        *,
        up_to: tuple[str, int] | None = None,
        at_least: int | None = None,
        limit: int = FIND_LIMIT,
    ) -> list[dict[str, Any]]:
        """See `Store.find`."""
        if table is _EFFECTS:
            return self._find_effects(where)
        return self._database.rows.find(table, where, up_to, limit, at_least)

    def commit(self, units: Sequence[Unit], now_ms: int) -> list[VareonError | None]:
        """See `Store.commit`."""
        self._guard()
        outcomes: list[VareonError | None] = []
        failed: set[EntityId] = set()
        for unit in units:
            if unit.target in failed:
                outcomes.append(Unavailable("An earlier change of this entity was refused.", 0.1))
                continue
            outcome = self._one(unit, now_ms)
            if outcome is not None:
                failed.add(unit.target)
            outcomes.append(outcome)
        return outcomes

    def settle(self) -> bool:
        """See `Store.settle`: memory never loses an answer."""
        return False

    def recover_effects(self, shards: Collection[int]) -> list[EffectRecord]:
        """See `Store.recover_effects`."""
        self._guard()
        effects = self._database.effects
        wanted = set(shards)
        for effect_id, record in effects.items():
            if record.shard in wanted:
                effects[effect_id] = replace(record, attempts=record.attempts + 1)
        return [record for record in effects.values() if record.shard in wanted]

    def sweep_inbox(self, after: InboxKey | None, limit: int, before_ms: int) -> Swept:
        """See `Store.sweep_inbox`."""
        self._guard()
        database = self._database
        oldest = min(database.effects, default=None)
        running_since_ms = None if oldest is None else int(id_time_s(oldest) * 1000)
        rows = sorted((message_id, *target) for target, message_id in database.inbox)
        part = [InboxKey(*row) for row in rows if after is None or row > after][:limit]
        deleted = 0
        for message_id, kind, key in part:
            name = (EntityId(kind, key), message_id)
            over = is_over(message_id, database.handled_ms[name], before_ms, running_since_ms)
            if over and database.inbox[name].reply is not None:
                del database.inbox[name], database.handled_ms[name]
                deleted += 1
        return Swept(len(part), deleted, part[-1] if len(part) == limit else None)

    def cut_log(self) -> int:
        """See `Store.cut_log`."""
        return 0

    def close(self) -> None:
        """See `Store.close`."""
        if self._open and not self._shared:
            self._database.held = False
        self._open = False

    def fence(self) -> None:
        """Do to this life what a takeover by another host does."""
        self._database.hosts[self._incarnation].fenced = True

    def _find_effects(self, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        found = []
        for record in self._database.effects.values():
            kind, key = record.target
            row = {**asdict(record), "kind": kind, "key": key}
            del row["target"]
            if matches(row, where):
                found.append(row)
        return found

    def _guard(self) -> None:
        life = self._database.hosts.get(self._incarnation)
        if not self._open or life is None or life.fenced:
            raise StaleOwner("This host was replaced; ask again.")

    def _claim(
        self, names: tuple[str, ...], live: Mapping[str, HostLife], released: frozenset[int]
    ) -> None:
        """Take what the rule gives this host and nobody alive holds."""
        database = self._database
        mine = database.hosts[self._incarnation].name
        free = [
            shard
            for shard in range(SHARDS)
            if database.owners.get(shard) not in live
            and shard not in released
            and owner_of(shard, names) == mine
        ]
        if free or not self._epoch:
            database.epoch += 1
            self._epoch = database.epoch
        for shard in free:
            database.owners[shard] = self._incarnation

    def _loaded(self, want: Wanted) -> Loaded:
        database = self._database
        found = Loaded(database.states.get(want.target), {})
        for message_id in want.message_ids:
            record = database.inbox.get((want.target, message_id))
            if record is not None:
                found.inbox[message_id] = record
        for peer in want.peers:
            where = dict(
                zip(("kind", "key", "peer_kind", "peer_key"), (*want.target, *peer), strict=True)
            )
            for row in database.rows.find(_CHANNELS, where, None, 1):
                found.channels[peer] = Channel(row["sent"], row["handled"])
        return found

    def _one(self, unit: Unit, now_ms: int) -> VareonError | None:
        database = self._database
        state, before = unit.state, database.states.get(unit.target)
        if state is not None and before is not None and before.version >= state.version:
            return Unavailable("Somebody else changed this entity; ask again.")
        inbox = unit.inbox
        if inbox is not None and (unit.target, inbox.message_id) in database.inbox:
            return Unavailable("This message was handled already; ask again.", 0.02)
        try:
            database.rows.apply(unit.rows)
        except Conflict as error:
            return error
        except Exception as error:  # noqa: BLE001 - a row may hold anything; its neighbours go on
            return InternalError(f"What this turn writes cannot be stored: {error}.")
        if state is not None:
            database.states[unit.target] = state
        self._note_handled(unit, now_ms)
        for effect in unit.effects:
            database.effects[effect.effect_id] = effect
        if unit.finished is not None:
            database.effects.pop(unit.finished, None)
        return None

    def _note_handled(self, unit: Unit, now_ms: int) -> None:
        database = self._database
        for record in (unit.inbox, unit.noted, unit.answered):
            if record is None:
                continue
            name = (unit.target, record.message_id)
            first = database.inbox.get(name) if record is unit.answered else None
            # an answer completes its row; what is known of its way stays
            database.inbox[name] = (
                record
                if first is None
                else replace(record, trace_id=first.trace_id, trail=first.trail)
            )
            database.handled_ms[name] = now_ms
