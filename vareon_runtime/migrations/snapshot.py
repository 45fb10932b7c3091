"""Writes down the schema that all scripts together make: run it after adding a script."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from vareon_runtime.migrations.run import HEAD, SNAPSHOT, upgrade


def snapshot() -> str:
    """The schema as SQL, made by running every script on an empty file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        upgrade(path)
        with closing(sqlite3.connect(path)) as connection:
            made = connection.execute(
                "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
                # what a full-text index makes for itself it makes again
                " AND name NOT GLOB 'search_index_*' ORDER BY rowid"
            ).fetchall()
    stamp = f"INSERT INTO alembic_version (version_num) VALUES ('{HEAD}')"  # noqa: S608
    return "".join(f"{text};\n" for text in [*(row[0] for row in made), stamp])


if __name__ == "__main__":
    SNAPSHOT.write_text(snapshot(), encoding="utf-8")
