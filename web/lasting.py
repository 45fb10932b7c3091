"""Work that comes to its end though its client hangs up.

A request is cancelled with its connection, for nobody waits for it. What must not stop half-way
runs in here: the cancellation is heard once it is over, so whatever its request holds, such as a
place among those admitted, is held until then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from vareon_runtime.errors import VareonError
from vareon_runtime.telemetry import failure

R = TypeVar("R")


class Lasting:
    """All such work of this front door."""

    def __init__(self) -> None:
        self._running: set[asyncio.Future[Any]] = set()

    def __len__(self) -> int:
        return len(self._running)

    async def to_its_end(self, work: Awaitable[R]) -> R:
        """Do it in a task of its own, and return what it returns.

        Raises:
            asyncio.CancelledError: Once it is over, if its request was cancelled meanwhile; or at
                once if it is cancelled a second time, which stops the work too.
        """
        if asyncio.current_task() in self._running:
            return await work  # a part of what comes to its end anyway
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await _over(task)
            raise

    async def finish(self, timeout_s: float) -> None:
        """Wait for what runs, and stop what takes longer."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout_s)
        left = list(self._running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _over(task: asyncio.Future[Any]) -> None:
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        raise
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, VareonError):
        failure("lasting_work_failed", error)  # nobody else is left to hear of it
