"""The schema: scripts and tables agree, and what is not a database is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import vareon_runtime.migrations
import vareon_runtime.models
import vareon_runtime.storage.tables
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.migrations.own_tables import declared_tables
from vareon_runtime.migrations.run import HEAD, SNAPSHOT, migrate
from vareon_runtime.migrations.snapshot import snapshot
from vareon_runtime.storage.base import Base


def test_the_newest_script_is_the_head_that_the_program_expects() -> None:
    scripts = ScriptDirectory(str(Path(vareon_runtime.migrations.__file__).parent))
    assert scripts.get_current_head() == HEAD


def test_the_scripts_make_exactly_the_declared_tables(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vareon.db"
    migrate(url)
    migrate(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        # a full-text index has no columns that metadata could tell
        options = {
            "include_name": lambda name, *_: "search_index" not in (name or ""),
            "include_object": _ours,
        }
        ours = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(ours, Base.metadata)
    engine.dispose()
    assert not differences


def _ours(thing: Any, _name: str, kind: str, *_: object) -> bool:
    return kind != "table" or thing not in declared_tables()


def test_a_new_database_is_what_the_scripts_make() -> None:
    assert SNAPSHOT.read_text(encoding="utf-8") == snapshot()


def test_what_is_not_a_database_is_refused_with_the_fix(tmp_path: Path) -> None:
    path = tmp_path / "vareon.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(ConfigurationError, match="VAREON_DATABASE_URL"):
        migrate(f"sqlite:///{path}")


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vareon.db"
    migrate(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(ConfigurationError, match="newer"):
        migrate(url)
