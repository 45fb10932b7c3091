"""Brings the database to the schema this program needs; ends before the first host opens it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from vareon_runtime.errors import ConfigurationError

HEAD = "0019"
"""The newest revision; a test compares it with the scripts."""
SNAPSHOT = Path(__file__).with_name("snapshot.sql")
"""Made by ``python -m vareon_runtime.migrations.snapshot``; a test compares it too."""


def migrate(database_url: str) -> None:
    """Create or upgrade the tables; returns at once if they are current.

    Raises:
        ConfigurationError: If the file is not a database, cannot be written, or is newer.
    """
    path = Path(database_url.removeprefix("sqlite:///"))
    try:
        found = revision_of(path)
    except (sqlite3.DatabaseError, OSError) as error:
        raise ConfigurationError(
            f"{path} cannot be used as a database ({error}); "
            "move it away or set VAREON_DATABASE_URL."
        ) from error
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        raise ConfigurationError(
            f"{path} was written by a newer version (schema {found}); install that version."
        )
    if found is None:
        _create(path)
    else:
        upgrade(path)


def _create(path: Path) -> None:
    """A new database, from the snapshot of what all scripts together make.

    Alembic takes a third of a second to load, which a first start would pay for nothing.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN;\n{SNAPSHOT.read_text(encoding='utf-8')}\nCOMMIT;")


def revision_of(path: Path) -> str | None:
    """The revision of a database's tables; None if it has none.

    Raises:
        sqlite3.DatabaseError: If it is not a database.
    """
    if not path.exists():
        return None
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA schema_version")
        tables = connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
        ).fetchone()
        if not tables[0]:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None


def upgrade(path: Path, revision: str = "head") -> None:
    """Run the scripts that are missing, up to a revision."""
    # Imported here: Alembic takes a third of a second, and most starts do not need it.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, event

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA journal_mode = WAL"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        engine.dispose()
