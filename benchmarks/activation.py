"""A million stored entities, a hundred thousand of them active in one host.

``python -m benchmarks.activation`` prints it; the process it runs in holds the host, the router and
the bus, without Ray.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks.entities import Tally, TallyState, Total
from benchmarks.figures import Line
from benchmarks.memory import pss_kib_self
from vareon_runtime.collector import relax_collector
from vareon_runtime.identity import EntityId
from vareon_runtime.testing import InProcessCluster

STORED = 1_000_000
ACTIVE = 100_000
FEW = 1_000
AT_ONCE = 500
ASKS = 2_000
RUNS = 3


def measure() -> list[Line]:
    """All three figures, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.activation"],
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    times = found["many_ms"] / found["few_ms"]
    over = found["bytes_each"]
    return [
        Line(
            f"activation from the database, {STORED:,} stored",
            f"{ACTIVE:,} entities, {AT_ONCE} at once",
            "",
            f"{found['per_s']:,.0f}/s",
            "10,000/s (stretch 20,000)",
            found["per_s"] >= 10_000,
        ),
        Line(
            f"one of {ACTIVE:,} active entities, over its state",
            f"{over:,.0f} bytes",
            "",
            f"{over / 1024:.2f} KB",
            "2 KB",
            over <= 2 * 1024,
        ),
        Line(
            f"ask with {STORED:,} stored and {ACTIVE:,} active, p50 of 1 caller",
            f"{found['many_ms']:.3f} ms, p99 {found['many_p99_ms']:.3f} ms",
            f"{FEW:,} entities: {found['few_ms']:.3f} ms, p99 {found['few_p99_ms']:.3f} ms",
            f"{times:.2f} times",
            "1.2 times",
            times <= 1.2,
        ),
    ]


async def _measured() -> dict[str, float]:
    relax_collector()
    with tempfile.TemporaryDirectory() as folder:
        async with InProcessCluster(Path(folder), [Tally]) as cluster:
            _store(cluster.path, STORED)
            await _activate(cluster, 0, FEW)
            few = [await _asked(cluster, FEW) for _ in range(RUNS)]
            before = _settled(cluster)
            began = time.perf_counter()
            await _activate(cluster, FEW, FEW + ACTIVE)
            took = time.perf_counter() - began
            after = _settled(cluster)
            many = [await _asked(cluster, FEW + ACTIVE) for _ in range(RUNS)]
    state = len(msgspec.msgpack.encode(TallyState(1)))
    return {
        "per_s": ACTIVE / took,
        "bytes_each": (after - before) / ACTIVE - state,
        "few_ms": min(run[0] for run in few),
        "few_p99_ms": min(run[1] for run in few),
        "many_ms": min(run[0] for run in many),
        "many_p99_ms": min(run[1] for run in many),
    }


def _store(path: Path, count: int) -> None:
    """Entities as earlier turns left them."""
    state = msgspec.msgpack.encode(TallyState(1))
    keys = sorted(str(number) for number in range(count))
    with sqlite3.connect(path) as database:
        database.executemany(
            "INSERT INTO entities (kind, key, version, schema_version, epoch, deleted, state)"
            " VALUES ('tally', ?, 1, 1, 1, 0, ?)",
            ((key, state) for key in keys),
        )
    database.close()


async def _activate(cluster: InProcessCluster, first: int, end: int) -> None:
    """A steady crowd of callers, each asking the next entity that nobody has asked."""
    numbers = iter(range(first, end))

    async def caller() -> None:
        for number in numbers:
            assert await cluster.bus.ask(EntityId("tally", str(number)), Total()) == 1

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))


async def _asked(cluster: InProcessCluster, among: int) -> tuple[float, float]:
    """Median and p99 in milliseconds of one caller who asks all over the place."""
    latencies = []
    for turn in range(ASKS):
        target = EntityId("tally", str(turn * 7919 % among))
        began = time.perf_counter()
        await cluster.bus.ask(target, Total())
        latencies.append(time.perf_counter() - began)
    latencies.sort()
    return latencies[ASKS // 2] * 1e3, latencies[ASKS * 99 // 100] * 1e3


def _settled(cluster: InProcessCluster) -> int:
    if cluster.host is not None:
        cluster.host.catalog.sweep(cluster.clock.monotonic() + 60)
    gc.collect()
    return pss_kib_self() * 1024


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measured())))
