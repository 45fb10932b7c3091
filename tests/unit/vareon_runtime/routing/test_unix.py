"""The wire: whole batches in order, however the socket cuts them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vareon_runtime.routing.link import MAX_FRAME
from vareon_runtime.routing.unix import READ_AHEAD, UnixWire, dial


class FakeTransport:
    """Remembers what a wire asks of its socket."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.reading = True
        self.aborted = False

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def write(self, data: bytes) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def abort(self) -> None:
        self.aborted = True


def connected() -> tuple[UnixWire, FakeTransport]:
    wire, transport = UnixWire(), FakeTransport()
    wire.connection_made(transport)
    return wire, transport


def framed(*batches: bytes) -> bytes:
    return b"".join(len(batch).to_bytes(4, "little") + batch for batch in batches)


@given(
    batches=st.lists(st.binary(max_size=200), max_size=20),
    cuts=st.lists(st.integers(1, 60), min_size=1, max_size=30),
)
def test_batches_survive_any_cutting(batches: list[bytes], cuts: list[int]) -> None:
    wire, _ = connected()
    stream = framed(*batches)
    at = number = 0
    while at < len(stream):
        size = cuts[number % len(cuts)]
        wire.data_received(stream[at : at + size])
        at, number = at + size, number + 1
    assert list(wire._batches) == batches


def test_a_batch_beyond_the_limit_ends_the_connection() -> None:
    wire, transport = connected()
    wire.data_received((MAX_FRAME + 1).to_bytes(4, "little") + b"x")
    assert transport.aborted
    assert not wire._batches


async def test_a_reader_that_falls_behind_stops_the_socket_for_a_while() -> None:
    wire, transport = connected()
    wire.data_received(framed(*[b"x"] * (READ_AHEAD + 1)))
    assert not transport.reading
    for _ in range(READ_AHEAD + 1):
        assert await wire.receive() == b"x"
    assert transport.reading


async def test_a_full_socket_makes_the_sender_wait() -> None:
    wire, transport = connected()
    wire.pause_writing()
    sending = asyncio.ensure_future(wire.send(b"abc"))
    await asyncio.sleep(0)
    assert not sending.done()
    wire.resume_writing()
    await sending
    assert bytes(transport.written) == framed(b"abc")


async def test_the_end_is_told_to_reader_and_writer() -> None:
    wire, _ = connected()
    wire.pause_writing()
    reading = asyncio.ensure_future(wire.receive())
    sending = asyncio.ensure_future(wire.send(b"x"))
    await asyncio.sleep(0)
    wire.connection_lost(None)
    assert await reading is None
    await sending
    with pytest.raises(ConnectionError):
        await wire.send(b"y")


async def test_two_processes_talk_over_a_socket(tmp_path: Path) -> None:
    path = tmp_path / "router.sock"
    arrived: asyncio.Queue[UnixWire] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(lambda: UnixWire(arrived.put_nowait), str(path))
    near = await dial(path)
    far = await arrived.get()
    large = bytes(range(256)) * 20_000
    for batch in (b"small", large, b""):
        sent = asyncio.ensure_future(near.send(batch))
        assert await far.receive() == batch
        await sent
    await far.send(b"back")
    assert await near.receive() == b"back"
    await near.close()
    assert await far.receive() is None
    server.close()
    await far.close()


async def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await dial(tmp_path / "nothing.sock")
