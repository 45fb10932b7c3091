"""The router's process: listens on a unix socket and gives every link to the `Router`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Any

import msgspec

from vareon_runtime.clock import SystemClock
from vareon_runtime.collector import relax_collector
from vareon_runtime.config import Settings
from vareon_runtime.envelope import Kind, hops
from vareon_runtime.routing.link import Link
from vareon_runtime.routing.router import Hello, Router
from vareon_runtime.routing.unix import UnixWire

HELLO_WITHIN_S = 5.0


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
        serving = asyncio.get_running_loop().create_task(self._serve(wire))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, wire: UnixWire) -> None:
        first = await self._first(wire)
        hello = read_hello(first) if first else None
        if first is None or hello is None:
            await wire.close()
            return
        link = Link(wire)
        self._links.add(link)
        peer = self.router.attach(link, hello)
        rest = first[hops(first)[0].end :]
        if rest:
            self.router.receive(peer, rest)
        try:
            await link.run(lambda batch: self.router.receive(peer, batch))
        finally:
            self._links.discard(link)
            self.router.detach(peer)

    async def _first(self, wire: UnixWire) -> bytes | None:
        try:
            async with asyncio.timeout(HELLO_WITHIN_S):
                return await wire.receive()
        except TimeoutError:
            return None


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
