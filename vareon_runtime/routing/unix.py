"""Links over unix sockets: each batch behind its length, read and written without a detour.

A batch is handed over in the callback that brings its last byte, and written in the call that
sends it; only a full socket makes a sender wait. See `docs/adr/0009-links-are-plain-sockets.md`.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from pathlib import Path

from vareon_runtime.routing.link import MAX_FRAME

_LENGTH = struct.Struct("<I")
WRITE_AHEAD = 1 << 20
READ_AHEAD = 64
"""Batches that may wait for the reader before the socket is read no further."""


class UnixWire(asyncio.Protocol):
    """Either end of a connection; see `vareon_runtime.routing.link.Wire`.

    Args:
        opened: Called with this wire once it is connected.
    """

    def __init__(self, opened: Callable[[UnixWire], None] | None = None) -> None:
        self._opened = opened
        self._transport: asyncio.Transport | None = None
        self._partial = bytearray()
        self._batches: deque[bytes] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._resting = False
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport  # type: ignore[assignment]
        transport.set_write_buffer_limits(high=WRITE_AHEAD)  # type: ignore[attr-defined]
        if self._opened is not None:
            self._opened(self)

    def data_received(self, data: bytes) -> None:
        """Cut what came into batches."""
        if not self._partial and len(data) >= _LENGTH.size:
            length = _LENGTH.unpack_from(data)[0]
            if len(data) == _LENGTH.size + length:
                self._take(data[_LENGTH.size :])
                return
        self._partial += data
        at = 0
        while len(self._partial) - at >= _LENGTH.size:
            length = _LENGTH.unpack_from(self._partial, at)[0]
            if length > MAX_FRAME:
                self._abort()
                return
            end = at + _LENGTH.size + length
            if end > len(self._partial):
                break
            self._take(bytes(self._partial[at + _LENGTH.size : end]))
            at = end
        if at:
            del self._partial[:at]

    def connection_lost(self, error: Exception | None) -> None:
        """Wake whoever reads or writes; there is nothing more to come."""
        self._lost = True
        _wake(self._reader)
        _wake(self._room)

    def pause_writing(self) -> None:
        """The socket is full."""
        self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """The socket has room again."""
        room, self._room = self._room, None
        _wake(room)

    async def send(self, batch: bytes) -> None:
        """Write one batch; returns when there is room for the next.

        Raises:
            ConnectionError: If the other side is gone.
        """
        if self._lost or self._transport is None:
            raise ConnectionError("The other side of the link is gone.")
        self._transport.write(_LENGTH.pack(len(batch)) + batch)
        while self._room is not None and not self._lost:
            await self._room

    async def receive(self) -> bytes | None:
        """The next batch, or None at the end."""
        while not self._batches:
            if self._lost:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
            self._reader = None
        if self._resting and len(self._batches) <= READ_AHEAD // 2 and self._transport is not None:
            self._resting = False
            self._transport.resume_reading()
        return self._batches.popleft()

    async def close(self) -> None:
        """Hang up, once what was written has left."""
        if self._transport is not None:
            self._transport.close()

    def _take(self, batch: bytes) -> None:
        self._batches.append(batch)
        _wake(self._reader)
        if len(self._batches) > READ_AHEAD and not self._resting and self._transport is not None:
            self._resting = True
            self._transport.pause_reading()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


async def dial(path: Path) -> UnixWire:
    """Connect to the router that listens at a unix socket.

    Raises:
        OSError: If nobody does.
    """
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_unix_connection(UnixWire, str(path))
    return wire
