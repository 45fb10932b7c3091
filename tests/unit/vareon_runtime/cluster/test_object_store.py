"""The object store fits wherever it has to live."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from vareon_runtime.cluster import object_store

MIB = 1024 * 1024


def _with_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    room = SimpleNamespace(f_bavail=free // 4096, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _path: room)


@pytest.mark.parametrize(("free", "size"), [(8192, 128), (150, 110), (120, 80)])
def test_in_shared_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, size: int
) -> None:
    """Never more than a modest size, never all of what there is."""
    _with_free(monkeypatch, free * MIB)
    assert object_store.options(tmp_path) == {"object_store_memory": size * MIB}


def test_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's 64 MB are too few."""
    _with_free(monkeypatch, 64 * MIB)
    chosen = object_store.options(tmp_path)
    assert chosen["object_store_memory"] == 80 * MIB
    assert Path(chosen["_plasma_directory"]).is_dir()


def test_where_there_is_none(tmp_path: Path) -> None:
    """Other systems keep it elsewhere; Ray knows where."""
    assert object_store.options(tmp_path, tmp_path / "none") == {"object_store_memory": 80 * MIB}
