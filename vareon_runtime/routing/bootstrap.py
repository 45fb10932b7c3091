"""The router's process: listens on a unix socket and gives every link to the `Router`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Any

from vareon_runtime.clock import SystemClock
from vareon_runtime.collector import relax_collector
from vareon_runtime.config import Settings
from vareon_runtime.routing.link import Link
from vareon_runtime.routing.router import Router
from vareon_runtime.routing.serving import serve
from vareon_runtime.routing.unix import UnixWire


class RouterService:
    """Serves links until stopped."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.router = Router(SystemClock(), name)
        self._path = settings.router_socket
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; a socket file left by an earlier life is replaced."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        loop = asyncio.get_running_loop()
        old = os.umask(0o177)
        try:
            self._server = await loop.create_unix_server(
                lambda: UnixWire(self._opened), str(self._path)
            )
        finally:
            os.umask(old)

    async def stop(self) -> None:
        """Hang up on everybody."""
        for link in list(self._links):
            await link.flush()
        if self._server is not None:
            self._server.close()
        for serving in list(self._serving):
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def status(self) -> dict[str, Any]:
        """Links and counters."""
        return self.router.status()

    def _opened(self, wire: UnixWire) -> None:
        serving = asyncio.get_running_loop().create_task(serve(self.router, wire, self._links))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)


async def build_router(settings: Settings, name: str) -> RouterService:
    """The service of a router's process."""
    relax_collector()
    return RouterService(settings, name)
