"""Links: whole batches, in order, bounded."""

from __future__ import annotations

import asyncio
import errno

from vareon_runtime.envelope import Kind, hops, item
from vareon_runtime.routing.link import MAX_BATCH, MAX_ITEMS, Link
from vareon_runtime.testing import MemoryWire


def request(body: bytes) -> bytes:
    return item(Kind.REQUEST, 0, 0, 0, 0, body)


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
    link.send(request(b"a"))
    while not wire.batches:
        await asyncio.sleep(0)
    for part in (b"b", b"c", b"d"):
        link.send(request(part))
    wire.may_send.release()
    while len(wire.batches) < 2:
        await asyncio.sleep(0)
    assert wire.batches == [request(b"a"), request(b"b") + request(b"c") + request(b"d")]
    wire.may_send.release()
    await link.flush()
    await wire.close()
    await running
    assert link.closed
    assert not link.send(request(b"late"))


async def test_a_full_queue_refuses_but_keeps_room_for_replies() -> None:
    link = Link(SlowWire(), limit_bytes=10)
    assert link.send(b"x" * 11)
    assert not link.send(b"y")
    assert link.send(item(Kind.REPLY, 0, 0, 0, 0, b""), reserved=True)
    assert link.queued_bytes == 11 + len(item(Kind.REPLY, 0, 0, 0, 0, b""))


async def test_a_large_queue_is_cut_into_batches_in_order() -> None:
    near, far = MemoryWire.pair()
    link, other = Link(near), Link(far)
    got: list[bytes] = []
    parts = [request(bytes([number]) * (MAX_BATCH // 3)) for number in range(10)]
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


async def test_answers_and_control_leave_before_a_backlog_of_requests() -> None:
    """Each lane in its own order; a cancellation stays behind the request it cancels."""
    wire = SlowWire()
    link = Link(wire)
    for number in range(MAX_ITEMS):
        link.send(item(Kind.REQUEST, 0, 0, 0, number, b""))
    link.send(item(Kind.CANCEL, 0, 0, 0, 100, b""))
    for number, kind in enumerate((Kind.FRAME, Kind.REPLY, Kind.CREDIT, Kind.PROBE, Kind.CLAIM)):
        link.send(item(kind, 0, 0, 0, 200 + number, b""), reserved=True)
    running = asyncio.create_task(link.run(lambda batch: None))
    wire.may_send.release()
    while len(wire.batches) < 2:
        await asyncio.sleep(0)
    left = [hop.correlation for batch in wire.batches for hop in hops(batch)]
    assert left == [*range(200, 205), *range(MAX_ITEMS), 100]
    assert not link.queued_bytes
    await wire.close()
    wire.may_send.release()
    await running


class BrokenWire(SlowWire):
    """Cannot be written to, for a reason that is no lost connection."""

    async def send(self, batch: bytes) -> None:
        raise OSError(errno.ENOBUFS, "no room")


async def test_a_link_that_cannot_be_written_to_ends() -> None:
    wire = BrokenWire()
    link = Link(wire)
    link.send(request(b"a"))
    async with asyncio.timeout(5):
        await link.run(lambda batch: None)
    assert link.closed
