"""Asks from a third Ray process, through the router, against raw Ray actor calls."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray

from benchmarks.entities import Add, Touch
from benchmarks.figures import Line, Speed, fastest, quickest
from benchmarks.system import RunningSystem
from vareon_runtime.collector import relax_collector
from vareon_runtime.config import Settings
from vareon_runtime.identity import EntityId
from vareon_runtime.routing.client import LinkBus

RUNS = 3


async def load(once: Callable[[int], Awaitable[Any]], callers: int, each: int) -> Speed:
    """So many callers, each asking so many times, one after another."""
    latencies: list[float] = []

    async def caller(number: int) -> None:
        for _ in range(each):
            began = time.perf_counter()
            await once(number)
            latencies.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    return Speed.of(latencies, time.perf_counter() - began)


class Echo:
    """The baseline: an async Ray actor whose call does nothing."""

    async def touch(self, by: int) -> int:
        """Give it back."""
        return by


class RawCaller:
    """Calls the baseline from a Ray process of its own."""

    async def run(self, echo: Any, callers: int, each: int) -> Speed:
        """One run."""
        return await load(lambda _: echo.touch.remote(1), callers, each)


class AskCaller:
    """Asks entities from a Ray process of its own."""

    def __init__(self, settings: Settings) -> None:
        relax_collector()
        self._bus = LinkBus(settings, "benchmark", "client")

    async def start(self) -> None:
        """Connect to the router."""
        await self._bus.start()
        await self._bus.wait_connected(5.0)

    async def run(self, durable: bool, callers: int, each: int) -> Speed:
        """One run."""
        message: Any = Add() if durable else Touch()
        targets = [EntityId("tally", f"{callers}-{number}") for number in range(callers)]
        return await load(lambda n: self._bus.ask(targets[n], message), callers, each)


def measure(system: RunningSystem) -> list[Line]:
    """Volatile and durable asks, interleaved with the baseline.

    In a process of its own: Ray reads its token's place once, when it is imported.
    """
    environment = {
        **os.environ,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(system.settings.ray_token_file),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.asks", system.gcs_address(), str(system.data_dir)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        timeout=300,
    )
    return [Line(**line) for line in json.loads(done.stdout.splitlines()[-1])]


def main() -> None:
    """Entry of that process."""
    address, folder = sys.argv[1:3]
    settings = Settings(data_dir=Path(folder), database_url="")
    ray.init(address=address, namespace="benchmark", log_to_driver=False, configure_logging=False)
    lines = _measure(settings)
    ray.shutdown()
    print(json.dumps([asdict(line) for line in lines]))


def _measure(settings: Settings) -> list[Line]:
    plain = {"num_cpus": 0}
    echo = ray.remote(**plain, max_concurrency=1000)(Echo).remote()
    raw = ray.remote(**plain)(RawCaller).remote()
    asker = ray.remote(**plain)(AskCaller).remote(settings)
    ray.get([asker.start.remote(), raw.run.remote(echo, 10, 20), echo.touch.remote(1)])
    for durable in (False, True):
        ray.get(asker.run.remote(durable, 100, 20))
    ray.get(asker.run.remote(False, 1000, 5))
    runs: dict[str, list[Speed]] = {}
    for _ in range(RUNS):
        for name, call in (
            ("raw 100", lambda: raw.run.remote(echo, 100, 30)),
            ("volatile 100", lambda: asker.run.remote(False, 100, 600)),
            ("durable 100", lambda: asker.run.remote(True, 100, 300)),
            ("volatile 1000", lambda: asker.run.remote(False, 1000, 100)),
            ("raw 1", lambda: raw.run.remote(echo, 1, 500)),
            ("volatile 1", lambda: asker.run.remote(False, 1, 2000)),
            ("durable 1", lambda: asker.run.remote(True, 1, 1000)),
        ):
            runs.setdefault(name, []).append(ray.get(call()))
    return _lines(runs)


def _lines(runs: dict[str, list[Speed]]) -> list[Line]:
    raw, volatile = fastest(runs["raw 100"]), fastest(runs["volatile 100"])
    raw_1, volatile_1 = quickest(runs["raw 1"]), quickest(runs["volatile 1"])
    crowd = fastest(runs["volatile 1000"])
    durable, durable_1 = fastest(runs["durable 100"]), quickest(runs["durable 1"])
    times = volatile.rate / raw.rate
    part = volatile_1.p50_ms / raw_1.p50_ms
    return [
        Line(
            "volatile ask, 100 callers",
            str(volatile),
            f"raw Ray async actor call: {raw}",
            f"{times:.1f} times",
            "15 times (stretch 50)",
            times >= 15,
        ),
        Line(
            "volatile ask, 1,000 callers",
            str(crowd),
            "",
            f"{crowd.rate:,.0f}/s",
            "50,000/s (stretch 100,000)",
            crowd.rate >= 50_000,
        ),
        Line(
            "volatile ask, 1 caller",
            str(volatile_1),
            f"raw Ray async actor call: {raw_1}",
            f"{part:.2f} of its p50",
            "0.25 (stretch 0.1)",
            part <= 0.25,
        ),
        Line(
            "durable ask with fsync, 100 callers",
            str(durable),
            "",
            f"{durable.rate:,.0f}/s",
            "15,000/s (stretch 30,000)",
            durable.rate >= 15_000,
        ),
        Line(
            "durable ask with fsync, 1 caller",
            str(durable_1),
            "",
            f"{durable_1.p50_ms:.2f} ms",
            "1.2 ms (stretch 0.8)",
            durable_1.p50_ms <= 1.2,
        ),
    ]


if __name__ == "__main__":
    main()
