"""LangGraph with its SQLite checkpointer: durable turns of many threads a second, with fsync."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TypedDict

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from load import load, tell

CONCURRENT = 100
TURNS = 5


class Tally(TypedDict):
    """What a thread remembers."""

    total: int


async def add(state: Tally) -> Tally:
    """The one node."""
    return {"total": state["total"] + 1}


async def main() -> None:
    """One run in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        async with aiosqlite.connect(Path(folder) / "graph.sqlite") as connection:
            saver = AsyncSqliteSaver(connection)
            await saver.setup()
            await connection.execute("PRAGMA synchronous = FULL")
            graph = StateGraph(Tally)
            graph.add_node("add", add)
            graph.add_edge(START, "add")
            graph.add_edge("add", END)
            ready = graph.compile(checkpointer=saver)

            async def turn(number: int) -> None:
                thread = {"configurable": {"thread_id": str(number)}}
                await ready.ainvoke({"total": 0}, thread, durability="sync")

            await load(turn, 10, 1)
            tell(await load(turn, CONCURRENT, TURNS))


if __name__ == "__main__":
    asyncio.run(main())
