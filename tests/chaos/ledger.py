"""The world outside, in a process of its own: writes down every delivery, applies each key once.

``python -m tests.chaos.ledger FILE`` prints its address. Every raw delivery becomes a line of the
file before anything is answered.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from random import Random

from aiohttp import web

from vareon_runtime.testing.history import Record

LONGEST_WORK_S = 0.02


class Ledger:
    """The sink of all effects.

    Args:
        path: Where raw deliveries are written.
        random: How long each takes.
    """

    def __init__(self, path: Path, random: Random) -> None:
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self._random = random
        self._applied: set[str] = set()

    async def deliver(self, request: web.Request) -> web.Response:
        """Take one delivery: half of the work before it is applied, half after."""
        call = await request.json()
        value = {
            "key": call["key"],
            "step": call["step"],
            "at_most_once": bool(call.get("at_most_once")),
        }
        record = Record("delivery", time.monotonic_ns(), "ledger", call["op"], value=value)
        self._file.write(record.line() + "\n")
        await asyncio.sleep(self._random.uniform(0, LONGEST_WORK_S))
        self._applied.add(call["key"])
        await asyncio.sleep(self._random.uniform(0, LONGEST_WORK_S))
        return web.json_response({"applied": len(self._applied)})


async def serve(path: Path) -> None:
    """Run until killed."""
    ledger = Ledger(path, Random())
    app = web.Application()
    app.router.add_post("/deliver", ledger.deliver)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/deliver", flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
