"""A bounded, batching channel between two processes.

Whoever finds the queue empty sends at once; what arrives while a batch is being written goes
into the next one. So one caller pays no waiting, and many callers share a write. The queue is
bounded: ordinary items are refused past the limit, items for which room was reserved (replies,
control) are always taken, because their number is bounded by the requests that were admitted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

MAX_BATCH = 1 << 20
MAX_ITEMS = 32
"""Items in a batch. In whole queues a hundred callers, the router and the host take turns, each
idle while another works; in pieces they overlap. Measured on two cores, volatile asks a second:
34,000 with whole queues, 44,000 with 16, 55,000 with 32, 50,000 with 64."""
MAX_FRAME = 16 << 20
"""The largest batch a receiver accepts; one item may exceed `MAX_BATCH` up to this."""


class Wire(Protocol):
    """What carries batches: a socket, or a pair of queues in a simulation."""

    async def send(self, batch: bytes) -> None:
        """Write one batch; returns when there is room for the next."""
        ...

    async def receive(self) -> bytes | None:
        """The next batch; None once the other side is gone."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


class Outlet(Protocol):
    """Where answers go: a link, or back into this process."""

    closed: bool

    def send(self, item: bytes, *, reserved: bool = False) -> bool:
        """Take an item; False without room or a reader."""
        ...


class Link:
    """One end of the channel."""

    def __init__(self, wire: Wire, *, limit_bytes: int = 32 << 20) -> None:
        self._wire = wire
        self._limit = limit_bytes
        self._queue: list[bytes] = []
        self._bytes = 0
        self._wake: asyncio.Future[None] | None = None
        self._writing = False
        self._flushed = asyncio.Event()
        self.closed = False
        self.batches_sent = 0
        self.items_sent = 0

    @property
    def queued_bytes(self) -> int:
        """Bytes waiting to be written."""
        return self._bytes

    def send(self, item: bytes, *, reserved: bool = False) -> bool:
        """Queue an item. False, and nothing queued, if there is no room or nobody there."""
        if self.closed or (self._bytes > self._limit and not reserved):
            return False
        self._queue.append(item)
        self._bytes += len(item)
        wake = self._wake
        if wake is not None:
            self._wake = None
            if not wake.done():
                wake.set_result(None)
        return True

    async def run(self, receive: Callable[[bytes], None]) -> None:
        """Carry batches both ways until either side hangs up."""
        writer = asyncio.ensure_future(self._write())
        try:
            while (batch := await self._wire.receive()) is not None:
                receive(batch)
                await asyncio.sleep(0)  # what it set in motion goes on before the next one
        finally:
            self.closed = True
            self._flushed.set()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            await self._wire.close()

    async def hang_up(self) -> None:
        """End it now; what is queued is lost."""
        self.closed = True
        await self._wire.close()

    async def flush(self) -> None:
        """Wait until what is queued has been handed to the wire."""
        while (self._queue or self._writing) and not self.closed:
            self._flushed.clear()
            await self._flushed.wait()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._queue:
                self._wake = loop.create_future()
                await self._wake
            batch = self._take()
            self.batches_sent += 1
            self._writing = True
            try:
                await self._wire.send(batch)
                self._writing = False
                self._flushed.set()
            except (ConnectionError, RuntimeError):
                self.closed = True
                self._flushed.set()
                await self._wire.close()
                return

    def _take(self) -> bytes:
        queue = self._queue
        if self._bytes <= MAX_BATCH and len(queue) <= MAX_ITEMS:
            self._queue = []
            self._bytes = 0
            self.items_sent += len(queue)
            return b"".join(queue)
        size = count = 0
        most = min(len(queue), MAX_ITEMS)
        while count < most and (count == 0 or size + len(queue[count]) <= MAX_BATCH):
            size += len(queue[count])
            count += 1
        self._queue = queue[count:]
        self._bytes -= size
        self.items_sent += count
        return b"".join(queue[:count])
