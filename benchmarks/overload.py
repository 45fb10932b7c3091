"""Ten times the callers that saturate the system, for two minutes: ``make overload``.

One tenant sends most of it; one in ten callers ignores ``Retry-After``; one body in ten has
64 KiB. ``python -m benchmarks.overload SECONDS`` runs it for another time.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from typing import Any

import aiohttp

from benchmarks.figures import Line, machine, table
from benchmarks.memory import pss_kib
from benchmarks.overload_callers import Found, Group, Plan
from benchmarks.system import RunningSystem

SECONDS = 120.0
PEAK_S = 8.0
AT_ONCE_S, ONE_BY_ONE_S = 0.2, 10.0
"""Callers who are to find the peak come together, those who overload within ten seconds."""
SATURATING = 32
TIMES = 10
TENANTS = 8
MODEST_PER_S = 20.0
"""What the tenant within its quota asks."""
LOOK_EVERY_S = 0.05


async def measure(system: RunningSystem, seconds: float) -> list[Line]:
    """Peak, overload, and the time after it."""
    tokens = [await _tenant(system, number) for number in range(TENANTS + 1)]
    await _load(system, PEAK_S / 2, _saturating(tokens, 1.0))
    peak = 0.0
    for part in (60.0, 120.0, 240.0):
        found = await _load(system, PEAK_S, _saturating(tokens, part))
        peak = max(peak, sum(len(one.accepted) for one in found.values()) / PEAK_S)
    await asyncio.sleep(2.0)
    calm_ms = _p(await _look(system, tokens[-1], 3.0), 99) * 1e3
    base_mib = _memory_mib(system)
    watching = asyncio.create_task(_watch(system))
    vital = asyncio.create_task(_look(system, None, seconds))
    found = await _load(system, seconds, _overload(tokens, peak / SATURATING), ONE_BY_ONE_S)
    back_s = await _back_after(system, tokens[-1], calm_ms)
    watching.cancel()
    most_mib = (await asyncio.gather(watching, return_exceptions=True))[0]
    grown = (most_mib if isinstance(most_mib, float) else _memory_mib(system)) - base_mib
    return _lines(found, seconds, peak, grown, back_s, _p(await vital, 99) * 1e3)


def _saturating(tokens: list[str], each_per_s: float) -> list[Group]:
    return [
        Group(f"tenant {number}", token, SATURATING // TENANTS, each_per_s)
        for number, token in enumerate(tokens[:-1])
    ]


def _overload(tokens: list[str], each_per_s: float) -> list[Group]:
    """Three quarters of the callers are one tenant's."""
    callers = SATURATING * TIMES
    others = callers // 4 // (TENANTS - 1)
    abusive = Group("abusive", tokens[0], callers - others * (TENANTS - 1), each_per_s)
    rest = [
        Group(f"tenant {number}", tokens[number], others, each_per_s)
        for number in range(1, TENANTS)
    ]
    return [Group("modest", tokens[-1], 1, MODEST_PER_S), abusive, *rest]


async def _load(
    system: RunningSystem, seconds: float, groups: list[Group], come_within_s: float = AT_ONCE_S
) -> dict[str, Found]:
    plan = Plan(system.port, seconds, come_within_s, tuple(groups))

    def run() -> dict[str, Any]:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(asdict(plan), file)
            file.flush()
            command = [sys.executable, "-m", "benchmarks.overload_callers", file.name]
            done = subprocess.run(
                command, check=True, stdout=subprocess.PIPE, text=True, timeout=seconds + 120
            )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    raw = await asyncio.to_thread(run)
    return {tenant: Found(**one) for tenant, one in raw.items()}


async def _tenant(system: RunningSystem, number: int) -> str:
    form = {"username": f"tenant-{number}", "password": f"the password of {number}"}
    headers = {"Authorization": f"Bearer {system.token}"}
    async with aiohttp.ClientSession(system.url) as session:
        async with session.post("/api/users", json=form, headers=headers) as response:
            response.raise_for_status()
        async with session.post("/api/token", data=form) as response:
            return str((await response.json())["access_token"])


async def _look(system: RunningSystem, token: str | None, seconds: float) -> list[float]:
    """Latencies of one caller who asks now and then: a command, or `/health` without a token."""
    latencies = []
    ends = time.perf_counter() + seconds
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(system.url, headers=headers) as session:
        while time.perf_counter() < ends:
            began = time.perf_counter()
            method, path = ("POST", "/api/entities/tally/look/Add") if token else ("GET", "/health")
            async with session.request(method, path) as response:
                await response.read()
                took = time.perf_counter() - began
                latencies.append(took if response.status == 200 else float("inf"))
            await asyncio.sleep(LOOK_EVERY_S)
    return latencies


async def _back_after(system: RunningSystem, token: str, calm_ms: float) -> float:
    """Seconds until one caller sees what it saw before."""
    began = time.perf_counter()
    while time.perf_counter() - began < 30.0:
        seen_ms = _p(await _look(system, token, 1.0), 99) * 1e3
        if seen_ms <= max(2 * calm_ms, calm_ms + 10):
            break
    return time.perf_counter() - began


async def _watch(system: RunningSystem) -> float:
    most = 0.0
    try:
        while True:
            most = max(most, _memory_mib(system))
            await asyncio.sleep(2.0)
    except asyncio.CancelledError:
        return most


def _memory_mib(system: RunningSystem) -> float:
    return sum(pss_kib(pid) for pid in system.pids().values()) / 1024


def _p(latencies: list[float], percent: int) -> float:
    ordered = sorted(latencies)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


def _lines(
    found: dict[str, Found],
    seconds: float,
    peak: float,
    grown_mib: float,
    back_s: float,
    vital_ms: float,
) -> list[Line]:
    accepted = [took for one in found.values() for took in one.accepted]
    rejected = [took for one in found.values() for took in one.rejected]
    waits = [wait for one in found.values() for wait in one.waits]
    odd = sum(sum(one.odd.values()) for one in found.values())
    unsent = sum(one.unsent for one in found.values())
    modest = found["modest"]
    asked = len(modest.accepted) + len(modest.rejected) + sum(modest.odd.values())
    served = 100 * len(modest.accepted) / max(1, asked)
    goodput = len(accepted) / seconds
    a99, r99 = _p(accepted, 99) * 1e3, _p(rejected, 99) * 1e3
    shown = f"{SATURATING * TIMES} callers, {len(rejected):,} refused, {unsent:,} not sent"
    spread = f"Retry-After {min(waits, default=0)} to {max(waits, default=0)} s"
    return [
        Line(
            f"goodput under overload, {seconds:.0f} s",
            f"{goodput:,.0f}/s; {shown}",
            f"peak {peak:,.0f}/s",
            f"{100 * goodput / peak:.0f} %",
            "80 %",
            goodput >= 0.8 * peak,
        ),
        Line("accepted, p99", f"{a99:.0f} ms", "", f"{a99:.0f} ms", "1,000 ms", a99 <= 1000),
        Line("refused, p99", f"{r99:.1f} ms", spread, f"{r99:.1f} ms", "50 ms", r99 <= 50),
        Line("neither accepted nor refused", f"{odd}", "", f"{odd}", "0", odd == 0),
        Line(
            "a tenant within its quota",
            f"{asked:,} requests",
            f"one tenant with three quarters of the callers; p99 {_p(modest.accepted, 99):.3f} s",
            f"{served:.2f} %",
            "99 %",
            served >= 99,
        ),
        Line(
            "/health meanwhile, p99",
            f"{vital_ms:.0f} ms",
            "",
            f"{vital_ms:.0f} ms",
            "100 ms",
            vital_ms <= 100,
        ),
        Line(
            "memory over its base",
            f"{grown_mib:.0f} MiB",
            "",
            f"{grown_mib:.0f} MiB",
            "256 MB",
            grown_mib <= 256,
        ),
        Line("back to normal", f"{back_s:.0f} s", "", f"{back_s:.0f} s", "10 s", back_s <= 10),
    ]


async def main(seconds: float) -> int:
    """Start the system and print the table; returns how many figures do not hold."""
    async with RunningSystem() as system:
        lines = await measure(system, seconds)
    print(f"\n{machine()}\n\n{table(lines)}")
    return sum(not line.holds for line in lines)


if __name__ == "__main__":
    sys.exit(1 if asyncio.run(main(float((sys.argv[1:] or [SECONDS])[0]))) else 0)
