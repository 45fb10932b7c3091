"""A commit whose answer was lost: whether it was written is found out, never guessed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vareon_runtime.errors import StoreFailed
from vareon_runtime.identity import EntityId
from vareon_runtime.migrations.run import migrate
from vareon_runtime.storage.changes import RowChange
from vareon_runtime.storage.ports import StateRecord, Unit, Wanted
from vareon_runtime.storage.sqlite import SqliteStore
from vareon_runtime.storage.tables import DeadLetterRow

TARGET = EntityId("log", "a")


class Forgetful:
    """A connection that answers a commit with an error, before or after it is made."""

    def __init__(self, connection: sqlite3.Connection, *, written: bool) -> None:
        self._connection = connection
        self._written = written
        self.failing = True
        self.spared = 0
        """Commits that are made before it begins to fail."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
        if statement != "COMMIT" or not self.failing or self.spared:
            self.spared -= statement == "COMMIT"
            return self._connection.execute(statement, *arguments)
        if self._written:
            self._connection.execute(statement)
        raise sqlite3.OperationalError("disk I/O error")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    path = tmp_path / "vareon.db"
    migrate(f"sqlite:///{path}")
    store = SqliteStore(path)
    store.open("host", "life")
    yield store
    store.close()


def unit(version: int) -> Unit:
    return Unit(TARGET, state=StateRecord(TARGET, version, 1, b"state"))


@pytest.mark.parametrize("written", [True, False])
def test_the_count_of_commits_tells_whether_one_was_written(
    store: SqliteStore, written: bool
) -> None:
    assert store.commit([unit(1)], 0) == [None]
    connection = Forgetful(store._writer, written=written)
    store._writer = connection
    with pytest.raises(StoreFailed):
        store.commit([unit(2)], 0)
    assert store.settle() is written
    assert store.settle() is False
    found = store.load([Wanted(TARGET)])[0].state
    assert found is not None
    assert found.version == (2 if written else 1)
    connection.failing = False
    assert store.commit([unit(3)], 0) == [None]
    assert store.settle() is False


def test_a_commit_that_nobody_settled_says_nothing_of_the_next(store: SqliteStore) -> None:
    """Such as one that deletes old dead letters: it is simply done again."""
    forgetful = Forgetful(store._writer, written=True)
    store._writer = forgetful
    with pytest.raises(StoreFailed):
        store.commit([unit(1)], 0)
    forgetful._written = False
    with pytest.raises(StoreFailed):
        store.commit([unit(2)], 0)
    assert store.settle() is False


@pytest.mark.parametrize("written", [True, False])
def test_where_the_database_breaks_off_between_units_nothing_is_guessed(
    store: SqliteStore, written: bool
) -> None:
    """A batch that is written unit by unit, for one of them is refused."""
    store._writer = forgetful = Forgetful(store._writer, written=written)
    forgetful.spared = 1
    known = EntityId("log", "known")
    wrong = RowChange("insert", DeadLetterRow.__table__, {"message_id": b"m"}, {})
    units = [
        Unit(known, state=StateRecord(known, 1, 1, b"state")),
        unit(1),
        Unit(EntityId("log", "wrong"), rows=[wrong]),
    ]
    assert store.commit(units, 0) == [None], "the second is unknown, the third was not tried"
    assert store.settle() is written
    found = store.load([Wanted(known), Wanted(TARGET)])
    assert [loaded.state is not None for loaded in found] == [True, written]
