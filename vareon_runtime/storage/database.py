"""Reading committed rows for lists and pages. Writing is the committer's alone."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import Executable, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from vareon_runtime.errors import ConfigurationError, StoreFailed

PLACE_TIME_S = 30.0
"""How long somebody waits for a connection."""


class Database:
    """A small pool of read-only connections."""

    def __init__(self, url: str, *, connections: int = 2) -> None:
        self._engine = _read_engine(url, connections)
        self._places = asyncio.Semaphore(2 * connections)
        self._reading: set[asyncio.Task[list[Any]]] = set()

    async def rows(self, statement: Executable) -> list[Any]:
        """Run a select and return its rows.

        Whoever is cancelled leaves at once. What has begun to be read is read to its end all the
        same and keeps its place until then: a connection that is left in the middle is lost.

        Raises:
            StoreFailed: If no connection gets free in time.
        """
        try:
            async with asyncio.timeout(PLACE_TIME_S):
                await self._places.acquire()
        except TimeoutError:
            raise StoreFailed("The database is read too much right now; try again.", 2.0) from None
        reading = asyncio.get_running_loop().create_task(self._read(statement))
        self._reading.add(reading)
        reading.add_done_callback(self._over)
        return await asyncio.shield(reading)

    async def close(self) -> None:
        """Give the connections back."""
        await asyncio.gather(*self._reading, return_exceptions=True)
        await self._engine.dispose()

    async def _read(self, statement: Executable) -> list[Any]:
        async with self._engine.connect() as connection:
            result = await connection.execute(statement)
            return list(result.fetchall())

    def _over(self, reading: asyncio.Task[list[Any]]) -> None:
        self._reading.discard(reading)
        self._places.release()


def _read_engine(url: str, connections: int) -> AsyncEngine:
    if url.startswith("sqlite:///"):
        engine = create_async_engine(
            url.replace("sqlite:///", "sqlite+aiosqlite:///", 1),
            pool_size=connections,
            max_overflow=connections,
            isolation_level="AUTOCOMMIT",
        )
        event.listen(engine.sync_engine, "connect", only_read)
        return engine
    raise ConfigurationError(
        f"Database URL '{url.split('@')[-1]}' is not supported; use sqlite:////absolute/path.db."
    )


def only_read(connection: Any, _record: Any) -> None:
    """Keep a new connection from writing; an event listener."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.close()
