"""Ends a host whose event loop stands still, so that it is started anew.

A handler that never returns and never waits holds the loop, and with it the lease, every other
entity and every probe. Nothing inside the loop can notice, so a thread does. It names the message
that was being handled; the next life of the host suspects it.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Sequence

from vareon_runtime.heartbeat import Monotonic, Patience
from vareon_runtime.storage.ports import LEASE_MS
from vareon_runtime.telemetry import failure

SILENT_S = LEASE_MS / 1000
BEAT_EVERY_S = 0.5
EXIT_CODE = 70


def _end(code: int) -> None:
    os._exit(code)


class Watchdog:
    """Watches the event loop that it was started in.

    Args:
        name: The host's.
        running: The ids of what is being handled, for the log.
        end: Ends the process.
        silent_s: How long the loop may stand still.
        look_every_s: How often the thread looks.
    """

    def __init__(
        self,
        name: str,
        running: Callable[[], Sequence[bytes]],
        end: Callable[[int], None] = _end,
        *,
        monotonic: Monotonic = time.monotonic,
        silent_s: float = SILENT_S,
        look_every_s: float = BEAT_EVERY_S,
    ) -> None:
        self._name = name
        self._running = running
        self._end = end
        self._monotonic = monotonic
        self._silent_s = silent_s
        self._look_every_s = look_every_s
        self._last_beat_s = monotonic()
        self._patience = Patience(look_every_s, monotonic)
        self._stopped = threading.Event()
        self._beating: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self.beat()
        self._beating = asyncio.get_running_loop().create_task(self._beat())
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()
        if self._beating is not None:
            self._beating.cancel()

    def beat(self) -> None:
        """The loop is alive."""
        self._last_beat_s = self._monotonic()

    def look(self) -> bool:
        """Whether the loop has stood still too long; if so, the process has been told to end."""
        self._patience.look()
        silent_s = self._patience.silent_s(self._last_beat_s)
        if silent_s <= self._silent_s:
            return False
        failure(
            "host_blocked",
            host=self._name,
            silent_s=round(silent_s, 1),
            messages=[message_id.hex() for message_id in self._running()[:20]],
        )
        self._end(EXIT_CODE)
        return True

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_EVERY_S)
            self.beat()

    def _watch(self) -> None:
        while not self._stopped.wait(self._look_every_s):
            if self.look():
                return
