"""Flags win over the environment, which wins over the file; mistakes are one clear line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vareon_runtime.errors import ConfigurationError
from vareon_runtime.launch.settings import read_settings


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and no settings in the environment but a data dir."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOST", "PORT", "DATABASE_URL", "ADMIN_PASSWORD", "ENTITIES", "NODE"):
        monkeypatch.delenv(f"VAREON_{name}", raising=False)
    monkeypatch.setenv("VAREON_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def test_defaults(tmp_path: Path) -> None:
    """Loopback, the usual ports, a database in the data dir, a usable node name."""
    settings, password = read_settings(instance="abc")
    assert (settings.host, settings.port, settings.ray_dashboard_port) == ("127.0.0.1", 8480, 8265)
    assert settings.database_url == f"sqlite:///{tmp_path}/data/vareon.db"
    assert settings.node
    assert settings.instance == "abc"
    assert password == ""


def test_order_of_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each source gives what the stronger ones leave open."""
    (tmp_path / "vareon.toml").write_text('port = 1\nnode = "from-file"\nray_dashboard_port = 1\n')
    monkeypatch.setenv("VAREON_PORT", "2")
    monkeypatch.setenv("VAREON_RAY_DASHBOARD_PORT", "2")
    settings, _ = read_settings({"port": 3, "host": None})
    assert (settings.port, settings.ray_dashboard_port, settings.node) == (3, 2, "from-file")


def test_file_in_the_data_dir(tmp_path: Path) -> None:
    """The file in the working folder wins over the one in the data dir."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "vareon.toml").write_text('port = 7\nentities = ["one.two"]\n')
    (tmp_path / "vareon.toml").write_text("port = 8\n")
    settings, _ = read_settings()
    assert (settings.port, settings.entities) == (8, ("one.two",))


def test_relative_paths_become_absolute(tmp_path: Path) -> None:
    """Other processes work in other folders."""
    settings, _ = read_settings({"data_dir": "here", "database_url": "sqlite:///mine.db"})
    assert settings.data_dir == tmp_path / "here"
    assert settings.database_url == f"sqlite:///{tmp_path}/mine.db"


def test_entities_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comma list of modules; the password is no part of the settings."""
    monkeypatch.setenv("VAREON_ENTITIES", "examples.counter, mine ,")
    monkeypatch.setenv("VAREON_ADMIN_PASSWORD", "a long password")
    settings, password = read_settings()
    assert settings.entities == ("examples.counter", "mine")
    assert password == "a long password"
    assert password not in repr(settings)


def test_remote_address_needs_a_word(tmp_path: Path) -> None:
    """Nothing listens beyond this machine by accident."""
    with pytest.raises(ConfigurationError, match="--allow-remote"):
        read_settings({"host": "0.0.0.0"})
    assert read_settings({"host": "0.0.0.0", "allow_remote": True})[0].host == "0.0.0.0"
    assert read_settings({"host": "::1"})[0].host == "::1"
    assert read_settings({"host": "localhost"})[0].host == "localhost"


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"port": "http"}, "VAREON_PORT"),
        ({"port": -1}, "VAREON_PORT"),
        ({"node": "Ä"}, "VAREON_NODE"),
        ({"entities": "a b"}, "VAREON_ENTITIES"),
        ({"admin_password": "1234567"}, "VAREON_ADMIN_PASSWORD"),
        ({"admin_password": "x" * 1025}, "VAREON_ADMIN_PASSWORD"),
        ({"database_url": "postgresql://u:hidden@h/db"}, "VAREON_DATABASE_URL"),
    ],
)
def test_wrong_values(flags: dict[str, Any], named: str) -> None:
    """The setting is named; a password is not repeated."""
    with pytest.raises(ConfigurationError) as caught:
        read_settings(flags)
    assert named in caught.value.detail
    assert "\n" not in caught.value.detail
    assert "hidden" not in caught.value.detail
    assert "1234567" not in caught.value.detail


@pytest.mark.parametrize("text", ["port = ", "port = [", "prot = 1", "\xff"])
def test_broken_file(tmp_path: Path, text: str) -> None:
    """A file that is no TOML, or has a name that is unknown."""
    (tmp_path / "vareon.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"vareon\.toml"):
        read_settings()
