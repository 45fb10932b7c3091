"""How the system is."""

from __future__ import annotations

import msgspec
from aiohttp import web as aiohttp_web

from web.api.answers import answer
from web.routes import PUBLIC, Route
from web.schemas.system import AliveOut, HealthOut, ReadyOut, RouterOut, StorageOut
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
        may = policy.READ_SYSTEM
        return [
            Route(
                "GET",
                "/livez",
                PUBLIC,
                self.alive,
                answer=AliveOut,
                while_starting=True,
                vital=True,
            ),
            Route("GET", "/readyz", PUBLIC, self.ready, answer=ReadyOut, vital=True),
            Route("GET", "/health", PUBLIC, self.health, answer=HealthOut, vital=True),
            Route("GET", "/api/system/router", may, self.router, answer=RouterOut),
            Route("GET", "/api/system/storage", may, self.storage, answer=StorageOut),
        ]

    async def alive(self, _request: aiohttp_web.Request) -> aiohttp_web.Response:
        """This process answers."""
        return answer(AliveOut())

    async def ready(self, _request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Router, host and database answer too."""
        return answer(ReadyOut(await self._readiness.checked()))

    async def health(self, _request: aiohttp_web.Request) -> aiohttp_web.Response:
        """The short form."""
        return answer(HealthOut())

    async def router(self, _request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Links and counters of this node's router."""
        return answer(msgspec.convert(await self._readiness.router(), RouterOut))

    async def storage(self, _request: aiohttp_web.Request) -> aiohttp_web.Response:
        """Rows and bytes of each family of tables."""
        return answer(msgspec.convert(await self._storage.used(), StorageOut))
