"""A change to a table that an entity owns, written in its turn's commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table


@dataclass(frozen=True, slots=True)
class RowChange:
    """One change to a table that the entity owns.

    Attributes:
        verb: ``insert``, ``upsert``, ``update`` or ``delete``.
        values: Columns to write.
        where: Columns that pick the rows, for update and delete.
    """

    verb: str
    table: Table
    values: Mapping[str, Any]
    where: Mapping[str, Any]
