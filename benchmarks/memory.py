"""What an idle entity and the whole system cost."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks.entities import Add, Tally, TallyState
from benchmarks.figures import Line
from benchmarks.system import RunningSystem
from vareon_runtime.identity import EntityId
from vareon_runtime.testing import InProcessCluster

ENTITIES = 20_000
AT_ONCE = 200


def pss_kib(pid: int) -> int:
    """Proportional set size of a process."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise RuntimeError("no Pss is told here")


def measure(system: RunningSystem) -> list[Line]:
    """Both figures."""
    return [_entity_line(), _system_line(system)]


def _system_line(system: RunningSystem) -> Line:
    parts = {name: pss_kib(pid) / 1024 for name, pid in system.pids().items()}
    total = sum(parts.values())
    shown = ", ".join(f"{name} {mib:.0f}" for name, mib in parts.items())
    return Line(
        "PSS of parent, driver and the three actors at rest",
        f"{shown} MiB",
        "",
        f"{total:.0f} MB",
        "600 MB (stretch 450)",
        total <= 600 and len(parts) == 5,
    )


def _entity_line() -> Line:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory"],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    over = json.loads(done.stdout)
    return Line(
        f"one idle entity in memory, over its state ({ENTITIES:,} of them)",
        f"{over:,.0f} bytes",
        "",
        f"{over / 1024:.2f} KB",
        "3 KB (stretch 1)",
        over <= 3 * 1024,
    )


async def _bytes_over_state() -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with InProcessCluster(Path(folder), [Tally]) as cluster:
            await _touch(cluster, 0, 1_000)
            before = _settled(cluster)
            await _touch(cluster, 1_000, 1_000 + ENTITIES)
            after = _settled(cluster)
    state = len(msgspec.msgpack.encode(TallyState(1)))
    return (after - before) / ENTITIES - state


async def _touch(cluster: InProcessCluster, first: int, end: int) -> None:
    for at in range(first, end, AT_ONCE):
        await asyncio.gather(
            *(cluster.bus.ask(EntityId("tally", str(n)), Add()) for n in range(at, at + AT_ONCE))
        )


def _settled(cluster: InProcessCluster) -> int:
    if cluster.host is not None:
        cluster.host.catalog.sweep(cluster.clock.monotonic() + 60)
    gc.collect()
    return pss_kib_self() * 1024


def pss_kib_self() -> int:
    """Proportional set size of this process."""
    return pss_kib(os.getpid())


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_bytes_over_state())))
