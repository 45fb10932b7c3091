"""Tables that entities of one's own declare: made at start, beside those of the product."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

from sqlalchemy import Connection, Table, create_engine, inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateColumn

from vareon_runtime.errors import ConfigurationError
from vareon_runtime.storage.base import Base

_OURS = "vareon_runtime."


def declared_tables() -> list[Table]:
    """Tables of rows that derive from `Base` and are not the product's, in order of need."""
    found = {
        mapper.local_table
        for mapper in Base.registry.mappers
        if not mapper.class_.__module__.startswith(_OURS)
    }
    return [table for table in Base.metadata.sorted_tables if table in found]


def declare(modules: Iterable[str]) -> None:
    """Import the modules of entities, which declares their tables.

    Raises:
        ConfigurationError: If one cannot be imported.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # where a host finds them too
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:
            reason = (str(error) or "no reason given").splitlines()[0]
            raise ConfigurationError(
                f"The entity module {name} cannot be imported ({type(error).__name__}: {reason}); "
                "correct it, or start where Python finds it."
            ) from error


def make_tables(database_url: str, tables: Collection[Table] | None = None) -> None:
    """Make what is not there yet, and add columns that a table has got since.

    Args:
        database_url: A database that holds the product's tables.
        tables: Which; by default all that are declared in this process.

    Raises:
        ConfigurationError: If a table cannot be made or changed; nothing has changed then.
    """
    wanted = declared_tables() if tables is None else tables
    if not wanted:
        return
    engine = create_engine(database_url)
    try:
        with engine.begin() as connection:
            for table in wanted:
                _make(connection, table)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise ConfigurationError(
            f"The tables of your entities cannot be made ({reason}): correct their columns."
        ) from error
    finally:
        engine.dispose()


def _make(connection: Connection, table: Table) -> None:
    if not inspect(connection).has_table(table.name):
        table.create(connection)
        return
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for column in table.columns:
        if column.name in there:
            continue
        if not column.nullable and column.server_default is None:
            raise ConfigurationError(
                f"The stored table {table.name} has no column {column.name}, and its rows need a "
                "value for it: let the column be null, or give it a server_default."
            )
        added = CreateColumn(column).compile(dialect=connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {added}")
