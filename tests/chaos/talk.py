"""The stream workload of a round: people who chat, and judge what they were shown."""

from __future__ import annotations

import asyncio
import time
import traceback
from typing import Any

from tests.chaos.caller import History
from tests.support.streaming_workload import Workload

PEOPLE = 3
AFTERWARDS = 3
BACK_S = 60.0


async def talk(url: str, token: str, number: int, settling: asyncio.Event, path: Any) -> None:
    """Chat until it is time to end, and until new turns get through; then judge."""
    history = History(path)
    cut = 0
    try:
        async with Workload(url, token, people=PEOPLE) as workload:
            while not settling.is_set():
                cut = len(workload.interrupted())
                await asyncio.sleep(0.02)
            began = time.monotonic()
            await workload.probe(began, BACK_S)
            history.note(
                "talked", entity="chat/new", value={"in_flight": cut, "took_s": _since(began)}
            )
            await workload.more_turns(AFTERWARDS, BACK_S)
            await workload.finish()
            turns = await workload.judge()
        history.note("talked", entity="chat/all", value={"turns": turns})
    except (AssertionError, TimeoutError) as error:
        where = traceback.extract_tb(error.__traceback__)[-1].line
        what = f"{type(error).__name__} at '{where}': {error}"[:2_000]
        history.note("error", entity=f"chat/r{number}", value=what)
    finally:
        history.close()


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)
