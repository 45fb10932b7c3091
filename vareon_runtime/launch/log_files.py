"""Logs begin anew at every start; the five before stay beside them."""

from __future__ import annotations

import shutil
from pathlib import Path

KEPT = 5


def rotate(folder: Path) -> None:
    """Move every ``name.log`` to ``name.log.1``, and those before one further."""
    for current in folder.glob("*.log"):
        for number in range(KEPT, 0, -1):
            older = current if number == 1 else current.with_name(f"{current.name}.{number - 1}")
            if older.exists():
                older.replace(current.with_name(f"{current.name}.{number}"))


def prune_sessions(ray_dir: Path) -> None:
    """Remove all but the newest of Ray's session folders, each of which holds Ray's own logs."""
    sessions = sorted(folder for folder in ray_dir.glob("session_2*") if folder.is_dir())
    for folder in sessions[: -(KEPT - 1)]:
        shutil.rmtree(folder, ignore_errors=True)
