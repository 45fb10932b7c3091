"""200 who sign in at once: whoever only asks whether the system lives must not notice."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import aiohttp

from benchmarks.figures import Line, Speed
from benchmarks.system import PASSWORD, RunningSystem

AT_ONCE = 200
QUIET_S = 5.0
ASK_EVERY_S = 0.01
BOUND_MS = 100.0


async def measure(system: RunningSystem) -> list[Line]:
    """``/livez`` without and with them, from one connection that is open already."""
    async with aiohttp.ClientSession(
        system.url, connector=aiohttp.TCPConnector(limit=0)
    ) as session:
        quiet = await _livez(session, asyncio.create_task(asyncio.sleep(QUIET_S)))
        logins = asyncio.create_task(_sign_in_until_each_did(session))
        busy = await _livez(session, logins)
        statuses, took_s = await logins
    told = ", ".join(f"{count} with {status}" for status, count in sorted(statuses.items()))
    return [
        Line(
            f"/livez while {AT_ONCE} sign in at once and come again as they are told",
            str(busy),
            f"nobody signs in: {quiet}",
            f"p99 {busy.p99_ms:.1f} ms; all in after {took_s:.1f} s ({told})",
            f"p99 at most {BOUND_MS:.0f} ms",
            busy.p99_ms <= BOUND_MS and statuses[200] == AT_ONCE,
        )
    ]


async def _livez(session: aiohttp.ClientSession, until: asyncio.Task[object]) -> Speed:
    latencies: list[float] = []
    began = time.perf_counter()
    while not until.done():
        asked = time.perf_counter()
        async with session.get("/livez") as answer:
            await answer.read()
        latencies.append(time.perf_counter() - asked)
        await asyncio.sleep(ASK_EVERY_S)
    return Speed.of(latencies, time.perf_counter() - began)


async def _sign_in_until_each_did(session: aiohttp.ClientSession) -> tuple[Counter[int], float]:
    statuses: Counter[int] = Counter()
    began = time.perf_counter()
    await asyncio.gather(*(_sign_in(session, statuses) for _ in range(AT_ONCE)))
    return statuses, time.perf_counter() - began


async def _sign_in(session: aiohttp.ClientSession, statuses: Counter[int]) -> None:
    form = {"username": "admin", "password": PASSWORD}
    while True:
        async with session.post("/api/token", data=form) as answer:
            await answer.read()
        statuses[answer.status] += 1
        if answer.status == 200:
            return
        await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
