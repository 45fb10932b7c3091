"""Rows kept in memory by their primary key, with the unique columns that a database would hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Table

from vareon_runtime.errors import Conflict, InternalError
from vareon_runtime.storage.changes import RowChange

Row = dict[str, Any]
Undo = Callable[[], None]


class MemoryRows:
    """The rows of every table."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[tuple[Any, ...], Row]] = {}

    def apply(self, changes: Collection[RowChange]) -> None:
        """Make all of the changes, or none.

        Raises:
            Conflict: If a key or a unique value is taken, or a value is missing.
            InternalError: If the table has no such column.
        """
        undo: list[Undo] = []
        try:
            for change in changes:
                self._apply(change, undo)
        except Exception:
            for back in reversed(undo):
                back()
            raise

    def find(
        self,
        table: Table,
        where: Mapping[str, Any],
        up_to: tuple[str, int] | None,
        limit: int,
        at_least: int | None = None,
    ) -> list[Row]:
        """See `Store.find`."""
        rows = self._tables.get(table.name, {})
        if up_to is None:
            matching = [rows[key] for key in sorted(rows) if matches(rows[key], where)]
        else:
            column, most = up_to
            least = float("-inf") if at_least is None else at_least
            due = [
                row for row in rows.values() if least <= row[column] <= most and matches(row, where)
            ]
            matching = sorted(due, key=lambda row: row[column])
        return [dict(row) for row in matching[:limit]]

    def _apply(self, change: RowChange, undo: list[Undo]) -> None:
        _refuse_unknown(change)
        rows = self._tables.setdefault(change.table.name, {})
        if change.verb in ("update", "delete"):
            for key in _keys(rows, change):
                fresh = None if change.verb == "delete" else {**rows[key], **change.values}
                _put(rows, key, fresh, undo)
            return
        names = [column.name for column in change.table.primary_key]
        key = tuple(change.values[name] for name in names)
        if change.verb == "insert" and key in rows:
            raise Conflict(f"That {names[0]} is taken.")
        fresh = {**rows.get(key, {}), **change.values}
        _refuse_missing(change.table, fresh)
        _refuse_taken(change.table, rows, key, fresh)
        _put(rows, key, fresh, undo)


def _keys(rows: dict[tuple[Any, ...], Row], change: RowChange) -> list[tuple[Any, ...]]:
    names = [column.name for column in change.table.primary_key]
    if set(names) <= set(change.where):
        key = tuple(change.where[name] for name in names)
        return [key] if key in rows and matches(rows[key], change.where) else []
    return [key for key, row in rows.items() if matches(row, change.where)]


def _put(
    rows: dict[tuple[Any, ...], Row], key: tuple[Any, ...], row: Row | None, undo: list[Undo]
) -> None:
    before = rows.get(key)
    undo.append(lambda: _set(rows, key, before))
    _set(rows, key, row)


def _set(rows: dict[tuple[Any, ...], Row], key: tuple[Any, ...], row: Row | None) -> None:
    if row is None:
        rows.pop(key, None)
    else:
        rows[key] = row


def matches(row: Row, where: Mapping[str, Any]) -> bool:
    """Whether a row has the values, or one of the values, that its columns must have."""
    for name, wanted in where.items():
        several = isinstance(wanted, list | tuple | set | frozenset)
        if row.get(name) not in (wanted if several else (wanted,)):
            return False
    return True


def _refuse_unknown(change: RowChange) -> None:
    for name in (*change.values, *change.where):
        if name not in change.table.c:
            raise InternalError(f"The table {change.table.name} has no column {name}.")


def _refuse_missing(table: Table, fresh: Row) -> None:
    if any(fresh.get(name) is None for name in _required(table)):
        raise Conflict("The change does not fit what is stored.")


@cache
def _required(table: Table) -> tuple[str, ...]:
    """Columns that must be given a value."""
    return tuple(c.name for c in table.columns if not c.nullable and c.server_default is None)


def _refuse_taken(
    table: Table, rows: dict[tuple[Any, ...], Row], key: tuple[Any, ...], fresh: Row
) -> None:
    for column in table.columns:
        value = fresh.get(column.name)
        if column.unique and value is not None:
            for other, row in rows.items():
                if other != key and row.get(column.name) == value:
                    raise Conflict(f"That {column.name} is taken.")
