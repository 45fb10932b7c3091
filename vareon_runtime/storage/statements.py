"""SQL text compiled once from the Core tables, many rows a statement.

Every step of a statement gives up the interpreter's lock and must win it back from a busy event
loop, so a batch of a hundred rows must be one statement, not a hundred. Row counts are rounded
down to powers of two to keep the number of distinct texts, and so the statement cache, small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ClauseElement, Column, Table, bindparam, delete, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert

from vareon_runtime.errors import InternalError
from vareon_runtime.storage.tables import EntityRow

DIALECT = sqlite.dialect()
MAX_VARIABLES = 30_000
"""SQLite takes 32,766 parameters a statement."""


@cache
def insert_sql(table: Table, columns: tuple[str, ...], rows: int, upsert: bool) -> str:
    """``INSERT`` of so many rows; ``upsert`` changes rows whose primary key exists."""
    values = [
        {name: bindparam(f"{name}__{row}", type_=table.c[name].type) for name in columns}
        for row in range(rows)
    ]
    statement = insert(table).values(values)
    if upsert:
        key = [column.name for column in table.primary_key]
        changed = {n: statement.excluded[n] for n in columns if n not in key}
        if changed:
            guard = None
            if table is EntityRow.__table__:
                guard = table.c.version < statement.excluded.version
            statement = statement.on_conflict_do_update(
                index_elements=key, set_=changed, where=guard
            )
        else:
            statement = statement.on_conflict_do_nothing(index_elements=key)
    names = [f"{name}__{row}" for row in range(rows) for name in columns]
    return _text(statement, names)


@cache
def update_sql(table: Table, columns: tuple[str, ...], where: tuple[str, ...]) -> str:
    """``UPDATE`` of the rows whose columns equal the parameters."""
    statement = update(table).values({name: bindparam(f"set_{name}") for name in columns})
    for name in where:
        statement = statement.where(table.c[name] == bindparam(f"where_{name}"))
    names = [f"set_{name}" for name in columns] + [f"where_{name}" for name in where]
    return _text(statement, names)


@cache
def delete_sql(table: Table, where: tuple[str, ...]) -> str:
    """``DELETE`` of the rows whose columns equal the parameters."""
    statement = delete(table)
    for name in where:
        statement = statement.where(table.c[name] == bindparam(f"where_{name}"))
    return _text(statement, [f"where_{name}" for name in where])


def find_sql(
    table: Table,
    where: Mapping[str, Any],
    up_to: tuple[str, int] | None,
    at_least: int | None,
    limit: int,
) -> tuple[str, list[Any]]:
    """``SELECT`` of whole rows, and its parameters; see `Store.find`.

    Only the engine's own tables are read so, whose columns need no conversion.
    """
    parts, values = [], []
    for name, wanted in where.items():
        several = list(wanted) if isinstance(wanted, list | tuple | set | frozenset) else [wanted]
        parts.append(f"{table.c[name].name} IN ({','.join('?' * len(several))})")
        values.extend(several)
    order = ", ".join(column.name for column in table.primary_key)
    if up_to is not None:
        order = table.c[up_to[0]].name
        parts.append(f"{order} <= ?")
        values.append(up_to[1])
        if at_least is not None:
            parts.append(f"{order} >= ?")
            values.append(at_least)
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    condition = f" WHERE {' AND '.join(parts)}" if parts else ""
    sql = f"SELECT {names} FROM {table.name}{condition} ORDER BY {order} LIMIT ?"  # noqa: S608
    return sql, [*values, limit]


def any_of(columns: Sequence[str], rows: int) -> str:
    """A condition that columns together equal one of so many rows of parameters.

    By way of a select, because SQLite looks up the rows of a bare ``VALUES`` list by scanning
    the whole table once there are two of them.
    """
    one = f"({','.join('?' * len(columns))})"
    return f"({', '.join(columns)}) IN (SELECT * FROM (VALUES {','.join([one] * rows)}))"  # noqa: S608


def in_table_order(table: Table, columns: Iterable[str]) -> tuple[str, ...]:
    """The columns as the table declares them, which is how SQLAlchemy writes them.

    Raises:
        InternalError: If the table has no such column.
    """
    wanted = set(columns)
    found = tuple(column.name for column in table.columns if column.name in wanted)
    if len(found) != len(wanted):
        unknown = ", ".join(sorted(wanted.difference(found)))
        raise InternalError(f"The table {table.name} has no column {unknown}.")
    return found


def _text(statement: ClauseElement, names: list[str]) -> str:
    """The SQL, once its parameters are known to stand in the order they will be given."""
    compiled = statement.compile(dialect=DIALECT)
    if getattr(compiled, "positiontup", None) != names:
        raise InternalError("A statement takes its parameters in an unexpected order.")
    return str(compiled)


@cache
def binder(column: Column[Any]) -> Callable[[Any], Any] | None:
    """How a Python value of a column becomes a parameter; None if it already is one."""
    return column.type.bind_processor(DIALECT) or None


def parameters(table: Table, columns: Sequence[str], values: Any) -> list[Any]:
    """A row's values as parameters, in column order."""
    found = []
    for name in columns:
        value = values[name]
        convert = binder(table.c[name])
        found.append(value if convert is None else convert(value))
    return found


def chunks(count: int, columns: int) -> list[int]:
    """Row counts of the statements that together write ``count`` rows: powers of two."""
    largest = 1
    while largest * 2 * columns <= MAX_VARIABLES and largest < 256:
        largest *= 2
    sizes = []
    while count:
        while largest > count:
            largest //= 2
        sizes.append(largest)
        count -= largest
    return sizes
