"""A store that fails on purpose, and notes who wrote what under which epoch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table

from vareon_runtime.errors import StoreFailed, VareonError
from vareon_runtime.identity import EntityId
from vareon_runtime.placement import shard_of
from vareon_runtime.storage.memory import MemoryDatabase, MemoryStore
from vareon_runtime.storage.ports import (
    FIND_LIMIT,
    EffectRecord,
    InboxKey,
    Loaded,
    Swept,
    Tenure,
    Unit,
    Wanted,
)

COMMIT_FAILS = "commit_fails"
"""Nothing is written, and the writer is told so."""
COMMIT_UNKNOWN = "commit_unknown"
"""Everything is written, and the writer is told that it failed."""
LOAD_FAILS = "load_fails"
"""An entity cannot be read."""
TAKE_UP_FAILS = "take_up_fails"
"""What waits in shards cannot be read."""

Wrote = Callable[[EntityId, int, int], None]
"""Told of every row written: entity, the writer's epoch, the highest epoch granted for it."""


@dataclass(slots=True)
class Disk:
    """What outlives the hosts: the database, and what the faults do to those who use it.

    Attributes:
        planned: How many calls of each kind are still to fail, by host.
        cut_off: Hosts that do not reach it.
        granted: The epoch at which each shard was last given to somebody.
        landed: Told when a planned fault has hit.
    """

    wrote: Wrote
    landed: Callable[[str, str], None]
    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    planned: dict[tuple[str, str], int] = field(default_factory=dict)
    cut_off: set[str] = field(default_factory=set)
    granted: dict[int, int] = field(default_factory=dict)

    def plan(self, host: str, fault: str, times: int) -> None:
        """Let the next calls of a host fail."""
        self.planned[host, fault] = times

    def heal(self) -> None:
        """No more faults."""
        self.planned.clear()
        self.cut_off.clear()

    def strikes(self, host: str, fault: str) -> bool:
        """Whether a planned fault hits this call."""
        left = self.planned.get((host, fault), 0)
        if left:
            self.planned[host, fault] = left - 1
            self.landed(host, fault)
        return left > 0


class FaultyStore:
    """The store of one life of a host. See `vareon_runtime.storage.ports.Store`."""

    def __init__(self, disk: Disk, host: str) -> None:
        self._disk = disk
        self._host = host
        self._store = MemoryStore(disk.database, shared=True)
        self._tenure = Tenure(frozenset(), 0, ())
        self._written = False
        self._incarnation = ""

    def open(self, host: str, incarnation: str) -> None:
        """See `Store.open`."""
        self._reach()
        self._store.open(host, incarnation)
        self._incarnation = incarnation

    def tend(self, now_ms: int, released: Collection[int] = ()) -> Tenure:
        """See `Store.tend`."""
        self._reach()
        tenure = self._store.tend(now_ms, released)
        for shard in tenure.shards - self._tenure.shards:
            self._disk.granted[shard] = tenure.epoch
        self._tenure = tenure
        return tenure

    def load(self, wanted: Sequence[Wanted]) -> list[Loaded]:
        """See `Store.load`."""
        self._read(LOAD_FAILS)
        return self._store.load(wanted)

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
        self._read(TAKE_UP_FAILS if "shard" in where and up_to is None else LOAD_FAILS)
        return self._store.find(table, where, up_to=up_to, at_least=at_least, limit=limit)

    def commit(self, units: Sequence[Unit], now_ms: int) -> list[VareonError | None]:
        """See `Store.commit`."""
        self._written = False
        self._reach()
        if self._disk.strikes(self._host, COMMIT_FAILS):
            raise StoreFailed("The simulated disk refused the commit.")
        outcomes = self._store.commit(units, now_ms)
        self._written = True
        for unit, outcome in zip(units, outcomes, strict=True):
            if outcome is None and (unit.state or unit.inbox):
                granted = self._disk.granted.get(shard_of(unit.target), 0)
                if self._disk.database.hosts[self._incarnation].fenced:
                    granted = max(granted, self._tenure.epoch + 1)
                self._disk.wrote(unit.target, self._tenure.epoch, granted)
        if not any(outcomes) and self._disk.strikes(self._host, COMMIT_UNKNOWN):
            raise StoreFailed("The simulated disk lost its answer.")
        return outcomes

    def settle(self) -> bool:
        """See `Store.settle`."""
        self._reach()
        return self._written

    def recover_effects(self, shards: Collection[int]) -> list[EffectRecord]:
        """See `Store.recover_effects`."""
        self._read(TAKE_UP_FAILS)
        return self._store.recover_effects(shards)

    def sweep_inbox(self, after: InboxKey | None, limit: int, before_ms: int) -> Swept:
        """See `Store.sweep_inbox`."""
        self._reach()
        return self._store.sweep_inbox(after, limit, before_ms)

    def cut_log(self) -> int:
        """See `Store.cut_log`."""
        return self._store.cut_log()

    def close(self) -> None:
        """See `Store.close`."""
        self._store.close()

    def _read(self, fault: str) -> None:
        self._reach()
        if self._disk.strikes(self._host, fault):
            raise StoreFailed("The simulated disk could not be read.")

    def _reach(self) -> None:
        if self._host in self._disk.cut_off:
            raise StoreFailed("The simulated disk cannot be reached.")
