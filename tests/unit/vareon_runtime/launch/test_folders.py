"""Folders, logs, and paths that are short enough for sockets."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

import pytest

from vareon_runtime.config import Settings
from vareon_runtime.errors import ConfigurationError
from vareon_runtime.launch import folders, log_files


def test_folders_are_closed_to_others(tmp_path: Path) -> None:
    """Those with keys and sockets in them."""
    settings = Settings(data_dir=tmp_path / "a" / "b", database_url="")
    folders.prepare(settings)
    folders.prepare(settings)
    for folder in (settings.run_dir, settings.secrets_dir, folders.ray_dir(settings).parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_file_in_the_way(tmp_path: Path) -> None:
    """Said in one line."""
    (tmp_path / "data").write_text("")
    with pytest.raises(ConfigurationError, match="--data-dir"):
        folders.prepare(Settings(data_dir=tmp_path / "data", database_url=""))


def test_link_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody was there first; nothing of ours goes where it leads."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    settings = Settings(data_dir=tmp_path / ("deep" * 30), database_url="")
    (tmp_path / "elsewhere").mkdir()
    settings.run_dir.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="somebody else"):
        folders.prepare(settings)


@pytest.mark.parametrize("depth", [0, 1, 5, 20])
def test_ray_gets_a_short_path(depth: int) -> None:
    """Its longest socket name still fits, however deep the data dir is."""
    data_dir = Path("/", *["a-rather-long-name"] * depth, "data")
    ray_dir = folders.ray_dir(Settings(data_dir=data_dir, database_url=""))
    socket_name = "session_2026-11-24_13-40-17_476062_4194304/sockets/plasma_store.1"
    assert len(str(ray_dir / socket_name)) <= 107


def test_rotation_keeps_five(tmp_path: Path) -> None:
    """The newest is number one; the sixth is gone."""
    for start in range(8):
        log_files.rotate(tmp_path)
        (tmp_path / "vareon.log").write_text(str(start))
    kept = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert kept == {
        "vareon.log": "7",
        **{f"vareon.log.{number}": str(7 - number) for number in range(1, 6)},
    }


def test_old_sessions_go(tmp_path: Path) -> None:
    """All but the newest few; the next start adds one."""
    for day in range(10, 19):
        (tmp_path / f"session_2026-11-{day}_x").mkdir()
    log_files.prune_sessions(tmp_path)
    assert sorted(folder.name for folder in tmp_path.iterdir()) == [
        f"session_2026-11-{day}_x" for day in range(15, 19)
    ]
