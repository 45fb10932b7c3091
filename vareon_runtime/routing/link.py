"""A bounded, batching channel between two processes.

Whoever finds the queue empty sends at once; what arrives while a batch is being written goes
into the next one. So one caller pays no waiting, and many callers share a write. The queue is
bounded: ordinary items are refused past the limit, items for which room was reserved (replies,
control) are always taken, because their number is bounded by the requests that were admitted.

When both wait, answers and control traffic leave first: a backlog of requests must not delay the
replies and credit that would make it shorter, nor a probe that asks whether anybody lives. A
cancellation alone keeps its place behind the request that it cancels.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from vareon_runtime.envelope import Kind

LIMIT_BYTES = 32 << 20
"""Bytes that may wait on a link before requests are refused."""
_KIND_AT = 4
_IN_TURN = frozenset({int(Kind.REQUEST), int(Kind.CANCEL)})
MAX_BATCH = 1 << 20
MAX_ITEMS = 32
"""Items in a batch. In whole queues a hundred callers, the router and the host take turns, each
idle while another works; in pieces they overlap. Measured on two cores, volatile asks a second:
34,000 with whole queues, 44,000 with 16, 55,000 with 32, 50,000 with 64."""
MAX_FRAME = 16 << 20
"""The largest batch a receiver accepts; one item may exceed `MAX_BATCH` up to this."""
BODY_LIMIT = MAX_FRAME - 4_096
"""Bytes of one message or reply: its batch, with what is said about it, is taken by a receiver."""


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

    def __init__(self, wire: Wire, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._wire = wire
        self._limit = limit_bytes
        self._first: list[bytes] = []
        """Answers and control traffic."""
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

    @property
    def waiting(self) -> list[bytes]:
        """The items that wait, in the order in which they will leave."""
        return self._first + self._queue

    def send(self, item: bytes, *, reserved: bool = False) -> bool:
        """Queue an item. False, and nothing queued, if there is no room or nobody there."""
        if self.closed or (self._bytes > self._limit and not reserved):
            return False
        if item[_KIND_AT] in _IN_TURN:
            self._queue.append(item)
        else:
            self._first.append(item)
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
        while (self._first or self._queue or self._writing) and not self.closed:
            self._flushed.clear()
            await self._flushed.wait()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not (self._first or self._queue):
                self._wake = loop.create_future()
                await self._wake
            batch = self._take()
            self.batches_sent += 1
            self._writing = True
            try:
                await self._wire.send(batch)
                self._writing = False
                self._flushed.set()
            except (OSError, RuntimeError):
                self.closed = True
                self._flushed.set()
                await self._wire.close()
                return

    def _take(self) -> bytes:
        first, queue = self._first, self._queue
        if self._bytes <= MAX_BATCH and len(first) + len(queue) <= MAX_ITEMS:
            self._first, self._queue = [], []
            self._bytes = 0
            self.items_sent += len(first) + len(queue)
            return b"".join(first + queue)
        taken, size = _fitting(first, MAX_ITEMS, 0)
        self._first = first[len(taken) :]
        if not self._first:
            more, size = _fitting(queue, MAX_ITEMS - len(taken), size)
            self._queue = queue[len(more) :]
            taken += more
        self._bytes -= size
        self.items_sent += len(taken)
        return b"".join(taken)


def _fitting(queue: list[bytes], most: int, size: int) -> tuple[list[bytes], int]:
    """What of a queue goes into a batch that has so many bytes already, and its bytes then."""
    count = 0
    for item in queue[:most]:
        if size and size + len(item) > MAX_BATCH:
            break
        size += len(item)
        count += 1
    return queue[:count], size
