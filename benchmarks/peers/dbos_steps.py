"""DBOS on SQLite: workflows of many steps, each step journaled with fsync; steps a second."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from dbos import DBOS
from load import tell
from sqlalchemy import Engine, event

CONCURRENT = 100
STEPS = 10


@event.listens_for(Engine, "connect")
def _sync_every_commit(connection: object, _record: object) -> None:
    connection.execute("PRAGMA synchronous = FULL")  # type: ignore[attr-defined]


@DBOS.step()
async def add(total: int) -> int:
    """The step."""
    return total + 1


@DBOS.workflow()
async def count(steps: int) -> int:
    """The workflow."""
    total = 0
    for _ in range(steps):
        total = await add(total)
    return total


async def _run() -> None:
    await count(2)
    began = time.perf_counter()
    totals = await asyncio.gather(*(count(STEPS) for _ in range(CONCURRENT)))
    took = time.perf_counter() - began
    if totals != [STEPS] * CONCURRENT:
        raise RuntimeError("DBOS lost steps")
    step_ms = took / STEPS * 1e3
    tell({"rate": CONCURRENT * STEPS / took, "p50_ms": step_ms, "p99_ms": step_ms})


def main() -> None:
    """One run in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dbos.sqlite"
        DBOS(
            config={
                "name": "peer",
                "system_database_url": f"sqlite:///{path}",
                "run_admin_server": False,
                "log_level": "ERROR",
            }
        )
        DBOS.launch()
        try:
            asyncio.run(_run())
        finally:
            DBOS.destroy()


if __name__ == "__main__":
    sys.exit(main())
