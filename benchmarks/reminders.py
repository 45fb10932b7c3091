"""100,000 reminders spread over 20 s: how late they are, and whether each comes once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from benchmarks.entities import GetAlarms, SetAlarms
from benchmarks.figures import Line
from benchmarks.system import RunningSystem
from vareon_runtime.identity import EntityId
from vareon_runtime.routing.client import LinkBus

SLEEPERS = 10_000
EACH = 10
SPREAD_S = 20.0
AHEAD_S = 30.0
"""Time to set them all before the first is due."""
AT_ONCE = 200
PATIENCE_S = 30.0


async def measure(system: RunningSystem) -> list[Line]:
    """Set them, wait until their time is over, then ask every entity what it heard."""
    bus = LinkBus(system.settings, "benchmark", "client")
    await bus.start()
    await bus.wait_connected(5.0)
    first_ms = int((time.time() + AHEAD_S) * 1000)
    await _each(lambda number: _set(bus, number, first_ms))
    setting_ms = int(time.time() * 1000)
    if setting_ms > first_ms:
        raise RuntimeError("setting the reminders took longer than planned; the machine is busy")
    end_s = first_ms / 1000 + SPREAD_S
    await asyncio.sleep(max(0.0, end_s - time.time()))
    late, lost, doubled = await _outcome(bus, end_s + PATIENCE_S)
    await bus.stop()
    late.sort()
    p99_s = late[len(late) * 99 // 100] / 1000 if late else float("inf")
    return [
        Line(
            f"{SLEEPERS * EACH:,} reminders spread over {SPREAD_S:g} s",
            f"{SLEEPERS:,} entities; p50 {late[len(late) // 2]} ms, latest {late[-1]} ms late",
            "",
            f"{lost} lost, {doubled} doubled, p99 {p99_s:.2f} s late",
            "none lost or doubled, p99 2 s late",
            not lost and not doubled and p99_s <= 2.0,
        )
    ]


async def _each(once: Callable[[int], Awaitable[None]]) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with places:
            await once(number)

    await asyncio.gather(*(one(number) for number in range(SLEEPERS)))


async def _set(bus: LinkBus, number: int, first_ms: int) -> None:
    step_ms = SPREAD_S * 1000 / (SLEEPERS * EACH)
    due = [first_ms + int((number + SLEEPERS * turn) * step_ms) for turn in range(EACH)]
    await bus.ask(EntityId("sleeper", str(number)), SetAlarms(due), timeout_s=60.0)


async def _outcome(bus: LinkBus, give_up_s: float) -> tuple[list[int], int, int]:
    """Milliseconds late of each that came, how many did not, and how many came again."""
    while True:
        heard: dict[int, list[tuple[int, int]]] = {}

        async def ask(number: int, into: dict[int, list[tuple[int, int]]] = heard) -> None:
            target = EntityId("sleeper", str(number))
            into[number] = await bus.ask(target, GetAlarms(), timeout_s=60.0)

        await _each(ask)
        counts = {n: Counter(number for number, _ in rung) for n, rung in heard.items()}
        lost = sum(EACH - len(count) for count in counts.values())
        doubled = sum(times - 1 for count in counts.values() for times in count.values())
        if not lost or time.time() > give_up_s:
            late = [late_ms for rung in heard.values() for _, late_ms in rung]
            return late, lost, doubled
        await asyncio.sleep(1.0)
