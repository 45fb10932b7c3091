"""Links over aiohttp WebSockets on a unix socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
from aiohttp import web

from vareon_runtime.routing.link import MAX_FRAME

FAREWELL_S = 0.1
"""The other side has gone in most cases; nobody may wait for it to say so."""


class WebSocketWire:
    """Batches as binary WebSocket messages; either end."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse[bool] | web.WebSocketResponse[bool],
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        self._socket = socket
        self._session = session

    async def send(self, batch: bytes) -> None:
        """Write one batch."""
        await self._socket.send_bytes(batch)

    async def receive(self) -> bytes | None:
        """The next batch, or None at the end."""
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            return message.data  # type: ignore[no-any-return]
        return None

    async def close(self) -> None:
        """Hang up without waiting for the other side's farewell."""
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._socket.close()
        except (TimeoutError, ConnectionError):
            pass
        if self._session is not None:
            await self._session.close()


async def dial(path: Path) -> WebSocketWire:
    """Connect to the router that listens at a unix socket.

    Raises:
        OSError: If nobody does.
    """
    session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path)))
    try:
        socket = await session.ws_connect(
            "http://router/link", max_msg_size=MAX_FRAME, compress=0, autoclose=True
        )
    except (aiohttp.ClientError, OSError) as error:
        await session.close()
        raise ConnectionError(f"The router does not answer at {path.name}.") from error
    return WebSocketWire(socket, session)
