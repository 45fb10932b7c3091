"""Each thing that can be wrong is found, and comes with what to do."""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from vareon_runtime.config import Settings
from vareon_runtime.launch import checkup, secrets
from vareon_runtime.launch.checkup import BAD, GOOD, WARN, Finding
from vareon_runtime.migrations.run import HEAD, migrate, upgrade


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A data dir on which Vareon has run once."""
    found = Settings(tmp_path, f"sqlite:///{tmp_path / 'vareon.db'}", port=0, ray_dashboard_port=0)
    for folder in (found.secrets_dir, found.run_dir):
        folder.mkdir(mode=0o700)
    secrets.ensure(found, "")
    migrate(found.database_url)
    return found


def look(settings: Settings, name: str, now_s: float | None = None) -> Finding:
    """What was found about one thing."""
    return next(found for found in checkup.examine(settings, now_s) if found.name == name)


def test_nothing_is_bad_where_all_is_well(settings: Settings) -> None:
    """And nothing asks for a fix."""
    found = list(checkup.examine(settings))
    assert [one.name for one in found if one.state == BAD] == []
    assert [one.name for one in found if one.state == GOOD and one.fix] == []


def test_before_the_first_start_all_is_well(tmp_path: Path) -> None:
    """Nothing is made by looking."""
    fresh = tmp_path / "not" / "yet"
    settings = Settings(fresh, f"sqlite:///{fresh / 'vareon.db'}", port=0, ray_dashboard_port=0)
    assert {one.state for one in checkup.examine(settings)} <= {GOOD, WARN}
    assert not fresh.exists()


def test_a_port_in_use(settings: Settings) -> None:
    """Ours and the dashboard's."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = replace(settings, port=other.getsockname()[1], ray_dashboard_port=1)
        found = look(taken, "port")
        assert (found.state, "--port" in found.fix) == (BAD, True)
        taken = replace(settings, ray_dashboard_port=other.getsockname()[1])
        found = look(taken, "Ray dashboard")
        assert (found.state, "--ray-dashboard-port" in found.fix) == (BAD, True)


def test_keys_that_others_can_read(settings: Settings) -> None:
    """The fix closes them."""
    settings.jwt_key_file.chmod(0o644)
    found = look(settings, "keys")
    assert (found.state, "chmod" in found.fix) == (BAD, True)


def test_a_lost_encryption_key(settings: Settings) -> None:
    """Providers' keys cannot be read without it."""
    settings.encryption_key_file.unlink()
    assert look(settings, "keys").state == WARN


def _cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // 4096 * 4096)


def _scribble(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(os.urandom(4096))


@pytest.mark.parametrize("damage", [_cut, _scribble, lambda path: path.write_text("no database")])
def test_a_damaged_database(settings: Settings, damage: Callable[[Path], object]) -> None:
    """However it came to be so."""
    damage(Path(settings.database_url.removeprefix("sqlite:///")))
    found = look(settings, "database")
    assert found.state == BAD
    assert found.fix


def test_an_older_and_a_newer_schema(tmp_path: Path, settings: Settings) -> None:
    """The older is brought up to date at a start; the newer needs another version."""
    upgrade(tmp_path / "old.db", "0001")
    older = replace(settings, database_url=f"sqlite:///{tmp_path / 'old.db'}")
    assert (look(older, "migrations").state, HEAD in look(older, "migrations").what) == (WARN, True)
    with closing(sqlite3.connect(tmp_path / "vareon.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert look(settings, "migrations").state == BAD


def test_a_clock_that_went_back(settings: Settings) -> None:
    """The database was written in what now is the future."""
    assert look(settings, "clock", time.time()).state == GOOD
    found = look(settings, "clock", time.time() - 3600)
    assert (found.state, "timedatectl" in found.fix) == (BAD, True)
