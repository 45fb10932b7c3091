"""A process of clients, outside of the system: ``python -m tests.chaos.client WORKLOAD``.

It takes one order a line: ``{"do": "round", ...}`` begins to work, ``{"do": "settle"}`` ends it. It
answers ``busy`` once everybody has begun, and ``settled`` once the round's history is written.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from tests.chaos.caller import Caller, History, NeverEnded, Refused
from tests.chaos.talk import talk
from tests.chaos.workloads import WORKLOADS, Task


class Clients:
    """All clients of one workload.

    Args:
        workload: Its name.
    """

    def __init__(self, workload: str) -> None:
        self._workload = workload
        self._settling = asyncio.Event()
        self._round: asyncio.Task[None] | None = None

    async def obey(self, order: dict[str, Any]) -> None:
        """Take an order."""
        if order["do"] == "round":
            self._settling = asyncio.Event()
            self._round = asyncio.create_task(self._run(order))
            _say({"event": "busy"})
        elif self._round is not None:
            self._settling.set()
            await self._round
            _say({"event": "settled"})

    async def _run(self, order: dict[str, Any]) -> None:
        path = Path(order["history"])
        if self._workload == "stream":
            await talk(order["url"], order["token"], order["round"], self._settling, path)
            return
        history = History(path)
        headers = {"Authorization": f"Bearer {order['token']}"}
        try:
            async with aiohttp.ClientSession(order["url"], headers=headers) as session:
                await self._work(order, session, history)
        finally:
            history.close()

    async def _work(
        self, order: dict[str, Any], session: aiohttp.ClientSession, history: History
    ) -> None:
        task = Task(order["round"], order["sink"], self._settling)
        kind, count, final = WORKLOADS[self._workload]
        names = [f"{self._workload}{at}" for at in range(count)]
        randoms = [Random(f"{order['seed']}/{order['round']}/{name}") for name in names]
        callers = [
            Caller(session, history, name, random)
            for name, random in zip(names, randoms, strict=True)
        ]
        workers = [
            kind(task, caller, random, at)
            for at, (caller, random) in enumerate(zip(callers, randoms, strict=True))
        ]
        outcomes = await asyncio.gather(*(w.work() for w in workers), return_exceptions=True)
        try:
            await final(task, callers[0])
        except (NeverEnded, Refused) as error:
            outcomes.append(error)
        for caller, outcome in zip([*callers, callers[0]], outcomes, strict=False):
            if outcome is not None:
                what = f"{type(outcome).__name__}: {outcome}"
                history.note("error", client=caller.name, value=what)


def _say(event: dict[str, Any]) -> None:
    print(json.dumps(event), flush=True)  # noqa: T201


async def serve(workload: str) -> None:
    """Take orders until there are no more."""
    clients = Clients(workload)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        await clients.obey(json.loads(line))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
