"""Links inside one process."""

from __future__ import annotations

import asyncio


class MemoryWire:
    """One end of a pair of queues."""

    def __init__(self) -> None:
        self._inbound: asyncio.Queue[bytes | None] = asyncio.Queue(64)
        self._other: MemoryWire | None = None
        self._closed = False

    @classmethod
    def pair(cls) -> tuple[MemoryWire, MemoryWire]:
        """Two connected ends."""
        one, other = cls(), cls()
        one._other, other._other = other, one
        return one, other

    async def send(self, batch: bytes) -> None:
        """Write one batch.

        Raises:
            ConnectionError: If either side has hung up.
        """
        if self._closed or self._other is None or self._other._closed:  # noqa: SLF001
            raise ConnectionError("the other side is gone")
        await self._other._inbound.put(batch)  # noqa: SLF001

    async def receive(self) -> bytes | None:
        """The next batch, or None at the end."""
        if self._closed and self._inbound.empty():
            return None
        return await self._inbound.get()

    async def close(self) -> None:
        """Hang up, on both sides."""
        for end in (self, self._other):
            if end is not None and not end._closed:  # noqa: SLF001
                end._closed = True  # noqa: SLF001
                if end._inbound.full():  # noqa: SLF001
                    end._inbound.get_nowait()  # noqa: SLF001
                end._inbound.put_nowait(None)  # noqa: SLF001
