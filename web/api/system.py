"""How the system is."""

from __future__ import annotations

from aiohttp import web as aiohttp_web

from web.api.answers import answer
from web.routes import PUBLIC, Route
from web.services import policy
from web.services.readiness import Readiness
from web.services.storage import Storage


class SystemRoutes:
    """Health, and what the router counts."""

    def __init__(self, readiness: Readiness, storage: Storage) -> None:
        self._readiness = readiness
        self._storage = storage

    def routes(self) -> list[Route]:
        """What is served here."""
        return [
            Route("GET", "/livez", PUBLIC, self.alive, while_starting=True, vital=True),
            Route("GET", "/readyz", PUBLIC, self.ready, vital=True),
            Route("GET", "/health", PUBLIC, self.health, vital=True),
            Route("GET", "/api/system/router", policy.READ_SYSTEM, self.router),
            Route("GET", "/api/system/storage", policy.READ_SYSTEM, self.storage),
        ]

    async def alive(self, _request: aiohttp_web.Request) -> aiohttp_web.Response:
        """This process answers."""
        return answer({"status": "alive"})

    async def ready(self, _request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Router, host and database answer too."""
        return answer({"status": "ready", "checks": await self._readiness.checked()})

    async def health(self, _request: aiohttp_web.Request) -> aiohttp_web.Response:
        """The short form."""
        return answer({"status": "ok"})

    async def router(self, _request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Links and counters of this node's router."""
        return answer(await self._readiness.router())

    async def storage(self, _request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Rows and bytes of each family of tables."""
        return answer(await self._storage.used())
