"""Links: whole batches, in order, bounded."""

from __future__ import annotations

import asyncio

from vareon_runtime.routing.link import MAX_BATCH, Link
from vareon_runtime.testing import MemoryWire


class SlowWire:
    """Lets one batch through each time it is told to."""

    def __init__(self) -> None:
        self.batches: list[bytes] = []
        self.may_send = asyncio.Semaphore(0)
        self.closed = asyncio.Event()

    async def send(self, batch: bytes) -> None:
        self.batches.append(batch)
        await self.may_send.acquire()

    async def receive(self) -> bytes | None:
        await self.closed.wait()
        return None

    async def close(self) -> None:
        self.closed.set()


async def test_what_comes_while_a_batch_is_written_goes_into_the_next() -> None:
    wire = SlowWire()
    link = Link(wire)
    running = asyncio.create_task(link.run(lambda batch: None))
    link.send(b"a")
    while not wire.batches:
        await asyncio.sleep(0)
    for part in (b"b", b"c", b"d"):
        link.send(part)
    wire.may_send.release()
    while len(wire.batches) < 2:
        await asyncio.sleep(0)
    assert wire.batches == [b"a", b"bcd"]
    wire.may_send.release()
    await link.flush()
    await wire.close()
    await running
    assert link.closed
    assert not link.send(b"late")


async def test_a_full_queue_refuses_but_keeps_room_for_replies() -> None:
    link = Link(SlowWire(), limit_bytes=10)
    assert link.send(b"x" * 11)
    assert not link.send(b"y")
    assert link.send(b"reply", reserved=True)
    assert link.queued_bytes == 16


async def test_a_large_queue_is_cut_into_batches_in_order() -> None:
    near, far = MemoryWire.pair()
    link, other = Link(near), Link(far)
    got: list[bytes] = []
    parts = [bytes([number]) * (MAX_BATCH // 3) for number in range(10)]
    for part in parts:
        link.send(part)
    done = asyncio.Event()

    def receive(batch: bytes) -> None:
        got.append(batch)
        if sum(map(len, got)) == sum(map(len, parts)):
            done.set()

    runs = [
        asyncio.create_task(link.run(lambda batch: None)),
        asyncio.create_task(other.run(receive)),
    ]
    await done.wait()
    assert b"".join(got) == b"".join(parts)
    assert max(map(len, got)) <= MAX_BATCH
    await link.hang_up()
    await asyncio.gather(*runs)
