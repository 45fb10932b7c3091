"""Tables that entities of one's own declare are there before the first turn."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table

from vareon_runtime.errors import ConfigurationError
from vareon_runtime.launch import schema
from vareon_runtime.migrations.own_tables import declared_tables, make_tables
from vareon_runtime.migrations.run import migrate

MODULE = """
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column
from vareon_runtime.storage.base import Base

class VisitRow(Base):
    __tablename__ = "my_visits"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    door: Mapped[str] = mapped_column(String(200), index=True)
"""


def table(*more: Column) -> Table:
    return Table("my_bids", MetaData(), Column("id", String(36), primary_key=True), *more)


def columns(path: Path, name: str = "my_bids") -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    migrate(f"sqlite:///{tmp_path}/vareon.db")
    return tmp_path / "vareon.db"


def test_a_table_is_made_once_and_gets_the_columns_that_are_added(path: Path) -> None:
    url = f"sqlite:///{path}"
    make_tables(url, [table()])
    make_tables(url, [table()])
    assert columns(path) == ["id"]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO my_bids VALUES ('first')")
    amount = Column("amount", Integer, nullable=False, server_default="0")
    make_tables(url, [table(Column("note", String(20)), amount)])
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT id, note, amount FROM my_bids").fetchall()
    assert found == [("first", None, 0)]


def test_a_column_that_old_rows_cannot_have_is_refused_with_the_fix(path: Path) -> None:
    make_tables(f"sqlite:///{path}", [table()])
    with pytest.raises(ConfigurationError, match="server_default"):
        make_tables(f"sqlite:///{path}", [table(Column("amount", Integer, nullable=False))])
    assert columns(path) == ["id"]


def test_the_product_s_tables_are_not_one_s_own() -> None:
    assert not {"entities", "users", "inbox"} & {found.name for found in declared_tables()}


async def test_the_step_before_the_first_host_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "visits.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", ":".join(filter(None, sys.path)))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "vareon.db"
    await schema.migrate(f"sqlite:///{path}", ["visits"])
    assert columns(path, "my_visits") == ["id", "door"]
    with pytest.raises(ConfigurationError, match="no_such_module cannot be imported"):
        await schema.migrate(f"sqlite:///{path}", ["no_such_module"])
