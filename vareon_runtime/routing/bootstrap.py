"""The router's process: listens on a unix socket and gives every link to the `Router`."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import msgspec
from aiohttp import web

from vareon_runtime.clock import SystemClock
from vareon_runtime.collector import relax_collector
from vareon_runtime.config import Settings
from vareon_runtime.envelope import Kind, hops
from vareon_runtime.routing.link import MAX_FRAME, Link
from vareon_runtime.routing.router import Hello, Router
from vareon_runtime.routing.websocket import WebSocketWire


class RouterService:
    """Serves links until stopped."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.router = Router(SystemClock(), name)
        self._path = settings.router_socket
        self._runner: web.AppRunner | None = None
        self._links: set[Link] = set()

    async def start(self) -> None:
        """Listen; a socket file left by an earlier life is replaced."""
        app = web.Application()
        app.router.add_get("/link", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        old = os.umask(0o177)
        try:
            await web.UnixSite(self._runner, str(self._path)).start()
        finally:
            os.umask(old)

    async def stop(self) -> None:
        """Hang up on everybody."""
        for link in list(self._links):
            await link.flush()
        if self._runner is not None:
            await self._runner.cleanup()

    def status(self) -> dict[str, Any]:
        """Links and counters."""
        return self.router.status()

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=MAX_FRAME, compress=False)
        await socket.prepare(request)
        first = await socket.receive()
        hello = read_hello(first.data) if isinstance(first.data, bytes) else None
        if hello is None:
            await socket.close(code=1008)
            return socket
        link = Link(WebSocketWire(socket))
        self._links.add(link)
        peer = self.router.attach(link, hello)
        rest = first.data[hops(first.data)[0].end :]
        if rest:
            self.router.receive(peer, rest)
        try:
            await link.run(lambda batch: self.router.receive(peer, batch))
        finally:
            self._links.discard(link)
            self.router.detach(peer)
        return socket


def read_hello(batch: bytes) -> Hello | None:
    """The introduction a link begins with; None if it is not one."""
    try:
        first = hops(batch)[0]
        if first.kind != Kind.HELLO:
            return None
        return msgspec.msgpack.decode(batch[first.start : first.end], type=Hello)
    except (ValueError, IndexError, msgspec.MsgspecError):
        return None


async def build_router(settings: Settings, name: str) -> RouterService:
    """The service of a router's process."""
    relax_collector()
    return RouterService(settings, name)
