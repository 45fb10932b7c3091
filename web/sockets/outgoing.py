"""What waits to be written to one socket: bounded, and merciless with who does not read."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable

from aiohttp import WSMsgType
from aiohttp import web as aiohttp_web

MOST_QUEUED = 1024 * 1024
CLOSING_TIME_S = 4.0
TRY_AGAIN_LATER = 1013


class Outgoing:
    """A queue of text frames and the one task that writes them.

    Args:
        socket: Where to.
        abort: Cuts the connection without waiting for anything.
    """

    def __init__(self, socket: aiohttp_web.WebSocketResponse, abort: Callable[[], None]) -> None:
        self._socket = socket
        self._abort = abort
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self._end: tuple[int, str] | None = None
        self._last_resort: asyncio.TimerHandle | None = None

    def put(self, payload: bytes) -> None:
        """Queue a frame; one too many ends the connection instead."""
        if self._end is not None:
            return
        if self._size + len(payload) > MOST_QUEUED:
            self._waiting.clear()
            self._size = 0
            self.end(TRY_AGAIN_LATER, "This client does not read; reconnect and resume.")
            return
        self._waiting.append(payload)
        self._size += len(payload)
        self._wake.set()

    def end(self, code: int, reason: str) -> None:
        """Close once what waits is written, or cut the connection if that takes too long."""
        if self._end is None:
            self._end = (code, reason)
            loop = asyncio.get_running_loop()
            self._last_resort = loop.call_later(CLOSING_TIME_S, self._abort)
            self._wake.set()

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Write meanwhile; afterwards the socket is closed."""
        writer = asyncio.get_running_loop().create_task(self.run())
        try:
            yield
        finally:
            # The writer may be closing the socket, which has a time limit of its own.
            self.end(1000, "")
            await writer

    async def run(self) -> None:
        """Write until the end; returns early when the connection is gone."""
        try:
            with contextlib.suppress(ConnectionError):
                while not await self._written():
                    pass
        finally:
            if self._last_resort is not None:
                self._last_resort.cancel()

    async def _written(self) -> bool:
        while self._waiting:
            payload = self._waiting.popleft()
            self._size -= len(payload)
            await self._socket.send_frame(payload, WSMsgType.TEXT)
        if self._end is not None:
            code, reason = self._end
            await self._socket.close(code=code, message=reason.encode()[:120])
            return True
        self._wake.clear()
        await self._wake.wait()
        return False
