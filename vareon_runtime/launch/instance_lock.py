"""One instance per data dir, held by an operating-system lock that ends with its process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from vareon_runtime.errors import ConfigurationError
from vareon_runtime.launch.typed_command import typed_command


class InstanceLock:
    """The lock on ``instance.lock``; the file holds the owner's pid."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, data_dir: Path) -> Self:
        """Become the one instance of a data dir.

        Raises:
            ConfigurationError: If another process is, naming it and the fix.
        """
        descriptor = os.open(_file(data_dir), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise ConfigurationError(
                f"Vareon is already running on {data_dir} (pid {owner or 'unknown'}): stop it with "
                f"`{typed_command()} down`, or choose another --data-dir."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let the next instance begin."""
        os.close(self._descriptor)


def owner(data_dir: Path) -> int | None:
    """The pid of the running instance; ``None`` when nobody holds the lock."""
    try:
        descriptor = os.open(_file(data_dir), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        written = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        return int(written) if written.isdigit() else None
    else:
        return None
    finally:
        os.close(descriptor)


def _file(data_dir: Path) -> Path:
    return data_dir / "instance.lock"
