"""`Context.read` in a simulation: a real SQL engine, given the rows in memory for each read."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import Executable, Table, create_engine
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql.visitors import iterate

from vareon_runtime.errors import StoreFailed
from vareon_runtime.testing.faulty_store import Disk

ROWS_LIMIT = 100_000
"""Of one table."""


class SimulatedReader:
    """Reads for one life of a host. See `vareon_runtime.storage.reader.RowReader`.

    Every row of the tables that a statement names is copied for it, so keep them small.
    """

    def __init__(self, disk: Disk, host: str) -> None:
        self._disk = disk
        self._host = host

    async def rows(self, statement: Executable, **parameters: Any) -> list[Any]:
        """Run a select on what is committed.

        Raises:
            StoreFailed: If the host does not reach its database.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, self._read, statement, parameters)

    def _read(self, statement: Executable, parameters: dict[str, Any]) -> list[Any]:
        if self._host in self._disk.cut_off:
            raise StoreFailed("The simulated disk cannot be reached.")
        named: dict[str, Table] = {
            element.name: element
            for element in iterate(statement)  # type: ignore[arg-type]
            if isinstance(element, Table)
        }
        engine = create_engine("sqlite://", poolclass=StaticPool)
        with engine.begin() as connection:
            for name in sorted(named):
                table = named[name]
                table.create(connection)
                for row in self._disk.database.rows.find(table, {}, None, ROWS_LIMIT):
                    connection.execute(table.insert(), row)
            found = list(connection.execute(statement, parameters).fetchall())
        engine.dispose()
        return found
