"""Reading rows: what a caller that leaves costs, and what waits for a connection."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from vareon_runtime.errors import StoreFailed
from vareon_runtime.storage import database as database_module
from vareon_runtime.storage.database import Database

SLOW = text("SELECT count(*) FROM numbers a, (SELECT 1 UNION SELECT 2) b")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "rows.db"
    with sqlite3.connect(found) as connection:
        connection.execute("CREATE TABLE numbers (n INTEGER)")
        connection.executemany("INSERT INTO numbers VALUES (?)", [(n,) for n in range(5_000)])
    return found


async def test_callers_that_leave_do_not_cost_connections(path: Path) -> None:
    """One left in the middle of a read would be thrown away, and the next one opened anew."""
    database, lost = Database(f"sqlite:///{path}", connections=1), []
    event.listen(database._engine.sync_engine, "invalidate", lambda *_: lost.append(1))
    assert (await database.rows(SLOW))[0][0] == 10_000
    for turns in range(20):
        readers = [asyncio.create_task(database.rows(SLOW)) for _ in range(4)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        assert len(database._reading) <= 2, "what waited for a connection is not read in vain"
    assert (await database.rows(SLOW))[0][0] == 10_000
    assert not lost
    await database.close()
    assert not database._reading


async def test_whoever_finds_no_connection_in_time_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, go = Database(f"sqlite:///{path}", connections=1), asyncio.Event()

    async def stuck(_statement: Any) -> list[Any]:
        await go.wait()
        return []

    monkeypatch.setattr(database_module, "PLACE_TIME_S", 0.0)
    monkeypatch.setattr(database, "_read", stuck)
    readers = [asyncio.create_task(database.rows(SLOW)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(StoreFailed):
        await database.rows(SLOW)
    go.set()
    assert await asyncio.gather(*readers) == [[], []]
    await database.close()
