"""A socket's queue is bounded, and who does not read is cut off."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from web.sockets import outgoing
from web.sockets.outgoing import MOST_QUEUED, TRY_AGAIN_LATER, Outgoing


class FakeSocket:
    """Writes when its gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.sent: list[bytes] = []
        self.code: int | None = None
        self.broken = False

    async def send_frame(self, payload: bytes, _kind: Any) -> None:
        await self.gate.wait()
        if self.broken:
            raise ConnectionResetError
        self.sent.append(payload)

    async def close(self, *, code: int, message: bytes) -> None:
        self.code = code

    def abort(self) -> None:
        self.broken = True
        self.gate.set()


async def test_frames_are_written_in_order_and_then_closed() -> None:
    """Whatever waits is written before the close."""
    socket = FakeSocket()
    queue = Outgoing(socket, socket.abort)  # type: ignore[arg-type]
    queue.put(b"1")
    queue.put(b"2")
    queue.end(1000, "bye")
    queue.put(b"3")
    await queue.run()
    assert (socket.sent, socket.code) == ([b"1", b"2"], 1000)


async def test_a_client_that_never_reads_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue never holds more than its bound; the connection is cut at last."""
    monkeypatch.setattr(outgoing, "CLOSING_TIME_S", 0.01)
    socket = FakeSocket()
    socket.gate.clear()
    queue = Outgoing(socket, socket.abort)  # type: ignore[arg-type]
    writing = asyncio.create_task(queue.run())
    queue.put(b"stuck")
    await asyncio.sleep(0)
    for _ in range(MOST_QUEUED // 1000 + 2):
        queue.put(b"x" * 1000)
    async with asyncio.timeout(5):
        await writing
    assert socket.broken
    assert socket.sent == []


async def test_a_client_that_reads_again_hears_why() -> None:
    """One that wakes up in time gets the close code."""
    socket = FakeSocket()
    socket.gate.clear()
    queue = Outgoing(socket, socket.abort)  # type: ignore[arg-type]
    writing = asyncio.create_task(queue.run())
    queue.put(b"stuck")
    await asyncio.sleep(0)
    for _ in range(MOST_QUEUED // 1000 + 2):
        queue.put(b"x" * 1000)
    socket.gate.set()
    async with asyncio.timeout(5):
        await writing
    assert socket.code == TRY_AGAIN_LATER
