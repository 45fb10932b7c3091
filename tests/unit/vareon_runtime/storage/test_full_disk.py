"""A lease on a full disk: it cannot be renewed there, but nobody else can take it either."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from vareon_runtime.errors import StaleOwner, StoreFailed
from vareon_runtime.migrations.run import migrate
from vareon_runtime.storage.sqlite import RENEW, SqliteStore


class Refusing:
    """A connection that fails to renew the lease."""

    def __init__(self, connection: sqlite3.Connection, code: int) -> None:
        self._connection = connection
        self._code = code

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
        if statement != RENEW:
            return self._connection.execute(statement, *arguments)
        error = sqlite3.OperationalError("it cannot be written")
        error.sqlite_errorcode = self._code
        raise error


def opened(path: Path, code: int) -> tuple[SqliteStore, sqlite3.Connection]:
    migrate(f"sqlite:///{path}")
    store = SqliteStore(path)
    store.open("host", "life-1")
    real = store._writer
    assert real is not None
    store._writer = Refusing(real, code)  # type: ignore[assignment]
    return store, real


def test_reads_go_on_while_the_disk_is_full(tmp_path: Path) -> None:
    store, _ = opened(tmp_path / "vareon.db", sqlite3.SQLITE_FULL)
    assert len(store.tend(1_000).shards) == 256
    store.close()


def test_a_fenced_host_is_told_so_on_a_full_disk_too(tmp_path: Path) -> None:
    store, real = opened(tmp_path / "vareon.db", sqlite3.SQLITE_FULL)
    real.execute("UPDATE hosts SET fenced = 1")
    with pytest.raises(StaleOwner):
        store.tend(1_000)
    store.close()


def test_any_other_trouble_leaves_the_lease_unrenewed(tmp_path: Path) -> None:
    store, _ = opened(tmp_path / "vareon.db", sqlite3.SQLITE_IOERR)
    with pytest.raises(StoreFailed):
        store.tend(1_000)
    store.close()
