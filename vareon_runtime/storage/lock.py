"""An operating-system lock: ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from vareon_runtime.errors import StoreFailed


class FileLock:
    """Exclusive right to a file, by ``flock`` on a companion file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self, patience_s: float) -> None:
        """Take it, waiting for a holder that is about to end.

        Raises:
            StoreFailed: If it is still held after so many seconds.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        give_up = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    os.close(descriptor)
                    raise StoreFailed(
                        f"Another process writes to {self._path.stem}; stop it first."
                    ) from None
                time.sleep(0.02)
            else:
                self._descriptor = descriptor
                return

    def release(self) -> None:
        """Give it back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
