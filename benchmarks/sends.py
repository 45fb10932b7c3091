"""One-way messages between entities: committed by the sender, handled exactly once, per second."""

from __future__ import annotations

import asyncio
import time

from benchmarks.entities import Burst, Total
from benchmarks.figures import Line
from benchmarks.system import RunningSystem
from vareon_runtime.identity import EntityId
from vareon_runtime.routing.client import LinkBus

RUNS = 3
SENDERS = 100
BURST = 10
BURSTS = 20
LOOK_AGAIN_S = 0.02


async def measure(system: RunningSystem) -> list[Line]:
    """A hundred senders, each with a receiver of its own; best of three runs."""
    bus = LinkBus(system.settings, "benchmark", "client")
    await bus.start()
    await bus.wait_connected(5.0)
    rates = [await _run(bus, f"send-{run}") for run in range(RUNS)]
    await bus.stop()
    rate = max(rates)
    return [
        Line(
            "send between entities, committed and handled exactly once",
            f"{SENDERS} pairs, {BURST} messages a turn",
            "",
            f"{rate:,.0f}/s",
            "6,000/s (stretch 15,000)",
            rate >= 6_000,
        )
    ]


async def _run(bus: LinkBus, name: str) -> float:
    began = time.perf_counter()
    await asyncio.gather(*(_pair(bus, f"{name}-{number}") for number in range(SENDERS)))
    return SENDERS * BURST * BURSTS / (time.perf_counter() - began)


async def _pair(bus: LinkBus, name: str) -> None:
    sender, receiver = EntityId("tally", f"{name}-from"), EntityId("tally", f"{name}-to")
    for _ in range(BURSTS):
        await bus.ask(sender, Burst(receiver.key, BURST), timeout_s=60.0)
    wanted = BURST * BURSTS
    while (total := await bus.ask(receiver, Total(), timeout_s=60.0)) != wanted:
        if total > wanted:
            raise RuntimeError(f"{total} messages were handled of {wanted} that were sent")
        await asyncio.sleep(LOOK_AGAIN_S)
