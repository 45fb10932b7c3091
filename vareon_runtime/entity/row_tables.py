"""Checks on the rows that a turn changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table

from vareon_runtime.errors import InternalError
from vareon_runtime.storage.base import Base


def demand_columns(method: str, where: Mapping[str, Any]) -> None:
    """Refuse what would pick every row, or, as null equals nothing, none.

    Raises:
        InternalError: If it would.
    """
    if not where:
        raise InternalError(f"{method} needs at least one column to pick rows by.")
    for name, value in where.items():
        if value is None:
            raise InternalError(f"{method} cannot pick rows by {name}, for null equals nothing.")


def table_of(row: type[Base]) -> Table:
    """The table of a row's class.

    Raises:
        InternalError: If it is not mapped to one.
    """
    table = row.__table__
    if not isinstance(table, Table):
        raise InternalError(f"{row.__name__} is not mapped to a table.")
    return table
