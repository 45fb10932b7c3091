"""What only the SQLite store can do wrong when it writes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, String, Table

from vareon_runtime.errors import StoreFailed
from vareon_runtime.identity import SHARDS, EntityId
from vareon_runtime.migrations.run import migrate
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import EffectRecord, StateRecord, Unit
from vareon_runtime.storage.sqlite import SqliteStore

A = EntityId("counter", "a")
ALL = range(SHARDS)


def test_only_the_state_of_an_entity_is_guarded_by_its_version(tmp_path: Path) -> None:
    table = Table(
        "documents", MetaData(), Column("id", String, primary_key=True), Column("version", String)
    )
    path = tmp_path / "vareon.db"
    migrate(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE documents (id TEXT PRIMARY KEY, version TEXT)")
    store = SqliteStore(path)
    store.open("host", "life")
    for version in ("2.0", "1.9"):
        row = RowChange("upsert", table, {"id": "x", "version": version}, {})
        assert store.commit([Unit(A, rows=[row])], 5) == [None]
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version FROM documents").fetchall() == [("1.9",)]


def test_effects_that_cannot_be_taken_up_are_left_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "vareon.db"
    migrate(f"sqlite:///{path}")
    store = SqliteStore(path)
    store.open("host", "life")
    store.commit([Unit(A, effects=[EffectRecord(b"e" * 16, A, 3, "work", 1, b"call")])], 5)
    assert store._writer is not None
    store._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreFailed):
        store.recover_effects(ALL)
    store._writer.execute("PRAGMA query_only = OFF")
    assert store.commit([Unit(A, StateRecord(A, 1, 1, b"s"))], 6) == [None]
    assert [record.attempts for record in store.recover_effects(ALL)] == [2]
    store.close()
