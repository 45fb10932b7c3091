"""Reading entities must not read their whole tables."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from vareon_runtime.identity import EntityId
from vareon_runtime.migrations.run import migrate
from vareon_runtime.storage.ports import Wanted
from vareon_runtime.storage.sqlite import SqliteStore


def test_every_look_up_goes_by_a_key(tmp_path: Path) -> None:
    """States, inbox and channels: a million of them are as near as one."""
    path = tmp_path / "vareon.db"
    migrate(f"sqlite:///{path}")
    store = SqliteStore(path)
    store.open("host", "life")
    asked: list[str] = []
    store._require(store._reader).set_trace_callback(asked.append)
    a, b = EntityId("k", "a"), EntityId("k", "b")
    store.load([Wanted(a, (b"1" * 16,), (b,)), Wanted(b, (b"2" * 16,), (a,))])
    store.close()
    assert len(asked) == 3
    with sqlite3.connect(path) as database:
        for sql in asked:
            plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}")]
            for table in ("entities", "inbox", "channels"):
                assert f"SCAN {table}" not in plan, plan
            assert any("USING PRIMARY KEY" in step for step in plan), plan
    database.close()
