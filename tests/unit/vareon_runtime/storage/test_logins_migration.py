"""Accounts of before names were compared without case keep what they sign in with."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from vareon_runtime.migrations.run import upgrade

BEFORE = "0003"
ACCOUNTS = (
    # id, name, e-mail, made at
    ("1", "Bea", "bea@example.org", "2026-01-01"),
    ("2", "bea", "Cid@example.org", "2026-01-02"),
    ("3", "cid@example.org", "BEA@example.org", "2026-01-03"),
    ("4", "dora", None, "2026-01-04"),
)


def test_the_oldest_has_the_name_and_a_name_goes_before_an_e_mail(tmp_path: Path) -> None:
    path = tmp_path / "vareon.db"
    upgrade(path, BEFORE)
    with closing(sqlite3.connect(path)) as connection, connection:
        for user_id, name, email, made in ACCOUNTS:
            connection.execute(
                "INSERT INTO users (id, username, email, hashed_password, is_active, created_at,"
                " updated_at) VALUES (?, ?, ?, 'x', 1, ?, ?)",
                (user_id, name, email, made, made),
            )
            connection.execute("INSERT INTO user_roles VALUES (?, 'member')", (user_id,))
    upgrade(path)
    with closing(sqlite3.connect(path)) as connection:
        logins = dict(connection.execute("SELECT login, user_id FROM user_logins").fetchall())
        roles = connection.execute("SELECT count(*) FROM user_roles").fetchone()[0]
    assert logins == {"bea": "1", "bea@example.org": "1", "cid@example.org": "3", "dora": "4"}
    assert roles == 4, "no row that refers to an account is lost"
