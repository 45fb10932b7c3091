"""The load every peer is put under: so many callers, each asking one thing after another."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable


async def load(
    once: Callable[[int], Awaitable[object]], callers: int, each: int
) -> dict[str, float]:
    """Operations a second, and what one took at the median and at the 99th percentile, in ms."""
    latencies: list[float] = []

    async def caller(number: int) -> None:
        for _ in range(each):
            began = time.perf_counter()
            await once(number)
            latencies.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    took = time.perf_counter() - began
    ordered = sorted(latencies)
    return {
        "rate": len(ordered) / took,
        "p50_ms": ordered[len(ordered) // 2] * 1e3,
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1e3,
    }


def tell(figures: dict[str, float]) -> None:
    """The result, as the last line."""
    sys.stdout.write(json.dumps(figures) + "\n")
