"""Whether the whole path from here to the database works."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from vareon_runtime.clock import Clock
from vareon_runtime.errors import Unavailable, VareonError
from vareon_runtime.models import UserRow
from web.services.accounts import Rows

REMEMBERED_S = 0.5
PROBE_TIME_S = 2.0


class Path(Protocol):
    """The part of the bus that tells whether it leads anywhere."""

    @property
    def connected(self) -> bool:
        """Whether there is a link to the router."""
        ...

    async def probe(self, timeout_s: float = 2.0) -> dict[str, Any]:
        """Go through the router to a host and back."""
        ...

    async def router_status(self, timeout_s: float = 2.0) -> dict[str, Any]:
        """The router's links and counters."""
        ...


class Readiness:
    """Opens once, at the end of the start; then tells at any time how things are."""

    def __init__(self, path: Path, rows: Rows, clock: Clock) -> None:
        self._path = path
        self._rows = rows
        self._clock = clock
        self._checking: asyncio.Task[dict[str, str]] | None = None
        self._checked_at = float("-inf")
        self.open = False

    async def checked(self) -> dict[str, str]:
        """What was checked, all of it good.

        Raises:
            Unavailable: With what is not.
        """
        fresh = self._clock.monotonic() - self._checked_at < REMEMBERED_S
        if self._checking is None or (self._checking.done() and not fresh):
            self._checked_at = self._clock.monotonic()
            self._checking = asyncio.get_running_loop().create_task(self._check())
        found = await asyncio.shield(self._checking)
        broken = [f"{name}: {state}" for name, state in found.items() if state != "ok"]
        if broken:
            raise Unavailable("Not ready: " + "; ".join(broken) + ".", 1.0)
        return found

    async def wait_good(self) -> None:
        """Return once everything is good."""
        while True:
            try:
                await self.checked()
            except Unavailable:
                await self._clock.sleep(REMEMBERED_S / 4)
            else:
                return

    async def router(self) -> dict[str, Any]:
        """What the router says of itself."""
        return await self._path.router_status(PROBE_TIME_S)

    async def _check(self) -> dict[str, str]:
        host, database = await asyncio.gather(self._host(), self._database())
        router = "ok" if self._path.connected else "not connected"
        return {"router": router, "host": host, "database": database}

    async def _host(self) -> str:
        try:
            await self._path.probe(PROBE_TIME_S)
        except VareonError as error:
            return error.code
        return "ok"

    async def _database(self) -> str:
        try:
            async with asyncio.timeout(PROBE_TIME_S):
                await self._rows.rows(select(UserRow.id).limit(1))
        except (SQLAlchemyError, TimeoutError):
            return "unreadable"
        return "ok"
