"""Whether the whole path from here to the database works."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from vareon_runtime.clock import Clock
from vareon_runtime.errors import Unavailable, VareonError
from vareon_runtime.migrations.run import HEAD
from web.services.accounts import Rows

REMEMBERED_S = 0.5
PROBE_TIME_S = 2.0
_GOOD = frozenset({"ok", "not used"})
_SCHEMA = text("SELECT version_num FROM alembic_version")


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
    """Opens once, at the end of the start; then tells at any time how things are.

    Args:
        path: The way to the entities.
        rows: Reads the database.
        clock: Tells how old the last look is.
        ray: Says how Ray is.
    """

    def __init__(
        self, path: Path, rows: Rows, clock: Clock, ray: Callable[[], Awaitable[str]]
    ) -> None:
        self._path = path
        self._rows = rows
        self._clock = clock
        self._ray = ray
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
        broken = {name: state for name, state in found.items() if state not in _GOOD}
        if broken:
            told = "; ".join(f"{name}: {state}" for name, state in broken.items())
            states = tuple({"loc": [name], "message": state} for name, state in found.items())
            raise Unavailable(f"Not ready: {told}.", 1.0, errors=states)
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
        host, ray, (database, migrations) = await asyncio.gather(
            self._host(), self._ray(), self._database()
        )
        return {
            "database": database,
            "migrations": migrations,
            "ray": ray,
            "router": "ok" if self._path.connected else "not connected",
            "hosts": host,
        }

    async def _host(self) -> str:
        try:
            await self._path.probe(PROBE_TIME_S)
        except VareonError as error:
            return error.code
        return "ok"

    async def _database(self) -> tuple[str, str]:
        try:
            async with asyncio.timeout(PROBE_TIME_S):
                ((schema,),) = await self._rows.rows(_SCHEMA)
        except (SQLAlchemyError, TimeoutError, ValueError):
            return "unreadable", "unknown"
        return "ok", "ok" if schema == HEAD else f"schema {schema} instead of {HEAD}"
