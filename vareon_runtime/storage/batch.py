"""Writing a batch of turns: one multi-row statement for each table and kind of change."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Table

from vareon_runtime.errors import InternalError, Unavailable
from vareon_runtime.identity import EntityId
from vareon_runtime.storage import statements
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import EffectRecord, InboxRecord, StateRecord, Unit
from vareon_runtime.storage.tables import EffectRow, EntityRow, InboxRow

_ENTITIES: Table = EntityRow.__table__  # type: ignore[assignment]
_INBOX: Table = InboxRow.__table__  # type: ignore[assignment]
_EFFECTS: Table = EffectRow.__table__  # type: ignore[assignment]

_ENTITY_COLUMNS = ("kind", "key", "version", "schema_version", "epoch", "deleted", "state")
_INBOX_COLUMNS = (
    "message_id",
    "kind",
    "key",
    "digest",
    "reply",
    "handled_at_ms",
    "trace_id",
    "trail",
)
_ANSWERED_COLUMNS = _INBOX_COLUMNS[:6]
_EFFECT_COLUMNS = ("effect_id", "kind", "key", "shard", "name", "attempts", "call")


def write(connection: sqlite3.Connection, units: Sequence[Unit], epoch: int, now_ms: int) -> None:
    """Write everything the units hold, inside the caller's transaction.

    Raises:
        Unavailable: If a state row is not older than the one to be written.
    """
    states: dict[EntityId, StateRecord] = {u.target: u.state for u in units if u.state is not None}
    _write_states(connection, states.values(), epoch)
    _write_inbox(connection, units, now_ms)
    _write_effects(connection, units)
    changes = [change for unit in units for change in unit.rows]
    if changes:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        for change_group in _groups(changes):
            _write_rows(connection, change_group)


def _write_states(
    connection: sqlite3.Connection, states: Iterable[StateRecord], epoch: int
) -> None:
    rows = [
        [*s.target, s.version, s.schema_version, epoch, int(s.deleted), s.state] for s in states
    ]
    written = _insert(connection, _ENTITIES, _ENTITY_COLUMNS, rows, upsert=True)
    if written != len(rows):
        raise Unavailable("Somebody else changed this entity; ask again.")


def _write_inbox(connection: sqlite3.Connection, units: Sequence[Unit], now_ms: int) -> None:
    rows = [_inbox_row(unit.inbox, now_ms) for unit in units if unit.inbox is not None]
    _insert(connection, _INBOX, _INBOX_COLUMNS, rows, upsert=False)
    noted = {u.noted.message_id: _inbox_row(u.noted, now_ms) for u in units if u.noted is not None}
    _insert(connection, _INBOX, _INBOX_COLUMNS, list(noted.values()), upsert=True)
    answered = [
        [u.answered.message_id, *u.answered.target, u.answered.digest, u.answered.reply, now_ms]
        for u in units
        if u.answered is not None
    ]
    _insert(connection, _INBOX, _ANSWERED_COLUMNS, answered, upsert=True)


def _inbox_row(record: InboxRecord, now_ms: int) -> list[Any]:
    return [
        record.message_id,
        *record.target,
        record.digest,
        record.reply,
        now_ms,
        record.trace_id,
        record.trail,
    ]


def _write_effects(connection: sqlite3.Connection, units: Sequence[Unit]) -> None:
    started: list[EffectRecord] = [effect for unit in units for effect in unit.effects]
    finished = [unit.finished for unit in units if unit.finished is not None]
    ended = set(finished)
    rows = [
        [e.effect_id, *e.target, e.shard, e.name, e.attempts, e.call]
        for e in started
        if e.effect_id not in ended
    ]
    _insert(connection, _EFFECTS, _EFFECT_COLUMNS, rows, upsert=True)
    _delete_rows(connection, _EFFECTS, ("effect_id",), [(effect_id,) for effect_id in finished])


def _groups(changes: Sequence[RowChange]) -> list[list[RowChange]]:
    """Changes of one table kept in order, tables by first appearance, like beside like."""
    by_table: dict[Table, list[RowChange]] = {}
    for change in changes:
        by_table.setdefault(change.table, []).append(change)
    groups: list[list[RowChange]] = []
    for of_table in by_table.values():
        last: tuple[Any, ...] = ()
        for change in of_table:
            shape = (change.verb, frozenset(change.values), frozenset(change.where))
            if shape == last:
                groups[-1].append(change)
            else:
                groups.append([change])
            last = shape
    return groups


def _write_rows(connection: sqlite3.Connection, group: list[RowChange]) -> None:
    first = group[0]
    table = first.table
    columns = statements.in_table_order(table, first.values)
    where = statements.in_table_order(table, first.where)
    if first.verb in ("insert", "upsert"):
        if first.verb == "upsert":
            group = _last_of_each(group)
        rows = [statements.parameters(table, columns, change.values) for change in group]
        _insert(connection, table, columns, rows, upsert=first.verb == "upsert")
    elif first.verb == "update":
        sql = statements.update_sql(table, columns, where)
        for change in group:
            connection.execute(
                sql,
                statements.parameters(table, columns, change.values)
                + statements.parameters(table, where, change.where),
            )
    elif first.verb == "delete":
        keys = [statements.parameters(table, where, change.where) for change in group]
        _delete_rows(connection, table, where, keys)
    else:
        raise InternalError(f"There is no row change '{first.verb}'.")


def _delete_rows(
    connection: sqlite3.Connection,
    table: Table,
    columns: Sequence[str],
    keys: Sequence[Sequence[Any]],
) -> None:
    for at in range(0, len(keys), 64):
        some = keys[at : at + 64]
        connection.execute(
            f"DELETE FROM {table.name} WHERE {statements.any_of(columns, len(some))}",  # noqa: S608
            [value for key in some for value in key],
        )


def _last_of_each(group: list[RowChange]) -> list[RowChange]:
    """One statement may not touch a row twice: the last change of each key wins."""
    key = [column.name for column in group[0].table.primary_key]
    return list({tuple(change.values[name] for name in key): change for change in group}.values())


def _insert(
    connection: sqlite3.Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[Sequence[Any]],
    *,
    upsert: bool,
) -> int:
    at = written = 0
    for size in statements.chunks(len(rows), len(columns)):
        sql = statements.insert_sql(table, columns, size, upsert)
        values = [value for row in rows[at : at + size] for value in row]
        written += connection.execute(sql, values).rowcount
        at += size
    return written
