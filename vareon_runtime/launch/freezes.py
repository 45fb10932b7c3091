"""Kills those of our processes that show no sign of life; Ray starts them anew.

A process that was stopped, or whose event loop is held, still has its sockets and its locks: its
callers wait for it, and no other can take its place. So it is ended for good.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from vareon_runtime import telemetry
from vareon_runtime.cluster import INSTANCE_MARK
from vareon_runtime.heartbeat import SUFFIX, Beat, Patience
from vareon_runtime.launch.process_handle import ProcessHandle

LOOK_EVERY_S = 0.25

Killed = Callable[[str, int], None]


class FreezeWatch:
    """Reads the stamps of one start's processes.

    Args:
        folder: Where they lie.
        instance: The mark of the start; nothing else is ever killed.
        patience: Judges silence.
        killed: Told the name and pid of what was killed.
    """

    def __init__(
        self,
        folder: Path,
        instance: str,
        patience: Patience | None = None,
        killed: Killed = lambda name, pid: None,
    ) -> None:
        self._folder = folder
        self._instance = instance
        self._patience = patience or Patience(LOOK_EVERY_S)
        self._killed = killed
        self._gone: set[Beat] = set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        """Kill whoever has been silent for longer than it said it would be."""
        self._patience.look()
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            beat = Beat.read(path)
            if beat is None or beat.instance != self._instance or beat in self._gone:
                continue
            silent_s = self._patience.silent_s(beat.at_s)
            if silent_s > beat.silent_s:
                self._gone.add(beat)
                self._end(path.name.removesuffix(SUFFIX), beat.pid, silent_s)

    def _end(self, name: str, pid: int, silent_s: float) -> None:
        """Kill a process, if it is still the one that stamped.

        The handle is taken before its environment is read, so that it cannot come to mean
        another process in between.
        """
        try:
            with ProcessHandle(pid) as handle:
                if _instance_of(pid) != self._instance:
                    return
                handle.send(signal.SIGKILL)
        except ProcessLookupError:
            return  # it has ended by itself
        except OSError as error:
            telemetry.failure("process.not_killed", error, process=name, frozen=pid)
            return
        telemetry.failure("process.frozen", process=name, frozen=pid, silent_s=round(silent_s, 1))
        self._killed(name, pid)


def _instance_of(pid: int) -> str:
    try:
        return str(psutil.Process(pid).environ().get(INSTANCE_MARK, ""))
    except (psutil.Error, OSError):
        return ""
