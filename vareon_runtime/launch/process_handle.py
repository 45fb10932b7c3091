"""A hold on a process that is not our child, which cannot come to mean another.

The kernel's descriptor where it has one; elsewhere the pid together with when it started, looked
at again and again.
"""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Self

import psutil  # type: ignore[import-untyped]

_POLL_S = 0.05


class ProcessHandle:
    """See the module. Use it as a context manager, or close it.

    Args:
        pid: Whose.

    Raises:
        ProcessLookupError: If there is no such process.
    """

    def __init__(self, pid: int) -> None:
        self.descriptor: int | None = None
        """Readable once the process has ended; None where there is no such thing."""
        self._process: psutil.Process | None = None
        try:
            self.descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            raise
        except (AttributeError, OSError):  # another system, an old kernel, or a sandbox
            try:
                self._process = psutil.Process(pid)
            except psutil.Error:
                raise ProcessLookupError(pid) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def send(self, number: signal.Signals) -> None:
        """Send a signal.

        Raises:
            ProcessLookupError: If the process has ended.
            PermissionError: If it is somebody else's.
        """
        if self.descriptor is not None:
            signal.pidfd_send_signal(self.descriptor, number)
            return
        try:
            if self._process is not None:
                self._process.send_signal(number)
        except psutil.AccessDenied as error:
            raise PermissionError(str(error)) from None
        except psutil.Error as error:
            raise ProcessLookupError(str(error)) from None

    def ended(self, within_s: float = 0.0) -> bool:
        """Whether it has ended; waits for that so long, and blocks."""
        if self.descriptor is not None:
            return bool(select.select([self.descriptor], [], [], within_s)[0])
        deadline = time.monotonic() + within_s
        while not self._seen_ended():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def close(self) -> None:
        """Let go of it."""
        descriptor, self.descriptor = self.descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _seen_ended(self) -> bool:
        process = self._process
        try:
            # its parent may not have collected it yet, which makes it no more alive
            return (
                process is None
                or not process.is_running()
                or process.status() == psutil.STATUS_ZOMBIE
            )
        except psutil.Error:
            return True
