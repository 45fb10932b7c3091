"""A clock that stands still until a test moves it, and threads that do not exist."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Any


class ManualClock:
    """Time that passes in `advance` alone; sleepers wake in order."""

    def __init__(self, now_s: float = 1_800_000_000.0) -> None:
        self.now_s = now_s
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def time(self) -> float:
        return self.now_s

    def monotonic(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(
            self._sleepers, (self.now_s + max(0.0, seconds), next(self._numbers), future)
        )
        await future

    async def advance(self, seconds: float, step_s: float = 1.0) -> None:
        """Let time pass in steps, with everything done that is due at each."""
        until = self.now_s + seconds
        while self.now_s < until:
            self.now_s = min(until, self.now_s + step_s)
            self._wake()
            await settle()

    def jump(self, seconds: float) -> None:
        """Let time pass at once; whoever was to wake meanwhile wakes now."""
        self.now_s += seconds
        self._wake()

    def _wake(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self.now_s:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)


async def settle() -> None:
    """Let tasks go on until they wait for time, or for the test."""
    for _ in range(60):
        await asyncio.sleep(0)


def without_threads() -> None:
    """Make the running loop do at once what it would give to threads.

    A clock that stands still and a thread that takes its time do not go together: the same work
    would take more of that time on a busy machine, and leases would end.
    """
    loop = asyncio.get_running_loop()

    def at_once(_executor: object, function: Callable[..., Any], *arguments: Any) -> Any:
        future: asyncio.Future[Any] = loop.create_future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:  # noqa: BLE001 - whoever waits for it must hear
            future.set_exception(error)
        return future

    loop.run_in_executor = at_once  # type: ignore[method-assign]
