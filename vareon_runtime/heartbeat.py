"""Signs of life: each process of ours stamps a small file from its event loop.

A process whose loop stands still, blocked or frozen, stops stamping. Whoever reads the stamps may
have been standing still itself, so `Patience` counts only the time that it has watched.

The time is the monotonic clock, which on Linux is the same for every process of a machine and
stands still while the machine is suspended.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

STAMP_EVERY_S = 0.5
SILENT_S = 4.5
"""A running process that has not stamped for so long is taken for dead."""
STARTING_S = 60.0
"""The same while it starts or stops, which may block its loop."""
LATE_S = 1.0
SUFFIX = ".beat"

_STAMP = struct.Struct("<4sIdd32s")
_MAGIC = b"VHB1"

Monotonic = Callable[[], float]


class Beat(NamedTuple):
    """One stamp.

    Attributes:
        pid: Whose.
        at_s: When, by the monotonic clock.
        silent_s: How long it may be silent.
        instance: The mark of the start it belongs to.
    """

    pid: int
    at_s: float
    silent_s: float
    instance: str

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The stamp in a file; None if there is no whole one."""
        try:
            magic, pid, at_s, silent_s, instance = _STAMP.unpack(path.read_bytes())
        except (OSError, struct.error):
            return None
        if magic != _MAGIC:
            return None
        return cls(pid, at_s, silent_s, instance.rstrip(b"\x00").decode(errors="replace"))

    def packed(self) -> bytes:
        """As it lies in its file."""
        return _STAMP.pack(_MAGIC, self.pid, self.at_s, self.silent_s, self.instance.encode())


class Heartbeat:
    """Stamps a process's own file from its event loop.

    Args:
        folder: Where the files of all processes lie.
        name: Of this process.
        instance: The mark of this start.
    """

    def __init__(
        self, folder: Path, name: str, instance: str, monotonic: Monotonic = time.monotonic
    ) -> None:
        self._path = folder / f"{name}{SUFFIX}"
        self._instance = instance
        self._monotonic = monotonic
        self._silent_s = STARTING_S
        self._descriptor: int | None = None
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to stamp, as a process that is starting."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._stamp()
        self._running = asyncio.get_running_loop().create_task(self._run())

    def expect(self, silent_s: float) -> None:
        """From now on be taken for dead after so many seconds of silence."""
        self._silent_s = silent_s
        self._stamp()

    def stop(self) -> None:
        """Stamp no more."""
        if self._running is not None:
            self._running.cancel()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _stamp(self) -> None:
        if self._descriptor is not None:
            beat = Beat(os.getpid(), self._monotonic(), self._silent_s, self._instance)
            os.pwrite(self._descriptor, beat.packed(), 0)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(STAMP_EVERY_S)
            self._stamp()


class Patience:
    """Judges silence fairly: the time in which the judge itself stood still does not count.

    Args:
        look_every_s: How often `look` is called when nothing is wrong.
    """

    def __init__(self, look_every_s: float, monotonic: Monotonic = time.monotonic) -> None:
        self._late_s = look_every_s + LATE_S
        self._monotonic = monotonic
        self._looked_s = self._fair_from_s = monotonic()

    def look(self) -> None:
        """Called on every round, before judging."""
        now = self._monotonic()
        if now - self._looked_s > self._late_s:
            self._fair_from_s = now
        self._looked_s = now

    def silent_s(self, last_beat_s: float) -> float:
        """For how long nothing was heard, as far as we can say."""
        return self._looked_s - max(last_beat_s, self._fair_from_s)
