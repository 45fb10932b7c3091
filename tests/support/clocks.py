"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count


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
        """Let time pass, with real moments in between for threads to answer in."""
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
    """Let tasks and the threads they wait for go on."""
    for _ in range(10):
        await asyncio.sleep(0.0005)
