"""A backup holds every row as of one moment, and a damaged one is refused."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from vareon_runtime.errors import ConfigurationError
from vareon_runtime.launch import archive
from vareon_runtime.migrations.run import HEAD, migrate, upgrade

NOW = "2026-01-02T03:04:05.000006Z"


def filled(path: Path, revision: str = HEAD, users: int = 3) -> Path:
    """A database with rows of several kinds: bytes, moments, truths, texts of any language."""
    if revision == HEAD:
        migrate(f"sqlite:///{path}")
    else:
        upgrade(path, revision)
    with closing(sqlite3.connect(path)) as connection, connection:
        for number in range(users):
            connection.execute(
                "INSERT INTO users (id, username, email, hashed_password, is_active, created_at,"
                " updated_at) VALUES (?, ?, ?, 'x', ?, ?, ?)",
                (f"id-{number}", f"zoë \n'{number}", None, number % 2, NOW, NOW),
            )
            connection.execute(
                "INSERT INTO user_roles (user_id, role) VALUES (?, 'member')", (f"id-{number}",)
            )
        connection.execute(
            "INSERT INTO entities (kind, key, version, schema_version, epoch, deleted, state)"
            " VALUES ('user', 'id-0', 1, 2, 7, 0, ?)",
            (bytes(range(256)),),
        )
    return path


def everything(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, what is found by its words by its words instead of its place."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = [name for (name,) in tables.fetchall() if not name.startswith("search_")]
        found = {
            name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
            for name in names
        }
        words = "SELECT kind, id, scope, title, body, facts, updated_at FROM search_documents"
        found["search"] = sorted(connection.execute(words).fetchall())
        match = "SELECT count(*) FROM search_index WHERE search_index MATCH 'zoe'"
        found["index"] = connection.execute(match).fetchall()
        return found


def written(path: Path) -> bytes:
    """A backup of a database."""
    into = io.BytesIO()
    archive.write(path, into, {"admin.id": "someone"})
    return into.getvalue()


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    """Row by row and type by type, and the small texts beside them."""
    before = filled(tmp_path / "before.db")
    contents = archive.restore(io.BytesIO(written(before)), tmp_path / "after.db")
    assert everything(tmp_path / "after.db") == everything(before)
    assert contents.kept == {"admin.id": "someone"}
    assert (contents.rows["users"], contents.rows["entities"]) == (3, 1)


def test_more_rows_than_fit_in_one_batch(tmp_path: Path) -> None:
    """None is left out where one batch ends and the next begins."""
    before = filled(tmp_path / "before.db", users=archive.BATCH + 1)
    archive.restore(io.BytesIO(written(before)), tmp_path / "after.db")
    assert everything(tmp_path / "after.db") == everything(before)


def test_a_backup_of_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    """Its rows get what later versions added."""
    before = filled(tmp_path / "before.db", "0001")
    archive.restore(io.BytesIO(written(before)), tmp_path / "after.db")
    after = everything(tmp_path / "after.db")
    assert after["alembic_version"] == [(HEAD,)]
    assert [row[7:9] for row in after["users"]] == [(1, 0)] * 3
    assert [owner for _login, owner in after["user_logins"]] == ["id-0", "id-1", "id-2"]


def test_a_backup_is_of_one_moment(tmp_path: Path) -> None:
    """What is committed while it is written is in all of its tables or in none."""
    path = filled(tmp_path / "before.db")

    class Meddling(io.BytesIO):
        """Somebody else commits as soon as the first bytes are written."""

        meddled = False

        def write(self, content: Any) -> int:
            if not self.meddled:
                self.meddled = True
                with closing(sqlite3.connect(path)) as other, other:
                    other.execute("DELETE FROM user_roles")
                    other.execute("DELETE FROM users")
            return super().write(content)

    into = Meddling()
    contents = archive.write(path, into, {})
    assert into.meddled
    assert (contents.rows["users"], contents.rows["user_roles"]) == (3, 3)


@pytest.mark.parametrize("damage", ["cut", "flipped", "short", "text", "empty", "fewer", "alien"])
def test_a_damaged_backup_is_refused(tmp_path: Path, damage: str) -> None:
    """With a sentence, whatever happened to it."""
    good = written(filled(tmp_path / "before.db"))
    lines = gzip.decompress(good).splitlines()
    lines_without_one = [line for line in lines if b"id-1" not in line]
    bad = {
        "cut": good[: len(good) // 2],
        "flipped": gzip.compress(gzip.decompress(good), 0).replace(b'"member"', b'"membes"', 1),
        "short": gzip.compress(b"\n".join(lines[:-1])),
        "text": b"no backup at all",
        "empty": b"",
        "fewer": gzip.compress(b"\n".join(lines_without_one)),
        "alien": gzip.compress(b'{"vareon_backup": 99}\n'),
    }[damage]
    with pytest.raises(ConfigurationError, match="damaged"):
        archive.restore(io.BytesIO(bad), tmp_path / "after.db")


def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """It says which version is needed."""
    head = {"vareon_backup": 1, "made_at": NOW, "schema": "9999", "kept": {}}
    newer = gzip.compress(json.dumps(head).encode() + b"\n")
    with pytest.raises(ConfigurationError, match="9999"):
        archive.restore(io.BytesIO(newer), tmp_path / "after.db")


def test_without_a_database_there_is_no_backup(tmp_path: Path) -> None:
    """Nothing is made in its place."""
    with pytest.raises(ConfigurationError):
        archive.write(tmp_path / "none.db", io.BytesIO(), {})
    assert not (tmp_path / "none.db").exists()


ROWS_OF_ONE_S_OWN = """
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column
from vareon_runtime.entity import Base

class ShelfRow(Base):
    __tablename__ = "my_shelves"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
"""


def test_tables_of_one_s_own_come_back_if_their_module_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(tmp_path / "vareon.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE my_shelves (id VARCHAR(36) PRIMARY KEY)")
        connection.execute("INSERT INTO my_shelves VALUES ('top')")
    good = written(path)
    with pytest.raises(ConfigurationError, match=r"my_shelves.*VAREON_ENTITIES"):
        archive.restore(io.BytesIO(good), tmp_path / "without.db")
    (tmp_path / "shelves.py").write_text(ROWS_OF_ONE_S_OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    archive.restore(io.BytesIO(good), tmp_path / "with.db", ["shelves"])
    assert everything(tmp_path / "with.db")["my_shelves"] == [("top",)]
