"""``python -m benchmarks [NAME]…`` prints a table; the names are those in ``ALL``."""

from __future__ import annotations

import asyncio
import sys

from benchmarks import (
    activation,
    asks,
    chat,
    http,
    logins,
    memory,
    reminders,
    sends,
    start,
    stored_reminders,
)
from benchmarks.figures import Line, machine, table
from benchmarks.system import RunningSystem

ALL = ("start", "activation", "asks", "sends", "reminders", "http", "logins", "chat", "memory")


async def main(wanted: tuple[str, ...]) -> int:
    """Measure what is wanted; returns how many figures do not hold."""
    lines: list[Line] = []
    if "start" in wanted:
        lines += await start.measure()
    if "activation" in wanted:
        lines += activation.measure()
    if set(wanted) - {"start", "activation"}:
        async with RunningSystem() as system:
            lines += await _with_system(system, wanted)
    print(f"\n{machine()}\n\n{table(lines)}")
    return sum(not line.holds for line in lines)


async def _with_system(system: RunningSystem, wanted: tuple[str, ...]) -> list[Line]:
    lines: list[Line] = []
    if "memory" in wanted:
        lines += await asyncio.to_thread(memory.measure, system)
    if "asks" in wanted:
        lines += await asyncio.to_thread(asks.measure, system)
    if "sends" in wanted:
        lines += await sends.measure(system)
    if "reminders" in wanted:
        lines += await reminders.measure(system)
        lines += await asyncio.to_thread(stored_reminders.measure)
    if "http" in wanted:
        lines += await asyncio.to_thread(http.measure, system)
    if "logins" in wanted:
        lines += await logins.measure(system)
    if "chat" in wanted:
        lines += await chat.measure(system)
    return lines


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(main(tuple(sys.argv[1:]) or ALL)) else 0)
