"""A million stored reminders: what they cost a host, and those that are due meanwhile.

``python -m benchmarks.stored_reminders COUNT`` prints it for one count; the process it runs in
holds the host, the router and the bus, without Ray.
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
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.entities import Alarm, GetAlarms, Sleeper, SleeperState
from benchmarks.figures import Line
from benchmarks.memory import pss_kib_self
from vareon_runtime import codec
from vareon_runtime.collector import relax_collector
from vareon_runtime.entity.schedule import Schedule
from vareon_runtime.hosting.reminder_plan import REMINDERS, Plan
from vareon_runtime.hosting.reminders import READ_LIMIT, WINDOW_MS
from vareon_runtime.identity import EntityId
from vareon_runtime.placement import shard_of
from vareon_runtime.storage.ports import Store
from vareon_runtime.testing import InProcessCluster

FEW, MANY = 10_000, 1_000_000
DUE = 5_000
AHEAD_S, SPREAD_S = 4.0, 10.0
FAR_S = 3_600.0
READS = 15


def measure() -> list[Line]:
    """Both counts, each in a process of its own."""
    few, many = _run(FEW), _run(MANY)
    more_mb = (many["bytes"] - few["bytes"]) / 1e6
    flat = more_mb <= 16.0 and many["read_ms"] <= 1.5 * few["read_ms"] + 1.0
    return [
        Line(
            f"{MANY:,} reminders stored, {DUE:,} of them due within {SPREAD_S:g} s",
            f"{more_mb:+.1f} MB in the host, at most {many['armed']:,} in memory; the next "
            f"{WINDOW_MS // 1000} s read in {many['read_ms']:.1f} ms of processor",
            f"{FEW:,} stored: {few['read_ms']:.1f} ms, p99 {few['p99_ms']} ms late",
            f"{many['lost']} lost, {many['doubled']} doubled, p99 {many['p99_ms']} ms late",
            "none lost or doubled, memory and time flat",
            not many["lost"] and not many["doubled"] and flat,
        )
    ]


def _run(count: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.stored_reminders", str(count)],
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


async def _measured(count: int) -> dict[str, Any]:
    relax_collector()
    with tempfile.TemporaryDirectory() as folder:
        async with InProcessCluster(Path(folder), [Sleeper]) as cluster:
            await cluster.kill_host()
            began = time.perf_counter()
            far_ms = int((time.time() + FAR_S) * 1000)
            _store(cluster.path, ((f"far-{n}", far_ms + 50 * n) for n in range(count - DUE)))
            stored_s = time.perf_counter() - began
            first_ms = int((time.time() + AHEAD_S) * 1000)
            step_ms = SPREAD_S * 1000 / DUE
            due = [(str(n), first_ms + int(n * step_ms)) for n in range(DUE)]
            _store(cluster.path, due)
            _sleepers(cluster.path)
            before = _settled()
            host = await cluster.start_host()
            reads = [_read(host.store) for _ in range(READS)]
            armed = 0
            while time.time() * 1000 < first_ms + SPREAD_S * 1000 + 1_000:
                armed = max(armed, host.status()["reminders_armed"])
                await asyncio.sleep(0.2)
            after = _settled()
            rung = [await cluster.bus.ask(EntityId("sleeper", key), GetAlarms()) for key, _ in due]
    late = sorted(late_ms for heard in rung for _, late_ms in heard)
    return {
        "bytes": after - before,
        "armed": armed,
        "read_ms": min(reads),
        "lost": sum(not heard for heard in rung),
        "doubled": sum(max(0, len(heard) - 1) for heard in rung),
        "p99_ms": late[len(late) * 99 // 100] if late else None,
        "stored_s": stored_s,
    }


def _read(store: Store) -> float:
    """Milliseconds of processor for what the host looks at every 10 s: all due in its window."""
    up_to = ("due_ms", int(time.time() * 1000) + WINDOW_MS)
    began = time.thread_time()
    found = store.find(REMINDERS, {}, up_to=up_to, limit=READ_LIMIT)
    took_s = time.thread_time() - began
    if len(found) != DUE:
        raise RuntimeError("something else is due, or the machine is too busy to measure")
    return took_s * 1e3


def _store(path: Path, reminders: Iterable[tuple[str, int]]) -> None:
    """Reminders as earlier turns left them."""

    def row(key: str, due_ms: int) -> tuple[Any, ...]:
        plan = Plan(Schedule(), due_ms, "Alarm", codec.encode(Alarm(0, due_ms)))
        shard = shard_of(EntityId("sleeper", key))
        return ("sleeper", key, "0", shard, due_ms, msgspec.msgpack.encode(plan))

    with sqlite3.connect(path) as database:
        database.executemany(
            "INSERT INTO reminders (kind, key, name, shard, due_ms, plan) VALUES (?,?,?,?,?,?)",
            (row(key, due_ms) for key, due_ms in reminders),
        )
    database.close()


def _sleepers(path: Path) -> None:
    state = msgspec.msgpack.encode(SleeperState())
    with sqlite3.connect(path) as database:
        database.executemany(
            "INSERT INTO entities (kind, key, version, schema_version, epoch, deleted, state)"
            " VALUES ('sleeper', ?, 1, 1, 1, 0, ?)",
            ((str(number), state) for number in range(DUE)),
        )
    database.close()


def _settled() -> int:
    gc.collect()
    return pss_kib_self() * 1024


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measured(int(sys.argv[1])))))
