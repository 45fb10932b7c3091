"""Reading committed rows for lists and pages. Writing is the committer's alone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Executable, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from vareon_runtime.errors import ConfigurationError


class Database:
    """A small pool of read-only connections."""

    def __init__(self, url: str, *, connections: int = 2) -> None:
        self._engine = _read_engine(url, connections)

    async def rows(self, statement: Executable) -> list[Any]:
        """Run a select and return its rows."""
        async with self._engine.connect() as connection:
            result = await connection.execute(statement)
            return list(result.fetchall())

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()


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
