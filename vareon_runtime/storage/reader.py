"""Committed rows for turns and effects, in one step of another thread.

A turn that reads holds its mailbox meanwhile, and every chat turn reads once on its way to the
first token. Through the async driver one select takes seven passes between two threads; here it
takes one (`docs/adr/0007-reads-of-a-turn-take-one-thread-step.md`).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Executable, create_engine, event

from vareon_runtime.storage.database import only_read

CONNECTIONS = 2


class RowReader:
    """A small pool of threads, each with a read-only connection.

    Args:
        url: A ``sqlite:///`` URL.
    """

    def __init__(self, url: str) -> None:
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="reader")
        self._engine = create_engine(
            url, pool_size=CONNECTIONS, max_overflow=0, isolation_level="AUTOCOMMIT"
        )
        event.listen(self._engine, "connect", only_read)

    async def rows(self, statement: Executable, **parameters: Any) -> list[Any]:
        """Run a select with its bind parameters and return its rows."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._read, statement, parameters)

    async def close(self) -> None:
        """Finish what is being read, then give the connections back."""
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    def _read(self, statement: Executable, parameters: dict[str, Any]) -> list[Any]:
        with self._engine.connect() as connection:
            return list(connection.execute(statement, parameters).fetchall())
