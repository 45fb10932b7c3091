"""The store without a disk, for simulations: the same promises while the object lives.

Handed from one host to the next it stands for the database that outlives them. Rows of the
product's tables are kept with their primary keys and unique columns, but cannot be queried.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Table

from vareon_runtime.errors import Conflict, StaleOwner, StoreFailed, Unavailable, VareonError
from vareon_runtime.identity import EntityId, MessageId
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import (
    EffectRecord,
    InboxRecord,
    Loaded,
    StateRecord,
    Unit,
    Wanted,
)


@dataclass(slots=True)
class _Tables:
    states: dict[EntityId, StateRecord] = field(default_factory=dict)
    inbox: dict[tuple[EntityId, MessageId], InboxRecord] = field(default_factory=dict)
    effects: dict[bytes, EffectRecord] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


class MemoryStore:
    """See `vareon_runtime.storage.ports.Store`."""

    def __init__(self) -> None:
        self._tables = _Tables()
        self._owner = ""
        self._fenced: set[str] = set()
        self._locked = False

    @property
    def owns_all(self) -> bool:
        """See `Store.owns_all`."""
        return self._locked

    def open(self, host: str, incarnation: str) -> None:
        """See `Store.open`."""
        if self._locked:
            raise StoreFailed("Another host has this store open; close it first.")
        self._locked = True
        if self._owner:
            self._fenced.add(self._owner)
        self._owner = incarnation

    def load(self, wanted: Sequence[Wanted]) -> list[Loaded]:
        """See `Store.load`."""
        tables = self._tables
        return [
            Loaded(
                tables.states.get(want.target),
                {
                    message_id: tables.inbox[want.target, message_id]
                    for message_id in want.message_ids
                    if (want.target, message_id) in tables.inbox
                },
            )
            for want in wanted
        ]

    def commit(self, units: Sequence[Unit], now_ms: int) -> list[VareonError | None]:
        """See `Store.commit`."""
        if not self._locked or self._owner in self._fenced:
            raise StaleOwner("This host was replaced; ask again.")
        outcomes: list[VareonError | None] = []
        failed: set[EntityId] = set()
        for unit in units:
            if unit.target in failed:
                outcomes.append(Unavailable("An earlier change of this entity was refused.", 0.1))
                continue
            outcome = self._one(unit)
            if outcome is not None:
                failed.add(unit.target)
            outcomes.append(outcome)
        return outcomes

    def recover_effects(self) -> list[EffectRecord]:
        """See `Store.recover_effects`."""
        effects = self._tables.effects
        for effect_id, record in effects.items():
            effects[effect_id] = replace(record, attempts=record.attempts + 1)
        return list(effects.values())

    def close(self) -> None:
        """See `Store.close`."""
        self._locked = False

    def fence(self) -> None:
        """Do to the present owner what a takeover by another host does."""
        self._fenced.add(self._owner)

    def _one(self, unit: Unit) -> VareonError | None:
        tables = copy.copy(self._tables)
        tables.rows = {name: list(rows) for name, rows in tables.rows.items()}
        state, before = unit.state, self._tables.states.get(unit.target)
        if state is not None and before is not None and before.version >= state.version:
            return Unavailable("Somebody else changed this entity; ask again.")
        inbox = unit.inbox
        if inbox is not None and (unit.target, inbox.message_id) in tables.inbox:
            return Unavailable("This message was handled already; ask again.", 0.02)
        for change in unit.rows:
            problem = _change(tables.rows.setdefault(change.table.name, []), change)
            if problem is not None:
                return problem
        self._tables.rows = tables.rows
        if state is not None:
            self._tables.states[unit.target] = state
        for record in (inbox, unit.answered):
            if record is not None:
                self._tables.inbox[unit.target, record.message_id] = record
        for effect in unit.effects:
            self._tables.effects[effect.effect_id] = effect
        if unit.finished is not None:
            self._tables.effects.pop(unit.finished, None)
        return None


def _change(rows: list[dict[str, Any]], change: RowChange) -> VareonError | None:
    table = change.table
    if change.verb in ("update", "delete"):
        for at, row in reversed(list(enumerate(rows))):
            if all(row.get(name) == value for name, value in change.where.items()):
                if change.verb == "delete":
                    del rows[at]
                else:
                    rows[at] = {**row, **change.values}
        return None
    key = [column.name for column in table.primary_key]
    values = dict(change.values)
    for at, row in enumerate(rows):
        if all(row[name] == values[name] for name in key):
            if change.verb == "insert":
                return Conflict(f"That {key[0]} is taken.")
            rows[at] = {**row, **values}
            return _taken(table, rows, at)
    rows.append(values)
    return _taken(table, rows, len(rows) - 1)


def _taken(table: Table, rows: list[dict[str, Any]], at: int) -> VareonError | None:
    for column in table.columns:
        value = rows[at].get(column.name)
        if column.unique and value is not None:
            for other, row in enumerate(rows):
                if other != at and row.get(column.name) == value:
                    return Conflict(f"That {column.name} is taken.")
    return None
