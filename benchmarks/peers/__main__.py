"""``python -m benchmarks.peers PYTHON``: PYTHON is that of the peers' own environment.

Durable work is compared with durable work: an ask that writes state and inbox row, a DBOS step, a
LangGraph turn with its checkpoint, each with fsync and 100 at once. Work that stores nothing is
compared with AutoGen's in-process runtime and with a raw call of a Ray actor.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from benchmarks import asks
from benchmarks.entities import Add, Touch
from benchmarks.figures import Line, Speed, fastest, machine, table
from benchmarks.system import RunningSystem
from vareon_runtime.identity import EntityId
from vareon_runtime.routing.client import LinkBus

RUNS = 3
CALLERS = 100
LIMIT_S = 300


def peer(python: str, name: str) -> Speed:
    """The best of three runs of a peer's script, each in a process of its own."""
    folder = Path(__file__).parent
    runs = []
    for _ in range(RUNS):
        done = subprocess.run(
            [python, str(folder / f"{name}.py")],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=LIMIT_S,
            cwd=folder,
        )
        runs.append(Speed(**json.loads(done.stdout.splitlines()[-1])))
    return fastest(runs)


async def ours(system: RunningSystem) -> tuple[Speed, Speed]:
    """Durable and volatile asks through the router, best of three."""
    bus = LinkBus(system.settings, "benchmark", "client")
    await bus.start()
    await bus.wait_connected(5.0)
    targets = [EntityId("tally", f"peer-{number}") for number in range(CALLERS)]
    durable, volatile = [], []
    for _ in range(RUNS):
        durable.append(await asks.load(lambda n: bus.ask(targets[n], Add()), CALLERS, 200))
        volatile.append(await asks.load(lambda n: bus.ask(targets[n], Touch()), CALLERS, 400))
    await bus.stop()
    return fastest(durable), fastest(volatile)


async def main(python: str) -> int:
    """Measure all; returns how many figures do not hold."""
    async with RunningSystem() as system:
        durable, volatile = await ours(system)
        lines = await asyncio.to_thread(asks.measure, system)
    dbos = peer(python, "dbos_steps")
    graph = peer(python, "langgraph_turns")
    autogen = peer(python, "autogen_messages")
    lines = [
        lines[0],
        _line("durable ask against a DBOS step on SQLite", durable, dbos, 15, "15 times (40)"),
        _line("durable ask against a LangGraph turn", durable, graph, 60, "60 times (120)"),
        _line("volatile ask against a message of AutoGen core", volatile, autogen, 1, "1 time"),
    ]
    sys.stdout.write(f"\n{machine()}\n\n{table(lines)}\n")
    return sum(not line.holds for line in lines)


def _line(what: str, mine: Speed, theirs: Speed, least: float, wanted: str) -> Line:
    times = mine.rate / theirs.rate
    return Line(what, str(mine), str(theirs), f"{times:.0f} times", wanted, times >= least)


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(main(sys.argv[1])) else 0)
