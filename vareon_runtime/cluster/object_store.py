"""Where Ray's object store lies and how big it is: small, and no obstacle to a small /dev/shm."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - Ray's own place for it
_SMALLEST = 80 * 1024 * 1024
_USUAL = 128 * 1024 * 1024
_MARGIN = 40 * 1024 * 1024


def options(beside: Path, shared_memory: Path = _SHARED_MEMORY) -> dict[str, Any]:
    """What to tell `ray.init` about it.

    Args:
        beside: A folder of ours on disk, used when shared memory has too little room.
        shared_memory: Where the system keeps it.
    """
    try:
        room = os.statvfs(shared_memory)
    except OSError:
        return {"object_store_memory": _SMALLEST}
    free = room.f_bavail * room.f_frsize
    if free >= _SMALLEST + _MARGIN:
        return {"object_store_memory": max(_SMALLEST, min(_USUAL, free - _MARGIN))}
    folder = beside / "plasma"
    folder.mkdir(parents=True, exist_ok=True)
    return {"object_store_memory": _SMALLEST, "_plasma_directory": str(folder)}
