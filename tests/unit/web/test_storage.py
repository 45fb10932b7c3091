"""How much is stored, as an operator is told."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from tests.support.clocks import ManualClock
from vareon_runtime.migrations.run import migrate
from vareon_runtime.storage.base import Base
from vareon_runtime.storage.database import Database
from web.services.storage import FAMILIES, Storage

ROWS = 1_000


class Counting:
    """Counts selects, and may lack SQLite's page statistics."""

    def __init__(self, database: Database, *, pages: bool = True) -> None:
        self._database = database
        self._pages = pages
        self.selects = 0

    async def rows(self, statement: Any) -> list[Any]:
        self.selects += 1
        if "dbstat" in str(statement) and not self._pages:
            raise OperationalError(str(statement), {}, Exception("no such table: dbstat"))
        return await self._database.rows(statement)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    path = tmp_path / "vareon.db"
    migrate(f"sqlite:///{path}")
    connection = sqlite3.connect(path)
    connection.executemany(
        "INSERT INTO inbox (message_id, kind, key, digest, reply, handled_at_ms)"
        " VALUES (?, 'k', 'key', x'00', ?, 1)",
        [(number.to_bytes(16, "big"), b"r" * 200) for number in range(ROWS)],
    )
    connection.executemany(
        "INSERT INTO channels VALUES ('a', 'b', 'c', ?, 1, 1)", [(str(n),) for n in range(3)]
    )
    connection.commit()
    connection.close()
    opened = Database(f"sqlite:///{path}")
    yield opened
    await opened.close()


def of(used: dict[str, Any], family: str) -> dict[str, Any]:
    return next(found for found in used["families"] if found["family"] == family)


async def test_rows_and_bytes_of_each_family(database: Database, tmp_path: Path) -> None:
    used = await Storage(database, ManualClock()).used()
    inbox = of(used, "inbox")
    assert inbox["rows"] == ROWS
    assert 200 * ROWS < inbox["bytes"] < 400 * ROWS
    assert used["families"][0] == inbox, "the largest comes first"
    assert of(used, "messages")["rows"] == 3
    assert of(used, "product")["bytes"] > 0
    assert used["file_bytes"] == (tmp_path / "vareon.db").stat().st_size
    assert sum(family["bytes"] for family in used["families"]) <= used["file_bytes"]


async def test_without_page_statistics_there_are_rows(database: Database) -> None:
    used = await Storage(Counting(database, pages=False), ManualClock()).used()
    assert of(used, "inbox") == {"family": "inbox", "rows": ROWS, "bytes": 0}


async def test_many_askers_cause_one_walk(database: Database) -> None:
    rows, clock = Counting(database), ManualClock()
    storage = Storage(rows, clock)
    await asyncio.gather(*[storage.used() for _ in range(20)])
    once = rows.selects
    clock.jump(29.0)
    await storage.used()
    assert rows.selects == once
    clock.jump(2.0)
    await storage.used()
    assert rows.selects == 2 * once


async def test_a_walk_that_failed_is_tried_again(database: Database) -> None:
    rows = Counting(database)
    storage = Storage(rows, ManualClock())
    real, rows._database = rows._database, None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        await storage.used()
    rows._database = real
    assert of(await storage.used(), "inbox")["rows"] == ROWS


def test_every_table_of_the_engine_has_a_family() -> None:
    engine = {
        mapper.local_table.name
        for mapper in Base.registry.mappers
        if mapper.class_.__module__ == "vareon_runtime.storage.tables"
    }
    assert engine <= set(FAMILIES)
