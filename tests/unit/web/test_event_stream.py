"""Server-sent events: heartbeats while nothing happens, and an end for who does not read."""

from __future__ import annotations

import asyncio

import pytest

from actors.arcana.messages import TurnView
from vareon_runtime.entity import Delta, Position
from web.api import chat_stream
from web.api.chat_stream import EventStream
from web.schemas.chat import DeltaFrame

TURN = TurnView(turn_id="turn-1", message_id="m")
START = Position(stream="turn-1", generation=0, offset=0)


class FakeResponse:
    """Keeps what is written, or never finishes writing."""

    def __init__(self, *, stuck: bool = False) -> None:
        self.written: list[bytes] = []
        self.seen = asyncio.Event()
        self.stuck = stuck

    async def write(self, part: bytes) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        self.written.append(part)
        self.seen.set()


async def test_silence_is_filled_with_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers ignore them, proxies do not."""
    monkeypatch.setattr(chat_stream, "HEARTBEAT_S", 0.0)
    response = FakeResponse()
    beating = asyncio.create_task(EventStream(response, TURN, START).keep_alive())  # type: ignore[arg-type]
    await response.seen.wait()
    beating.cancel()
    assert response.written[0].startswith(b":")
    assert response.written[0].endswith(b"\n\n")


async def test_a_reader_that_never_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write has its time."""
    monkeypatch.setattr(chat_stream, "WRITE_TIME_S", 0.01)
    stream = EventStream(FakeResponse(stuck=True), TURN, START)  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        await stream.send(DeltaFrame("turn-1", 1, 2, "hi"))


async def test_line_breaks_stay_inside_their_event() -> None:
    """Each event is one line of data; its id is where the next piece begins."""
    response = FakeResponse()
    stream = EventStream(response, TURN, START)  # type: ignore[arg-type]
    told = stream._told(Delta(stream="turn-1", generation=1, offset=3, text="a\n\n"))
    assert told is not None
    await stream.send(told)
    head, _, data = response.written[0].partition(b"data: ")
    assert head == b"id: turn-1:1:3\nevent: delta\n"
    assert data.count(b"\n") == 2
    assert stream._told(Delta(stream="turn-2", generation=1, offset=1, text="b")) is None
